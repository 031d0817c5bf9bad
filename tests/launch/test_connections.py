"""Connections that the supervisor makes: many at once, and interrupted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import find_python

ONE_LAYER = Path(__file__).resolve().parent.parent / "containment/one_layer.py"
SERVER = """
import asyncio, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (8000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
async def serve(reader, writer):
    writer.write(await reader.readexactly(1))
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
MANY = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (8000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
async def main():
    opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", int(sys.argv[1])) for _ in range(2000)))
    for _, writer in opened: writer.write(b"x")
    print(len(opened), {await reader.readexactly(1) for reader, _ in opened}, len({writer.get_extra_info("sockname") for _, writer in opened}))
asyncio.run(main())
"""
INTERRUPTED = """
import signal, socket, sys, threading, time
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(300):
    made = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    made.sendall(b"x"); assert made.recv(1) == b"x"; made.close()
signal.setitimer(signal.ITIMER_REAL, 0)
print("all", bool(seen))
"""
FULL = """
import os, signal, socket, struct, sys, threading, time
def full(family, address):
    "A listener that has no room left, and its address."
    made = socket.socket(family)
    made.bind(address)
    made.listen(0)
    kept.append(made)
    for _ in range(3):
        waiting = socket.socket(family)
        waiting.setblocking(False)
        waiting.connect_ex(made.getsockname())
        kept.append(waiting)
    return made, made.getsockname()
def make_room(listener):
    time.sleep(0.6)
    listener.settimeout(5)
    for _ in range(4): kept.append(listener.accept())
class Stop(Exception): pass
def stop(*_): raise Stop
def after(seconds, handler, interrupts=True):
    signal.signal(signal.SIGALRM, handler)
    signal.siginterrupt(signal.SIGALRM, interrupts)
    signal.setitimer(signal.ITIMER_REAL, seconds)
def outcome(act, *arguments):
    begun = time.monotonic()
    try: act(*arguments); said = "connected"
    except (Stop, OSError) as error: said = type(error).__name__, getattr(error, "errno", 0)
    took = time.monotonic() - begun
    return said, took < 0.05 or (0.2 < took < 5)
kept, seen, wanted = [], [], []
TCP, LOCAL = (socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, sys.argv[1] + "/listener")
TCP6 = socket.AF_INET6, ("::1", 0)
"""
WAITS = {
    "a handler that raises": "after(0.3, stop)\nfor made in socket.socket(), socket.socket():\n    print(outcome(made.connect, full(*TCP)[1])); after(0.3, stop)",
    "at ::1": "after(0.3, stop)\nprint(outcome(socket.socket(socket.AF_INET6).connect, full(*TCP6)[1]))",
    "of AF_UNIX": "after(0.3, stop)\nprint(outcome(socket.socket(socket.AF_UNIX).connect, full(*LOCAL)[1]))",
    "a handler that returns": "listener, address = full(*TCP)\nthreading.Thread(target=make_room, args=(listener,)).start()\n"
    "after(0.3, lambda *_: seen.append(1)); made = socket.socket()\n"
    "print(outcome(made.connect, address), seen, made.getpeername() == address, os.get_blocking(made.fileno()))",
    "a handler after which the call is made again": "listener, address = full(*TCP)\nthreading.Thread(target=make_room, args=(listener,)).start()\n"
    "after(0.3, lambda *_: seen.append(1), False); made = socket.socket()\n"
    "print(outcome(made.connect, address), seen, made.getpeername() == address, os.get_blocking(made.fileno()))",
    "of AF_UNIX, until there is room": "listener, address = full(*LOCAL)\nthreading.Thread(target=make_room, args=(listener,)).start()\n"
    "made = socket.socket(socket.AF_UNIX); print(outcome(made.connect, address), made.getpeername() == address)",
    "patience of the socket's": "for family, address in (TCP, LOCAL):\n    made = socket.socket(family)\n"
    "    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 0, 300000))\n    print(outcome(made.connect, full(family, address)[1]))",
    "taken away by another thread": "made = socket.socket(); threading.Timer(0.3, made.shutdown, (2,)).start()\nprint(outcome(made.connect, full(*TCP)[1]))",
    "nobody is there": "made = socket.socket(); made.bind(('127.0.0.1', 0)); address = made.getsockname(); made.close(); made = socket.socket()\n"
    "print([outcome(made.connect, address) for _ in range(2)], os.get_blocking(made.fileno()))",
}
"""How a call ends that waits for its connection, and what the program sees then: the same as without a supervisor."""
STOPPED = """
listener, address = full(*TCP)
threading.Thread(target=make_room, args=(listener,)).start()
print("ready", flush=True)
made = socket.socket()
print(outcome(made.connect, address)[0], made.getpeername() == address)
"""
CROWD = """
address = full(*TCP)[1]
def wait():
    try: socket.socket().connect(address)
    except OSError: pass
for _ in range(300): threading.Thread(target=wait, daemon=True).start()
time.sleep(0.5)
begun = time.monotonic()
made = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
made.sendall(b"x")
print(made.recv(1), time.monotonic() - begun < 5)
socket.create_server(("127.0.0.1", 0))
os._exit(0)
"""


@pytest.mark.parametrize("case", WAITS)
def test_a_call_that_waits(jobs, tmp_path, case):
    python, env = find_python("3.11").path, jobs.environ()
    program = [python, "-c", FULL + WAITS[case], tmp_path]
    bare = jobs.native(*program, env=env)
    assert bare.code == 0, bare.err
    assert bare.out.count("True") >= 1, bare.out
    (tmp_path / "listener").unlink(missing_ok=True)
    done = jobs.guarded("--no-network", "--allow-localhost", "--", *program, env=env)
    assert (done.code, done.out) == (0, bare.out), done.err


@pytest.mark.parametrize("guarded", [False, True])
def test_a_call_that_waits_is_stopped_and_continued(jobs, hermetic_command, tmp_path, guarded):
    """Its process, and with it the launcher: else it would be a job that does not stop."""
    start = [hermetic_command, "--no-network", "--allow-localhost", "--"] if guarded else []
    command = [*start, find_python("3.11").path, "-c", FULL + STOPPED, tmp_path]
    with subprocess.Popen(command, env=jobs.environ(), stdout=subprocess.PIPE, text=True, process_group=0) as run:
        assert run.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.killpg(run.pid, signal.SIGTSTP)
        until = time.monotonic() + 5
        while set(states_of_group(run.pid)) != {"T"} and time.monotonic() < until:
            time.sleep(0.05)
        stopped = states_of_group(run.pid)
        os.killpg(run.pid, signal.SIGCONT)
        done = run.communicate(timeout=30)[0] if stopped else ""
        run.kill()
        assert (set(stopped), done) == ({"T"}, "connected True\n")


def states_of_group(group):
    """Of the main threads of all processes in it."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(entry)}/stat") as file:
                state, _, process_group = file.read().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(process_group) == group:
            found.append(state)
    return found


def test_a_crowd_that_waits_keeps_nobody(jobs, port, tmp_path):
    python, env = find_python("3.11").path, jobs.environ()
    program = [python, "-uc", FULL + CROWD, tmp_path, port]
    assert jobs.native(*program, env=env).out == "b'x' True\n"
    done = jobs.guarded("--no-network", "--allow-localhost", "--", *program, env=env)
    assert (done.code, done.out) == (0, "b'x' True\n"), done.err


@pytest.fixture
def unused_ports():
    with socket.socket() as one, socket.socket() as other:
        for made in (one, other):
            made.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def port():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        yield int(server.stdout.readline())
        server.kill()


def test_two_thousand_at_once(jobs, port):
    python, env = find_python("3.11").path, jobs.environ()
    expected = "2000 {b'x'} 2000\n"
    assert jobs.native(python, "-c", MANY, port, env=env).out == expected
    done = jobs.guarded("--no-network", "--allow-localhost", "--", python, "-c", MANY, port, env=env)
    assert (done.code, done.out, done.refused) == (0, expected, []), done.err


def test_signals_in_the_middle(jobs, port):
    python, env = find_python("3.11").path, jobs.environ()
    done = jobs.guarded("--no-network", "--allow-localhost", "--", python, "-c", INTERRUPTED, port, env=env)
    assert (done.code, done.out) == (0, "all True\n"), done.err


BIND = """
import socket, sys
for port in map(int, sys.argv[1:]):
    for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
        with socket.socket(family) as made:
            try: made.bind((host, port)); made.listen(); print("listens")
            except PermissionError: print("refused")
"""


@pytest.mark.parametrize("option", ["", "--allow-localhost={}", "--allow-listen={}"])
def test_a_port_that_landlock_keeps_is_told(jobs, unused_ports, option):
    """To a program that no guard is in, where it is bound; one that is allowed and one that the kernel chooses are nobody's business."""
    listed, other = unused_ports
    python, env = find_python("3.11").path, jobs.environ()
    assert jobs.native(python, "-c", BIND, listed, other, 0, env=env).out == "listens\n" * 6
    kernel = [python, "-IS", ONE_LAYER, "kernel", "--no-network", *([option.format(listed)] if option else []), "--"]
    done = jobs.native(*kernel, python, "-c", BIND, listed, other, 0, env=env)
    allowed = {"": "", "--allow-localhost={}": "l0", "--allow-listen={}": "l"}[option]
    expected = ["listens" if "l" in allowed else "refused"] * 2 + ["refused"] * 2 + ["listens" if "0" in allowed else "refused"] * 2
    assert done.out.split() == expected, done.err
    for address in ("127.0.0.1", "[::1]"):
        assert f": bind({address}:{other})" in done.err
        assert (f"({address}:{listed})" in done.err) == (not allowed)
