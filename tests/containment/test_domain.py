"""The Landlock domain by itself: there is one on every ABI, and what it says of ports and of sockets without a path."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from containment.places import USERS, attempt, bystander, places, snippets
from hermetic_guard.hosts import ANY

from hermetic.linux import landlock

ROOT = Path(__file__).resolve().parents[2]
REACH = [
    "read_launchers_environment",
    "write_launchers_memory",
    "read_bystanders_environment",
    "write_own_memory",
    "read_bystanders_memory_by_call",
]
MOVES = ["move_into_writable", "link_into_writable"]


@pytest.fixture(params=USERS)
def tree(request):
    with places(request.param) as tree:
        yield tree


@pytest.mark.parametrize("abi", range(1, landlock.abi() + 1))
@pytest.mark.parametrize("namespaced", [True, False], ids=["mounts", "alone"])
def test_domain_on_every_abi(tree, abi, namespaced):
    """As far as this kernel can play an older one. Signals need scopes; where there are none, ABI 1 cannot have files moved between directories."""
    with bystander(tree.user) as (pid, mapped):
        facts = {"bystander": pid, "mapped": mapped}
        names = [*REACH, *MOVES, "signal_bystander"]
        specification = {"policy": {"network": {}}, "run": tree / "run", "namespaced": namespaced, "abi": abi}
        found = attempt(tree, specification, facts, names)
    assert {found[name] for name in REACH} <= {"EACCES", "EPERM", "EROFS"}
    assert {found[name] for name in MOVES} == ({"EXDEV"} if abi == 1 else {"done"})
    assert found["signal_bystander"] == ("EPERM" if abi >= 6 else "done")


@pytest.fixture
def listening():
    """Ports on which there is a server, and the name of one without a port or path."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
        socket.socket(socket.AF_UNIX) as named,
    ):
        name = f"\0confined-{os.getpid()}"
        named.bind(name)
        named.listen()
        yield one.getsockname()[1], two.getsockname()[1], name


CONNECT = "import socket; socket.create_connection(('127.0.0.1', %d))"
BIND = "import socket; socket.socket().bind(('127.0.0.1', %d))"
NAMED = "import socket; socket.socket(socket.AF_UNIX).connect(%r)"
OWN_NAMED = """
import socket
listening = socket.socket(socket.AF_UNIX)
listening.bind(chr(0) + 'own-%d' % os.getpid())
listening.listen()
socket.socket(socket.AF_UNIX).connect(listening.getsockname())
"""
REFUSED = "PermissionError: [Errno 13] Permission denied"
OUT_OF_SCOPE = "PermissionError: [Errno 1] Operation not permitted"


@pytest.mark.skipif(landlock.abi() < 6, reason="Landlock has no ports or scopes here")
@pytest.mark.parametrize("namespaced", [True, False], ids=["mounts", "alone"])
def test_ports_and_names(tree, namespaced, listening):
    one, two, name = listening
    free = [sock.getsockname()[1] for sock in [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]]
    sources = {
        "connect to one": CONNECT % one,
        "connect to two": CONNECT % two,
        "bind a listed one": BIND % free[0],
        "bind another": BIND % free[1],
        "bind any": BIND % 0,
        "a name": NAMED % name,
        "a name of its own": OWN_NAMED,
    }
    ways = {
        "bare": ({}, {"bare": True}),
        "off": ({}, {}),
        "one": ({"localhost": [[one, one], [free[0], free[0]]]}, {}),
        "supervised": ({"localhost": [[one, one]]}, {"supervised": True}),
        "all": ({"localhost": ANY}, {}),
    }
    found = {}
    for way, (network, more) in ways.items():
        specification = {"policy": {"network": network}, "run": tree / "run", "namespaced": namespaced, **more}
        found[way] = list(snippets(tree, specification, sources).values())
    done, no, out = "done", REFUSED, OUT_OF_SCOPE
    assert found == {
        "bare": [done, done, done, done, done, done, done],
        "off": [no, no, no, no, done, out, done],
        "one": [done, no, done, no, done, out, done],
        "supervised": [no, no, no, no, done, out, done],
        "all": [done, done, done, done, done, out, done],
    }


THREADS = f"""
import sys, threading
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "bootstrap")!r}]
from hermetic.linux import landlock, privileges
go, gone = threading.Event(), []
def open_later():
    go.wait()
    try:
        open("/proc/self/comm", "r+").close()
        gone.append("done")
    except PermissionError:
        gone.append("refused")
thread = threading.Thread(target=open_later)
thread.start()
privileges.no_new_privileges()
try:
    landlock.apply(landlock.Ruleset(landlock.WRITE_FILE, 0, 0, (), ()), all_threads=sys.argv[1] == "all")
except OSError as error:
    gone.append(error.strerror)
go.set()
thread.join()
print(*gone)
"""


@pytest.mark.parametrize("which", ["one", "all"])
def test_threads_that_run_already(which):
    done = subprocess.run([sys.executable, "-ISc", THREADS, which], capture_output=True, text=True)
    known = landlock.abi() >= landlock.TSYNC_SINCE
    expected = {"one": "done", "all": "refused" if known else "Invalid argument done"}[which]
    assert done.stdout.strip() == expected, done.stderr
