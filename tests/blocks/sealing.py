"""Seals processes and has them try what is forbidden, for `test_sealed.py`: each attempt in a fork of its own. One JSON object in, one out: what became of
each, "done" or the name of an exception or an errno, by who tries it.

given: {"seals": [arguments, ...], "attempts": {name: code}, "names": {...}, "threads": who tries it, "python": whether only that layer is to hold}
threads: "main"; "after", one that is started once all is sealed; "before", one that was there; or "two", the main one where there is another

An attempt finds the names, `call(name, ...)` for a system call, `libc`, `run(...)` for a program, and `sealed`, what seal() returned last.
"""

import ctypes
import errno
import json
import os
import queue
import socket  # noqa: F401 - for attempts
import subprocess
import sys
import threading
import traceback

import hermetic
from hermetic import hermetic_blocker  # noqa: F401
from hermetic.api import guards
from hermetic.linux import own
from hermetic.linux.numbers import native

libc = ctypes.CDLL(None, use_errno=True)
os.set_blocking(1, True)


def call(name, *arguments):
    """syscall(2), past everything that Python has."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = libc.syscall(ctypes.c_long(native(name)), *words, *(ctypes.c_long(0),) * (6 - len(words)))
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def asked(name, *arguments):
    """The kernel about something that is not there; that it answers so, and not that it may not be asked, is what it takes to succeed."""
    try:
        call(name, *arguments)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def strings(*words):
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


def address(port):
    return (2).to_bytes(2, "little") + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)


def run(*command, **options):
    """What a program printed. Raises OSError for one that ends with an errno."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise OSError(done.returncode, done.stderr)
    return done.stdout


def parent_of(pid):
    """Wait for a child; in that, end."""
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def forked(function):
    """The errno that a fork ended with, 1 for what is no OSError."""
    child = os.fork()
    if not child:
        try:
            function()
        except BaseException as error:
            os._exit(getattr(error, "errno", None) or 1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def failed(code):
    if code:
        raise OSError(code, os.strerror(code))


def tried(code, names):
    names = {**globals(), **names}
    try:
        exec(code, names)
    except OSError as error:
        kind = type(error).__name__
        return kind if "Violation" in kind or "Refused" in kind else errno.errorcode.get(error.errno, str(error))
    except BaseException as error:
        return type(error).__name__
    return names.get("result", "done")


def worker(jobs, answers):
    while job := jobs.get():
        answers.put(tried(*job))


def attempt(given, thread, code):
    names = given["names"]
    jobs, answers = queue.Queue(), queue.Queue()
    if thread in ("before", "two"):
        threading.Thread(target=worker, args=(jobs, answers), daemon=True).start()
    for arguments in given["seals"]:
        names["sealed"] = hermetic.seal(**arguments)
    if thread == "after":
        threading.Thread(target=worker, args=(jobs, answers), daemon=True).start()
    if thread in ("main", "two"):
        return tried(code, names)
    jobs.put((code, names))
    return answers.get()


def in_fork(given, thread, code):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, 1)
        try:
            os.write(1, json.dumps(attempt(given, thread, code)).encode())
        except Exception:
            traceback.print_exc()
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        found = file.read()
    os.waitpid(child, 0)
    return json.loads(found) if found.startswith(('"', "[", "{")) else found.strip()


def main():
    given = json.load(sys.stdin)
    if given["seals"]:
        guards().stay()  # once, and not in each
    if given.get("python"):
        own.enter = lambda policy, here, permit: None
    print(
        json.dumps(
            {thread: {name: in_fork(given, thread, code) for name, code in given["attempts"].items()} for thread in given["threads"]}
        )
    )


if __name__ == "__main__":
    main()
