"""What the launcher's C library finds names by, and whether it is as it was: as root a run may change it, where no guard keeps files.

The launcher looks names up outside the sandbox. By a line in the hosts file, or a daemon of its own in nscd's place, the target would say itself
which address an allowed name has, and could so reach any.
"""

from __future__ import annotations

import os
import stat

from hermetic_guard.guards.addresses import read_host
from hermetic_guard.hosts import canonical_name
from hermetic_guard.policy import is_within_any

from hermetic.linux import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Policy

    Identity = tuple[int, ...] | None

SOURCES = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/var/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
)
RECENT_NS = 1_000_000_000
"""Times of changes are as coarse as the kernel's clock: what was changed just now may change again unseen."""


class Hosts:
    """The hosts file as it was at the start."""

    def __init__(self, lines: Iterable[list[str]]) -> None:
        self._addresses: dict[str, list[bytes]] = {}
        self._names: dict[bytes, list[str]] = {}
        for host, *names in lines:
            packed: bytes | None = read_host(host)  # type: ignore[no-untyped-call]
            if packed is not None:
                self._add(packed, list(map(canonical_name, names)))

    def _add(self, packed: bytes, names: list[str]) -> None:
        self._names.setdefault(packed, []).extend(names)
        for name in names:
            self._addresses.setdefault(name, []).append(packed)

    def addresses(self, name: str) -> list[bytes]:
        return self._addresses.get(name, [])

    def names(self, address: bytes) -> list[str]:
        return self._names.get(address, [])


class Watch:
    """Sees whether files are what they were, their content that is: a daemon may write anew what was there already.

    The directories above them are looked at as well: to put another in the place of one, and to take it away again, leaves the files as they were,
    and one that was made and removed again leaves nothing. But whoever does that changes the times of the directories.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        files = list(paths)
        self._files = frozenset(files)
        self._first = {path: (identity(path), content(path)) for path in (*files, *above(files))}
        self._identities = {path: first[0] for path, first in self._first.items()}
        self._different = ""

    def begin(self) -> tuple[dict[str, Identity], int]:
        """Before they are used: what `changed` wants to know afterwards."""
        import time

        return {path: identity(path) for path in self._first}, time.time_ns()

    def is_as_at_first(self, begun: tuple[dict[str, Identity], int]) -> bool:
        """What `begin` saw, without another look."""
        return not self._different and begun[0] == self._identities

    def changed(self, begun: tuple[dict[str, Identity], int]) -> str:
        """The path of one that was, or may have been, another meanwhile; "" where none was."""
        before, at = begun
        return self._different or next((path for path in self._first if self._was_another(path, before[path], at)), "")

    def may_be_again(self, changed: str) -> bool:
        """Whether it is enough to wait: in a directory others have their files too."""
        return changed not in self._files and changed != self._different

    def _was_another(self, path: str, before: Identity, at: int) -> bool:
        first, text = self._first[path]
        if before == first == identity(path):
            return False
        if before is not None and at - before[-1] < RECENT_NS:
            return True
        found = content(path)
        if before != identity(path):  # also after its content was read, which is that of what was looked up by then
            return True
        if found != text:
            self._different = path  # and nobody makes that undone
        return found != text


def above(paths: Iterable[str]) -> list[str]:
    """The directories above them, by their own names and by what these lead to; some may not be there."""
    found: dict[str, None] = {}
    for way in (way for path in paths for way in (path, os.path.realpath(path))):
        place = way
        while place != "/":
            place = os.path.dirname(place)
            found[place] = None
    return list(found)


def services(lines: Iterable[list[str]]) -> list[str]:
    """By what the C library finds hosts (nsswitch.conf(5)), with what is to be done then in brackets; its own order where nothing is said."""
    return next((words for first, *words in lines if first == "hosts:"), ["files", "dns"])


def pin(services: list[str]) -> None:
    """Load the libraries that the C library would load for these when it first needs them, and have it look at none that come to be there later."""
    kept: list[str] = []
    there = False
    for word in " ".join(services).replace("[", " [").split():
        there = there if "[" in word or "=" in word else is_loaded(word)  # what is in brackets belongs to the service before it
        kept += [word] if there else []
    try:
        syscalls.find_by("hosts", " ".join(kept))
    except OSError:
        return  # there are C libraries without services


def is_loaded(service: str) -> bool:
    """glibc has these two in itself since 2.34."""
    try:
        syscalls.load_library(f"libnss_{service}.so.2")
    except OSError:
        return service in ("files", "dns")
    return True


def in_reach(policy: Policy) -> tuple[str, ...]:
    """Those sources that the target could change: who it is may, and its rules let it."""
    rules = policy.filesystem
    places = ("/",) if rules is None else rules.write
    return tuple(path for path in SOURCES if may_change(path) and is_within_any(os.path.realpath(path), places))


def may_change(path: str) -> bool:
    """The file, or what is at its name."""
    directory = os.path.dirname(os.path.realpath(path))
    return os.geteuid() == 0 or os.access(path, os.W_OK) or os.access(directory, os.W_OK)


def identity(path: str) -> Identity:
    """The last one is when it was changed, which nobody can say otherwise."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def content(path: str) -> object:
    """Of a file what is in it; of a directory or a socket which one it is."""
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            return found.st_dev, found.st_ino
        if not stat.S_ISREG(found.st_mode):
            return identity(path)
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
