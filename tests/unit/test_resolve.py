"""From a command to its interpreter."""

import os
import zipfile

import pytest

from hermetic.errors import NotPython, TargetNotExecutable, TargetNotFound, UsageError
from hermetic.target.resolve import resolve_exec, resolve_run

BINARY = b"\x7fELF\2\1\1"
OWN = "/usr/bin/python3.11"


class Place:
    """A working directory with a virtual environment, a system and a pyenv, all of them empty shells."""

    def __init__(self, path):
        self.path = path
        self.work = path / "work"
        self.work.mkdir()
        self.system = self.binary("system/python3")
        self.binary("system/ls")
        self.venv = self.binary("venv/bin/python")
        self.tool = self.script("venv/bin/tool", f"#!{self.venv} -E\n")
        self.pyenv = self.binary("pyenv/versions/3.9.18/bin/python")
        self.binary("pyenv/versions/pypy3.9-7.3.16/bin/python")
        self.environ = {"PATH": f"{path}/venv/bin:{path}/system", "PYENV_ROOT": f"{path}/pyenv"}

    def binary(self, name):
        return self.script(name, BINARY)

    def script(self, name, content, mode=0o755):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return str(path)

    def run(self, *argv, **environ):
        return resolve_run(list(argv), {**self.environ, **environ}, str(self.work), OWN)

    def exec(self, python, *command, **environ):
        return resolve_exec(python, list(command), {**self.environ, **environ}, str(self.work), OWN)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


class TestRun:
    def test_a_command_on_path(self, place):
        target = place.run("tool", "a", "-I")
        assert target.interpreter == place.venv
        assert target.argv == [place.venv, "-E", place.tool, "a", "-I"]
        assert target.how == [f"tool is {place.tool} (found on PATH)", f"{place.tool} is run by {place.venv} (its #! line)"]
        assert target.environ == place.environ

    def test_a_program_that_is_not_python(self, place):
        target = place.run("ls", "-l")
        assert (target.python, target.interpreter, target.argv) == (False, f"{place.path}/system/ls", ["ls", "-l"])
        place.script("work/shell", "#!/bin/sh -e\n")
        target = place.run("./shell", "a")
        assert (target.python, target.interpreter, target.argv) == (False, "/bin/sh", ["/bin/sh", "-e", "./shell", "a"])
        assert place.run("tool").python

    @pytest.mark.parametrize(("mode", "by"), [(0o4755, "the set-user-ID bit"), (0o2755, "the set-group-ID bit")])
    def test_a_program_with_privileges_of_its_own(self, place, mode, by):
        place.script("system/sudo", BINARY, mode)
        with pytest.raises(TargetNotExecutable, match=f"works by privileges that its file gives .{by}.*nothing run by hermetic gains any"):
            place.run("sudo", "id")

    def test_a_path(self, place):
        assert place.run(place.tool, "a").argv == [place.venv, "-E", place.tool, "a"]
        assert place.run("../venv/bin/tool").argv == [place.venv, "-E", "../venv/bin/tool"]

    def test_python_itself(self, place):
        target = place.run("python", "-I", "app.py", "a")
        assert target.interpreter == place.venv
        assert target.argv == ["python", "-I", "app.py", "a"]

    def test_python_by_a_relative_path(self, place):
        target = place.run("../venv/bin/python", "-c", "pass")
        assert target.interpreter == str(place.work / "../venv/bin/python")
        assert target.argv == ["../venv/bin/python", "-c", "pass"]

    def test_env(self, place):
        place.script("work/app", "#!/usr/bin/env -S A=1 python3 -u\n")
        target = place.run("./app", "x")
        assert target.interpreter == place.system
        assert target.argv == ["python3", "-u", "./app", "x"]
        assert target.environ == {**place.environ, "A": "1"}

    @pytest.mark.parametrize("words", [["env"], ["env", "env"], ["env", "-u", "B", "--"], ["env", "-S", "env"]])
    def test_behind_env(self, place, words):
        """What it would start is started without it, in the environment that it would make."""
        place.binary("system/env")
        target = place.run(*words, "A=1", "python", "app.py", "A=2", B="b")
        assert (target.python, target.interpreter, target.argv) == (True, place.venv, ["python", "app.py", "A=2"])
        assert target.environ == {**place.environ, "A": "1", **({"B": "b"} if "-u" not in words else {})}
        assert target.how[-1] == f"python is {place.venv} (env)"

    def test_behind_env_that_empties(self, place):
        place.binary("system/env")
        target = place.run("env", "-i", f"PATH={place.path}/system", "python3")
        assert (target.interpreter, target.environ) == (place.system, {"PATH": f"{place.path}/system"})

    def test_a_script_behind_env(self, place):
        place.binary("system/env")
        target = place.run("env", "tool", "a")
        assert (target.interpreter, target.argv) == (place.venv, [place.venv, "-E", place.tool, "a"])

    @pytest.mark.parametrize("words", [[], ["A=1"], ["--version"], ["nowhere"], ["-C", "/", "ls"]])
    def test_env_itself(self, place, words):
        """Where it starts nothing, or has words of its own for that."""
        env = place.binary("system/env")
        assert place.run("env", *words).interpreter == env

    def test_without_a_working_directory(self, place, monkeypatch):
        gone = place.work / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert resolve_run(["tool"], place.environ, "", OWN).interpreter == place.venv

    def test_names_that_are_no_text(self, place):
        name = os.fsdecode(b"t\xffl")
        place.script(f"venv/bin/{name}", f"#!{place.venv}\n")
        assert place.run(name, "\udcfe").argv[1:] == [f"{place.path}/venv/bin/{name}", "\udcfe"]

    def test_what_it_is_given_is_left_alone(self, place):
        argv, environ = ["python", "-c", "pass"], dict(place.environ)
        resolve_run(argv, environ, str(place.work), OWN).environ["A"] = "1"
        assert (argv, environ) == (["python", "-c", "pass"], place.environ)


class TestSources:
    """Python files that the kernel would not run get the default interpreter."""

    @pytest.mark.parametrize("mode", [0o644, 0o755])
    @pytest.mark.parametrize("name", ["app.py", "./app.py", "../work/app.py", "app.pyz"])
    def test_without_a_first_line(self, place, name, mode):
        place.script(f"work/{name}", "print(1)\n", mode)
        target = place.run(name, "a")
        assert (target.interpreter, target.argv) == (place.system, [place.system, name, "a"])

    def test_with_a_first_line_but_not_executable(self, place):
        place.script("work/app.py", f"#!{place.venv}\n", 0o644)
        assert place.run("app.py").interpreter == place.system

    def test_with_a_first_line(self, place):
        place.script("work/app.py", f"#!{place.venv}\n")
        assert place.run("./app.py").interpreter == place.venv

    def test_on_path(self, place):
        path = place.script("system/app.py", "print(1)\n")
        place.script("work/app.py", "print(2)\n")
        assert place.run("app.py").argv[-1] == path

    def test_the_active_environment(self, place):
        place.script("work/app.py", "")
        target = place.run("app.py", VIRTUAL_ENV=f"{place.path}/venv")
        assert target.argv == [place.venv, "app.py"]
        assert "VIRTUAL_ENV" in " ".join(target.how)

    def test_an_active_environment_that_is_gone(self, place):
        place.script("work/app.py", "")
        assert place.run("app.py", VIRTUAL_ENV="/missing").interpreter == place.system
        assert place.run("app.py", VIRTUAL_ENV="").interpreter == place.system

    def test_hermetics_own(self, place):
        place.script("work/app.py", "")
        target = place.run("app.py", PATH="/missing")
        assert target.argv == [OWN, "app.py"]
        assert "hermetic's own" in " ".join(target.how)

    @pytest.mark.parametrize("name", ["app.txt", "app", "py"])
    def test_other_files(self, place, name):
        place.script(f"work/{name}", "print(1)\n", 0o644)
        with pytest.raises(TargetNotExecutable):
            place.run(f"./{name}")

    def test_a_directory(self, place):
        (place.work / "app.py").mkdir()
        with pytest.raises(TargetNotExecutable, match="is a directory"):
            place.run("./app.py")

    def test_a_fake_interpreter_is_not_run(self, place):
        place.script("work/app.py", "")
        place.script("venv/bin/python", "#!/bin/sh\ntouch /tmp/x\n")
        with pytest.raises(NotPython, match="is a script, not a Python interpreter"):
            place.run("app.py", VIRTUAL_ENV=f"{place.path}/venv")


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "error", "message"),
        [
            ("missing", TargetNotFound, "missing: command not found"),
            ("./missing", TargetNotFound, "./missing: no such file"),
            ("./missing.py", TargetNotFound, "./missing.py: no such file"),
            ("", TargetNotFound, "'': command not found"),
            ("/tmp", TargetNotExecutable, "/tmp: is a directory"),
            ("/etc/passwd", TargetNotExecutable, "/etc/passwd: no permission to execute it"),
            ("/etc/passwd/x", TargetNotFound, "/etc/passwd/x: no such file"),
            ("./text", TargetNotExecutable, "./text: is neither a binary nor a script with a #! line"),
            ("./broken", TargetNotExecutable, "./broken: its first line names no program that can be run: /no/py: no such file"),
            ("./crlf", TargetNotExecutable, "(the line ends with a carriage return)"),
            ("./loop", TargetNotExecutable, "./loop: more than 5 interpreters in a row are scripts"),
            ("./new\nline", TargetNotExecutable, "./new\\nline: its first line"),
        ],
    )
    def test_one_clear_line(self, place, name, error, message):
        place.script("work/text", "print(1)\n")
        place.script("work/broken", "#!/no/py\n")
        place.script("work/crlf", "#!/no/py\r\n")
        place.script("work/loop", f"#!{place.work}/loop\n")
        place.script("work/new\nline", "#!/no/py\x1b[31m\n")
        with pytest.raises(error) as caught:
            place.run(name)
        assert message in str(caught.value)
        assert str(caught.value).isprintable()

    def test_a_file_in_the_working_directory_is_pointed_out(self, place):
        place.script("work/app", "")
        with pytest.raises(TargetNotFound) as caught:
            place.run("app")
        assert caught.value.hint == "there is a ./app"

    @pytest.mark.parametrize(("error", "code"), [(TargetNotFound, 127), (TargetNotExecutable, 126), (NotPython, 125)])
    def test_exit_codes(self, error, code):
        assert error.exit_code == code


class TestExec:
    @pytest.mark.parametrize(
        "command",
        [[], ["app.py", "a"], ["-m", "mod"], ["-c", "pass"], ["-"], ["-I", "-W", "error", "app.py"], [""], ["app"], ["app.zip/sub"]],
    )
    def test_the_command_is_the_interpreters(self, place, command):
        place.script("work/app.py", "", mode=0o644)
        place.script("work/app/__main__.py", "")
        with zipfile.ZipFile(place.work / "app.zip", "w") as archive:
            archive.writestr("sub/__main__.py", "")
        target = place.exec(place.venv, *command)
        assert target.argv == [place.venv, *command]

    @pytest.mark.parametrize("command", [["missing.py"], ["-I", "missing.py"], ["app.py/below"], ["loop"], ["x" * 5000], ["--", "-c"]])
    def test_a_script_that_is_not_there(self, place, command):
        place.script("work/app.py", "")
        (place.work / "loop").symlink_to("loop")
        with pytest.raises(TargetNotFound) as caught:
            place.exec(place.venv, *command)
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize(
        ("command", "why"), [(["-m"], "-m needs"), (["-c"], "-c needs"), (["-Ic"], "-c needs"), (["-W", "x", "-bm"], "-m needs")]
    )
    def test_what_needs_a_value(self, place, command, why):
        with pytest.raises(UsageError, match=why):
            place.exec(place.venv, *command)

    @pytest.mark.parametrize("command", [["-V"], ["-W"], ["-hc"], ["-X"]])
    def test_what_the_interpreter_answers_itself(self, place, command):
        assert place.exec(place.venv, *command).argv == [place.venv, *command]

    def test_the_default(self, place):
        place.script("work/app.py", "")
        assert place.exec(None, "app.py").argv == [place.system, "app.py"]
        assert place.exec(None, VIRTUAL_ENV=f"{place.path}/venv").interpreter == place.venv
        assert place.exec(None, PATH="/missing").interpreter == OWN

    @pytest.mark.parametrize("named", ["../venv", "../venv/", "../venv/bin/python", "./../venv/bin/python"])
    def test_a_relative_path(self, place, named):
        target = place.exec(named)
        assert os.path.samefile(target.interpreter, place.venv)
        assert target.interpreter.startswith(str(place.work))

    def test_a_directory_by_name(self, place):
        python = place.binary("work/.venv/bin/python3")
        target = place.exec(".venv")
        assert (target.interpreter, target.argv) == (python, [".venv/bin/python3"])

    def test_below_home(self, place):
        assert place.exec("~/venv", HOME=str(place.path)).interpreter == place.venv

    def test_links_are_kept(self, place):
        link = place.path / "other/bin/python"
        link.parent.mkdir(parents=True)
        link.symlink_to(place.system)
        assert place.exec(str(place.path / "other")).interpreter == str(link)

    @pytest.mark.parametrize("named", ["3.12", "python3.12"])
    def test_a_version_on_path(self, place, named):
        found = place.binary("system/python3.12")
        target = place.exec(named)
        assert target.interpreter == found
        assert target.how == [f"python3.12 is {found} (found on PATH)"]

    @pytest.mark.parametrize("named", ["3.9", "python3.9", "3.9.18"])
    def test_a_version_of_pyenv(self, place, named):
        target = place.exec(named)
        assert target.interpreter == place.pyenv
        assert "pyenv's 3.9.18" in target.how[0]

    def test_pyenv_below_home(self, place):
        (place.path / ".pyenv").symlink_to("pyenv")
        target = place.exec("3.9", PYENV_ROOT="", HOME=str(place.path))
        assert target.interpreter == f"{place.path}/.pyenv/versions/3.9.18/bin/python"

    def test_pypy(self, place):
        assert place.exec("pypy3.9").interpreter == f"{place.path}/pyenv/versions/pypy3.9-7.3.16/bin/python"
        found = place.binary("system/pypy3.9")
        assert place.exec("pypy3.9").interpreter == found

    def test_a_shim_of_another_version_does_not_hide_pyenvs_own(self, place):
        root = place.environ["PYENV_ROOT"]
        shim = f'#!/usr/bin/env bash\nexport PYENV_ROOT="{root}"\nexec "/x/pyenv" exec "$program" "$@"\n'
        place.script("pyenv/shims/python3.9", shim)
        path = f"{root}/shims:{place.environ['PATH']}"
        assert place.exec("3.9", PATH=path, PYENV_VERSION="pypy3.9").interpreter == place.pyenv

    @pytest.mark.parametrize(
        ("named", "error", "message"),
        [
            ("3.99", TargetNotFound, "python3.99: command not found"),
            ("nonsense", TargetNotFound, "nonsense: command not found"),
            ("/missing", TargetNotFound, "/missing: no such file"),
            ("/tmp/", TargetNotFound, "there is no bin/python in this directory"),
            ("/bin/ls", NotPython, "/bin/ls is not a Python interpreter"),
            ("/etc/passwd", TargetNotExecutable, "no permission to execute it"),
            ("tool", NotPython, "/venv/bin/tool is a script, not a Python interpreter"),
            ("", TargetNotFound, "'': command not found"),
        ],
    )
    def test_errors(self, place, named, error, message):
        with pytest.raises(error) as caught:
            place.exec(named)
        assert message in str(caught.value)
