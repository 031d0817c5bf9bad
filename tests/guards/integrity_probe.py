"""Runs snippets for test_integrity.py in one interpreter, each in a fork, and says what became of each. Valid on Python 3.6.

Reads {"names": {...}, "snippets": {name: code}} from standard input; prints {name: "done", or the violation's text, or the exception's}.
"""

import json
import os
import sys
import traceback


class Path:
    """A path-like object of the target's own."""

    def __init__(self, text):
        self.text = text

    def __fspath__(self):
        return self.text


class Liar(str):
    """A str that says it is another one."""

    def __str__(self):
        return "/tmp/harmless"

    __fspath__ = __repr__ = __str__

    def __getitem__(self, _):
        return "/"

    def startswith(self, *_):
        return False

    def rpartition(self, _):
        return "/tmp", "/", "harmless"


class BytesLiar(bytes):
    def decode(self, *_):
        return "/tmp/harmless"

    def __str__(self):
        return "/tmp/harmless"


def outcome(code, names):
    names = dict(names, os=os, sys=sys, Path=Path, Liar=Liar, BytesLiar=BytesLiar)
    try:
        exec(code, names)
    except BaseException as error:
        if type(error).__name__ == "IntegrityViolation":
            return f"refused: {error}"
        return "".join(traceback.format_exception_only(type(error), error)).strip()
    return names.get("result", "done")


def in_a_fork(code, names):
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, str(outcome(code, names)).encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        answer = file.read().decode("utf-8")
    os.waitpid(pid, 0)
    return answer


if __name__ == "__main__":
    task = json.loads(sys.stdin.read())
    print(json.dumps({name: in_a_fork(code, task["names"]) for name, code in task["snippets"].items()}))
