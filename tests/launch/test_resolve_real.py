"""Resolving, on scripts that real installers made; and nothing of the target's runs meanwhile."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from launch.environments import UV, call, find_python, inherited
from launch.forms import FORMS, INSTALLED, installed

from hermetic.errors import HermeticError, TargetNotFound
from hermetic.target.resolve import resolve_exec, resolve_run

TELL = """\
import json, sys
print(json.dumps([sys.executable, sys.prefix, sys.argv, getattr(sys, "orig_argv", None), sys.flags.isolated, sys.path]))
"""


def natively(command, cwd, environ):
    """What the command tells when it is run as anyone would."""
    executable = shutil.which(command[0], path=environ["PATH"]) if "/" not in command[0] else None
    return tell(command, executable, cwd, environ)


def resolved(target, cwd):
    return tell(target.argv, target.interpreter, cwd, target.environ)


def tell(command, executable, cwd, environ):
    done = subprocess.run(command, executable=executable, cwd=cwd, env=environ, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(params=INSTALLED)
def script(request, session_directory):
    """The console script `demo`, installed in each form."""
    return installed(session_directory, request.param)


class TestInstalled:
    def check(self, command, cwd, environ):
        target = resolve_run(command, environ, str(cwd), find_python("3.13"))
        assert resolved(target, cwd) == natively(command, cwd, environ)
        return target

    def test_by_path(self, script, tmp_path):
        target = self.check([str(script), "a", "b c", "-I"], tmp_path, {"PATH": "/usr/bin:/bin"})
        assert target.argv[-4:] == [str(script), "a", "b c", "-I"]

    def test_on_path(self, script, tmp_path):
        self.check(["demo", "a"], tmp_path, {"PATH": f"{script.parent}:/usr/bin:/bin"})

    def test_by_a_relative_path(self, script):
        self.check(["../bin/demo"], script.parent, {"PATH": "/usr/bin:/bin"})

    def test_through_a_link(self, script, tmp_path):
        (tmp_path / "link").symlink_to(script)
        self.check([f"{tmp_path}/link"], tmp_path, {"PATH": "/usr/bin:/bin"})

    def test_its_environment_by_directory(self, script, tmp_path):
        """`exec --python VENV -m demo` is in the same environment as the script."""
        by_script = resolved(resolve_run([str(script)], {"PATH": "/usr/bin:/bin"}, str(tmp_path), "/missing"), tmp_path)
        environment = by_script[1]
        target = resolve_exec(environment, ["-c", TELL], {"PATH": "/usr/bin:/bin"}, str(tmp_path), "/missing")
        assert resolved(target, tmp_path)[:2] == by_script[:2]


def test_the_same_in_every_interpreter(python, session_directory, tmp_path):
    """The reading that the launcher does is also done in guarded processes, by whatever version they are."""
    scripts = [str(installed(session_directory, form)) for form in FORMS]
    environ = {"PATH": f"{installed(session_directory, 'uv').parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    code = (
        "import json, os, sys; sys.path.insert(0, sys.argv[1]); from hermetic_guard import programs; "
        "print(json.dumps([programs.read(script, dict(os.environ)).argv for script in sys.argv[2:]]))"
    )
    command = [python.path, "-I", "-B", "-c", code, str(Path(__file__).parents[2] / "bootstrap"), *scripts]
    assert tell(command, None, tmp_path, environ) == [resolve_run([script], environ, "", "/missing").argv for script in scripts]


def test_pipx_leaves_the_environment_out(session_directory, tmp_path):
    target = resolve_run([str(installed(session_directory, "pipx"))], {}, str(tmp_path), "/missing")
    assert target.argv[1] == "-E"


@pytest.fixture
def work(tmp_path):
    """A working directory with programs that need an interpreter."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "app.py").write_text(TELL)
    write_program(work / "by_env", "#!/usr/bin/env python3\n" + TELL)
    write_program(work / "split", '#!/usr/bin/env -S -u GONE "python3" -I\n' + TELL)
    return work


def make_venv(path, version="3.11"):
    call(UV, "venv", "--quiet", "--python", find_python(version), str(path))
    return path


class TestInterpreters:
    @pytest.mark.parametrize("command", [["./by_env", "a"], ["./split", "a"], ["python3", "-I", "app.py", "a"], ["python", "app.py"]])
    def test_in_the_active_environment(self, work, tmp_path, command):
        venv = make_venv(tmp_path / "venv")
        environ = {"PATH": f"{venv}/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(venv), "GONE": "1"}
        target = resolve_run(command, environ, str(work), "/missing")
        told = resolved(target, work)
        assert told == natively(command, work, environ)
        assert told[1] == str(venv)

    def test_two_environments_of_one_interpreter(self, work, tmp_path):
        for name in ("one", "two"):
            venv = make_venv(tmp_path / name)
            target = resolve_run(["app.py"], {"VIRTUAL_ENV": str(venv)}, str(work), "/missing")
            assert resolved(target, work)[1] == str(venv)

    @pytest.mark.parametrize("version", ["3.8", "3.13", "pypy3.9"])
    def test_exec_in_an_environment_of_another_version(self, work, tmp_path, version):
        venv = make_venv(tmp_path / "venv", version)
        for named in (str(venv), "../venv", "../venv/bin/python"):
            target = resolve_exec(named, ["-c", "import sys; print('[%r]' % sys.version_info[1])"], {}, str(work), "/missing")
            assert resolved(target, work) == [int(version.rpartition(".")[2])]


@pytest.fixture(scope="class")
def pyenv_root(tmp_path_factory):
    """A root of pyenv's with real versions in it, and shims made by the real pyenv."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        pytest.skip("pyenv is not installed")
    root = tmp_path_factory.mktemp("pyenv")
    (root / "versions").mkdir()
    for name, version in (("3.8.18", "3.8"), ("3.11.7", "3.11"), ("3.11.2", "3.11"), ("mine", "3.13")):
        (root / "versions" / name).symlink_to(Path(find_python(version)).resolve().parents[1])
    call("env", f"PYENV_ROOT={root}", pyenv, "rehash")
    return root


class TestPyenv:
    @pytest.mark.parametrize(
        ("command", "variables", "local", "everywhere"),
        [
            ("python app.py", {"PYENV_VERSION": "3.8.18"}, None, "mine"),
            ("python app.py", {"PYENV_VERSION": "3.11"}, None, None),
            ("python3.8 -I app.py a", {"PYENV_VERSION": "python-3.11:3.8"}, None, None),
            ("python app.py", {}, "3.8\n", "mine"),
            ("python app.py", {}, "# none\n", "mine"),
            ("python3 app.py", {}, None, "mine\n3.8\n"),
            ("python3.8 app.py", {}, None, "mine\n3.8\n"),
            ("./by_env a", {}, "../3.8\n3.11.2\n", None),
            ("python3 app.py", {}, None, None),
            ("python3 app.py", {"PYENV_VERSION": "system:3.8"}, None, None),
            ("python3 app.py", {"PYENV_VERSION": "2.6:3.8"}, None, None),
            ("python3.13 app.py", {"PYENV_VERSION": "3.8"}, None, None),
            ("python3.8 app.py", {"PYENV_VERSION": "nonsense"}, None, None),
        ],
    )
    def test_as_pyenv_itself(self, pyenv_root, work, command, variables, local, everywhere):
        for file, text in ((work.parent / ".python-version", local), (pyenv_root / "version", everywhere)):
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_text(text)
        environ = {"PATH": f"{pyenv_root}/shims:/usr/bin:/bin", "HOME": str(work), **variables}
        try:
            target = resolve_run(command.split(), environ, str(work), "/missing")
        except TargetNotFound:
            assert subprocess.run(["env", *command.split()], cwd=work, env=environ, capture_output=True).returncode == 127
        else:
            assert resolved(target, work) == natively(command.split(), work, environ)

    def test_the_same_environment(self, pyenv_root, work):
        environ = {"PATH": f"{pyenv_root}/shims:/usr/bin:/bin", "HOME": str(work), "PYENV_VERSION": "3.8"}
        command = ["python", "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
        target = resolve_run(command, environ, str(work), "/missing")
        by_reading, really = resolved(target, work), natively(command, work, environ)
        for name in ("PYENV_VERSION", "PYENV_ROOT", "HOME"):
            assert by_reading[name] == really[name]
        for path in (by_reading["PATH"], really["PATH"]):
            assert path.startswith(f"{pyenv_root}/versions/3.8.18/bin:")
            assert path.endswith(f":{environ['PATH']}")


class Canary:
    """A file that whoever runs creates."""

    def __init__(self, path):
        self.path = path
        self.shell = f"touch '{path}'\n"
        self.python = f"import pathlib; pathlib.Path({str(path)!r}).touch()\n"

    def has_sung(self):
        sung = self.path.exists()
        self.path.unlink(missing_ok=True)
        return sung


@pytest.fixture
def canary(tmp_path):
    return Canary(tmp_path / "sung")


def resolve_all(venv, work, environ):
    """Resolve in every way that leads into a virtual environment; the errors' classes."""
    write_program(venv / "bin/tool", f"#!{venv}/bin/python -E\n")
    write_program(venv / "bin/poly", f"#!/bin/sh\n'''exec' \"{venv}/bin/python\" \"$0\" \"$@\"\n' '''\n")
    active = {"PATH": f"{venv}/bin:{os.environ['PATH']}", "VIRTUAL_ENV": str(venv), **environ}
    commands = [["tool"], ["poly"], [f"{venv}/bin/tool"], ["app.py"], ["./by_env"], ["./split"], ["python"], ["python3", "-m", "tool"]]
    errors = []
    for command in commands:
        errors.append(outcome(resolve_run, command, active, str(work), sys.executable))
    for named in (None, str(venv), f"{venv}/bin/python", "python", "3", "3.11"):
        errors.append(outcome(resolve_exec, named, ["app.py"], active, str(work), sys.executable))
    return errors


def outcome(resolve, *arguments):
    try:
        resolve(*arguments)
    except HermeticError as error:
        return type(error).__name__
    return None


class TestNothingRuns:
    def test_lines_of_pth_files(self, work, tmp_path, canary):
        venv = make_venv(tmp_path / "venv")
        packages = next(venv.glob("lib/python3.*/site-packages"))
        (packages / "canary.pth").write_text(canary.python)
        (packages / "sitecustomize.py").write_text(canary.python)

        assert resolve_all(venv, work, {}) == [None] * 14
        assert not canary.has_sung()

        subprocess.run([venv / "bin/python", "-c", "pass"], check=True)
        assert canary.has_sung()

    def test_a_fake_interpreter(self, work, tmp_path, canary):
        venv = tmp_path / "venv"
        for name in ("python", "python3", "python3.11"):
            write_program(venv / f"bin/{name}", "#!/bin/sh\n" + canary.shell)

        assert set(resolve_all(venv, work, {})) == {"NotPython", None}  # None: it is sh that runs it
        assert not canary.has_sung()

        for command in (["bin/tool"], ["bin/poly"], ["bin/python"]):
            subprocess.run(command, cwd=venv, check=True)
            assert canary.has_sung()

    def test_hostile_files_of_the_working_directory(self, work, tmp_path, canary):
        """Modules that shadow the library's, and programs of the names that first lines use."""
        venv = make_venv(tmp_path / "venv")
        for name in ("encodings", "site", "os", "json", "hermetic", "hermetic_guard"):
            (work / f"{name}.py").write_text(canary.python)
        for name in ("sh", "bash", "env", "dirname", "realpath", "pyenv"):
            write_program(work / name, "#!/bin/sh\n" + canary.shell)

        path = f"{work}:{venv}/bin:/usr/bin:/bin"
        assert resolve_all(venv, work, {"PATH": path, "PYTHONPATH": str(work)}) == [None] * 14
        assert not canary.has_sung()

        environ = {"PATH": path, "PYTHONPATH": str(work)}
        subprocess.run([venv / "bin/python", "-c", "pass"], env=environ, capture_output=True)
        assert canary.has_sung()
        subprocess.run(["bash", "-c", ":"], env=environ, check=True)
        assert canary.has_sung()

    @pytest.mark.parametrize("kind", ["any script", "a shim's text", "a shim's end"])
    def test_a_hostile_shim_directory(self, work, tmp_path, canary, kind):
        root = tmp_path / "pyenv"
        hostile = write_program(root / "libexec/pyenv", "#!/bin/sh\n" + canary.shell)
        shim = f'set -e\nprogram="${{0##*/}}"\nexport PYENV_ROOT="{root}"\nexec "{hostile}" exec "$program" "$@"\n'
        text = {"any script": canary.shell, "a shim's text": shim, "a shim's end": canary.shell + shim}[kind]
        for name in ("python", "python3", "python3.11", "tool", "poly"):
            write_program(root / f"shims/{name}", "#!/usr/bin/env bash\n" + text)
        (root / "versions/3.11.7/bin").mkdir(parents=True)
        (root / "version").write_text("3.11.7\n")
        (work / ".python-version").write_text("$(touch x)\n3.11.7\n")

        path = f"{root}/shims:/usr/bin:/bin"
        for command in (["python"], ["tool"], ["./by_env"], ["./split"], ["app.py"], [f"{root}/shims/tool"]):
            outcome(resolve_run, command, {"PATH": path}, str(work), sys.executable)
        for named in (None, "python", "3.11", f"{root}/shims/python"):
            outcome(resolve_exec, named, [], {"PATH": path, "PYENV_ROOT": str(root)}, str(work), sys.executable)
        assert not canary.has_sung()

        subprocess.run([root / "shims/python", "-c", "pass"], cwd=work, check=True, env={"PATH": path})
        assert canary.has_sung()

    def test_no_process_is_started(self, session_directory, work):
        """Whatever is resolved: the process that does it starts none, imports nothing more, and writes nothing."""
        scripts = [str(installed(session_directory, form)) for form in FORMS]
        path = f"{installed(session_directory, 'uv').parent}:{os.environ['PATH']}"
        code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "bootstrap")]!r}
from hermetic.target.resolve import resolve_exec, resolve_run

def hook(event, arguments):
    if event == "open" and arguments[2] & 3 == 0 or event in ("os.listdir", "os.listxattr", "object.__getattr__"):
        return
    print(event, arguments)

environ = {{"PATH": {path!r}}}
sys.addaudithook(hook)
for command in {[*scripts, "./by_env", "app.py", "python3"]!r}:
    resolve_run([command], environ, {str(work)!r}, sys.executable)
resolve_exec("3.11", [], environ, {str(work)!r}, sys.executable)
"""
        done = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, text=True, env=inherited())
        assert (done.stdout, done.stderr) == ("", "")
