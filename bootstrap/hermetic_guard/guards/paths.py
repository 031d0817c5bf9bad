"""Paths as arguments of calls, and whether they lead into certain directories: asked of the kernel, never computed from their text.

Symbolic links, `..`, bind mounts, /proc/self/cwd and the descriptor of a directory all end in one directory, which is known by its device and
inode. Names are looked at for one thing only, /proc/PID/mem.
"""

from posix import fspath, fstat, listdir, lstat, readlink, stat

READS, FOLLOWS, WRITES, TOUCHES = "reads", "follows", "writes", "touches"
MAKES, BRINGS, TAKES, MOVES, PUTS, LINK = "makes", "brings", "takes", "moves", "puts", "link"
"""What a call does with a path. Where a link at its end is followed: reads; changes what must be there; changes it or makes it; changes what
must be there, or the link itself. Where it is not: makes what must not be there yet, empty, or as a link that brings a tree; takes away what
must be there, as the source of a rename does with whole trees; puts something in the place of what may be there; reads a link."""

MAKING = frozenset([MAKES, BRINGS])
TREES = frozenset([BRINGS, MOVES, PUTS])
"""What is done with all that lies below a path."""
FOLLOWING = frozenset([READS, FOLLOWS, WRITES, TOUCHES])

KIND, DIRECTORY, SYMLINK = 0o170000, 0o040000, 0o120000
LINKS = 40
"""As many as Linux follows in one path; path_resolution(7)."""

REMEMBERED = 4096
DESCRIPTORS = "/proc/self/fd"


def exact(path):
    """The str, bytes or int that the C code makes of a path argument; None for what it would not take.

    A subclass is read past its methods: those are the target's, and may tell us another thing than the C code reads.
    """
    kind = type(path)
    if path is None or kind is str or kind is bytes or kind is int:
        return path
    if issubclass(kind, str):
        return str.__str__(path)
    if issubclass(kind, bytes):
        return bytes.__getitem__(path, slice(None))
    if issubclass(kind, int):
        return int.__add__(path, 0)
    try:
        return exact(fspath(path))
    except TypeError:
        return buffer(path)


def buffer(path):
    """What some versions take with a DeprecationWarning."""
    try:
        return memoryview(path).tobytes()
    except TypeError:
        return None


UNREADABLE = object()


def plain(path):
    """The exact str, bytes, int or None of a path in an audit event, found without running any code of the target's; else UNREADABLE.

    CPython converts paths before it raises an event, but for FileIO, ssl's key log and sqlite3, which are replaced (silent.py). Of a bytearray,
    which is a path until 3.11, it has made a copy by then: what is in it now, another argument's `__index__` may have put there since.
    """
    kind = type(path)
    if kind is str or kind is bytes or kind is int or path is None:
        return path
    if issubclass(kind, (str, bytes, int)):
        return exact(path)
    return UNREADABLE


def make_is_protected(protected, free=None):
    """is_protected(path, directory, what): the path as text if a call would change something in the directories `protected`, or one of the files
    among them, else None.

    path: exact; directory: the descriptor that a relative path starts from, -1 for the working directory; free: a directory among those
    protected in which everything may be changed, but it itself
    """
    kept = frozenset(identity(stat(path)) for path in protected if exists(path))
    loose = identity(stat(free)) if free is not None and exists(free) else None
    above = frozenset(ancestor for path in protected if exists(path) for ancestor in ancestors(path))
    outside = set()  # type: set[tuple[int, int]]
    proc = stat("/proc").st_dev if exists("/proc/self") else None

    def is_protected(path, directory, what):
        path = as_text(path, directory)
        for _ in range(LINKS if path else 0):
            found = look(path)
            if found and identity(found) == loose and what in FOLLOWING:
                return None
            if (what in MAKING and found) or (what in (TAKES, MOVES) and not found):
                return None  # it will fail, and say why
            if found and (identity(found) in kept or (what is MOVES and identity(found) in above)):
                return path
            parent, name = split(path)
            if is_inside(parent) or (name == "mem" and device(parent) == proc):
                return path
            if what not in FOLLOWING or not found or found.st_mode & KIND != SYMLINK:
                return None
            leads = target_of(path, parent)
            if leads is None:
                return path if look(path) else None  # nobody can say where a link leads that may not be read (another process's descriptor)
            path = leads
        return None

    def is_inside(path):
        """Directories that were found outside stay there: whatever would move one inside is refused."""
        passed = []
        try:
            here = identity(stat(path))
            while here not in outside and here not in passed and here != loose:
                if here in kept:
                    return True
                passed.append(here)
                path += "/.."
                here = identity(stat(path))
        except OSError:
            return False
        if len(outside) > REMEMBERED:
            outside.clear()
        outside.update(passed)
        return False

    return is_protected


def as_text(path, directory):
    if path is None:
        return None
    if type(path) is int:
        return "%s/%d" % (DESCRIPTORS, path)
    if type(path) is bytes:
        path = path.decode("utf-8", "surrogateescape")
    if directory >= 0 and path[:1] != "/":
        path = "%s/%d/%s" % (DESCRIPTORS, directory, path)
    return path.rstrip("/") or path[:1]


def split(path):
    """The directory and the name in it; no name where the path can only be a directory."""
    parent, slash, name = path.rpartition("/")
    if name in ("", ".", ".."):
        return path, ""
    return parent or slash or ".", name


def target_of(path, parent):
    try:
        target = readlink(path)
    except OSError:
        return None
    return target if target[:1] == "/" else "%s/%s" % (parent, target)


def look(path):
    try:
        return lstat(path)
    except (OSError, ValueError):
        return None


def device(path):
    try:
        return stat(path).st_dev
    except (OSError, ValueError):
        return None


def exists(path):
    return device(path) is not None


def identity(found):
    return found.st_dev, found.st_ino


def ancestors(path):
    """The identities of the directories above an absolute path without links, which may be closed to this user."""
    found = []  # type: list[tuple[int, int]]
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        found.append(identity(stat(path)))
    return found


def open_directories():
    """The descriptors of directories there are."""
    try:
        names = listdir(DESCRIPTORS)
    except OSError:
        return []
    return [int(name) for name in names if is_directory(int(name))]


def is_directory(descriptor):
    try:
        return fstat(descriptor).st_mode & KIND == DIRECTORY
    except OSError:
        return False
