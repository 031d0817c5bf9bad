"""What a sealed process is refused, through Python, by system calls and in programs that it starts; and that nothing takes the seal off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from guards import tampering_rows
from launch.staged import Listener

from hermetic.linux import landlock

SCRIPT = Path(__file__).with_name("sealing.py")
SOURCE = Path(__file__).with_name("attempt.c")
ORDINARY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
USERS = ["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"]

NETWORK = {
    "python": "socket.create_connection(('127.0.0.1', port)).close()",
    "python, by the module below": "import _socket; _socket.socket().connect(('127.0.0.1', port))",
    "call": "call('connect', call('socket', 2, 1, 0), address(port), 16)",
    "call, UDP": "call('socket', 2, 2, 0)",
    "call, MPTCP": "call('socket', 2, 1, 262)",
    "C": "run(program, 'connect', str(port))",
    "shell": "run('sh', '-c', 'exec $0 connect $1', program, str(port))",
    "fork": "failed(forked(lambda: call('connect', call('socket', 2, 1, 0), address(port), 16)))",
}
SUBPROCESS = {
    "python": "run('true')",
    "python, fork": "parent_of(os.fork())",
    "python, exec": "os.execv('/bin/echo', ['echo', 'done'])",
    "python, system": "failed(os.system('true'))",
    "call, clone": "parent_of(call('clone', 17))",
    "call, execve": "call('execve', b'/bin/echo', strings(b'echo', b'done'), strings())",
    "call, execveat": "call('execveat', -100, b'/bin/echo', strings(b'echo', b'done'), strings(), 0)",
    "libc, posix_spawn": "failed(libc.posix_spawn(ctypes.byref(ctypes.c_int()), b'/bin/true', None, None, strings(b'true'), strings()))",
    "libc, system": "failed(libc.system(b'true') and 1)",
}
FILESYSTEM = {
    "python": "open(place + '/new', 'x').close(); os.unlink(place + '/new')",
    "python, no event": "os.mkfifo(place + '/fifo'); os.unlink(place + '/fifo')",
    "python, mode": "os.chmod(place + '/file', 0o600)",
    "call": "os.close(call('openat', -100, (place + '/file').encode(), os.O_WRONLY))",
    "call, mode": "call('fchmodat', -100, (place + '/file').encode(), 0o600)",
    "call, own memory": "os.close(call('openat', -100, b'/proc/self/mem', os.O_RDWR))",
    "C": "run(program, 'write', place + '/file')",
    "C, mode": "run(program, 'mode', place + '/file')",
    "shell": "run('sh', '-c', 'echo x >> $0/file', place)",
}
ALWAYS = {
    "call, trace": "call('ptrace', 0x4206, os.getppid())",
    "call, signal": "call('kill', os.getppid(), 0)",
    "call, ring": "call('io_uring_setup', 1, bytes(120))",
    "call, namespace": "call('unshare', 0x10000000)",
    "call, shared memory": "call('shmat', call('shmget', 0, 4096, 0o1600), 0, 0)",
}
GUARDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "network": ({"block_network": True}, {**NETWORK, **ALWAYS}),
    "subprocess": ({"block_subprocess": True}, SUBPROCESS),
    "filesystem": ({"fs_readonly": True}, FILESYSTEM),
}
BY_LANDLOCK = {"call", "call, own memory", "call, signal", "C", "shell"}
"""What threads that were there before may do on, until ABI 8; of the network's nothing but signals."""

pytestmark = pytest.mark.skipif(landlock.abi() < 6, reason="Landlock is missing here, or too old to hold all that is sealed")


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture(scope="session")
def program() -> Iterator[Path]:
    """Where an ordinary user gets to."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-o", f"{made}/attempt", SOURCE], check=True)
        yield Path(made) / "attempt"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may change, with a file of the ordinary user's in it."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o777)
        Path(made, "file").write_text("")
        if ORDINARY:
            os.chown(f"{made}/file", 65534, 65534)
        yield Path(made)


def outcomes(attempts: dict[str, str], *seals: dict[str, Any], user: str = "root", thread: str = "main", python: bool = False, **names: Any) -> dict[str, Any]:
    given = {"attempts": attempts, "seals": seals, "thread": thread, "python": python, "names": {name: str(value) if isinstance(value, Path) else value for name, value in names.items()}}
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/bootstrap", "HOME": "/nonexistent"}
    command = [*(ORDINARY if user == "ordinary" else []), sys.executable, "-B", str(SCRIPT)]
    done = subprocess.run(command, input=json.dumps(given), env=environ, capture_output=True, text=True, timeout=300, cwd="/")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("guard", GUARDS)
def test_layers_together(guard: str, user: str, place: Path, program: Path, listener: Listener) -> None:
    arguments, attempts = GUARDS[guard]
    names = {"port": listener.port, "place": place, "program": program}
    bare = outcomes(attempts, user=user, **names)
    assert {name: what for name, what in bare.items() if what != "done"} == {}
    listener.visits()
    for thread in ("main", "after", "two"):
        found = outcomes(attempts, arguments, user=user, thread=thread, **names)
        assert {name: what for name, what in found.items() if what == "done"} == {}, thread
        for name, what in found.items():
            assert ("Violation" in what) is (name.startswith("python") or (thread == "two" and name in ("C", "shell", "C, mode"))), (thread, name, what)
    assert listener.visits() == 0
