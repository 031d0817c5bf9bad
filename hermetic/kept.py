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


def read(entry: str, key: str) -> tuple[list[str], memoryview] | None:
    """The words and the content that were kept at a path for this key; None if there is no such entry."""
    data = own(entry)
    if data is None:
        return None
    end = data.find(b"\n")
    head, content = (data[:end], memoryview(data)[end + 1 :]) if end >= 0 else (data, memoryview(b""))
    words = head.decode("ascii", "replace").split(" ")
    return (words[2:], content) if words[:2] == [key, str(len(content))] else None


def parts(content: bytes | memoryview, sizes: Iterable[int]) -> list[memoryview] | None:
    """A content taken apart, without a copy of it: some are half a megabyte. None where these sizes are not all of it."""
    view, found = memoryview(content), []
    for size in sizes:
        found.append(view[:size])
        view = view[size:]
    return None if view or [*map(len, found)] != [*sizes] else found


def own(entry: str) -> bytes | None:
    """What is in a file that this user alone can have written; None where there is no such file."""
    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


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
