"""A build backend that reads what no build is to know, natively too, and says in the wheel it makes what came of it.

`PYTHON_READING` has the paths. Of command lines it reads those of all processes there are, for a word that the installer was started with.
"""

import glob
import json
import multiprocessing
import os
import subprocess
import sys

import demo_backend

WORD = "token" + "-of-the-index"


def outcomes():
    found = {}
    for path in json.loads(os.environ["PYTHON_READING"]):
        found[path] = attempt(lambda path=path: open(path).close())
        found[path + ", natively"] = natively("cat " + path)
    found["command lines"] = "done" if any(WORD in content(path) for path in glob.glob("/proc/[0-9]*/cmdline")) else "refused"
    found["command lines, natively"] = natively("cat /proc/[0-9]*/cmdline 2>/dev/null | grep -qa " + WORD)
    return found


def content(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def attempt(function):
    try:
        function()
    except OSError:
        return "refused"
    return "done"


def natively(script):
    return "refused" if subprocess.call(["bash", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) else "done"


def square(number, connection):
    connection.send(number * number)


def in_process():
    """What comes of a process that the build makes for itself."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    context.Process(target=square, args=(3, sender)).start()
    sender.close()
    return receiver.recv()


def in_pool():
    """The same of several, which wait for each other by locks: these are in /dev/shm."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-9, 4])


def in_program():
    return int(subprocess.check_output([sys.executable, "-c", "print(3 * 3)"]))


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version, metadata = demo_backend.project()
    found = dict(outcomes(), own=content("/proc/self/cmdline") != "", process=in_process(), pool=in_pool(), program=in_program())
    modules = {name + ".py": "", "reading_outcomes.json": json.dumps(found)}
    return os.path.basename(demo_backend.write_wheel(wheel_directory, name, version, modules, metadata))
