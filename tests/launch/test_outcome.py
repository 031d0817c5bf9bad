"""What becomes of a run in which something was refused: exit codes, manners of refusal, and what the user is told."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import Python, find_python
from hermetic_guard.policy import Network, Policy
from launch.staged import Staged, TwoRuns

TRY = "import socket\ntry: socket.getaddrinfo('example.com', 80)\nexcept OSError as error: print(type(error).__name__)\n"
ENDS = {
    "uncaught": ("import socket; socket.getaddrinfo('example.com', 80)", 77),
    "uncaught, under its own hook": ("import sys, socket; sys.excepthook = print; socket.getaddrinfo('example.com', 80)", 77),
    "uncaught, raised again": ("import socket\ntry: socket.getaddrinfo('example.com', 80)\nfinally: pass", 77),
    "caught": (TRY, 0),
    "caught, then exit 1": (TRY + "raise SystemExit(1)", 1),
    "caught, then another exception": (TRY + "1 / 0", 1),
    "turned into another exception": ("import socket\ntry: socket.getaddrinfo('a.test', 80)\nexcept OSError: raise ValueError", 1),
    "in a thread": ("import socket, threading as t; t.Thread(target=socket.getaddrinfo, args=('example.com', 80)).start()", 0),
    "in a child": (
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import socket; socket.getaddrinfo(\"a.test\", 80)']))",
        1,
    ),
    "in a fork": ("import os, socket\nif os.fork(): os.wait(), os._exit(4)\nsocket.getaddrinfo('example.com', 80)", 4),
}


class Command:
    def __init__(self, hermetic: str, directory: Path, home: Path) -> None:
        self.hermetic = hermetic
        self.directory = directory
        self.home = home

    def __call__(self, python: str, code: str, *options: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8"}
        command = [self.hermetic, "exec", "--no-network", *options, "--python", python, "--", *flags, "-c", code]
        return subprocess.run(command, env=env, cwd=self.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def command(hermetic_command: str, tmp_path: Path, session_directory: Path) -> Command:
    home = session_directory / "home"
    home.mkdir(exist_ok=True)
    return Command(hermetic_command, tmp_path, home)


@pytest.mark.pythons("3.6", "3.13", "pypy3.9")
@pytest.mark.parametrize("flags", [(), ("-I",)], ids=["early", "stub"])
def test_exit_codes(command: Command, python: Python, flags: tuple[str, ...]) -> None:
    """On those that have audit events, those that have none, and PyPy."""
    found = {name: command(python.path, code, "-q", flags=flags).returncode for name, (code, _) in ENDS.items()}
    assert found == {name: code for name, (_, code) in ENDS.items()}


@pytest.mark.pythons("3.8", "3.11", "3.15", "smoke")
def test_exit_codes_on_the_others(command: Command, python: Python) -> None:
    assert command(python.path, ENDS["uncaught"][0], "-q").returncode == 77
    assert command(python.path, ENDS["caught"][0], "-q").returncode == 0


@pytest.mark.parametrize("manner", ["raise", "refuse"])
def test_manners(command: Command, python: Python, manner: str) -> None:
    """The one is no OSError, the other is what a locked-down machine gives."""
    done = command(python.path, TRY, f"--on-violation={manner}", "-q")
    assert (done.returncode, done.stdout) == ((77, "") if manner == "raise" else (0, "NameRefused\n"))
    assert ("NetworkViolation" in done.stderr) is (manner == "raise")


def test_killed(python: Python, cache: Path) -> None:
    """At once, and whatever it would have caught."""
    with Staged(python.path, cache, policy=Policy(network=Network(), on_violation="kill")) as staged:
        done = staged.start("-u", "-c", "print('before')\n" + TRY + "print('after')", env={"PATH": "/usr/bin:/bin"})
    assert (done.code, done.out, done.err) == (77, b"before\n", b"")
    assert [event["target"] for event in done.told("refused")] == ["example.com"]


def test_strict(command: Command) -> None:
    python = find_python("3.11").path
    assert command(python, TRY, "--strict").returncode == 77
    assert command(python, TRY + "raise SystemExit(3)", "--strict").returncode == 3
    assert command(python, "pass", "--strict").returncode == 0


FUNCTION = "import socket\ndef asks(): socket.getaddrinfo('example.com', 80)\nfor _ in range(2):\n try: asks()\n except OSError: pass\n"


def test_what_is_told(command: Command) -> None:
    python = find_python("3.11").path
    assert command(python, FUNCTION, "-q").stderr == ""
    once = "hermetic: blocked action: network disabled: DNS(example.com)\n  asked by  <string>:2\n"
    allow = "  allow it  --allow-domain example.com\n"
    count = "hermetic: blocked 2 actions in all: network 2\n"
    assert command(python, FUNCTION).stderr == once + allow + count
    traced = command(python, FUNCTION, "--trace").stderr
    assert traced.count(once + allow) == 2
    assert traced.count("    <string>:4 in <module>\n    <string>:2 in asks\n") == 2
    assert "<hermetic>" not in traced


def test_the_default_is_said(command: Command) -> None:
    """In one line, and once only where something of it is refused."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(command.home), "LANG": "C.UTF-8"}
    done = subprocess.run([command.hermetic, "run", find_python("3.11").path, "-c", TRY], env=env, capture_output=True, text=True)
    first, *others = done.stderr.splitlines()
    assert first.startswith("hermetic: no guard was asked for, so profile default stands: no network, no writing")
    assert (done.returncode, done.stdout, others[0]) == (0, "NameRefused\n", "hermetic: blocked action: network disabled: DNS(example.com)")


def test_it_is_told_at_once(command: Command) -> None:
    """Before the target goes on, if that takes any time, and not when it has ended."""
    code = TRY.replace("print(", "__import__('time').sleep(1); print(") + "import sys; print('own', file=sys.stderr)"
    told = command(find_python("3.11").path, code).stderr
    assert told.index("hermetic: blocked action") < told.index("own") < told.index("hermetic: blocked 1 action in all")


@pytest.mark.pythons("3.11", "3.15", "pypy3.9")
def test_the_way_is_named_with_its_reason(command: Command, python: Python) -> None:
    told = command(python.path, "pass", "-v").stderr
    if python.implementation == "pypy":
        assert "hermetic: guards by way of stub: the environment way is not proved for PyPy 3.9" in told
    else:
        assert f"hermetic: guards by way of early: proved for CPython {python.name}." in told
    for flag in "IES":
        assert (
            f"by way of stub: -{flag} switches off what the environment way needs"
            in command(python.path, "pass", "-v", flags=(f"-{flag}",)).stderr
        )


@pytest.mark.parametrize("words", [("--version",), ("-V",), ("-VV",), ("-h",), ("--wrong",), ("-c",)], ids=" ".join)
def test_what_an_interpreter_answers_by_itself(command: Command, runs: TwoRuns, words: tuple[str, ...]) -> None:
    """It runs nothing, so there are no guards to report."""
    python = find_python("3.8")
    bare = runs.bare(python, *words)
    done = subprocess.run([command.hermetic, "run", "--no-network", "-q", "--", python.path, *words], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == bare.seen


def test_a_violation_is_picklable(command: Command, python: Python) -> None:
    """multiprocessing hands one from a worker to its parent."""
    code = (
        "import pickle, socket\n"
        "try: socket.getaddrinfo('example.com', 80)\n"
        "except OSError as caught: error, other = caught, pickle.loads(pickle.dumps(caught))\n"
        "print(type(other) is type(error), str(other) == str(error), other.args == error.args == (error.errno, str(error)), other.hint)"
    )
    assert command(python.path, code, "-q").stdout == "True True True --allow-domain example.com\n"


def test_a_failure_in_a_child_is_told_to_the_user(python: Python, cache: Path) -> None:
    """Even when the target keeps its child's stderr to itself; a forged `_HERMETIC` is what breaks it here."""
    with Staged(python.path, cache) as staged:
        start = staged.prepare(["-c", "pass"], {"PATH": "/usr/bin:/bin"})
        environment = {name: value.replace(staged.run.digest.encode(), b"0" * 64) for name, value in start.environment.items()}
        done = subprocess.run([start.interpreter, *start.argv[1:]], env=environment, stderr=subprocess.PIPE)
        [event] = staged.events()
    assert (done.returncode, done.stderr) == (125, b"")
    assert event["event"] == "failed"
    assert event["why"].endswith("manifest in the run directory was altered")
    assert event["pid"] != os.getpid()


@pytest.mark.parametrize("trap", ["fifo", "endless"])
def test_metadata_that_would_hold_the_launcher_up(command: Command, tmp_path: Path, trap: str) -> None:
    """Who asked is then told by the path."""
    site = tmp_path / "site-packages"
    (site / "m-1.dist-info").mkdir(parents=True)
    (site / "m.py").write_text(TRY)
    record = site / "m-1.dist-info/RECORD"
    os.mkfifo(record) if trap == "fifo" else record.symlink_to("/dev/zero")
    done = command(find_python("3.11").path, f"import sys; sys.path.append({str(site)!r}); import m")
    assert (done.returncode, done.stdout) == (0, "NameRefused\n")
    assert "  asked by  m.py:2\n" in done.stderr.replace(f"{site}/", "").replace("site-packages/", "")


FORGED = [
    '{"v":1,"event":"uncaught","pid":1,"self":"x"}',
    '{"v":1,"event":"refused","pid":1,"guard":"\\u001b[31mX\\nhermetic: all good","action":"a","target":"t","rule":"r","hint":"","stack":[]}',
    '{"v":1,"event":"refused","pid":1,"guard":"network","action":"a","target":"t","rule":"r","hint":"","stack":[],"program":"/x"}',
    '{"v":1,"event":"ready","pid":1,"way":"early","python":"3","implementation":"x","run":"another","time":0}',
]


def test_forged_events(command: Command, tmp_path: Path) -> None:
    """A child that is no Python writes what it likes to the launcher."""
    script = "".join(f"printf '%s\\n' '{line}' > ${{_HERMETIC##*:}}/events; " for line in FORGED)
    code = f"import subprocess; subprocess.run(['sh', '-c', {script!r}], check=True); print('done')"
    done = command(find_python("3.11").path, code, "--log", str(tmp_path / "log"))
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr == "hermetic: not understood: 4 lines that did not come from the guards\n"
    logged = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [event["event"] for event in logged] == ["run", "ready", "end"]


def test_a_flood_of_refusals(command: Command) -> None:
    """Is told as far as anybody reads it."""
    code = "import socket\nfor n in range(30):\n try: socket.getaddrinfo(f'h{n}.test', 80)\n except OSError: pass\n"
    told = command(find_python("3.11").path, code).stderr.splitlines()
    assert len(told) == 3 * 20 + 2
    assert told[-2:] == [
        "hermetic: further refusals are counted, not shown (--trace shows all, --log FILE writes all)",
        "hermetic: blocked 30 actions in all: network 30",
    ]
    assert command(find_python("3.11").path, code, "--trace").stderr.count("blocked action: ") == 30


def test_a_log_that_looks_like_a_stream(command: Command) -> None:
    done = command(find_python("3.11").path, "print('run')", "--log", "-")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "hermetic: --log -: a file was expected (/dev/stderr and /dev/stdout are such)\n"
    told = command(find_python("3.11").path, "print('run')", "--log", "/dev/stderr")
    assert [json.loads(line)["event"] for line in told.stderr.splitlines()] == ["run", "ready", "end"]
