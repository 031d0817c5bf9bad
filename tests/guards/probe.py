"""Runs the rows of a table in one interpreter and says what became of each, for `attempts.py`. Valid on Python 3.6.

Reads one JSON object from standard input: {"fork": whether each row runs in a fork of its own, "world": a directory, "names": what rows find in
their namespace besides, "rows": [[key, code], ...]}. A row has a directory `free` of its own; what it does, it shows by the file `marker` in
it. Answers with one line a row.
"""

import json
import os
import signal
import sys

ANSWER = "\1"
"""Begins our lines, for children may print as well."""

PATIENCE_S = 60
MODULES = "asyncio concurrent.futures.process importlib.util multiprocessing.pool multiprocessing.util pathlib platform shutil subprocess"


def main(task):
    for name in MODULES.split():
        __import__(name)
    for key, code in task["rows"]:
        free = "%s/%s" % (task["world"], key)
        os.makedirs(free)
        run = in_a_fork if task["fork"] else outcome
        answer = run(code, namespace(task["names"], free), free)
        sys.stdout.write(ANSWER + json.dumps(dict(answer, key=key)) + "\n")
        sys.stdout.flush()


def namespace(names, free):
    names = dict(names, os=os, sys=sys, subprocess=sys.modules["subprocess"], free=free, marker=free + "/marker", PY=sys.executable)
    names.update(touch=[names["TOUCH"], names["marker"]], fork_exec=fork_exec, Liar=Liar, Path=Path, refused=refused)
    return names


def outcome(code, names, free):
    os.chdir(free)
    error, kinds = None, []
    try:
        exec(compile(code, "<row>", "exec"), names)
    except BaseException as caught:
        error, kinds = "%s: %s" % (type(caught).__name__, caught), [kind.__name__ for kind in type(caught).__mro__]
    return {"error": error, "kinds": kinds, "result": repr(names.get("result"))}


def in_a_fork(code, names, free):
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE_S)
        try:
            os.write(write_end, json.dumps(outcome(code, names, free)).encode() + b"\n")
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        answer = file.readline()  # what it has left running may hold the pipe open
    os.waitpid(child, 0)
    return json.loads(answer.decode()) if answer else {"error": "became something else", "kinds": [], "result": ""}


def refused(call, *arguments, **options):
    """The names of what a call raises; not more than that, so that nothing is kept from a row that goes on."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return type(error).__name__
    return None


class Liar(str):
    """A str that says it is another one."""

    told = "/bin/true"

    def __str__(self):
        return self.told

    __fspath__ = __repr__ = __str__

    def __getitem__(self, at):
        return self.told[at]

    def startswith(self, *_):
        return True


class Path(object):
    """Leads elsewhere each time it is asked."""

    def __init__(self, *paths):
        self.paths = list(paths)

    def __fspath__(self):
        return self.paths.pop(0) if len(self.paths) > 1 else self.paths[0]


def fork_exec(arguments, executables, environment=None, preexec_fn=None, function=None):
    """_posixsubprocess.fork_exec with as many arguments as this version wants; returns the exit status."""
    import _posixsubprocess

    error, ours = os.pipe()
    descriptors = [-1] * 6 + [error, ours]
    more = [] if sys.version_info < (3, 9) else [None, None, None, -1]
    more = [-1] + more if sys.version_info >= (3, 11) else more
    last = [preexec_fn, False] if (3, 11) <= sys.version_info < (3, 14) else [preexec_fn]
    call = function or _posixsubprocess.fork_exec
    child = call(arguments, executables, True, (ours,), None, environment, *(descriptors + [False, False] + more + last))
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    main(json.loads(sys.stdin.read()))
