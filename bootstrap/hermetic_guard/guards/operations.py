"""What calls do to files: the one place that reads their arguments. Several guards judge what it finds, each by rules of its own.

Audit events tell of most calls; of the others the replaced functions of silent.py and libraries.py tell by the event FILE, and where there
are no events at all (3.6, 3.7, most of PyPy) they tell of everything. A handler runs none of the target's code: arguments are copied past
the methods of their types.
"""

import os

from hermetic_guard.decide import Request
from hermetic_guard.guards.canonical import O_PATH
from hermetic_guard.guards.paths import (
    BRINGS,
    FOLLOWS,
    LINK,
    MAKES,
    MOVES,
    PUTS,
    READS,
    TAKES,
    TOUCHES,
    UNREADABLE,
    WRITES,
    open_directories,
    plain,
)

FILE, OPEN, DATABASE, USE, HEAD = "hermetic.file", "hermetic.open", "hermetic.database", "hermetic.use", "hermetic.head"
VARIABLE, ACCESS = "hermetic.variable", "hermetic.access"
"""Audit events of our own, for what has none: (operation, path, directory, ...), what `open` has, and those of filesystem.py."""

READ, LIST, WRITE, CREATE, CHANGE, DELETE, RENAME, HARDLINK, READLINK = "read list write create change delete rename link readlink".split()
"""What is tried, in the words of messages and rules."""

OPERATIONS = {
    "os.chflags": (CHANGE, [(0, None, FOLLOWS)]),
    "os.chmod": (CHANGE, [(0, 2, FOLLOWS)]),
    "os.chown": (CHANGE, [(0, 3, TOUCHES)]),
    "os.getxattr": (READ, [(0, None, READS)]),
    "os.link": (HARDLINK, [(0, 2, FOLLOWS), (1, 3, MAKES)]),
    "os.listdir": (LIST, [(0, None, READS)]),
    "os.listxattr": (READ, [(0, None, READS)]),
    "os.mkdir": (CREATE, [(0, 2, MAKES)]),
    "os.remove": (DELETE, [(0, 1, TAKES)]),
    "os.removexattr": (CHANGE, [(0, None, TOUCHES)]),
    "os.rename": (RENAME, [(0, 2, MOVES), (1, 3, PUTS)]),
    "os.rmdir": (DELETE, [(0, 1, TAKES)]),
    "os.scandir": (LIST, [(0, None, READS)]),
    "os.setxattr": (CHANGE, [(0, None, TOUCHES)]),
    "os.symlink": (CREATE, [(1, 2, BRINGS)]),
    "os.truncate": (WRITE, [(0, None, FOLLOWS)]),
    "os.utime": (CHANGE, [(0, 3, TOUCHES)]),
}  # type: dict
"""Audit events: what is tried, and for each path among their arguments its place, that of its directory's descriptor (-1 is the working
directory), and what the call does with it (paths.py)."""

SILENT = {
    READ: (READ, [READS]),
    WRITE: (WRITE, [WRITES]),
    CREATE: (CREATE, [MAKES]),
    DELETE: (DELETE, [TAKES]),
    READLINK: (READLINK, [LINK]),
}
"""What replaced functions tell by FILE besides the above, with their paths in order."""

OF_DESCRIPTORS = frozenset([READ, LIST, WRITE])
"""What a descriptor allows was judged when it was opened; but for its owner, mode and times it need only be open at all."""

IOCTLS = {0x40086602: "FS_IOC_SETFLAGS", 0x40087602: "FS_IOC_SETVERSION", 0x401C5820: "FS_IOC_FSSETXATTR", 0x40046602: "FS_IOC32_SETFLAGS"}
"""Requests that change a file through a descriptor that only reads; ioctl_iflags(2)."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
TMPFILE = 0o20000000
"""Its own bit of O_TMPFILE, which is not named before 3.4 nor on PyPy."""


def make_handlers(check, scopes, judge, judge_reading, channel_path):
    """judge(action, path, directory, what) raises what is refused; judge_reading(action, path, directory) is for what only reads, and takes
    paths as they come in events.

    channel_path: the run's FIFO, as the very object that events.py opens it by.
    """
    on_open = make_on_open(make_copy(check), scopes, judge, judge_reading, channel_path)
    handlers = {event: make_on_paths(make_copy(check), judge, *row) for event, row in OPERATIONS.items()}
    handlers.update({"open": on_open, OPEN: make_on_told_open(on_open), FILE: make_on_file(judge), "fcntl.ioctl": make_on_ioctl(judge)})
    handlers["import"] = make_on_import(judge_reading)
    return handlers


def make_copy(check):
    def copy(path):
        found = plain(path)
        if found is UNREADABLE:
            check(Request("integrity", "open", "an object that may lead elsewhere when it is asked again"))
        return found

    return copy


def make_on_paths(copy, judge, action, places):
    free = action in OF_DESCRIPTORS

    def on_paths(*arguments):
        try:
            for at, directory, what in places:
                path = copy(arguments[at])
                start = arguments[directory] if directory is not None else -1
                if not (free and type(path) is int):
                    judge(action, path, start if type(start) is int else -1, what)
        except ABSENCE as error:
            name_other(error, [copy(arguments[place[0]]) for place in places])
            raise

    return on_paths


ABSENCE = (FileNotFoundError, NotADirectoryError)


def name_other(error, paths):
    """What has two paths names both where it fails, as CPython does."""
    if len(paths) == 2:
        error.filename, error.filename2 = paths


def make_on_open(copy, scopes, judge, judge_reading, channel_path):
    """`open` carries a mode from io.open, beside which the flags may mean nothing (ssl's key log, PyPy), and None from os.open.

    A relative path from os.open may be relative to any directory that is open; the event does not say, and the replaced os.open hands on none.
    """
    disjoint = frozenset("wax+").isdisjoint

    def on_open(path, mode, flags):
        if mode == "r" or (disjoint(mode) if mode is not None else not flags & WRITING):
            if not scopes.limits_reading or (mode is None and flags & O_PATH and not flags & TMPFILE):
                return  # O_PATH gives no access; what is reached through it is judged
            judge_reading(READ, path, -1)
        elif path is not channel_path and type(path) is not int:
            path = copy(path)
            judge(WRITE, path, -1, effect(mode, flags))
        else:
            return
        if mode is None and path[:1] not in ("/", b"/"):
            anywhere(path, flags)

    def anywhere(path, flags):
        for descriptor in open_directories():
            if flags & WRITING:
                judge(WRITE, path, descriptor, effect(None, flags))
            else:
                judge_reading(READ, path, descriptor)

    return on_open


def effect(mode, flags):
    """What opening for writing does."""
    if mode is None:
        if flags & TMPFILE or not flags & os.O_CREAT:
            return FOLLOWS
        return MAKES if flags & os.O_EXCL else WRITES
    if "x" in mode:
        return MAKES
    return WRITES if "w" in mode or "a" in mode else FOLLOWS


def make_on_told_open(on_open):
    def on_told_open(answer, path, mode, flags):
        if type(answer) is list and (mode is None or type(mode) is str) and type(flags) is int:
            on_open(path, mode, flags)
            answer.append(True)

    return on_told_open


def make_on_file(judge):
    known = dict(SILENT)  # type: dict
    known.update([(event, (action, [place[2] for place in places])) for event, (action, places) in OPERATIONS.items()])

    def on_file(answer, operation, *found):
        """found: a path and its directory's descriptor, for each path of the operation."""
        if type(answer) is not list or type(operation) is not str:
            return
        action, deeds = known[operation]
        paths = [plain(path) for path in found[::2]]
        try:
            for path, directory, what in zip(paths, found[1::2], deeds):
                if path is not UNREADABLE and type(directory) is int and not (type(path) is int and action in OF_DESCRIPTORS):
                    judge(action, path, directory, what)
        except ABSENCE as error:
            name_other(error, paths)
            raise
        answer.append(True)

    return on_file


def make_on_ioctl(judge):
    def on_ioctl(descriptor, request, *_):
        if type(request) is int and request & 0xFFFFFFFF in IOCTLS and type(descriptor) is int:
            judge(CHANGE, descriptor, -1, FOLLOWS)

    return on_ioctl


def make_on_import(judge_reading):
    def on_import(_, filename, *__):
        """The file name is given only where an extension module is about to be loaded (Python/import.c, _imp_create_dynamic_impl)."""
        if filename is not None:
            judge_reading(READ, filename, -1)

    return on_import
