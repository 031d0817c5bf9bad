"""What is started out of a block as a process, for `test_children.py`. Prints what became of each as JSON: "done", "refused", or the error.

children.py SCOPE PORT      SCOPE: process, context, or none for the control; PORT: of a server on this machine
"""

import concurrent.futures
import contextlib
import json
import multiprocessing
import multiprocessing.pool
import os
import socket
import subprocess
import sys

from hermetic import PolicyViolation, hermetic_blocker

SCOPE, PORT = sys.argv[1], int(sys.argv[2])
CODE = f"""
import socket
try:
    socket.create_connection(("127.0.0.1", {PORT})).close()
    print("done")
except Exception as error:
    print("refused" if "PolicyViolation" in [kind.__name__ for kind in type(error).__mro__] else error)
"""
OTHER = """
import subprocess
try:
    subprocess.run(["true"], check=True)
    print("done")
except Exception as error:
    print("refused" if "PolicyViolation" in [kind.__name__ for kind in type(error).__mro__] else error)
"""
"""What a child starts that is not Python."""
PATIENCE_S = 60


def act(queue=None):
    try:
        socket.create_connection(("127.0.0.1", PORT)).close()
        found = "done"
    except PolicyViolation:
        found = "refused"
    if queue is not None:
        queue.put(found)
    return found


def block(**more):
    return contextlib.nullcontext() if SCOPE == "none" else hermetic_blocker(scope=SCOPE, **more)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout.strip()


def start(method):
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=act, args=(queue,))
    process.start()
    process.join(PATIENCE_S)
    return queue.get()


def fork():
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, act().encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(reading, 100).decode()


def grandchild():
    return run(sys.executable, "-c", f"import subprocess, sys\nsubprocess.run([sys.executable, '-I', '-c', {CODE!r}], env={{}})")


def in_new_pool(method):
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        return pool.submit(act).result(PATIENCE_S)


def tried(function):
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main():
    found = {}
    with concurrent.futures.ProcessPoolExecutor(1) as executor, multiprocessing.Pool(1) as pool:
        executor.submit(int).result()
        with block(block_network=True) as passed:
            rows = {
                "python": lambda: run(sys.executable, "-c", CODE),
                "python -I, no environment": lambda: run(sys.executable, "-I", "-c", CODE, env={}),
                "python, cleaned": lambda: run(sys.executable, "-c", CODE, env={"PATH": "/usr/bin:/bin"}),
                "grandchild": grandchild,
                "true, by a child": lambda: run(sys.executable, "-I", "-c", OTHER),
                "fork": fork,
                "multiprocessing fork": lambda: start("fork"),
                "multiprocessing spawn": lambda: start("spawn"),
                "executor from before": lambda: executor.submit(act).result(PATIENCE_S),
                "pool from before": lambda: pool.apply(act),
                "new executor, fork": lambda: in_new_pool("fork"),
                "new executor, spawn": lambda: in_new_pool("spawn"),
                "true": lambda: run("true") or "done",
                "system": lambda: "done" if os.system("exit 0") == 0 else "failed",
            }
            for name, row in rows.items():
                found[name] = tried(row)
        with block(block_native=True):
            found["multiprocessing forkserver"] = tried(lambda: start("forkserver"))
        found["executor, after"] = executor.submit(act).result(PATIENCE_S)
    found["python, after"] = run(sys.executable, "-c", CODE)
    with block(block_network=True, block_subprocess=True, allow_run=["true"]):
        found["listed"] = tried(lambda: run("true") or "done")
        found["not listed"] = tried(lambda: run("false") or "done")
    with block(block_network=True, block_subprocess=True, allow_run=["true", sys.executable]):
        found["listed, by a child"] = tried(lambda: run(sys.executable, "-c", OTHER))
    told = [] if passed is None else [one.target for one in passed.violations if one.guard == "subprocess"]
    print(json.dumps({"found": found, "told": told}))


if __name__ == "__main__":
    main()
