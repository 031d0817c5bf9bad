"""Functions of CPython's own that touch files without an audit event, or whose event leaves out what counts: replaced, to tell.

On 3.6 and 3.7, and on PyPy but for `open`, no event tells of any: there the rest of the table is replaced as well. What is asked about is
handed on: exact copies, and to os.open a path that means the same everywhere.
"""

import _io
import io
import os
import posix
import sys
from abc import ABCMeta
from os import fsencode, fstat, getpid

from hermetic_guard.guards.operations import ACCESS, FILE, OPEN, USE
from hermetic_guard.guards.paths import exact
from hermetic_guard.patching import builtin

PYPY = sys.implementation.name == "pypy"
EVENTS = hasattr(sys, "audit") and not PYPY
LONGEST = 4000
"""Bytes of a relative path that something can be put before; PATH_MAX is 4096."""

ALWAYS = {
    "mkfifo": ("create", [(0, "path", "dir_fd")]),
    "mknod": ("create", [(0, "path", "dir_fd")]),
    "readlink": ("readlink", [(0, "path", "dir_fd")]),
}
WITHOUT_EVENTS = {
    "chmod": ("os.chmod", [(0, "path", "dir_fd")]),
    "chown": ("os.chown", [(0, "path", "dir_fd")]),
    "fchmod": ("os.chmod", [(0, "fd", None)]),
    "fchown": ("os.chown", [(0, "fd", None)]),
    "getxattr": ("os.getxattr", [(0, "path", None)]),
    "lchown": ("os.chown", [(0, "path", None)]),
    "link": ("os.link", [(0, "src", "src_dir_fd"), (1, "dst", "dst_dir_fd")]),
    "listdir": ("os.listdir", [(0, "path", None)]),
    "listxattr": ("os.listxattr", [(0, "path", None)]),
    "mkdir": ("os.mkdir", [(0, "path", "dir_fd")]),
    "remove": ("os.remove", [(0, "path", "dir_fd")]),
    "removexattr": ("os.removexattr", [(0, "path", None)]),
    "rename": ("os.rename", [(0, "src", "src_dir_fd"), (1, "dst", "dst_dir_fd")]),
    "replace": ("os.rename", [(0, "src", "src_dir_fd"), (1, "dst", "dst_dir_fd")]),
    "rmdir": ("os.rmdir", [(0, "path", "dir_fd")]),
    "scandir": ("os.scandir", [(0, "path", None)]),
    "setxattr": ("os.setxattr", [(0, "path", None)]),
    "symlink": ("os.symlink", [(1, "dst", "dir_fd")]),
    "truncate": ("os.truncate", [(0, "path", None)]),
    "unlink": ("os.remove", [(0, "path", "dir_fd")]),
    "utime": ("os.utime", [(0, "path", "dir_fd")]),
}
"""By name, the operation that is told (operations.py) and for each path the place and the name of its argument, and of that for the
descriptor of its directory."""

NAMESPACES = {"chroot": "chroot, which makes paths mean something else", "setns": "setns, which makes paths mean something else"}
SPAWN_OPEN = 0
"""POSIX_SPAWN_OPEN, an action whose path is opened in the child (Modules/posixmodule.c)."""


def install(ledger, asks):
    tell, ask_open, use = asks[FILE], asks[OPEN], asks[USE]
    everywhere = Everywhere(ledger)
    for name, (operation, places) in (ALWAYS if EVENTS else dict(ALWAYS, **WITHOUT_EVENTS)).items():
        everywhere.replace(name, lambda original: make_told(original, tell, operation, places))  # noqa: B023 - called at once
    for name, what in NAMESPACES.items():
        everywhere.replace(name, lambda original: make_refused(original, use, what))  # noqa: B023
    everywhere.replace("open", lambda original: make_os_open(original, ask_open))
    everywhere.replace("access", lambda original: make_access(original, asks[ACCESS]))
    for name in ("posix_spawn", "posix_spawnp"):
        everywhere.replace(name, lambda original: make_spawn(original, ask_open))
    replace_io(ledger, ask_open)
    replace_tracers(ledger, tell)


class Everywhere(object):
    """Replaces functions in `os` and in `posix`."""

    def __init__(self, ledger) -> None:
        self.ledger = ledger

    def replace(self, name, make):
        original = self.ledger.standing(posix, name)
        if original is not None:
            wrapper = builtin(make(original), original)
            for module in (posix, os):
                self.ledger.replace(module, name, wrapper)


# Arguments.


def plain_path(path, function):
    """An exact copy; None stays. What has none is what the original would not take."""
    copied = exact(path)
    if copied is None and path is not None:
        raise TypeError("%s: path should be string, bytes or os.PathLike, not %s" % (function, type(path).__name__))
    return copied


def number(value):
    """The exact int that `__index__` gives."""
    return exact(range(value).stop)


def make_told(original, tell, operation, places):
    name = original.__name__

    def told(*given, **named):
        words, found = list(given), []  # type: list, list
        for at, keyword, start in places:
            holder, key = (words, at) if at < len(words) else (named, keyword)
            path = None
            if holder is words or key in named:
                path = holder[key] = plain_path(holder[key], name)
            directory = named.get(start)
            if directory is not None:
                directory = named[start] = number(directory)
            found += (path, -1 if directory is None else directory)
        tell(operation, *found)
        return original(*words, **named)

    return told


def make_refused(original, use, what):
    def refused(*given, **named):
        use(what)
        return original(*given, **named)

    return refused


def make_access(original, ask):
    """Where a link is not followed it is the link that is asked about, which may always be written."""
    writing = os.W_OK

    def access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
        path, mode = plain_path(path, "access"), number(mode)
        dir_fd = None if dir_fd is None else number(dir_fd)
        found = original(path, mode, dir_fd=dir_fd, effective_ids=effective_ids, follow_symlinks=follow_symlinks)
        if not found or not mode & writing or not follow_symlinks:
            return found
        return ask(path, -1 if dir_fd is None else dir_fd)

    return access


# Opening.


def make_os_open(original, ask_open):
    """The event of os.open does not tell of dir_fd. So a relative path is handed on as one from the root, by way of /proc."""

    def open(path, flags, mode=0o777, *, dir_fd=None):
        if EVENTS and type(path) is str and path[:1] == "/":
            return original(path, flags, mode)
        path = plain_path(path, "open")
        if type(path) not in (str, bytes) or path[:1] in ("/", b"/", "", b"") or len(path) > LONGEST:
            return opened(path, flags, mode, dir_fd)
        absolute = from_root(path, None if dir_fd is None else number(dir_fd))
        try:
            return opened(absolute, flags, mode, None)
        except OSError as error:
            if error.filename == absolute:
                error.filename = path
            raise

    def opened(path, flags, mode, dir_fd):
        if not EVENTS and type(path) in (str, bytes):
            ask_open(path, None, number(flags))
        return original(path, flags, mode, dir_fd=dir_fd)

    return open


def exact_or_itself(path):
    copied = exact(path)
    return path if copied is None else copied


def from_root(path, directory):
    if directory is None or directory < 0:
        start = "/proc/self/cwd/"
    else:
        try:
            fstat(directory)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None
        start = "/proc/self/fd/%d/" % directory
    return start + path if type(path) is str else fsencode(start) + path


def make_spawn(original, ask_open):
    """File actions open in the child, and nothing tells of that."""

    def spawn(*given, file_actions=(), **named):
        actions = [opening(action, ask_open) for action in file_actions or ()]
        return original(*given, file_actions=actions, **named) if actions else original(*given, **named)

    return spawn


def opening(action, ask_open):
    action = tuple(action)
    if len(action) == 5 and number(action[0]) == SPAWN_OPEN:
        kind, descriptor, path, flags, mode = action
        path, flags = plain_path(path, "posix_spawn"), number(flags)
        ask_open(from_root(path, None) if path[:1] not in ("/", b"/") else path, None, flags)
        return number(kind), descriptor, path, flags, mode
    return action


def replace_io(ledger, ask_open):
    """FileIO's event shows the object it was given, which may be one that leads elsewhere when it is asked again."""
    kind = make_file_io(_io.FileIO, ask_open)
    for module in (_io, io):
        ledger.replace(module, "FileIO", kind)
    if not hasattr(sys, "audit"):
        import builtins

        wrapper = builtin(make_io_open(_io.open, ask_open), _io.open)
        for module in (_io, io, builtins):
            ledger.replace(module, "open", wrapper)


def make_io_open(original, ask_open):
    def open(file, mode="r", *rest, **named):
        file, mode = exact_or_itself(file), exact_or_itself(mode)
        if type(file) in (str, bytes) and type(mode) is str:
            ask_open(file, mode, 0)
        return original(file, mode, *rest, **named)

    return open


def make_file_io(base, ask_open):
    def copied(file, mode="r", *rest, **named):
        file, mode = exact_or_itself(file), exact_or_itself(mode)
        if not EVENTS and type(file) in (str, bytes) and type(mode) is str:
            ask_open(file, mode, 0)
        return (file, mode, *rest), named

    class FileType(ABCMeta if type(base) is type else type(base)):  # type: ignore[misc]  # a block in a run has the run's before it
        """Files that `open` makes are instances of the original, and are instances of what stands for it."""

        def __call__(cls, *given, **named):
            if cls is not FileIO:
                return super().__call__(*given, **named)
            given, named = copied(*given, **named)
            return base(*given, **named)

        def __instancecheck__(cls, instance):
            return isinstance(instance, base) if cls is FileIO else super().__instancecheck__(instance)

        def __subclasscheck__(cls, kind):
            return issubclass(kind, base) if cls is FileIO else super().__subclasscheck__(kind)

    class FileIO(base, metaclass=FileType):  # type: ignore[misc,valid-type]
        __doc__ = base.__doc__
        __module__ = base.__module__

        def __init__(self, *given, **named):
            given, named = copied(*given, **named)
            base.__init__(self, *given, **named)

    FileIO.__qualname__ = "FileIO"
    return FileIO


# What writes a file for whoever looks into this process.


def replace_tracers(ledger, tell):
    def activate(original):
        def activate_stack_trampoline(backend):
            tell("write", "/tmp/perf-%d.map" % getpid(), -1)
            return original(backend)

        return activate_stack_trampoline

    def dump(original):
        def _dump_tracelets(outpath):
            outpath = plain_path(outpath, "_dump_tracelets")
            tell("write", outpath, -1)
            return original(outpath)

        return _dump_tracelets

    for name, make in (("activate_stack_trampoline", activate), ("_dump_tracelets", dump)):
        if hasattr(sys, name):
            original = getattr(sys, name)
            ledger.replace(sys, name, builtin(make(original), original))
