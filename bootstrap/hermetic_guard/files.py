"""Reads what somebody may have prepared for whoever reads it: a FIFO in the place of metadata, a link to /dev/zero, a directory without end.

Configuration, metadata and first lines are read before and beside the target, by processes that must not wait for it nor grow with it. So all
of that is read here: regular files alone, never waiting, and no more than was asked for.

Inside a target the functions of `os` are taken as this module is loaded: what is put in their place later decides nothing here.
"""

from posix import O_CLOEXEC, O_NONBLOCK, O_RDONLY, fstat, scandir
from posix import close as close_descriptor
from posix import open as open_descriptor
from posix import read as read_descriptor

MOST_NAMES = 20000
"""Of one directory. An environment with thousands of packages has fewer; to list a million takes a second."""

CONFIGURATION = 1 << 20
"""As much as is read of a file that people write, as pyvenv.cfg and `.pth` files."""

HEAD = 8192
"""As much of a script as has to be read: a polyglot's second line holds a whole path (PATH_MAX is 4096)."""

BINARY = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How a program begins that is no script."""

PIECE = 1 << 20
FILE_TYPE, REGULAR_FILE = 0o170000, 0o100000
EINVAL = 22


def read_file(path: str, most: int) -> bytes:
    """The first `most` bytes of a regular file. Raises OSError, also for what is none, and for what cannot be a path."""
    try:
        descriptor = open_descriptor(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    except ValueError as error:
        raise OSError(EINVAL, str(error))
    try:
        if fstat(descriptor).st_mode & FILE_TYPE != REGULAR_FILE:
            raise OSError(EINVAL, "not a regular file", path)
        pieces = [read_descriptor(descriptor, min(most, PIECE))]
        left = most - len(pieces[0])
        while pieces[-1] and left:
            pieces.append(read_descriptor(descriptor, min(left, PIECE)))
            left -= len(pieces[-1])
        return b"".join(pieces)
    finally:
        close_descriptor(descriptor)


def lines_of(path: str, most: int = CONFIGURATION) -> "list[str]":
    """The lines of a text file, without their ends; none where it cannot be read. No path and no setting has a null byte in it."""
    try:
        text = read_file(path, most).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    return [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if "\0" not in line]


def names_in(folder: str) -> "list[str]":
    """What is in a directory, in no order; none where it cannot be listed. Of what is beyond all reason the first MOST_NAMES."""
    found = []  # type: list[str]
    try:
        with scandir(folder) as there:
            for entry in there:
                found.append(entry.name)
                if len(found) == MOST_NAMES:
                    break
    except (OSError, ValueError):
        return found
    return found
