"""The run directory: what the target's interpreters start from, and its life.

Interpreters read their first code from it, so nobody else may be able to write there or to put another directory in its
place, and its path must fit into PYTHONPATH. It stays locked as long as its launcher lives, however that ends; one that
can be locked is dead, and the next start sweeps it. systemd-tmpfiles, too, leaves a locked directory alone
(tmpfiles.d(5)).
"""

from __future__ import annotations

import fcntl
import os
import stat

from hermetic.digest import Content
from hermetic.errors import StageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

PREFIX = "hermetic-"
NAME_BYTES = 6
ATTEMPTS = 100
MANIFEST = "manifest"
EVENTS = "events"
MARK = "run"
"""The empty file that is the mark of a run directory: first made, last removed."""
BYTECODE = "__pycache__"
"""Where interpreters look for the bytecode of what they import from here. What is staged is there; for more nobody may write there."""
MODIFIED = 0
"""When that source was modified, as its bytecode has it."""
DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW
DIRECTORIES = ("unix", "scratch")
IMPORTED = ("_hermetic_early.py", "sitecustomize.py")
"""Beside these stand directories called like the bytecode that Python 2 would leave, which is refused by a module that it imports; but not where
nothing can be left."""
STEP = 256
"""Names of other directories that one step of a sweep passes over."""
UNMAPPED = 65534
"""The user that owns, for the kernel's answers, what belongs to nobody in a user namespace (user_namespaces(7))."""
EINVAL, EAGAIN, EACCES = 22, 11, 13


class RunDirectory:
    """A directory made for one run; leaving it as a context removes it.

    path:     absolute, without links, `:` and line breaks
    digest:   of its manifest, in hex
    events:   descriptor to read its FIFO from, without blocking; it never reads as ended
    identity: (st_dev, st_ino) of the FIFO
    kept:     whether a mount will keep everybody in the run from changing it
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.kept = False
        self.digest = ""
        self.events = -1
        self.identity = (0, 0)
        self._descriptor = descriptor
        self._events_end = -1

    @classmethod
    def create(
        cls,
        files: Mapping[str, Content | bytes],
        environ: Mapping[str, str],
        begun: Callable[[RunDirectory], Mapping[str, Content | bytes]] = lambda run: {},
    ) -> RunDirectory:
        """Make one that holds `files`, in the first place that can be used.

        begun: is told where it is, once these and what may be written in it are there, and gives more files; where those do not fit, there may be
               another place, and it is told again
        A place that others can write to without a sticky bit is taken only when there is no better one. Raises
        StageError, with a reason for each place, when there is none at all.
        """
        refused: dict[str, str] = {}
        umask = os.umask(0o077)
        try:
            for exposed in (False, True):
                for place in places(environ):
                    try:
                        if _is_exposed(place) is exposed:
                            return cls._create_in(place, files, begun)
                    except OSError as error:
                        refused[place] = error.strerror or type(error).__name__
        finally:
            os.umask(umask)
        reasons = "; ".join(f"{place}: {why}" for place, why in refused.items())
        raise StageError(f"there is no place for the run directory: {reasons}", "set TMPDIR to a directory of yours")

    @classmethod
    def _create_in(
        cls, place: str, files: Mapping[str, Content | bytes], begun: Callable[[RunDirectory], Mapping[str, Content | bytes]]
    ) -> RunDirectory:
        for _ in range(ATTEMPTS):
            path = os.path.join(place, PREFIX + os.urandom(NAME_BYTES).hex())
            descriptor = claim(path)
            if descriptor is None:
                continue
            run = cls(path, descriptor)
            try:
                contents = run._begin(files)
                contents.update(_contents(begun(run)))
                run._fill(contents, but=files)
            except BaseException:
                run.remove()
                raise
            return run
        raise OSError(EAGAIN, "every name was taken")

    def _begin(self, files: Mapping[str, Content | bytes]) -> dict[str, Content]:
        """Its mark, these files, and what may be written inside."""
        contents = _contents({MARK: b"", **files})
        self._write(MARK, contents[MARK])
        os.mkdir(BYTECODE, 0o700, dir_fd=self._descriptor)
        for name in files:
            self._write(name, contents[name])
        for name in DIRECTORIES:
            os.mkdir(name, 0o700, dir_fd=self._descriptor)
        os.mkfifo(EVENTS, 0o600, dir_fd=self._descriptor)
        self.events = _open(EVENTS, os.O_RDONLY | os.O_NONBLOCK, self._descriptor)
        # So that there is always a writer. One descriptor for both would signal us at each of our own reads (fs/pipe.c).
        self._events_end = _open(EVENTS, os.O_WRONLY, self._descriptor)
        status = os.fstat(self.events)
        self.identity = (status.st_dev, status.st_ino)
        return contents

    def _fill(self, contents: Mapping[str, Content], but: Iterable[str]) -> None:
        """All other files, and what says which there are."""
        there = {MARK, *but}
        for name in contents:
            if name not in there:
                self._write(name, contents[name])
        manifest = Content("".join(f"{content.digest} {name}\n" for name, content in sorted(contents.items())).encode())
        self._write(MANIFEST, manifest)
        self.digest = manifest.digest
        os.chmod(BYTECODE, 0o500, dir_fd=self._descriptor)
        imported = [name for name in IMPORTED if name in contents]
        for name in imported:
            os.utime(name, (MODIFIED, MODIFIED), dir_fd=self._descriptor)
        for name in (name + kind for name in imported for kind in "co" if not self.kept):
            os.mkdir(name, 0o700, dir_fd=self._descriptor)

    def _write(self, name: str, content: Content) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o400, dir_fd=self._descriptor)
        try:
            content.write_to(descriptor)
        finally:
            os.close(descriptor)

    def removing(self) -> Iterator[None]:
        """Remove it in small steps. A caller that stops before the end leaves the rest to the next start's sweep."""
        if self._descriptor < 0:
            return
        try:
            yield from _removing(self.path, self._descriptor)
        finally:
            self._close()

    def _close(self) -> None:
        for descriptor in (self.events, self._events_end, self._descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self.events = self._events_end = self._descriptor = -1

    def remove(self) -> None:
        """Remove it in one go."""
        for _ in self.removing():
            pass

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _contents(files: Mapping[str, Content | bytes]) -> dict[str, Content]:
    return {name: file if isinstance(file, Content) else Content(file) for name, file in files.items()}


def places(environ: Mapping[str, str]) -> Iterable[str]:
    """Where run directories are looked for and made, best first, without duplicates and links.

    XDG_RUNTIME_DIR comes late: it goes when its user logs out, and a run may be meant to outlive that.
    """
    home = environ.get("HOME")
    cache = environ.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
    named = (environ.get("TMPDIR"), "/tmp", "/var/tmp", environ.get("XDG_RUNTIME_DIR"), cache)
    return dict.fromkeys(filter(None, map(_resolved, filter(None, named))))


def _is_exposed(place: str) -> bool:
    """Whether others may rename what is in it, or what leads to it. Raises OSError if it cannot be used at all."""
    if ":" in place or "\n" in place:
        raise OSError(EINVAL, "PYTHONPATH cannot hold a path with a colon or a line break")
    exposed = False
    while True:
        status = os.lstat(place)
        if status.st_uid not in (0, os.geteuid()) and not _is_unmapped(status.st_uid):
            raise OSError(EACCES, "it is in the hands of another user")
        exposed = exposed or (status.st_mode & 0o022 != 0 and not status.st_mode & stat.S_ISVTX)
        if place == "/":
            return exposed
        place = os.path.dirname(place)


def _is_unmapped(user: int) -> bool:
    """Whether a file's owner is hidden by a user namespace, as root's is in an unprivileged container."""
    if user != UNMAPPED:
        return False
    try:
        with open("/proc/self/uid_map", "rb") as mapping:
            return mapping.read().split() != [b"0", b"0", b"4294967295"]
    except OSError:
        return False


def _resolved(place: str) -> str:
    try:
        return os.path.realpath(place)
    except OSError:
        return ""  # relative, and the working directory is gone


def sweep(environ: Mapping[str, str]) -> Iterator[None]:
    """Remove this user's dead run directories, in small steps: for `launch`, which has time while the target runs."""
    for place in places(environ):
        try:
            yield from _sweep_in(place)
        except OSError:
            continue  # none here, or none that we could see


def _sweep_in(place: str) -> Iterator[None]:
    with os.scandir(place) as entries:
        for number, entry in enumerate(entries):
            if _is_name(entry.name):
                yield
                yield from _sweep_one(entry.path)
            elif number % STEP == 0:
                yield


def _sweep_one(path: str) -> Iterator[None]:
    from hermetic.launch import removal

    try:
        descriptor = removal.open_directory(path)
        try:
            if _is_dead(descriptor):
                yield from _removing(path, descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return  # another user's, or another sweep has been quicker


def _removing(path: str, descriptor: int) -> Iterator[None]:
    from hermetic.launch import removal

    yield from removal.emptying(descriptor, MARK)
    try:
        os.rmdir(path)
    except OSError:
        return  # something in it cannot be removed, or the target has moved it


def _is_name(name: str) -> bool:
    tail = name.removeprefix(PREFIX)
    return tail != name and len(tail) == 2 * NAME_BYTES and not tail.strip("0123456789abcdef")


def _is_dead(descriptor: int) -> bool:
    """Whether it is a run directory of ours whose launcher is gone. It is locked then."""
    return os.fstat(descriptor).st_uid == os.geteuid() and _lock(descriptor) and _is_run_directory(descriptor)


def _is_run_directory(descriptor: int) -> bool:
    """Not just something a user called so. One whose launcher was killed at once is still empty."""
    try:
        return stat.S_ISREG(os.stat(MARK, dir_fd=descriptor, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        with os.scandir(descriptor) as entries:
            return next(entries, None) is None


def claim(path: str) -> int | None:
    """Make a directory and lock it.

    None if the name is taken, or a sweep was quicker than the lock and has taken the directory for a dead one. A sweep
    removes only what it has locked: once we hold the lock and the path still leads to what we hold, nobody will.
    """
    try:
        os.mkdir(path, 0o700)
        descriptor = _open(path, os.O_RDONLY | DIRECTORY)
    except (FileExistsError, FileNotFoundError):
        return None
    try:
        if _lock(descriptor) and _leads_to(path, descriptor):
            return descriptor
    except OSError:
        os.close(descriptor)
        os.rmdir(path)
        raise
    os.close(descriptor)
    return None


def _leads_to(path: str, descriptor: int) -> bool:
    """Whether a path names the open directory. Raises OSError if that is not for us alone."""
    held = os.fstat(descriptor)
    if held.st_uid != os.geteuid() or held.st_mode & 0o077:
        raise OSError(EACCES, "what is made there is open to other users")
    try:
        return os.path.samestat(os.lstat(path), held)
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(path: str, flags: int, parent: int | None = None) -> int:
    return beyond_standard(os.open(path, flags | os.O_CLOEXEC, dir_fd=parent))


def beyond_standard(descriptor: int) -> int:
    """The same file, but never as a standard descriptor: where one of those is closed, messages would go into our file."""
    if descriptor > 2:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(descriptor)
