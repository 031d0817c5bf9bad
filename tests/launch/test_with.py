"""`--with PACKAGE`: an environment made by real virtualenv and filled by real pip from an index of this machine, and the command in it."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from launch.bare import Terminal, wait_until
from launch.demo import BACKEND, metadata, write_tree
from launch.demo_backend import write_wheel
from launch.environments import find_python, locked_tools
from launch.installers import write_wheel as write_demo
from launch.jobs import rearranged, transcript
from launch.packages import IN_TREE, Index, fetch_tools, write_packages

from hermetic.throwaway.store import RESOLVED_S, UNUSED_S

ONE_LAYER = Path(__file__).parents[1] / "containment/one_layer.py"
PYTHON = "3.13"
LOCK = """\
import os, sys
found = os.open(os.path.dirname(sys.prefix), os.O_RDONLY)
try:
    fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("free")
except BlockingIOError:
    print("in use")
"""
BACKEND_THAT_WAITS = """\
import os, time
def build_wheel(*arguments, **named):
    print("building", flush=True)
    open("started", "w").close()
    time.sleep(600)
"""
BACKEND_THAT_TELLS = """\
import demo_backend, os, socket

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    try:
        socket.gethostbyname("collector.example")
    except OSError:
        pass
    modules = {"greeting.py": "def main():\\n    print('hello')\\n"}
    metadata = "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n"
    wheel = demo_backend.write_wheel(wheel_directory, "greeting", "1.0", modules, metadata)
    with demo_backend.zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("greeting-1.0.dist-info/entry_points.txt", "[console_scripts]\\ngreet = greeting:main\\n")
    return os.path.basename(wheel)
"""


@pytest.fixture(scope="module")
def index(session_directory, tmp_path_factory):
    with locked_tools(session_directory):
        tools = fetch_tools(session_directory / "tools", find_python("3.11"))
    served = tmp_path_factory.mktemp("index")
    write_packages(served, tools)
    (served / "simple/extra").mkdir()
    more = metadata("extra", "plain; extra == 'more'") + "Provides-Extra: more\n"
    write_wheel(str(served / "simple/extra"), "extra", "1.0", {"extra.py": ""}, more)
    with Index(served) as index:
        yield index
        index.shutdown()


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    """In which the environments are that several tests use."""
    return tmp_path_factory.mktemp("home")


class Tries:
    """Runs hermetic in a home of its own."""

    def __init__(self, jobs, index, home):
        self.jobs, self.index, self.home = jobs, index, home
        self.cache = home / "installer-cache"
        self.cache.mkdir(exist_ok=True)

    @property
    def environ(self):
        probe = {"port": self.index.port, **dict.fromkeys(("environment", "home", "cache"), str(self.home))}
        more = {"PIP_INDEX_URL": self.index.url, "PIP_CACHE_DIR": self.cache, "PIP_RETRIES": "0", "PYTHON_PROBE": json.dumps(probe)}
        return self.jobs.environ(HOME=self.home, **more)

    def run(self, *words, env=None, **options):
        return self.jobs.guarded(*words, env=env or self.environ, **options)

    def code(self, *words, python=PYTHON, code="pass", **options):
        """Run code with what these words ask for."""
        return self.run("exec", *words, "--no-network", "--python", find_python(python), "-c", code, **options)

    @property
    def place(self):
        return self.home / ".cache/hermetic/environments"

    @property
    def environments(self):
        return sorted(path for path in self.place.iterdir() if path.is_dir()) if self.place.exists() else []

    @property
    def requests(self):
        return sorted(path for path in self.place.iterdir() if path.is_file()) if self.place.exists() else []


@pytest.fixture
def tries(jobs, index, shared_home):
    return Tries(jobs, index, shared_home)


@pytest.fixture
def fresh(jobs, index, tmp_path, shared_home):
    """In a home where nothing is yet, but what interpreters have answered."""
    home = tmp_path / "fresh"
    home.mkdir()
    known = shared_home / ".cache/hermetic/interpreters"
    if known.exists():
        shutil.copytree(known, home / ".cache/hermetic/interpreters")
    return Tries(jobs, index, home)


@pytest.fixture
def started():
    """Starts commands, which are ended."""
    running = []

    def start(command, **options):
        running.append(subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, **options))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["3.6", "3.13", *(pytest.param(name, marks=pytest.mark.soak) for name in ("3.9", "3.15", "pypy3.9"))])
def test_in_each_interpreter(tries, name):
    """By virtualenv, and by the interpreter's own `venv` below what that one knows. The second run asks nobody."""
    code = "import plain, sys; print(sys.prefix, sys.base_prefix != sys.prefix, '%d.%d' % sys.version_info[:2])"
    done = tries.code("--with=plain", python=name, code=code)
    assert (done.code, done.err) == (0, ""), done.err
    prefix, virtual, version = done.out.split()
    assert (Path(prefix).parents[1], virtual, version) == (tries.place, "True", name.removeprefix("pypy"))
    assert len(done.of("run")) == 3
    calls = tries.index.calls
    again = tries.code("--with=plain", python=name, code=code)
    assert (again.code, again.out, again.err) == (0, done.out, "")
    assert len(again.of("run")) == 1
    assert tries.index.calls == calls


def test_commands_of_a_package(tries, tmp_path):
    """They are found first on PATH, and run in the environment; so do bare sources."""
    wheel = write_demo(tmp_path)
    python = find_python(PYTHON)
    done = tries.run("run", "--no-network", "--python", python, "--with", f"./{wheel.name}", "--", "demo", "a")
    assert done.code == 0, done.err
    executable, prefix, argv = json.loads(done.out)[:3]
    assert Path(prefix).parent in tries.environments
    assert (executable, argv) == (f"{prefix}/bin/python", [f"{prefix}/bin/demo", "a"])
    (tmp_path / "source.py").write_text("import demo, os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'])\n")
    done = tries.run("run", "--no-network", "--python", python, "--with", wheel, "--", "source.py")
    assert done.out.split() == [prefix, prefix]
    assert tries.run("run", "--no-network", "--with", wheel, "--python", python, "--", "nothing-of-that-name").code == 127


@pytest.mark.soak
def test_extras_and_files(tries, tmp_path):
    """An extra brings what it names; a file of requirements counts by its content."""
    code = "import importlib.util; print(importlib.util.find_spec('plain') is not None, importlib.util.find_spec('extra') is not None)"
    assert tries.code("--with=extra == 1.0", code=code).out == "False True\n"
    assert tries.code("--with=extra[more]>=1", code=code).out == "True True\n"
    (tmp_path / "needed.txt").write_text("extra\n")
    assert tries.code("--with=needed.txt", code=code).out == "False True\n"
    (tmp_path / "needed.txt").write_text("extra\nplain\n")
    assert tries.code("--with=@needed.txt", code=code).out == "True True\n"
    assert tries.code("--with=needed.txt", code=code, env={**tries.environ, "PIP_NO_INDEX": "1"}).code == 125, (
        "how pip is configured counts"
    )


def test_what_was_refused_is_told_before(tries):
    """What a build tried: before the command's first line, once, and counted for --strict; an extension in C is built all the same."""
    code = "import compiled, sys, probing; sys.stderr.write('begun\\n')"
    words = ("--with=compiled", "--with=probing")
    done = tries.code(*words, code=code)
    assert done.code == 0, done.err
    installing, begun, _ = done.err.partition("begun\n")
    assert begun
    told = f"hermetic: blocked action: network disabled: connect(127.0.0.1:{tries.index.port})\n"
    assert told in installing
    assert "  allow it  --builds alike\n" in installing
    assert re.search(r"^hermetic: blocked \d+ actions in all: ", installing, re.MULTILINE)
    assert len(done.of("run")) == 3
    assert len({event["run"] for event in done.of("refused")}) == 1
    again = tries.code(*words, code=code)
    assert re.fullmatch(r"hermetic: when this environment was made, \d+ actions were blocked\nbegun\n", again.err)
    strict = tries.code(*words, "--strict", code=code)
    assert strict.code == 77
    assert re.fullmatch(r"hermetic: \d+ actions blocked while packages were installed, so nothing was run \(--strict\)\n", strict.err)


def test_strict_ends_it_before_the_start_and_a_hint_can_be_followed(fresh):
    """What a refusal says would allow it does, and what has come of the first try is no answer then."""
    done = fresh.code("--with=probing", "--strict", code="print('begun')")
    assert (done.code, done.out) == (77, "")
    assert "hermetic: blocked action: network disabled: connect(" in done.err
    assert [event["exit_code"] for event in done.of("end")] == [0, 0]
    done = fresh.code("--with=probing", "--builds=alike", code="print('begun')")
    assert (done.code, done.out) == (0, "begun\n")
    assert not [action for action in done.refused if action.startswith("connect")]


def test_startup_files_run_in_the_command_alone(tries, tmp_path):
    """They are told by name when they are installed. In the command they are guarded; the control runs them in the environment as it is."""
    wheel, file = write_demo(tmp_path), tmp_path / "by-the-line"
    env = {**tries.environ, "DEMO_TRY": f"open({str(file)!r}, 'w').close()", "PIP_NO_INDEX": "1"}
    done = tries.run(
        "exec", "--fs-readonly", "--with", wheel, "--python", find_python(PYTHON), "-c", "import sys; print(sys.prefix)", env=env
    )
    assert "demo.pth, of demo 1.0, runs from now on whenever an interpreter starts there: import os; exec(os.environ" in done.err
    assert (
        f"hermetic: blocked action: filesystem read-only: write({file})\n  asked by  demo 1.0 (<string>:1)" in done.err
        or str(file) in done.err
    )
    assert {*done.refused} == {f"write({file})"}  # natively, too, it is run twice
    assert {event["run"] for event in done.of("refused")} == {done.of("run")[-1]["run"]}
    assert not file.exists()
    tries.jobs.native(f"{done.out.strip()}/bin/python", "-c", "pass", env=env)
    assert file.exists()


@pytest.mark.parametrize("layers", ["both", "python", "kernel"])
def test_the_environment_is_read_only(tries, layers):
    """Also where no guard is about files. The control is the environment without hermetic."""
    code = (
        "import errno, os, plain, subprocess, sys\nfound = []\n"
        "for name in ('python', 'bin/new'):\n"
        "    try:\n        open(os.path.join(sys.prefix, name), 'w').close()\n        found.append('done')\n"
        "    except OSError as error:\n        found.append(errno.errorcode[error.errno])\n"
        "found.append(subprocess.call(['sh', '-c', f'echo > {sys.prefix}/natively'], stderr=subprocess.DEVNULL))\n"
        "print(found, sys.prefix)"
    )
    assert tries.code("--with=plain").code == 0
    words = ["exec", "--no-network", "--with=plain", "--python", find_python(PYTHON), "-c", code]
    env = tries.environ
    one = [] if layers == "both" else [find_python("3.11"), "-IS", ONE_LAYER, layers]
    done = tries.jobs.native(*(one or [tries.jobs.hermetic]), *words, env=env)
    assert done.code == 0, done.err
    found, _, prefix = done.out.rstrip("\n").rpartition(" ")
    expected = {"both": ["EACCES", "EACCES", 2], "python": ["EACCES", "EACCES", 0], "kernel": ["EROFS", "EROFS", 2]}
    assert found == str(expected[layers])
    bare = tries.jobs.native(f"{prefix}/bin/python", "-c", code, env=env)
    assert bare.out.startswith("['done', 'done', 0]")
    for name in ("python", "bin/new", "natively"):
        Path(prefix, name).unlink()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--with=plain==1 0"], "hermetic: --with 'plain==1 0': expected comma (within version specifier), semicolon (after version"),
        (["--with=./nothing.whl"], "hermetic: --with ./nothing.whl: there is no such file or directory\n"),
        (["--with=plain", "--allow-run=ls"], "hermetic: --allow-run has nothing to adjust"),
        (["--with=plain", "--profile=nothing"], "hermetic: there is no profile nothing"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(fresh, words, message):
    done = fresh.code(*words)
    assert done.code == 125
    assert done.err.startswith(message), done.err
    assert (done.events, fresh.environments) == ((), [])


def test_a_package_that_is_not_there(fresh):
    """pip says so in its own words, and nothing is left."""
    done = fresh.code("--with=nothing-of-that-name", "-q", code="print('begun')")
    assert (done.code, done.out) == (125, "")
    *theirs, own = done.err.splitlines()
    assert "ERROR: No matching distribution found for nothing-of-that-name" in theirs
    assert own == "hermetic: installing nothing-of-that-name failed with exit code 1, so nothing was run"
    assert list(fresh.place.iterdir()) == []


def test_a_layer_that_is_required(fresh):
    """It is for what installs as well, of whose secrets the kernel keeps a part alone: so the index is not even asked."""
    calls = fresh.index.calls
    done = fresh.code("--with=plain", "--require=kernel")
    assert done.code == 125
    assert "hermetic: the filesystem guard cannot stand as required: the kernel's part is partial (" in done.err
    assert (list(fresh.place.iterdir()), fresh.index.calls) == ([], calls)
    assert fresh.code("--require=kernel").code == 0, "the command itself is held"


@pytest.fixture
def waiting(tmp_path):
    """A project whose build never ends."""
    return write_tree(
        tmp_path / "waiting", {"PKG-INFO": metadata("waiting"), "pyproject.toml": IN_TREE, "probe_backend.py": BACKEND_THAT_WAITS}
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(fresh, waiting, started, hermetic_command, number):
    """Nothing runs then any more, and nothing is left."""
    command = [hermetic_command, "exec", "--no-network", "--with", waiting, "--python", find_python(PYTHON), "-c", "print('begun')"]
    process = started(command, env=fresh.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    wait_until((waiting / "started").exists)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (128 + number, b"")
    assert b"hermetic: it was ended while an environment was made; nothing of that is kept\n" in err
    assert list(fresh.place.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_killed(fresh, waiting, started, hermetic_command):
    """What a launcher leaves that had no time for anything, the next one removes."""
    command = [hermetic_command, "exec", "--no-network", "--with", waiting, "--python", find_python(PYTHON), "-c", "pass"]
    process = started(command, env=fresh.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until((waiting / "started").exists)
    [left] = fresh.environments
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert fresh.code("--with=plain", code="import time; time.sleep(0.5)").code == 0
    assert left not in fresh.environments


def test_two_at_once(fresh, started, hermetic_command):
    """Each is what was asked for, and one of them serves from then on."""
    code = "import plain, sys; print(sys.prefix)"
    command = [hermetic_command, "exec", "--no-network", "--with=plain", "--python", find_python(PYTHON), "-c", code]
    both = [started(command, env=fresh.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    found = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [0, 0], found
    assert [err for _, err in found] == [b"", b""]
    calls = fresh.index.calls
    again = fresh.code("--with=plain", code=code)
    assert again.out.encode() in [out for out, _ in found]
    assert (fresh.index.calls, len(fresh.requests)) == (calls, 1)


def test_resolved_again_and_removed_by_age(fresh):
    """After a day what was asked for is resolved anew; if that comes to the same, so does the environment. Unused ones go; one in use is locked."""
    code = "import plain, sys; print(sys.prefix)"
    first = fresh.code("--with=plain", code=code)
    [request], [folder] = fresh.requests, fresh.environments
    kept = request.read_text()
    made = kept.split()[3]
    request.write_text(kept.replace(made, str(int(made) - RESOLVED_S)))
    calls = fresh.index.calls
    again = fresh.code("--with=plain", code=code)
    assert (again.out, len(again.of("run"))) == (first.out, 3)
    assert fresh.index.calls > calls
    assert fresh.environments == [folder]
    assert fresh.code("--with=plain", code=f"import fcntl, os\n{LOCK}").out == "in use\n"
    left = shutil.copytree(folder, folder.with_name("0" * 12), symlinks=True)
    old = time.time() - UNUSED_S - 60
    os.utime(left, (old, old))
    wait = f"import os, time\nwhile os.path.exists({str(left)!r}): time.sleep(0.05)"
    assert fresh.code("--with=plain", code=wait, timeout=60).code == 0
    assert fresh.environments == [folder]


@pytest.mark.soak
def test_local_sources_count(fresh, tmp_path):
    """A project that has changed is installed anew."""
    backend = BACKEND.replace('    trace("build_wheel")\n', "")
    files = {"PKG-INFO": metadata("local"), "pyproject.toml": IN_TREE.replace("probe_backend", "demo_backend"), "demo_backend.py": backend}
    project = write_tree(tmp_path / "project", {**files, "local.py": "x = 1\n"})
    show = "import local; print(local.x)"
    assert fresh.code("--with=./project", code=show).out == "1\n"
    assert len(fresh.code("--with=./project", code=show).of("run")) == 1
    (project / "local.py").write_text("x = 2\n")
    assert fresh.code("--with=./project", code=show).out == "2\n"
    (project / "local.py").write_text("x = 3\n")
    named = f"--with=local @ file://{project}"
    done = fresh.code(named, code=show)
    assert (done.out, done.refused) == ("3\n", []), done.err
    (project / "local.py").write_text("x = 4\n")
    assert fresh.code(named, code=show).out == "4\n"


def test_inside_another_hermetic(tries):
    inner = [tries.jobs.hermetic, "exec", "--no-network", "--with=plain", "-c", "pass"]
    done = tries.run("run", "--no-network", "--", *inner)
    assert done.code == 125
    assert "hermetic: inside another hermetic --with has nowhere to keep what it makes (give it to the outer one)\n" in done.err


def test_without_a_home(tries):
    done = tries.code("--with=plain", env={**tries.environ, "HOME": "/nowhere"}, log=False)
    assert done.err == "hermetic: --with has nowhere to keep what it makes: there is no home directory (set XDG_CACHE_HOME)\n"
    assert done.code == 125


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def open_terminal(command, env):
        opened.append(Terminal([str(word) for word in command], env, cwd=tmp_path))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


def test_progress_and_the_prompt(fresh, terminal, hermetic_command):
    """One line that changes, taken away again; what was refused stands above the first prompt."""
    command = [hermetic_command, "shell", "--no-network", "--with=probing", "--python", find_python(PYTHON)]
    shell = terminal(command, {**fresh.environ, "TERM": "dumb"})
    shell.expect("\r\x1b[Khermetic: making an environment for CPython 3.13")
    shell.expect("\r\x1b[Khermetic: installing probing: Collecting probing")
    shell.expect("hermetic: blocked action: network disabled: connect(")
    shell.expect("  allow it  --builds alike\r\n")
    assert shell.expect(">>> ").count("\x1b[K") > 1
    shell.type("import probing, sys; print('pre' + 'fix', sys.prefix)\r")
    shell.expect("prefix ")
    assert shell.expect("\r\n").startswith(str(fresh.place))
    shell.expect(">>> ")
    shell.type("exit(3)\r")
    assert shell.process.wait(30) == 3
    quiet = terminal([*command[:1], "exec", "-q", *command[2:], "--with=plain", "-c", "print('beg' + 'un')"], fresh.environ)
    assert quiet.expect("begun") == ""


def test_the_readme(fresh, tmp_path):
    """As a user sees it who installs a project that calls home."""
    files = {"pyproject.toml": IN_TREE.replace("probe_backend", "backend"), "backend.py": BACKEND_THAT_TELLS, "demo_backend.py": BACKEND}
    write_tree(tmp_path / "greeting", files)
    done = fresh.run("run", "--with", "./greeting", "--", "greet", env={**fresh.environ, "PATH": f"{tmp_path}:{fresh.environ['PATH']}"})
    assert done.code == 0, done.err
    shown = re.sub(r"so profile default stands: .*", "so profile default stands: ...", done.err) + done.out
    assert rearranged(shown) == rearranged(transcript("hermetic run --with ./greeting -- greet"))


def test_an_ordinary_user_in_the_c_locale(fresh, tmp_path):
    """Who may not read even his own process's files once it is not dumpable."""
    wheel, home = write_demo(tmp_path), Path(tempfile.mkdtemp(dir="/tmp"))
    ordinary = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
    os.chmod(home, 0o755)
    shutil.copy(wheel, home)
    for path in (home, home / wheel.name) if ordinary else ():
        os.chown(path, 12345, 12345)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    code = "import demo, sys\ntry:\n    open(sys.prefix + '/x', 'w')\nexcept OSError:\n    print(sys.prefix)"
    words = ["exec", "--fs-readonly", "--with", home / wheel.name, "--python", "/usr/bin/python3", "-c", code]
    try:
        done = fresh.jobs.native(*ordinary, fresh.jobs.hermetic, *words, env=env, cwd=home)
    finally:
        shutil.rmtree(home)
    assert done.code == 0, done.err
    assert done.out.startswith(f"{home}/.cache/hermetic/environments/")
