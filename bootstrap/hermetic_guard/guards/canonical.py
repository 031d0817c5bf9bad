"""Where a path leads, as the text that rules are written in: absolute and without links.

The kernel is asked, by opening the path without access to what is there (O_PATH): links, `..`, /proc/self/cwd and descriptors of directories
come out as they would for the call itself. Nothing is remembered, for a path may be made to lead elsewhere. Another thread that does so
between the answer and the call is not held from here.
"""

import posix
from posix import O_CLOEXEC, O_NOFOLLOW, close, fstat, getpid, open, readlink

from hermetic_guard.guards.addresses import FS_ENCODING
from hermetic_guard.guards.paths import FOLLOWING, LINKS, MAKING, PUTS, WRITES

O_PATH = getattr(posix, "O_PATH", 0o10000000)
"""PyPy does not name it; <asm-generic/fcntl.h>."""

DESCRIPTOR = b"/proc/self/fd/%d"
DELETED = b" (deleted)"
NOWHERE = (b"pipe:[", b"socket:[", b"anon_inode:")
"""What a descriptor leads to where that is in no file system; proc_pid_fd(5)."""

ABSENT = frozenset([2, 13, 20, 22, 36, 40])
"""ENOENT, EACCES, ENOTDIR, EINVAL, ENAMETOOLONG, ELOOP: of a path that leads nowhere. The call meets the same error, and tells it."""


def locate(path, directory, what):
    """What a call would touch, as text; None if that is nothing: it will fail, and say why, or no file system is concerned.

    path: exact; directory: the descriptor that a relative path starts from, -1 for the working directory
    Raises OSError where nothing can be found out, as without free descriptors.
    """
    if type(path) is int:
        fstat(path)  # which says so if there is no such descriptor
        return shown(link_of(path))
    path = as_bytes(path, directory)
    for _ in range(LINKS):
        found = lead(path, what in FOLLOWING)
        if found is not None:
            return None if what in MAKING else shown(found)
        if what not in MAKING and what not in (PUTS, WRITES):
            return None
        parent, name = halves(path)
        target = link_target(path) if what is WRITES else None
        if target is None:
            above = lead(parent, True) if name else None
            return None if above is None else shown(above.rstrip(b"/") + b"/" + name)
        path = target if target[:1] == b"/" else parent + b"/" + target
    return None


def absent(path, directory):
    """The last name on the way to what is not there, links followed as far as they lead; None if there is none."""
    path = as_bytes(path, directory)
    found = None
    for _ in range(LINKS):
        parent, name = halves(path)
        above = lead(parent, True) if name else None
        if above is None:
            break
        found = shown(above.rstrip(b"/") + b"/" + name)
        target = link_target(path)
        if target is None:
            break
        path = target if target[:1] == b"/" else parent + b"/" + target
    return found


def as_bytes(path, directory):
    if path is None:
        return b"."
    if type(path) is str:
        path = path.encode(*FS_ENCODING)
    if directory >= 0 and path[:1] != b"/":
        path = DESCRIPTOR % directory + b"/" + path
    return path


def lead(path, follow):
    """Where a path leads; None if it leads nowhere, b"" if to what is in no tree."""
    try:
        descriptor = open(path if follow else path.rstrip(b"/") or path, O_PATH | O_CLOEXEC | (0 if follow else O_NOFOLLOW))
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    try:
        return link_of(descriptor)
    finally:
        close(descriptor)


def link_of(descriptor):
    found = readlink(DESCRIPTOR % descriptor)
    if found[:1] != b"/" and found.startswith(NOWHERE):
        return b""
    if found.endswith(DELETED) and fstat(descriptor).st_nlink == 0:
        return b""
    return found


def halves(path):
    """The directory and the name to be made in it; no name where nothing can be made."""
    parent, slash, name = path.rstrip(b"/").rpartition(b"/")
    return parent or slash or b".", b"" if name in (b".", b"..") else name


def link_target(path):
    try:
        return readlink(path)
    except OSError:
        return None


def shown(found):
    """As text; a process's own directory in /proc by the name that it has for all."""
    if not found:
        return None
    own = b"/proc/%d/" % getpid() if found.startswith(b"/proc/") else None
    if own is not None and (found + b"/").startswith(own):
        found = b"/proc/self" + found[len(own) - 1 :]
    return found.decode("utf-8", "surrogateescape")
