"""Runs the snippets of the filesystem guard's table in one interpreter, each in a fork, and says what became of each. Valid on Python 3.6.

Reads [[name, module, names, code], ...] from standard input; prints {name: outcome}.
"""

import json
import os
import sys


class Path:
    """A path-like object of the target's own."""

    def __init__(self, text):
        self.text = text

    def __fspath__(self):
        return self.text


class Fickle:
    """One that says something else each time it is asked, in turn."""

    def __init__(self, *texts):
        self.texts = list(texts)

    def __fspath__(self):
        self.texts.append(self.texts.pop(0))
        return self.texts[-1]


class Liar(str):
    """A str that says it is another one."""

    def __str__(self):
        return "/tmp/harmless"

    __fspath__ = __repr__ = __str__

    def __getitem__(self, _):
        return "/"

    def startswith(self, *_):
        return False

    def encode(self, *_):
        return b"/tmp/harmless"


class BytesLiar(bytes):
    def decode(self, *_):
        return "/tmp/harmless"


def outcome(code, names, module):
    names = dict(names, os=os, sys=sys, Path=Path, Fickle=Fickle, Liar=Liar, BytesLiar=BytesLiar)
    error, kinds = "", []
    try:
        if module:
            try:
                __import__(module)
            except ImportError:
                return {"missing": module}
        exec(compile(code, "<snippet>", "exec"), names)
    except BaseException as caught:
        error, kinds = "%s: %s" % (type(caught).__name__, caught), [kind.__name__ for kind in type(caught).__mro__]
    return {"error": error, "kinds": kinds, "result": str(names.get("result", "")), "pid": os.getpid()}


def in_a_fork(*row):
    sys.stdout.flush()
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_end)
            answer = json.dumps(outcome(*row)).encode()
            while answer:
                answer = answer[os.write(write_end, answer) :]
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return json.loads(answer.decode()) if answer else {"error": "it died", "kinds": [], "result": "", "pid": pid}


PRELOADED = """asyncio bz2 configparser datetime dbm.dumb decimal email.message fcntl fileinput gettext glob hashlib http.client importlib.util inspect
linecache locale logging mmap multiprocessing.pool multiprocessing.shared_memory multiprocessing.sharedctypes pathlib pickle pty pwd readline runpy
shelve shutil socket sqlite3 ssl subprocess tempfile traceback unittest uuid venv xml.etree.ElementTree zipfile zipimport zoneinfo"""
"""Modules that rows need: loaded once, not in each fork."""

if __name__ == "__main__":
    for name in PRELOADED.split():
        try:
            __import__(name)
        except ImportError:
            pass
    sys.stdout.write(json.dumps({name: in_a_fork(code, names, module) for name, module, names, code in json.load(sys.stdin)}))
