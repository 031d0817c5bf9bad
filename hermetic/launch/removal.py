"""Removes what is in a directory, whatever a target has made of it.

`shutil.rmtree` dies of recursion on deep trees (3.11, 3.12), holds a list of each directory in memory, and gives up on
one that may not be read. Here a subdirectory's own subdirectories are first moved up beside it, so three descriptors
reach any depth. No symbolic link is followed, and no mount point entered: the kernel does not rename one (EBUSY).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator

EBUSY = 16
DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def emptying(top: int, last: str) -> Iterator[None]:
    """Remove all that is in the directory `top`, a descriptor, one entry a step and that called `last` as the last.

    What cannot be removed stays. Nothing is raised.
    """
    try:
        os.fchmod(top, 0o700)
        yield from _Removal(top, (last,)).steps()
        yield from _Removal(top).steps()
    except OSError:
        return  # the directory itself is out of reach, as after an unmount


def clear(top: int, kept: Iterable[str] = ()) -> None:
    """Remove what is in the directory `top`, but what lies at these paths below it, and what leads there.

    Raises OSError where something is left.
    """
    below: dict[str, list[str]] = {}
    for path in kept:
        name, _, rest = path.partition("/")
        below.setdefault(name, []).append(rest)
    for _ in _Removal(top, below).steps():
        pass
    for name in os.listdir(top):
        if name not in below:
            raise OSError(EBUSY, "it cannot be removed", name)
        if all(below[name]):
            inner = open_directory(name, top)
            try:
                clear(inner, below[name])
            finally:
                os.close(inner)


def open_directory(name: str, parent: int | None = None) -> int:
    """Open a directory for reading, made readable and changeable first if it is ours and is not."""
    try:
        return os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=parent)
    except PermissionError:
        _unlock(name, parent)
        return os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=parent)


class _Removal:
    def __init__(self, top: int, spared: Collection[str] = ()) -> None:
        self._top = top
        self._spared = spared
        self._mark = os.urandom(8).hex()
        self._moved = 0

    def steps(self) -> Iterator[None]:
        """What changes while it is read may hide entries from the reader: go on as long as it leads to something."""
        progress = True
        while progress:
            progress = False
            with os.scandir(self._top) as entries:
                for entry in entries:
                    yield
                    if entry.name not in self._spared:
                        progress = _removed(entry.name, self._top) or (yield from self._dissolve(entry.name)) or progress

    def _dissolve(self, name: str) -> Generator[None, None, bool]:
        """Remove what is in a directory of `top`; its subdirectories move to `top`. Whether anything changed."""
        try:
            directory = self._open(name)
        except OSError:
            return False
        progress = False
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    yield
                    progress = _removed(entry.name, directory) or self._moved_up(entry.name, directory) or progress
        finally:
            os.close(directory)
        return progress

    def _open(self, name: str) -> int:
        """A directory of `top`, once a change of its name has proved that nothing is mounted there."""
        if not name.startswith(self._mark):
            new = self._new_name()
            os.rename(name, new, src_dir_fd=self._top, dst_dir_fd=self._top)
            name = new
        _unlock(name, self._top)
        return os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=self._top)

    def _moved_up(self, name: str, directory: int) -> bool:
        try:
            _unlock(name, directory)  # one that changes its parent must be writable itself
            os.rename(name, self._new_name(), src_dir_fd=directory, dst_dir_fd=self._top)
        except OSError:
            return False
        return True

    def _new_name(self) -> str:
        self._moved += 1
        return f"{self._mark}{self._moved}"


def _removed(name: str, directory: int) -> bool:
    for remove in (os.unlink, os.rmdir):
        try:
            remove(name, dir_fd=directory)
        except OSError:
            continue
        return True
    return False


def _unlock(name: str, parent: int | None) -> None:
    """By descriptor: between a look and a chmod the name may have become a link to something else."""
    found = os.open(name, os.O_PATH | DIRECTORY, dir_fd=parent)
    try:
        status = os.fstat(found)
        if status.st_uid == os.geteuid() and status.st_mode & 0o700 != 0o700:
            # fchmod takes no O_PATH, and without that one needs the permissions that are missing.
            os.chmod(f"/proc/self/fd/{found}", 0o700)
    finally:
        os.close(found)
