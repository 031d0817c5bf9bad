"""What the launcher's C library finds names by, and whether the run has changed it: as root it may, where no guard keeps its files.

The launcher looks names up outside the sandbox. By a line in the hosts file, or a daemon of its own in nscd's place, the target would say itself
which address an allowed name has, and could so reach any.
"""

from __future__ import annotations

import os
import stat

from hermetic_guard.guards.addresses import read_host
from hermetic_guard.hosts import canonical_name
from hermetic_guard.policy import is_within_any

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
    """Sees whether files are what they were, their content that is: a daemon may write anew what was there already."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._first = {path: (identity(path), content(path)) for path in paths}

    def begin(self) -> tuple[dict[str, Identity], int]:
        """Before they are used: what `changed` wants to know afterwards."""
        import time

        return {path: identity(path) for path in self._first}, time.time_ns()

    def changed(self, begun: tuple[dict[str, Identity], int]) -> str:
        """The path of one that was, or may have been, another meanwhile; "" where none was."""
        before, at = begun
        return next((path for path in self._first if self._was_another(path, before[path], at)), "")

    def _was_another(self, path: str, before: Identity, at: int) -> bool:
        first, text = self._first[path]
        if before == first == identity(path):
            return False
        recent = before is not None and at - before[-1] < RECENT_NS
        return recent or before != identity(path) or content(path) != text


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
    """Of a file what is in it; of a socket which one it is."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return identity(path)
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
