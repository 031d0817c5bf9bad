"""Connections that the supervisor makes: many at once, interrupted, and when it is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import find_python

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


LEFT = """
import os, socket, sys, time
launcher = os.getppid()
if os.fork():
    print("ready", flush=True)
    time.sleep(60)
os.setsid()
while True:
    try: os.kill(launcher, 0)
    except ProcessLookupError: break
    except PermissionError: pass
    time.sleep(.01)
    if not os.path.exists("/proc/%d" % launcher): break
found = []
for act in (lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2), lambda: socket.getaddrinfo("app.test", 80)):
    try: act(); found.append("let")
    except OSError as error: found.append("refused")
open(sys.argv[2], "w").write(" ".join(found))
"""


def test_without_the_launcher_nothing_is_reached(jobs, port, hermetic_command, tmp_path):
    """What is left running when the launcher was killed: nobody answers for it any more."""
    python, result = "/usr/bin/python3", tmp_path / "result"
    command = [
        hermetic_command,
        "--no-network",
        "--allow-localhost",
        "--allow-domain=app.test",
        "--",
        python,
        "-c",
        LEFT,
        str(port),
        str(result),
    ]
    run = subprocess.Popen(command, env=jobs.environ(), stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout.readline() == "ready\n"
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    until = time.monotonic() + 30
    while not (result.exists() and result.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    assert result.read_text() == "refused refused"
