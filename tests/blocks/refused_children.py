"""Children that are refused something, for `test_refused_children.py`. Prints, as JSON, what each pass through a block was told: [guard, target, hint].

refused_children.py SCOPE
"""

import json
import multiprocessing
import os
import socket
import subprocess
import sys

from hermetic import PolicyViolation, hermetic_blocker

SCOPE = sys.argv[1]
TRY = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
except Exception as error:
    print(getattr(error, "hint", "done"))
"""
PARENT = "import subprocess, sys\nsubprocess.run([sys.executable, '-I', '-c', sys.argv[1]], env={})"


def act(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1)
    except PolicyViolation:
        pass
    except OSError:
        print("not refused")


def python(*words, **more):
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True, **more).stdout


def fork(function, *arguments):
    child = os.fork()
    if not child:
        function(*arguments)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def forked_twice():
    fork(act, 4)


def closing():
    """As daemons do. What comes to be open by these numbers is no pipe of ours."""
    os.closerange(3, 256)
    opened = [os.open("own", os.O_RDWR | os.O_CREAT) for _ in range(40)]
    act(11)
    assert os.read(opened[0], 100) == b""


def start(method, port):
    process = multiprocessing.get_context(method).Process(target=act, args=(port,))
    process.start()
    process.join()


def told(passed):
    assert passed.refused == len(passed.violations)
    return [[one.guard, one.target.rpartition(":")[2], one.hint] for one in passed.violations]


def main():
    found = {}
    block = hermetic_blocker(block_network=True, scope=SCOPE)
    with block as first, hermetic_blocker(block_native=True, scope=SCOPE) as inner:
        hint = python("-I", "-c", TRY.format(port=1), env={})
        python("-c", PARENT, TRY.format(port=2))
        fork(act, 3)
        fork(forked_twice)
        fork(closing)
        fork(python, "-c", TRY.format(port=5))
        start("fork", 6)
        start("spawn", 7)
    with block as second:
        late = subprocess.Popen([sys.executable, "-c", f"input()\n{TRY.format(port=8)}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        fork(act, 9)
    with block as third:
        python(
            "-c",
            "for port in range(100, 300):\n    try: __import__('socket').create_connection(('127.0.0.1', port))\n    except Exception: pass",
        )
    late.communicate(b"\n")
    with block as nothing:
        act(10)
    found = {name: told(passed) for name, passed in {"first": first, "inner": inner, "second": second, "nothing": nothing}.items()}
    print(json.dumps({**found, "many": third.refused, "hint": hint.strip()}))


if __name__ == "__main__":
    main()
