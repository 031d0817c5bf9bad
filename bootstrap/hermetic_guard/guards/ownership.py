"""Whose an AF_UNIX address is: bound inside this run, or some daemon's outside.

A path says little, for the target can make it lead elsewhere; so it is the socket's inode that is remembered, in the run's registry, where
every process of the run finds it.
"""

from posix import getcwdb, lstat, stat
from time import time as clock

from hermetic_guard.decide import Request
from hermetic_guard.guards.addresses import FS_ENCODING, SUN_PATH, as_str
from hermetic_guard.guards.paths import MAKES, READS

FRESH = 2.0
"""Seconds: a socket that somebody claims to have bound just now, but that is older than this, was there before."""


def show_path(path):
    """Absolute; an abstract name with the @ that ss(8) prints."""
    text = as_str(absolute(path))
    return "@" + text[1:] if text[:1] == "\0" else text


def absolute(path):
    """The path from the root, or as it is if it is an abstract name or there is no working directory any more."""
    if path[:1] in (b"", b"\0", b"/"):
        return path
    try:
        return getcwdb() + b"/" + path
    except OSError:
        return path


def make_real(locate):
    """real(path): the address as rules name it, see decide.py; raises OSError where that cannot be found out. locate: canonical.py's, sealed"""

    def real(path):
        if path[:1] in (b"", b"\0"):
            return path
        place = locate(path, -1, READS)
        return absolute(path) if place is None else place.encode(*FS_ENCODING)

    return real


def make_keep_out(check, run, judge_file=None):
    """Binding makes a file, of which only socket.bind tells: not in the run directory, where files mean something, nor where judge_file, the
    filesystem guard's judge, refuses it."""
    places = [run, run + "/unix"] if run is not None else []
    kept = frozenset([identity(stat(place)) for place in places if exists(place)])

    def keep_out(path):
        if path[:1] in (b"", b"\0"):
            return
        try:
            found = identity(stat(directory_of(path)))
        except OSError:
            return
        if found in kept:
            check(Request("integrity", "write", as_str(absolute(path))))
        if judge_file is not None:
            judge_file("create", path, -1, MAKES)

    return keep_out


def exists(path):
    try:
        stat(path)
    except OSError:
        return False
    return True


def identity(found):
    return found.st_dev, found.st_ino


def directory_of(path):
    return path.rpartition(b"/")[0] or (b"/" if path[:1] == b"/" else b".")


def make_ownership(registered, run):
    """owns(path, kind): whether an AF_UNIX address was bound inside this run, or stands in its scratch directory. kind: the type of the socket that
    connects: to another type an abstract name is another's (unix_abstract_hash, net/unix/af_unix.c)."""
    scratch = identity(stat(run + "/scratch")) if run is not None and exists(run + "/scratch") else None

    def owns(path, kind):
        if path[:1] in (b"", b"\0"):
            # Nothing can be bound to the empty name; unix(7).
            return not path or registered(abstract_key(path, kind))
        try:
            found = stat(path)
        except OSError:
            # It leads nowhere: for an address that was ours, a server that has gone.
            return registered(absolute(path))
        return registered(inode_key(found)) or (scratch is not None and is_below(path, scratch))

    return owns


def abstract_key(name, kind):
    return b"abstract:%d:%s" % (kind, name)


def inode_key(found):
    """What the registry knows a bound socket by, which no absolute path looks like."""
    return ("inode:%d:%d:%d" % (found.st_dev, found.st_ino, found.st_mtime_ns)).encode("ascii")


def is_below(path, directory):
    """Whether a path is a socket, not a link to one, anywhere below the directory of that identity; `..` is the kernel's word on it."""
    try:
        if not is_plain_socket(lstat(path)):
            return False
        here, above = None, directory_of(path)
        while here != identity(stat(above)):
            here = identity(stat(above))
            if here == directory:
                return True
            above += b"/.."
    except OSError:
        pass
    return False


def is_plain_socket(found):
    """S_ISSOCK, and under no second name: a hard link would make any socket look like ours."""
    return found.st_mode & 0o170000 == 0o140000 and found.st_nlink == 1


def make_bound(register, name_of, kind_of):
    """bound(socket): remember the address, as the kernel has it, of an AF_UNIX socket that was just bound.

    Whoever claims that may lie about it, so the kernel is asked for the name, and the file must be as new as it would be.
    """

    def bound(sock):
        name = name_of(sock)
        try:
            if type(name) is bytes and name:
                register(abstract_key(name, kind_of(sock)))
            elif type(name) is str and name:
                remember(str.encode(name, *FS_ENCODING))
        except OSError:
            # Then it is not ours, and connecting to it is refused.
            return

    def remember(path):
        found = lstat(path)
        if is_plain_socket(found) and abs(clock() - found.st_mtime) < FRESH:
            register(inode_key(found))
            if len(absolute(path)) <= SUN_PATH:
                register(absolute(path))

    return bound
