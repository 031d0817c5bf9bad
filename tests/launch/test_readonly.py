"""`--fs-readonly`, with and without a root, as its users meet it: real commands, and a directory that is looked at from outside."""

import functools
import os
import re
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import find_python
from launch.jobs import three_lines

ONE_LAYER = str(Path(__file__).resolve().parents[1] / "containment/one_layer.py")

SCRIPT = """
import helper
print(open("sandbox/input.txt").read(), helper.VALUE)
for path in ("beside.txt", "{secret}", "sandbox/../beside.txt"):
    try:
        print("leaked", open(path).read())
    except OSError as error:
        print(type(error).__name__, error.errno, error.filename)
try:
    open("sandbox/new", "w")
except OSError as error:
    print(type(error).__name__, error.errno, error.filename)
open("new", "w")
"""
SUITE = """
import multiprocessing, os, subprocess, sys, tempfile
import pytest

def test_reads():
    assert open(__file__).read()

def test_temporary(tmp_path, capfd):
    (tmp_path / "file").write_text("x")
    subprocess.run([sys.executable, "-c", "print('out')"], check=True)
    assert capfd.readouterr().out == "out\\n"
    assert tempfile.mkdtemp()

def test_locks():
    with multiprocessing.Lock():
        pass

def test_writes():
    with pytest.raises(PermissionError):
        open(os.path.join(os.path.dirname(__file__), "new"), "w")
"""


@pytest.fixture
def project(tmp_path):
    directory = tmp_path / "project"
    (directory / "sandbox").mkdir(parents=True)
    (directory / "sandbox/input.txt").write_text("input")
    (directory / "beside.txt").write_text("a secret beside")
    (directory / "helper.py").write_text("VALUE = 3\n")
    (tmp_path / "secret.txt").write_text("a secret elsewhere")
    (directory / "my_script.py").write_text(SCRIPT.format(secret=tmp_path / "secret.txt"))
    return directory


def contents(directory):
    return {str(path): (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in [directory, *directory.rglob("*")]}


def guarded(jobs, environment, project, *words, **options):
    return jobs.guarded(*words, env=jobs.environ(environment), cwd=project, **options)


def test_a_script_with_a_root(environments, jobs, project):
    """The example of the README."""
    before = contents(project)
    done = guarded(jobs, environments.get("3.11"), project, "--fs-readonly=./sandbox", "--", "python", "my_script.py")
    assert done.code == 77
    assert contents(project) == before
    secret = project.parent / "secret.txt"
    refused = [f"FilesystemRefused 13 {path}" for path in ("beside.txt", secret, "sandbox/../beside.txt")]
    assert done.out.splitlines() == ["input 3", *refused, "FilesystemRefused 30 sandbox/new"]
    new = project / "new"
    assert done.err.count("PolicyViolation") == 0  # it is one, by a name that says more
    assert f"hermetic_guard.errors.FilesystemRefused: filesystem read-only: write({new})" in done.err
    for action, path, flag in (("read", project / "beside.txt", "read"), ("read", secret, "read"), ("write", new, "write")):
        rule = "reads limited" if action == "read" else "filesystem read-only"
        there = path if path.exists() else project
        assert re.search(three_lines(f"{rule}: {action}({path})", r"my_script\.py:\d+", f"--allow-{flag} {there}"), done.err)


def test_a_script_with_a_root_and_exceptions(environments, jobs, project):
    code = "import helper; print(open('beside.txt').read()); open('sandbox/new', 'w').write('x')"
    (project / "sandbox/new").touch()
    words = ("--fs-readonly=./sandbox", "--allow-read", "beside.txt", "--allow-write=sandbox/new", "--", "python", "-c", code)
    done = guarded(jobs, environments.get("3.11"), project, *words)
    assert (done.code, done.out, done.err) == (0, "a secret beside\n", "")
    assert (project / "sandbox/new").read_text() == "x"


@pytest.mark.parametrize(("manner", "kinds"), [("refuse", "True True"), ("raise", "True False")])
def test_manners(environments, jobs, project, manner, kinds):
    code = """
    from hermetic_guard.errors import PolicyViolation
    try:
        open("new", "w")
    except Exception as error:
        print(isinstance(error, PolicyViolation), isinstance(error, PermissionError))
    """
    (project / "code.py").write_text(textwrap.dedent(code))
    done = guarded(jobs, environments.get("3.11"), project, "--fs-readonly", f"--on-violation={manner}", "--", "python", "code.py")
    assert (done.code, done.out) == (0, kinds + "\n")
    assert done.refused == [f"write({project}/new)"]


def test_the_manner_kill(environments, jobs, project):
    words = ("--fs-readonly", "--on-violation=kill", "--hide", "beside.txt", "--")
    code = "import os; print(os.path.exists('my_script.py'), flush=True); {}; print('went on')"
    killed = guarded(jobs, environments.get("3.11"), project, *words, "python", "-c", code.format("os.mkdir('new')"))
    assert (killed.code, killed.out) == (77, "True\n")
    hidden = guarded(jobs, environments.get("3.11"), project, *words, "python", "-c", code.format("open('beside.txt')"))
    assert (hidden.code, hidden.out) == (1, "True\n")
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'beside.txt'" in hidden.err


@pytest.mark.parametrize("which", ["3.8", "3.11", "3.13"])
def test_pytest(environments, jobs, project, which):
    """The example of the README. Its cache is refused and told; nothing else is amiss."""
    (project / "test_it.py").write_text(SUITE)
    environment, before = environments.get(which), contents(project)
    done = guarded(jobs, environment, project, "--fs-readonly", "--", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
    assert (done.code, done.refused) == (0, [f"write({project}/new)"]), done
    assert "4 passed" in done.out
    cached = guarded(jobs, environment, project, "--fs-readonly", "--", "pytest", "-q", "test_it.py")
    assert cached.code == 0, cached
    assert contents(project) == before
    native = jobs.native("pytest", "-q", "test_it.py", "--deselect", "test_it.py::test_writes", env=jobs.environ(environment), cwd=project)
    assert native.code == 0
    assert contents(project) != before


CHILDREN = {
    "plain": "subprocess.run([sys.executable, '-c', CODE])",
    "isolated, without an environment": "subprocess.run([sys.executable, '-I', '-c', CODE], env={})",
    "in a shell": "subprocess.run(sys.executable + ' -c \"' + CODE + '\"', shell=True)",
    "spawn": "os.waitpid(os.posix_spawn(sys.executable, [sys.executable, '-E', '-c', CODE], {}), 0)",
    "exec": "os.execv(sys.executable, [sys.executable, '-S', '-c', CODE])",
    "fork": "pid = os.fork(); exec(CODE) if pid == 0 else os.waitpid(pid, 0)",
    "a script outside the root": "subprocess.run([SCRIPT])",
}


@pytest.mark.parametrize("name", CHILDREN)
@pytest.mark.parametrize("option", ["--fs-readonly", "--fs-readonly=./sandbox"])
def test_children(environments, jobs, project, name, option):
    environment = environments.get("3.11")
    code = f"open('{project}/made', 'w').write('x')"
    script = project.parent / "outside.py"
    script.write_text(f"#!{environment.python} -I\n{code}\n")
    script.chmod(0o755)
    program = f"import os, subprocess, sys\nCODE, SCRIPT = {code!r}, {str(script)!r}\n{CHILDREN[name]}\n"
    (project / "starts.py").write_text(program)
    jobs.native("python", "starts.py", env=jobs.environ(environment), cwd=project)
    assert (project / "made").exists()
    os.remove(project / "made")
    done = guarded(jobs, environment, project, option, "--", "python", "starts.py")
    assert not (project / "made").exists(), done
    assert f"write({project}/made)" in done.refused or name == "a script outside the root"


def test_a_temporary_directory(environments, jobs, project):
    """What TMPDIR says is left alone where it may be written; a child without an environment gets one as well."""
    code = (
        "import subprocess, sys, tempfile; print(tempfile.gettempdir(), flush=True); subprocess.run([sys.executable, '-c', {!r}], env={{}})"
    )
    code = code.format("import tempfile; print(tempfile.gettempdir())")
    environment = environments.get("3.11")
    done = guarded(jobs, environment, project, "--fs-readonly", "--", "python", "-c", code)
    first, second = done.out.split()
    assert (done.code, done.err) == (0, "")
    assert first == second
    assert first.endswith("/scratch")
    assert not os.path.exists(first)
    kept = guarded(jobs, environment, project, "--fs-readonly", "--allow-write", jobs.temporary, "--", "python", "-c", code)
    assert kept.out.split()[0] == str(jobs.temporary)
    bare = guarded(jobs, environment, project, "--no-network", "--", "python", "-c", code)
    assert bare.out.split()[0] == str(jobs.temporary)


@pytest.mark.parametrize(
    ("outer", "inner"), [("--fs-readonly", "--no-network"), ("--no-network", "--fs-readonly"), ("--fs-readonly", "--fs-readonly=sandbox")]
)
def test_nested(environments, jobs, project, outer, inner):
    """Both policies hold, and temporary files can be made."""
    code = "import tempfile; tempfile.TemporaryFile().write(b'x'); print('temporary'); open('new', 'w')"
    words = (outer, "--", jobs.hermetic, inner, "--", environments.get("3.11").python, "-c", code)
    done = guarded(jobs, environments.get("3.11"), project, *words)
    assert (done.code, done.out) == (77, "temporary\n"), done
    assert not (project / "new").exists()
    assert done.refused == [f"write({project}/new)"]


def test_standard_streams(environments, jobs, project):
    """They can be opened again by their names, in the direction they are for."""
    code = "open('/dev/stdout', 'a').write('out'); open('/proc/self/fd/2', 'w').write('err'); print(open('/dev/stdin').read(), end='')\n"
    code += "open('/dev/stdin', 'w')"
    command = ("--quiet", "--fs-readonly", "--", environments.get("3.11").python, "-c", code)
    env = jobs.environ(environments.get("3.11"))
    (project / "out").touch()
    with open(project / "sandbox/input.txt") as given, open(project / "out", "a") as out, open(project / "err", "w+") as err:
        done = jobs.guarded(*command, env=env, cwd=project, stdin=given, stdout=out, stderr=err, capture_output=False)
    assert done.refused == [f"write({project}/sandbox/input.txt)"]
    assert (project / "out").read_text() == "outinput"
    assert "err" in (project / "err").read_text()
    assert (project / "sandbox/input.txt").read_text() == "input"


def test_temporary_files_of_programs(jobs, project):
    """They are told where those go, as the guard tells Python; where the usual place may be written, that is left."""
    env = jobs.environ()
    command = ["sh", "-c", 'file=$(mktemp) && echo x > "$file" && dirname "$file"']
    assert jobs.native(*command, env=env).out == f"{jobs.temporary}\n"
    done = jobs.guarded("--fs-readonly", "--", *command, env=env, cwd=project)
    assert (done.code, done.out.endswith("/scratch\n")) == (0, True), done.err
    kept = jobs.guarded("--fs-readonly", "--allow-write", jobs.temporary, "--", *command, env=env, cwd=project)
    assert kept.out == f"{jobs.temporary}\n"
    assert jobs.guarded("--no-network", "--", *command, env=env, cwd=project).out == f"{jobs.temporary}\n"


CONFIGURATION = """\
openssl_conf = init
[init]
ssl_conf = tls
[tls]
system_default = default
[default]
Ciphersuites = TLS_AES_128_GCM_SHA256
"""
SETS = "import os; os.environ['OPENSSL_CONF'] = os.path.abspath('beside.cnf')\n"
STARTS = "import os, subprocess, sys; subprocess.check_call([sys.executable, '-c', {!r}], env=dict(os.environ, OPENSSL_CONF=os.path.abspath('beside.cnf')))\n"
SHOWS = "import ssl; print([c['name'] for c in ssl.SSLContext(ssl.PROTOCOL_TLS).get_ciphers() if c['name'].startswith('TLS_')])"
ONE = "['TLS_AES_128_GCM_SHA256']"


@pytest.mark.parametrize("layer", ["both", "python"])
@pytest.mark.parametrize("code", [SETS + SHOWS, STARTS.format(SHOWS)], ids=["set", "of a child"])
@pytest.mark.parametrize("version", ["3.6", "3.8", "3.13", "3.15"])
def test_what_openssl_reads_of_itself(jobs, project, layer, code, version):
    """It follows the file that it is told of, which may name others, when it is loaded: no event tells."""
    (project / "beside.cnf").write_text(CONFIGURATION)
    env, python = jobs.environ(), find_python(version).path
    run = jobs.guarded if layer == "both" else functools.partial(jobs.native, sys.executable, "-IS", ONE_LAYER, "python")
    for options, held in ((["--fs-readonly"], False), (["--fs-readonly=sandbox"], True)):
        done = run(*options, "--", python, "-c", code, env=env, cwd=project)
        assert (ONE in done.out) is not held, done
        told = f"hermetic: blocked action: filesystem guarded: use(OPENSSL_CONF={project}/beside.cnf)"
        assert (told in done.err) is held, done


@pytest.mark.parametrize("layer", ["both", "python", "kernel"])
def test_access(jobs, project, layer):
    """access(2) says what would come of it, so that programs that ask do without; nobody is told."""
    code = "import os; print([os.access(path, os.W_OK) for path in ('.', 'beside.txt', os.environ['TMPDIR'])])"
    python = find_python("3.11").path
    assert jobs.native(python, "-c", code, env=jobs.environ(), cwd=project).out == "[True, True, True]\n"
    start = [jobs.hermetic] if layer == "both" else [sys.executable, "-IS", ONE_LAYER, layer]
    done = jobs.native(*start, "--fs-readonly", "--", python, "-c", code, env=jobs.environ(), cwd=project)
    assert done.out == "[False, False, True]\n", done.err
    assert "blocked" not in done.err


ABSENT = """
import os, pathlib
for do in ("os.remove('gone')", "os.rmdir('gone')", "os.rename('gone', 'new')", "os.link('gone', 'new')"):
    try:
        exec(do)
    except OSError as error:
        print(type(error).__name__, error)
pathlib.Path("gone").unlink(missing_ok=True)
"""


@pytest.mark.parametrize("layer", ["both", "python"])
def test_what_is_not_there_to_be_taken_away(jobs, project, layer):
    """A read-only mount answers EROFS before it looks, and nobody would be told. What is there is refused, and told."""
    python = find_python("3.11").path
    native = jobs.native(python, "-c", ABSENT, env=jobs.environ(), cwd=project)
    assert native.out.count("FileNotFoundError [Errno 2]") == 4, native
    start = [jobs.hermetic] if layer == "both" else [sys.executable, "-IS", ONE_LAYER, layer]
    command = (*start, "--fs-readonly", "--strict", "--", python, "-c")
    done = jobs.native(*command, ABSENT, env=jobs.environ(), cwd=project)
    assert (done.code, done.out, done.err) == (0, native.out, "")
    done = jobs.native(*command, ABSENT.replace("gone", "beside.txt"), env=jobs.environ(), cwd=project)
    assert (done.code, "blocked 5 actions in all" in done.err) == (77, True), done
