"""The environments that `--with` has made, in hermetic's cache, which no run can write.

Each has a directory with a name that says nothing, and is made at its final place, for scripts in it name their interpreter by its path. The
directory is locked as long as somebody makes the environment, uses it or removes it. A file beside it, written last, says that it is complete;
without one it is what a killed launcher has left. There are requests as well: small files that say for a day which environment came of what
was asked for. So of two runs that make the same at the same time each makes its own, and none waits.
"""

from __future__ import annotations

import fcntl
import os
import time

from hermetic import kept
from hermetic.errors import HermeticError
from hermetic.launch import removal, stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

RESOLVED_S = 24 * 3600
"""For so long what was asked for stands for the versions that were found then."""
UNUSED_S = 14 * 24 * 3600
"""What nobody has used for so long is removed."""

PLACE = "environments"
MARK, VENV = "made", "venv"
"""In a directory: the file that says that the environment is complete, and what it holds; the environment, all that an installation may write."""
NAME_BYTES = 6


class Environment:
    """One that is there, locked until `close`.

    folder:  path of its directory; path: of itself
    holds:   a digest of what is installed, and for which interpreter
    blocked: how many actions were refused while it was filled
    """

    def __init__(self, folder: str, descriptor: int) -> None:
        self.folder = folder
        self.path = f"{folder}/{VENV}"
        self.holds = ""
        self.blocked = 0
        self._descriptor = descriptor

    @property
    def python(self) -> str:
        return f"{self.path}/bin/python"

    def complete(self, holds: str, blocked: int) -> None:
        """Say that it is, and share it from now on. Raises HermeticError where that cannot be written."""
        self.holds, self.blocked = holds, blocked
        kept.write(f"{self.folder}/{MARK}", holds, [str(blocked)], b"")
        if kept.read(f"{self.folder}/{MARK}", holds) is None:
            raise HermeticError(f"{self.folder} cannot be written")
        self.touch()
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def touch(self) -> None:
        """It is used now."""
        os.utime(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def removing(self) -> Iterator[None]:
        """Remove it, in small steps: first of all that it is complete. It must not be in use."""
        try:
            os.unlink(MARK, dir_fd=self._descriptor)
        except FileNotFoundError:
            pass
        yield from removal.emptying(self._descriptor, "")
        os.rmdir(self.folder)

    def remove(self) -> None:
        for _ in self.removing():
            pass
        self.close()


class Store:
    """place: the directory of them all, absolute"""

    def __init__(self, cache: str) -> None:
        self.place = f"{cache}/{PLACE}"

    def prepare(self) -> None:
        """Make the directory. Raises HermeticError where it cannot be had for this user alone."""
        try:
            os.makedirs(self.place, 0o700, exist_ok=True)
            found = os.stat(self.place)
        except OSError as error:
            raise HermeticError(f"{self.place}: {error.strerror}", "--with keeps what it makes there") from None
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise HermeticError(f"{self.place} can be written by others", "--with keeps what it makes there")

    def find(self, request: str) -> Environment | None:
        """What came of a request that was made less than a day ago."""
        found = kept.read(f"{self.place}/{request}", request)
        if found is None or len(found[0]) != 2 or not found[0][1].isdigit():
            return None
        name, made = found[0]
        if not 0 <= time.time() - int(made) < RESOLVED_S or not _is_name(name):
            return None
        return self.open(name)

    def open(self, name: str, *, alone: bool = False) -> Environment | None:
        """Lock one; None if it is not there, not complete, or in the hands of others."""
        path = f"{self.place}/{name}"
        try:
            descriptor = stage.beyond_standard(os.open(path, os.O_RDONLY | stage.DIRECTORY | os.O_CLOEXEC))
        except OSError:
            return None
        environment = Environment(path, descriptor)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            found = os.fstat(descriptor)
            usable = found.st_uid == os.geteuid() and not found.st_mode & 0o077
        except BlockingIOError:
            usable = False
        if usable and (alone or _read_mark(environment)):
            return environment
        environment.close()
        return None

    def create(self) -> Environment:
        """An empty one. Raises OSError."""
        while True:
            path = f"{self.place}/{os.urandom(NAME_BYTES).hex()}"
            descriptor = stage.claim(path)
            if descriptor is not None:
                os.mkdir(VENV, 0o700, dir_fd=descriptor)
                return Environment(path, descriptor)

    def keep(self, request: str, environment: Environment) -> None:
        """From now on this is what comes of the request."""
        words = [os.path.basename(environment.folder), str(int(time.time()))]
        kept.write(f"{self.place}/{request}", request, words, b"")

    def same(self, holds: str, but: Environment) -> Environment | None:
        """Another that holds the same."""
        for name in self._names():
            found = self.open(name) if f"{self.place}/{name}" != but.folder else None
            if found is not None:
                if found.holds == holds:
                    return found
                found.close()
        return None

    def _names(self) -> list[str]:
        return sorted(filter(_is_name, os.listdir(self.place)))

    def forget(self) -> None:
        """None of them is what came of anything any more; the next sweep removes them."""
        for name in os.listdir(self.place) if os.path.isdir(self.place) else ():
            path = f"{self.place}/{name}/{MARK}" if _is_name(name) else f"{self.place}/{name}"
            if os.path.lexists(path):
                os.unlink(path)

    def sweep(self) -> Iterator[None]:
        """Remove what nobody uses any more, in small steps."""
        try:
            with os.scandir(self.place) as entries:
                for entry in entries:
                    yield
                    if _is_name(entry.name):
                        yield from self._sweep_one(entry)
                    elif time.time() - entry.stat(follow_symlinks=False).st_mtime > RESOLVED_S:
                        os.unlink(entry.path)
        except OSError:
            return  # another sweep has been quicker

    def _sweep_one(self, entry: os.DirEntry[str]) -> Iterator[None]:
        if os.path.exists(f"{entry.path}/{MARK}") and time.time() - entry.stat().st_mtime < UNUSED_S:
            return
        environment = self.open(entry.name, alone=True)
        if environment is None:
            return
        try:
            # Again, for somebody may have used it before it was locked.
            if not _read_mark(environment) or time.time() - os.stat(entry.path).st_mtime > UNUSED_S:
                yield from environment.removing()
        finally:
            environment.close()


def _read_mark(environment: Environment) -> bool:
    """Whether it is complete; then what it holds is known."""
    words = (kept.own(f"{environment.folder}/{MARK}") or b"").decode("ascii", "replace").split()
    if len(words) != 3 or not words[2].isdigit():
        return False
    environment.holds, environment.blocked = words[0], int(words[2])
    return True


def _is_name(name: str) -> bool:
    return len(name) == 2 * NAME_BYTES and not name.strip("0123456789abcdef")
