"""What hermetic keeps between runs, in the user's cache directory: what an interpreter answered, and the guard as it is staged.

An entry is made again when it is missing, of another key, cut off, or not written by this user alone. The digests of what is in it stand in its
first line: to make them takes ten times as long as to read it. What has changed on the disk since is found by whoever loads it in the target,
like anything that was altered in the run directory; then all is forgotten, and the next run makes it anew.
"""

from __future__ import annotations

import os
import stat

from hermetic import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def directory(environ: Mapping[str, str]) -> str:
    """Where hermetic keeps what it learned; "" where there is no home, for none is made, and in a project, which may have laid it there."""
    named, home = places.named("XDG_CACHE_HOME", environ), environ.get("HOME", "")
    if named and not places.is_in_project(named, environ):
        return f"{named}/hermetic"
    if environ.get("XDG_CACHE_HOME") or not home.startswith("/") or not os.path.isdir(home) or places.is_strange(environ):
        return ""
    return f"{home}/.cache/hermetic"


HEAD = 1 << 13
"""Bytes in which the first line of an entry ends; nobody writes a longer one."""
EIO = 5


def read(entry: str, key: str) -> tuple[list[str], Piece] | None:
    """The words and the content that were kept at a path for this key; None if there is no such entry."""
    file = File.of(entry)
    if file is None:
        return None
    head, line_end, _ = os.pread(file.descriptor, HEAD, 0).partition(b"\n")
    content = Piece(file, len(head) + 1, max(file.size - len(head) - 1, 0))
    words = head.decode("ascii", "replace").split(" ")
    return (words[2:], content) if line_end and words[:2] == [key, str(len(content))] else None


def parts(content: bytes | Piece, sizes: Iterable[int]) -> list[memoryview | Piece] | None:
    """A content taken apart, without a copy of it. None where these sizes are not all of it."""
    rest: memoryview | Piece = content if isinstance(content, Piece) else memoryview(content)
    found: list[memoryview | Piece] = []
    for size in sizes:
        found.append(rest[:size])
        rest = rest[size:]
    return None if rest or [*map(len, found)] != [*sizes] else found


def own(entry: str) -> bytes | None:
    """What is in a file that this user alone can have written; None where there is no such file."""
    file = File.of(entry)
    return None if file is None else bytes(Piece(file, 0, file.size))


class File:
    """An open file, which is closed when nobody needs it any more."""

    __slots__ = ("descriptor", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size

    @classmethod
    def of(cls, entry: str) -> File | None:
        """One that this user alone can have written; None where there is no such file."""
        try:
            descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022:
            return cls(descriptor, found.st_size)
        os.close(descriptor)
        return None

    def __del__(self) -> None:
        os.close(self.descriptor)


class Piece:
    """A part of a file, which is not read until it is asked for. Most of what is kept goes from its file into another one, a megabyte for each run:
    to have it in this process's memory meanwhile would take longer than to copy it.
    """

    __slots__ = ("_file", "_size", "_start")

    def __init__(self, file: File, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, some: slice) -> Piece:
        start, end, _ = some.indices(self._size)
        return Piece(self._file, self._start + start, max(end - start, 0))

    def __bytes__(self) -> bytes:
        """Raises OSError where the file has become shorter meanwhile."""
        found = os.pread(self._file.descriptor, self._size, self._start)
        while len(found) < self._size:
            more = os.pread(self._file.descriptor, self._size - len(found), self._start + len(found))
            if not more:
                raise OSError(EIO, os.strerror(EIO))
            found += more
        return found

    def copy_to(self, descriptor: int) -> None:
        """Raises OSError."""
        sent = 0
        while sent < self._size:
            more = os.sendfile(descriptor, self._file.descriptor, self._start + sent, self._size - sent)
            if not more:
                raise OSError(EIO, os.strerror(EIO))
            sent += more


def write(entry: str, key: str, words: Iterable[str], content: bytes) -> None:
    """Keep it; a home that cannot be written costs making it a second time, nothing else. key, words: without blanks."""
    temporary = f"{entry}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(entry), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(" ".join([key, str(len(content)), *words]).encode() + b"\n" + content)
            os.replace(temporary, entry)
        except OSError:
            os.unlink(temporary)
    except OSError:
        return


def forget(directory: str) -> None:
    """Remove all that is kept."""
    for place in (directory, f"{directory}/interpreters"):
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        os.unlink(entry.path)
        except OSError:
            continue  # it is not there, or not ours
