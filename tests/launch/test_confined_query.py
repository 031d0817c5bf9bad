"""Whoever is asked what interpreter it is can do nothing but answer: not a program that only calls itself python3 either."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from launch.staged import Listener

from hermetic.errors import GuardUnavailable
from hermetic.launch import confined_query
from hermetic.linux import confine

ROOT = Path(__file__).resolve().parents[2]
ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
OPEN_TO_ALL = "/usr/bin/python3"
ANSWERS = {
    "as one that can be guarded": "hermetic-facts 3 11 0 cpython a70d0d0a loader:0 startup:0 payload:0\\n",
    "as an old one": "hermetic-facts 2 7 18 cpython -\\n",
    "nothing": "",
}

PROBE = """
import errno, json, os, sys
place, port, pipe, launcher = sys.argv[1], *map(int, sys.argv[2:])
def write(): open(place + "/new", "x").close()
def append(): open(place + "/file", "a").close()
def change_mode(): os.chmod(place + "/file", 0o666)
def read(): open(place + "/file").close()
def connect():
    import _socket
    _socket.socket().connect(("127.0.0.1", port))
def fork():
    pid = os.fork()
    os._exit(0) if not pid else os.waitpid(pid, 0)
def spawn(): os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
def use_what_was_open(): os.fstat(pipe)
def signal(): os.kill(launcher, 0)
found = {}
for attempt in (write, append, change_mode, read, connect, fork, spawn, use_what_was_open, signal):
    try:
        attempt()
        found[attempt.__name__] = "done"
    except OSError as error:
        found[attempt.__name__] = errno.errorcode[error.errno]
found.update(asked=sys.stdin.read(), environ=sorted(os.environ), cwd=os.getcwd(), session=os.getsid(0) == os.getpid())
print(json.dumps(found))
"""
ASKER = f"""
import json, os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "bootstrap")!r}]
from hermetic.launch import confined_query
limited, probe, *words = sys.argv[1:]
command = [os.path.realpath(sys.executable), "-I", "-S", "-c", probe, *words, str(os.getpid())]
answer = confined_query.ask(command, confined_query.loader_variables(), question=b"a question", limited=limited == "limited")
print(json.dumps([answer.code, answer.out.decode(), answer.err.decode()]))
"""


@pytest.fixture
def place():
    """A directory that everybody may write in."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o777)
    (directory / "file").touch()
    (directory / "file").chmod(0o666)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def listener():
    with Listener() as listening:
        yield listening


def asker(user):
    """The interpreter that asks, and is asked, with what starts it as that user."""
    if user == "this user":
        return [os.path.realpath(sys.executable)]
    found = subprocess.run([*ORDINARY, OPEN_TO_ALL, "-c", ASKER.partition("limited,")[0]], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"an ordinary user may not read this checkout, or {OPEN_TO_ALL} is too old for hermetic")
    return [*ORDINARY, OPEN_TO_ALL]


@pytest.mark.parametrize("limited", ["limited", "unlimited"])
@pytest.mark.parametrize("user", ["this user", "an ordinary user"])
def test_what_can_be_done(place: Path, listener: Listener, user: str, limited: str) -> None:
    before, (pipe, end) = asker(user), os.pipe()
    options = {"capture_output": True, "text": True, "check": True, "env": {"SECRET": "x"}, "pass_fds": [pipe]}
    words = [str(place), str(listener.port), str(pipe)]
    native = json.loads(subprocess.run([*before, "-c", PROBE, *words, str(os.getpid())], input="a question", **options).stdout)
    attempts = [name for name, outcome in native.items() if outcome == "done"]
    assert len(attempts) == (9 if user == "this user" else 7 if ORDINARY else 9), native
    assert listener.visits() == 1
    (place / "new").unlink()
    code, out, err = json.loads(subprocess.run([*before, "-c", ASKER, limited, PROBE, *words], **options).stdout)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert set(found.pop("environ")) <= {"LC_CTYPE"}  # that one Python adds by itself (PEP 538)
    assert (found.pop("asked"), found.pop("cwd"), found.pop("session")) == ("a question", "/", True)
    assert {name for name, outcome in found.items() if outcome == "done"} == ({"read"} if limited == "unlimited" else set()), found
    assert listener.visits() == 0
    os.close(pipe)
    os.close(end)


def ask(code: str) -> confined_query.Answer:
    return confined_query.ask([os.path.realpath(sys.executable), "-I", "-S", "-c", code], {})


def test_an_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined_query, "LARGEST", 1 << 16)
    answer = ask("import os\nwhile True: os.write(1, b'x' * 1000)")
    assert (answer.code != 0, len(answer.out)) == (True, 1 << 16)


def test_whoever_gives_no_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined_query, "TIMEOUT_S", 0.5)
    assert ask("while True: pass").code == -9


def test_nothing_is_asked_without_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(*_: object) -> None:
        raise OSError(1, "Operation not permitted", "seccomp")

    monkeypatch.setattr(confine.filters, "install", refused)
    with pytest.raises(GuardUnavailable, match="could not be put in place: seccomp: Operation not permitted"):
        ask(f"open({str(tmp_path / 'canary')!r}, 'w')")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("file", ["a script", "not there"])
def test_what_is_no_program_gives_no_answer(tmp_path: Path, file: str) -> None:
    program = tmp_path / "program"
    if file == "a script":
        program.write_text("#!/bin/sh\necho ran\n")
        program.chmod(0o755)
    answer = confined_query.ask([str(program)], {})
    assert (answer.code, answer.out) == (confined_query.FAILED, b"")


@pytest.fixture(params=[*ANSWERS, "a script"])
def stranger(request, tmp_path, listener):
    """A directory that looks like a virtual environment's bin, where `python3` is none."""
    folder = tmp_path / "evil/bin"
    folder.mkdir(parents=True)
    program = folder / "python3"
    if request.param in ANSWERS:
        source = str(Path(__file__).with_name("canary.c"))
        given = [f'-DPLACE="{tmp_path}"', f"-DPORT={listener.port}", f'-DANSWER="{ANSWERS[request.param]}"']
        subprocess.run(["gcc", "-Wall", "-Werror", *given, "-o", program, source], check=True)
    else:
        program.write_text(
            f"#!/bin/bash\necho ran >> {tmp_path}/canary\n: > /dev/tcp/127.0.0.1/{listener.port}\n(exec -a {program} sleep 20) > /dev/null 2>&1 &\n"
        )
        program.chmod(0o755)
    (folder / "python").symlink_to("python3")
    (tmp_path / "evil/pyvenv.cfg").write_text("home = /usr/bin\n")
    (tmp_path / "tool").write_text(f"#!{program}\n")
    (tmp_path / "tool").chmod(0o755)
    yield program
    for pid in running(program):
        os.kill(pid, 9)


def running(program: Path) -> list[int]:
    """Pids of the processes that were started from a file, or have it for their script."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(program).encode() in words or str(program.with_name("python")).encode() in words:
            found.append(int(entry))
    return found


COMMANDS = {
    "run": ["--profile", "block-all", "--", "./tool"],
    "exec": ["exec", "--profile", "block-all", "--python", "evil/bin/python3", "--", "-c", "pass"],
    "a virtual environment": ["exec", "--profile", "block-all", "--python", "evil", "--", "-c", "pass"],
    "active": ["exec", "--profile", "block-all", "--", "-c", "pass"],
    "reads limited": ["--profile", "block-all", "--fs-readonly=evil", "--", "./tool"],
}


@pytest.mark.parametrize("way", COMMANDS)
def test_a_stranger_that_calls_itself_python(jobs, stranger, listener, tmp_path, way):
    canary, env = tmp_path / "canary", jobs.environ(VIRTUAL_ENV=tmp_path / "evil")
    subprocess.run([stranger], check=True, stdout=subprocess.DEVNULL)
    assert (canary.read_text(), listener.visits(), len(running(stranger)) > 0) == ("ran\n", 1, True)
    for pid in running(stranger):
        os.kill(pid, 9)
    canary.unlink()
    done = jobs.guarded(*COMMANDS[way], env=env, log=False)
    assert (canary.exists(), listener.visits(), running(stranger)) == (False, 0, []), done
    assert "ran" not in done.out
