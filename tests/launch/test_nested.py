"""hermetic inside hermetic: what holds is what both allow, whichever of them is the stricter one."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LoopbackServer
from launch.jobs import Jobs
from launch.users import ORDINARY

TRY = """
import socket, subprocess, sys
for address in [("127.0.0.1", int(sys.argv[1])), ("192.0.2.1", 80)]:
    try:
        socket.create_connection(address, timeout=0.2).close()
        print("reached", end=" ")
    except PermissionError:
        print("refused", end=" ")
    except OSError:
        print("open", end=" ")
sys.stdout.flush()
if len(sys.argv) == 2:
    subprocess.run([sys.executable, "-c", sys.argv[0] and CODE, sys.argv[1], "child"])
"""
CODE = "CODE = " + repr(TRY) + "\n" + TRY

NOTHING = ["--no-network"]
LOCALHOST = ["--no-network", "--allow-localhost"]
UNRELATED = ["--profile", "net-hermetic"]


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (LOCALHOST, LOCALHOST, "reached refused"),
        (LOCALHOST, NOTHING, "refused refused"),
        (NOTHING, LOCALHOST, "refused refused"),
        (NOTHING, UNRELATED, "refused refused"),
    ],
)
def test_both_hold(
    hermetic_command: str, loopback_server: LoopbackServer, tmp_path: Path, outer: list[str], inner: list[str], expected: str
) -> None:
    log = tmp_path / "log"
    command = [hermetic_command, *outer, "--log", str(log), "--", hermetic_command, *inner, "--", sys.executable, "-c", CODE]
    done = subprocess.run([*command, str(loopback_server.port)], capture_output=True, text=True)
    assert (done.stdout.split(), done.returncode) == (expected.split() * 2, 0), done.stderr
    assert bool(loopback_server.visitors) is expected.startswith("reached")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(event["event"] == "refused" for event in events) == expected.count("refused") * 2
    assert {event["target"] for event in events if event["event"] == "refused"} >= {"192.0.2.1:80"}


def test_the_policy_inside_cannot_be_lifted(hermetic_command: str, loopback_server: LoopbackServer) -> None:
    """What carries it to children is taken out of the environment, and forging it can only tighten."""
    code = f"""
import os, subprocess, sys
assert not [name for name in os.environ if name.startswith("_HERMETIC")]
child = "import socket; socket.create_connection(('127.0.0.1', {loopback_server.port}))"
open_policy = "hermetic-policy 2\\non_violation refuse\\n"
sys.exit(subprocess.run([sys.executable, "-c", child], env=dict(os.environ, _HERMETIC_POLICY=open_policy, _HERMETIC="")).returncode)
"""
    inner = [hermetic_command, *NOTHING, "--", sys.executable, "-c", code]
    done = subprocess.run([hermetic_command, *LOCALHOST, "--", *inner], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "PermissionError" in done.stderr or "NetworkRefused" in done.stderr
    assert loopback_server.visitors == []


def test_a_guard_against_processes_lets_the_target_be_started(hermetic_command: str) -> None:
    """The inner hermetic becomes the target; the outer one's rule forbids that, the inner one's does not."""
    code = "import os\ntry: os.system('echo reached')\nexcept PermissionError: print('refused', flush=True)"
    target = ["--", sys.executable, "-c", code]
    inner = subprocess.run(
        [hermetic_command, "--no-network", "--", hermetic_command, "--no-subprocess", *target], capture_output=True, text=True
    )
    assert (inner.stdout, inner.returncode) == ("refused\n", 0), inner.stderr
    outer = subprocess.run(
        [hermetic_command, "--no-subprocess", "--", hermetic_command, "--no-network", *target], capture_output=True, text=True
    )
    assert (outer.stdout, outer.returncode) == ("", 125)
    assert "subprocess disabled: start(" in outer.stderr


INSIDE = {
    # options of the outer run, the inner command, what is said; nothing is started
    "a program that is not Python, processes": (
        ["--no-network"],
        "--no-subprocess -- bash -c 'echo started'",
        "the subprocess guard cannot stand",
    ),
    "the same in any case": (
        ["--no-network"],
        "--no-subprocess --require=kernel -- bash -c 'echo started'",
        "the network guard cannot stand as required",
    ),
    "a program that is not Python, native code": (
        ["--no-network"],
        "--block-native -- bash -c 'echo started'",
        "the native guard cannot stand",
    ),
    "both layers, native code": (
        ["--no-network"],
        "--block-native --require=both -- python3 -c 'print(\"started\")'",
        "cannot stand as required",
    ),
    "a log": (["--no-network"], "--no-network --log=in.json -- bash -c 'echo started'", "--log has no effect inside another hermetic"),
    "strictness": (
        ["--no-network"],
        "--no-network --strict -- python3 -c 'print(\"started\")'",
        "--strict has no effect inside another hermetic",
    ),
    "the doctor": (["--no-network"], "doctor", "inside another hermetic nothing can be told of this machine"),
}
"""What the inner run cannot do, and says."""


@pytest.mark.parametrize("which", INSIDE)
def test_what_cannot_be_had_inside(hermetic_command: str, tmp_path: Path, which: str) -> None:
    options, command, said = INSIDE[which]
    inner = [hermetic_command, *shlex.split(command)]
    if which != "the doctor":
        bare = subprocess.run(inner[inner.index("--") + 1 :], capture_output=True, text=True, cwd=tmp_path)
        assert bare.stdout == "started\n"
    done = subprocess.run([hermetic_command, *options, "--", *inner], capture_output=True, text=True, cwd=tmp_path)
    assert said in done.stdout + done.stderr
    assert (done.returncode, "started" in done.stdout) == (1 if which == "the doctor" else 125, False), done.stderr
    assert list(tmp_path.iterdir()) == []


LOCKS = "import multiprocessing; multiprocessing.Lock(); print('made')"


@pytest.mark.parametrize(("outer", "own"), [("--fs-readonly", True), ("--no-network", False)])
def test_shared_memory_of_the_outer_run(hermetic_command: str, outer: str, own: bool) -> None:
    """It is nobody else's where the outer run has file systems of its own in which nothing is written: then the inner one may have it too."""
    for code, alone in ((LOCKS, True), (f"import os; os.system('echo > /dev/shm/nested-{os.getpid()}'); print('made')", False)):
        inner = [hermetic_command, "--fs-readonly", "--", sys.executable, "-c", code]
        done = subprocess.run([hermetic_command, outer, "--", *inner], capture_output=True, text=True)
        refused = "Permission" in done.stderr or "Read-only" in done.stderr
        assert (done.stdout, refused) == (("made\n", False) if own else ("" if alone else "made\n", True)), done.stderr
        assert not os.path.exists(f"/dev/shm/nested-{os.getpid()}")
        bare = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (bare.stdout, bare.stderr) == ("made\n", "")
        Path(f"/dev/shm/nested-{os.getpid()}").unlink(missing_ok=True)


def test_a_program_that_is_not_python_is_told_of_inside(hermetic_command: str) -> None:
    """And starts, since the kernel got the rules of its network guard."""
    inner = [hermetic_command, "--no-network", "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9"]
    done = subprocess.run([hermetic_command, "--fs-readonly", "--", *inner], capture_output=True, text=True)
    assert "bash is not Python, so the kernel alone holds it: network: partial" in done.stderr
    assert "Permission denied" in done.stderr


def test_a_user_whom_a_service_knows(hermetic_command: str, jobs: Jobs, env: dict[str, str]) -> None:
    """The inner hermetic asks libc for the home directory, which asks a service by a local socket: nobody is told of that, as of no program's."""
    inner = (hermetic_command, "--fs-readonly", "--hide=@secrets", "--", "python3", "-c", "print('ran')")
    done = jobs.guarded("--no-network", "--", *inner, env=env, before=ORDINARY, cwd="/", log=False)
    assert (done.code, done.out, "blocked" in done.err) == (0, "ran\n", False), done
