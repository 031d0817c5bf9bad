"""What keeps the guards standing, in every policy.

A target that can write into the run directory decides what its children load; one that makes a sub-interpreter has one without a hook; one
that writes /proc/PID/mem or attaches to its parent rewrites code that stands. What must not be loaded a second time is in loading.py.
On 3.6, 3.7 and PyPy, where these raise no audit events, the run directory is still compared before every child starts (starts.py).
"""

import os
import sys

from hermetic_guard.decide import Request
from hermetic_guard.errors import IntegrityViolation
from hermetic_guard.guards import loading, paths
from hermetic_guard.guards.paths import FOLLOWS, MAKES, MOVES, PUTS, TAKES, exact, open_directories
from hermetic_guard.hook import make_ask
from hermetic_guard.sealing import seal

NAME = "integrity"
CHANGE = "hermetic.change"
"""An audit event of our own, for what has none: os.mkfifo and os.mknod."""

REFUSED = {
    "sys.remote_exec": "remote execution",
    "cpython.remote_debugger_script": "remote execution",
    "cpython.PyInterpreterState_New": "a sub-interpreter",
}
"""Events that no guarded program may cause. `_interpreters.create` (3.13+) raises none and is replaced."""

PATHS = {
    "os.chflags": [(0, None, FOLLOWS)],
    "os.chmod": [(0, 2, FOLLOWS)],
    "os.chown": [(0, 3, FOLLOWS)],
    "os.link": [(0, 2, FOLLOWS), (1, 3, MAKES)],
    "os.mkdir": [(0, 2, MAKES)],
    "os.remove": [(0, 1, TAKES)],
    "os.removexattr": [(0, None, FOLLOWS)],
    "os.rename": [(0, 2, MOVES), (1, 3, PUTS)],
    "os.rmdir": [(0, 1, TAKES)],
    "os.setxattr": [(0, None, FOLLOWS)],
    "os.symlink": [(1, 2, MAKES)],
    "os.truncate": [(0, None, FOLLOWS)],
    "os.utime": [(0, 3, FOLLOWS)],
}
"""Events of what changes a file: for each path among their arguments its place, that of its directory's descriptor (-1 is the working
directory), and what the call does with it (paths.py)."""


def install(enforcer, protected, channel_path):
    """protected: absolute real paths of directories and files that the target must not change.

    channel_path: the run's FIFO, as the very object that events.py opens it by.
    """
    judging = seal(vars(paths), globals())
    judge = judging["make_judge"](enforcer.check, judging["make_is_protected"](protected))
    handlers = judging["make_handlers"](enforcer.check, judge, channel_path)
    change = make_ask(CHANGE) if hasattr(sys, "addaudithook") else make_change(judge)
    replace_silent_makers(enforcer.ledger, change)
    loading.install(enforcer)
    return handlers


def make_judge(check, is_protected):
    violation = IntegrityViolation

    def judge(path, directory, what):
        """Raise if a call would change what must not be changed; see paths.py."""
        place = is_protected(path, directory, what)
        if place is None:
            return True
        if "/__pycache__" in place:
            # An interpreter that caches its bytecode means no harm, and goes on without.
            raise violation(NAME, "write", place, "guards stay in place")
        check(Request(NAME, "write", place))

    return judge


def make_handlers(check, judge, channel_path):
    handlers = {name: (make_copy(places), make_on_paths(judge, places)) for name, places in PATHS.items()}
    handlers.update((name, make_refuser(check, what)) for name, what in REFUSED.items())
    handlers["open"] = (make_pick_writes(channel_path), make_on_write(judge))
    handlers[CHANGE] = make_on_change(judge)
    handlers["import"] = make_on_import(check)
    return handlers


def make_copy(places):
    """The first step of a handler: it may call methods of the target's, and copies what is judged."""
    integer = int

    def copy(*arguments):
        return [
            (exact(arguments[path]), arguments[at] if at is not None and type(arguments[at]) is integer else -1) for path, at, _ in places
        ]

    return copy


def make_on_paths(judge, places):
    deeds = [place[2] for place in places]

    def on_paths(*found):
        for (path, directory), what in zip(found, deeds):
            judge(path, directory, what)

    return on_paths


def make_pick_writes(channel_path):
    """`open` carries a mode from io.open, beside which the flags may mean nothing (ssl's key log, PyPy), and None from os.open.

    From os.open a relative path may be relative to any directory that is open; the event does not say.
    """
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    letters, integer = frozenset("wax+"), int

    def pick(path, mode, flags):
        if not flags & writing if mode is None else letters.isdisjoint(mode):
            return None
        if path is channel_path or type(path) is integer:
            return None
        return exact(path), mode is None

    return pick


def make_on_write(judge):
    def on_write(path, anywhere):
        judge(path, -1, FOLLOWS)
        if anywhere and path[:1] not in ("/", b"/"):
            for descriptor in open_directories():
                judge(path, descriptor, FOLLOWS)

    return on_write


def make_on_change(judge):
    def on_change(answer, path, directory):
        if type(answer) is list and type(path) in (str, bytes) and type(directory) is int:
            answer.append(judge(path, directory, MAKES))

    return on_change


def make_change(judge):
    def change(path, directory):
        judge(path, directory, MAKES)

    return change


def make_on_import(check):
    replaced = loading.REPLACED

    def on_import(name, filename, *_):
        """The file name is given only where an extension module is about to be loaded (Python/import.c, _imp_create_dynamic_impl)."""
        if filename is not None and str.__str__(name).rpartition(".")[2] in replaced:
            check(Request(NAME, "load again", str.__str__(name)))

    return on_import


def make_refuser(check, what):
    def refuse(*_):
        check(Request(NAME, "use", what))

    return refuse


def replace_silent_makers(ledger, change):
    plain = exact

    def guarded(original):
        def make(path, *arguments, **options):
            path = plain(path)
            directory = options.get("dir_fd")
            if directory is not None:
                directory = options["dir_fd"] = plain(range(directory).stop)
            if type(path) in (str, bytes):
                change(path, -1 if directory is None else directory)
            return original(path, *arguments, **options)

        make.__name__ = make.__qualname__ = original.__name__
        make.__doc__ = original.__doc__
        make.__module__ = original.__module__
        return make

    for name in ("mkfifo", "mknod"):
        if hasattr(os, name):
            wrapper = guarded(getattr(os, name))
            for module in (os, sys.modules["posix"]):
                ledger.replace(module, name, wrapper)
