"""What cannot be run ends with one line and 125, 126 or 127; what is only unusual is run as it would be without hermetic."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from launch.environments import find_python
from launch.jobs import Done
from launch.namespaces import run_with_mounts

TELL = "import os, sys; print([os.fsencode(word) for word in sys.argv[1:]], len(sys.argv)); raise SystemExit(len(sys.argv) % 100)"


@pytest.fixture(scope="module")
def interpreter():
    return find_python("3.11")


@pytest.fixture
def work(tmp_path, interpreter):
    """A directory of things that cannot be run, and one that can."""
    files = {
        "broken": "#!/nonexistent/python\n",
        "looping": "#!./looping\n",
        "relative": "#!nowhere/python\n",
        "no-interpreter": "#!\n",
        "windows": f"#!{interpreter}\r\n",
        "empty": "",
        "text": "print(1)\n",
        "binary": "\x7fELF, but no more",
        "not-executable": f"#!{interpreter}\n",
        "script": f"#!{interpreter}\n{TELL}\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644 if name == "not-executable" else 0o755)
    (tmp_path / "directory").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "link-to-itself").symlink_to("link-to-itself")
    os.mkfifo(tmp_path / "fifo", 0o755)
    return tmp_path


def refused(done, code, *words):
    """One line from hermetic, nothing else, and this exit code."""
    assert (done.code, done.out) == (code, ""), done
    assert done.err.startswith("hermetic: ")
    assert done.err.endswith("\n")
    assert done.err[:-1].isprintable(), done.err
    for word in words:
        assert word in done.err


COMMAND_LINES = [
    (["--no-netwrk", "--", "python3"], 125, "unknown option --no-netwrk (did you mean --no-network?)"),
    (["--profile", "nosuch", "--", "python3"], 125, "there is no profile nosuch"),
    (["--profile"], 125, "--profile"),
    (["--no-network"], 125, "there is nothing to run"),
    (["--no-network", "--"], 125, "there is nothing to run"),
    (["--no-network=yes", "--", "python3"], 125, "--no-network"),
    (["--no-network", "--allow-localhost=http", "--", "python3"], 125, "--allow-localhost"),
    (["exec", "--no-network", "--python", "3.99", "--", "-c", ""], 127, "python3.99"),
    (["exec", "--no-network", "--python", "/bin/ls", "--", "-c", ""], 125, "/bin/ls is not a Python interpreter"),
    (["exec", "--no-network", "--python", "./directory", "--", "-c", ""], 127, "./directory"),
    (["exec", "--no-network", "--python", "./script", "--", "-c", ""], 125, "./script"),
    (["exec", "nosuch.py"], 127, "nosuch.py: No such file or directory"),
    (["exec", "./text/below"], 127, "./text/below: Not a directory"),
    (["exec", "--", "-I", "dangling"], 127, "dangling: No such file or directory"),
    (["exec", "-m"], 125, "-m needs the name of a module (hermetic exec -m MODULE)"),
    (["exec", "-c"], 125, "-c needs code (hermetic exec -c CODE)"),
    (["exec", "--", "-Ic"], 125, "-c needs code"),
    (["--fs-readonly", "./directory", "--", "python3", "text"], 126, '(a value goes with "=": --fs-readonly=./directory)'),
    (["--no-network", "--allow-localhost", "8000", "--", "python3"], 127, '(a value goes with "=": --allow-localhost=8000)'),
    (["exec", "--no-network", "--allow-localhost", "80,81", "text"], 127, '(a value goes with "=": --allow-localhost=80,81)'),
    (["--fs-readonly=nowhere", "--", "./script"], 125, "--fs-readonly=nowhere: there is no such directory"),
    (["--fs-readonly", "--allow-write", "no/where", "--", "./script"], 125, "--allow-write no/where: there is nothing there yet"),
    (["--no-network", "--log", "-", "--", "./script"], 125, "--log -: a file was expected (/dev/stderr and /dev/stdout are such)"),
    (["--no-network", "--log=directory", "--", "./script"], 125, "--log directory"),
    (["--no-network", "--log=nowhere/log", "--", "./script"], 125, "--log nowhere/log"),
]


@pytest.mark.parametrize(("words", "code", "why"), COMMAND_LINES, ids=[" ".join(line[0]) for line in COMMAND_LINES])
def test_command_line(jobs, work, words, code, why):
    refused(jobs.guarded(*words, env=jobs.environ(), log=False), code, why)


@pytest.mark.parametrize(
    ("words", "notice"),
    [
        (["--fs-readonly=.", "--allow-read=nowhere"], "--allow-read nowhere: there is nothing there"),
        (["--fs-readonly", "--hide", "nowhere"], "--hide nowhere: there is nothing there"),
        (
            ["--block-native", "--allow-native", "No.Such", "--allow-native=ctypes"],
            "--allow-native no-such: no compiled module of an installed distribution of this name was found",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_value_that_names_nothing(jobs, work, words, notice):
    """It is run, and said, unless nothing is to be said."""
    done = jobs.guarded(*words, "--", "./script", env=jobs.environ())
    assert (done.code, done.err) == (1, f"hermetic: {notice}\n")
    assert jobs.guarded("-q", *words, "--", "./script", env=jobs.environ()).err == ""


TARGETS = {
    "./nothing": 127, "nothing": 127, "": 127, "./dangling": 127, "./link-to-itself": 127, "./script/below": 127,
    "./" + "x" * 5000: 127, "./a\nline": 127, "./\x1b[31mred": 127, b"./\xff": 127, "./\u202edetrever": 127,
    ".": 127, "./directory": 126,  "/": 126, "./broken": 126, "./relative": 126, "./looping": 126, "./no-interpreter": 126,
    "./windows": 126, "./empty": 126, "./text": 126, "./not-executable": 126, "./fifo": 126, "/dev/null": 126,
}  # fmt: skip


@pytest.mark.parametrize(("target", "code"), TARGETS.items(), ids=[ascii(target)[:30] for target in TARGETS])
def test_target_that_cannot_be_run(jobs, work, target, code):
    done = jobs.guarded("run", "--no-network", "--", target, env=jobs.environ())
    refused(done, code)
    assert len(done.err) < 600
    assert done.events == ()


@pytest.mark.parametrize("name", ["a\nline", "a space", "-c", "\x1b[31mred", b"\xff\xfe", "\u202edetrever", "'\"$(id)\\", "=", "%s"])
def test_unusual_name_of_a_target(jobs, work, name):
    shutil.copy(work / "script", os.fsencode(work) + b"/" + os.fsencode(name))
    target = b"./" + os.fsencode(name)
    same(jobs, "a", target=target, code=2)


ARGUMENTS = {
    "ten thousand": ["x" * 100] * 10_000,
    "as long as can be": ["x" * 131_000] * 14,
    "empty": ["", "", ""],
    "not UTF-8": [b"\xff", b"\x80\xfe", "\u20ac"],
    "options": ["--no-network", "--", "-c", "--help"],
    "control characters": ["a\nb", "\x1b[31m", "\x7f"],
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_unusual_arguments(jobs, work, arguments):
    same(jobs, *arguments, target="./script", code=(len(arguments) + 1) % 100)


def test_unusual_environment(jobs, interpreter):
    """Names and values are bytes. hermetic's command begins in sh, and what reaches the target is what any sh hands on: dash keeps names
    like `a.b` to itself, and sets PWD if nobody has."""
    env = jobs.environ() | {b"BYTES": b"\xff\xfe", "EMPTY": "", "LINES": "a\nb", "LONG": "x" * 100_000, "a.b": "", b"\xff": "", "PWD": "/"}
    code = "import os; print(sorted(os.environb.items()))"
    native = jobs.native(interpreter, "-c", code, env=env, before=["/bin/sh", "-c", 'exec "$@"', "sh"], cwd="/")
    done = jobs.guarded("run", "--no-network", "--", interpreter, "-c", code, env=env, cwd="/")
    assert done[:3] == native[:3] == (0, native.out, "")
    assert r"b'\xff\xfe'" in done.out


def same(jobs, *arguments, target, code):
    """Run natively and guarded: code, stdout and stderr do not differ."""
    env = jobs.environ()
    native = jobs.native(target, *arguments, env=env)
    done = jobs.guarded("run", "--no-network", "--", target, *arguments, env=env)
    assert native.code == code, native.err
    assert done[:3] == native[:3]
    assert len(done.guarded_pids) == 1


@pytest.fixture
def ordinary_user(jobs):
    """(what starts a command as an ordinary user, a directory that the user can enter). Skips where hermetic is out of reach for one."""
    before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if jobs.guarded("--version", env=jobs.environ(), before=before, log=False, cwd="/").code:
        pytest.skip("an ordinary user may not read this checkout or its interpreter")
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o755)
    yield before, directory
    shutil.rmtree(directory)


@pytest.mark.parametrize("kind", ["unreadable", "not executable", "behind a closed door", "interpreter behind a closed door"])
def test_without_permission(jobs, ordinary_user, interpreter, kind):
    before, directory = ordinary_user
    (directory / "closed").mkdir()
    script = directory / ("closed/script" if kind == "behind a closed door" else "script")
    runner = directory / "closed/python" if kind.startswith("interpreter") else interpreter
    script.write_text(f"#!{runner}\nprint(1)\n")
    script.chmod({"unreadable": 0o711, "not executable": 0o644}.get(kind, 0o755))
    (directory / "closed").chmod(0o600)
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    refused(jobs.guarded("run", "--no-network", "--", script, env=env, before=before, log=False, cwd="/"), 126, str(script))


@pytest.mark.parametrize("kind", ["unreadable", "behind a closed door"])
def test_script_without_permission(jobs, ordinary_user, kind):
    before, directory = ordinary_user
    (directory / "closed").mkdir()
    script = directory / ("closed/script" if kind == "behind a closed door" else "script")
    script.write_text("print(1)\n")
    script.chmod(0o200 if kind == "unreadable" else 0o644)
    (directory / "closed").chmod(0o600)
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    refused(jobs.guarded("exec", script, env=env, before=before, log=False, cwd="/"), 126, str(script))


def test_without_proc(hermetic_command, interpreter):
    """Without which nothing is started, and the doctor says so."""
    gone = "umount --lazy /proc"
    done = run_with_mounts(gone, [hermetic_command, "run", "--no-network", "--", interpreter, "-c", "print(1)"])
    refused(Done(done.returncode, done.stdout.decode(), done.stderr.decode()), 125, "/proc/self")
    done = run_with_mounts(gone, [hermetic_command, "doctor"])
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\nthere is no /proc, by which the kernel's rules are put in place: mount it\n" in done.stdout
