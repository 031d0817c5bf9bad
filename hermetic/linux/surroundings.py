"""What rules depend on besides the policy: what is on this machine, and what the standard streams are. The only place that looks.

Rules are functions of the policy, of `Here` and of these values, so they can be tested for machines that are not there.
"""

from __future__ import annotations

import fcntl
import os
import stat

from hermetic_guard.files import names_in
from hermetic_guard.policy import BUILD, fits, is_within, is_within_any

from hermetic.linux import mountinfo, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here


DEV, PROC, SHM, PTS = "/dev", "/proc", "/dev/shm", "/dev/pts"
CONTROLLING = 4
"""Of the fields of /proc/PID/stat from the state on: the terminal (proc_pid_stat(5))."""


class Stream:
    """A standard stream that can be opened again through /dev/stdin and its like: a regular file or a device."""

    __slots__ = ("descriptor", "readable", "writable")

    def __init__(self, descriptor: int, *, readable: bool, writable: bool) -> None:
        self.descriptor = descriptor
        self.readable = readable
        self.writable = writable


class Surroundings:
    """Plain values, empty where the policy has no use for them.

    top:         names of what stands in `/`, links left out
    devices:     for root where there are no mounts, paths of what stands in /dev, links left out, and neither is raw nor holds raw devices
    raw:         paths of raw devices (devices.py) that can be opened
    terminals:   paths of those of others that can be opened
    streams:     the standard streams that can be opened again
    executables: paths of what must be executable for the program and those of `subprocess.run` to start
    essentials:  paths of what is read besides what a policy that limits reading lists
    hidden:      other paths to what is hidden, by mounts that show it twice, and message queues of others
    protected:   what is there of what the policy protects, and other paths to that and to hermetic's own files
    links:       those of them that are links
    memory:      whether shared memory (/dev/shm) is the run's own, or an outer run's
    resolver:    path of the resolvers' configuration, which is to be another where there is a supervisor
    visible:     where there are no mounts, paths that hold all that may be read and nothing that is hidden; None where nothing is
    kernels:     where the kernel's file systems are mounted besides /proc and /sys
    """

    __slots__ = (
        "devices",
        "essentials",
        "executables",
        "hidden",
        "kernels",
        "links",
        "memory",
        "protected",
        "raw",
        "resolver",
        "streams",
        "terminals",
        "top",
        "visible",
    )

    def __init__(
        self,
        *,
        top: tuple[str, ...] = (),
        devices: tuple[str, ...] = (),
        raw: tuple[str, ...] = (),
        terminals: tuple[str, ...] = (),
        streams: tuple[Stream, ...] = (),
        executables: tuple[str, ...] = (),
        essentials: tuple[str, ...] = (),
        hidden: tuple[str, ...] = (),
        visible: tuple[str, ...] | None = None,
        kernels: tuple[str, ...] = (),
        protected: tuple[str, ...] = (),
        links: tuple[str, ...] = (),
        memory: bool = False,
        resolver: str = "",
    ) -> None:
        self.top = top
        self.devices = devices
        self.raw = raw
        self.terminals = terminals
        self.streams = streams
        self.executables = executables
        self.essentials = essentials
        self.hidden = hidden
        self.visible = visible
        self.kernels = kernels
        self.protected = protected
        self.links = links
        self.memory = memory
        self.resolver = resolver


def look(policy: Policy, here: Here) -> Surroundings:
    """What is here for this policy; to be called in the process that will become the target, once its descriptors are sorted."""
    usable, raw = _devices(here)
    run = policy.subprocess.run if policy.subprocess else ()
    hide = policy.filesystem.hide if policy.filesystem else ()
    mounts = mountinfo.lines() if here.namespaced or hide else []
    hidden = mountinfo.aliases(hide, mounts) if hide else ()
    if policy.builds == BUILD and not here.namespaced:
        hidden += _other_processes()
    protected = _there(policy.filesystem.protect) if policy.filesystem and here.namespaced else ()
    raw += mountinfo.elsewhere(DEV, raw, mounts) if raw else ()
    limited = policy.filesystem is not None and policy.filesystem.read is not None
    essentials = _essentials(here.program) if limited else ()
    hides = bool(hide + hidden) and not here.namespaced
    if hides:
        essentials = tuple(path for place in essentials for path in without(place, hide + hidden))
    return Surroundings(
        top=() if here.namespaced else _top(),
        devices=usable,
        raw=raw,
        terminals=terminals(root=here.root) if policy.filesystem and here.namespaced else (),
        streams=streams() if policy.filesystem else (),
        executables=_executables((here.program, *run)) if run else (),
        essentials=essentials,
        hidden=hidden + (tuple(mountinfo.points(mounts, [mountinfo.QUEUES])) if here.namespaced else ()),
        visible=_visible(policy, hide + hidden) if hides else None,
        kernels=mountinfo.kernels(mounts) if here.namespaced else (),
        protected=protected + (mountinfo.aliases((*protected, *here.protected), mounts) if here.namespaced else ()),
        links=tuple(filter(os.path.islink, protected)),
        memory=here.namespaced or (here.outer is not None and mountinfo.is_own(SHM, mountinfo.lines())),
        resolver=_resolver() if here.namespaced and policy.network and policy.network.domains else "",
    )


def _other_processes() -> tuple[str, ...]:
    """In whose command lines there may be a password. What starts later is in nothing that is visible, its own children too."""
    return tuple(f"{PROC}/{name}" for name in names_in(PROC) if name.isdigit() and name != str(os.getpid()))


def _there(places: Iterable[str]) -> tuple[str, ...]:
    """What there is of `Filesystem.protect`."""
    return tuple(dict.fromkeys(path for place in places for path in _named(place) if os.path.lexists(path)))


def _named(place: str) -> list[str]:
    folder, _, pattern = place.rpartition("/")
    return [f"{folder}/{name}" for name in names_in(folder or "/") if fits(name, pattern)] if "*" in pattern else [place]


def _resolver() -> str:
    path = os.path.realpath("/etc/resolv.conf")
    return path if os.path.isfile(path) else ""


# Imported where they are needed: every start would wait for them.


def _devices(here: Here) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of an ordinary user's only what his groups let him open."""
    from hermetic.linux import devices

    raw = devices.raw()
    if here.root:
        return () if here.namespaced else devices.besides(raw), raw
    return (), tuple(path for path in raw if os.access(path, os.R_OK) or os.access(path, os.W_OK))


def _executables(programs: tuple[str, ...]) -> tuple[str, ...]:
    from hermetic.linux import essentials

    return essentials.executables(programs)


def _essentials(program: str) -> tuple[str, ...]:
    from hermetic.linux import essentials

    return essentials.essentials(program)


def _visible(policy: Policy, hidden: tuple[str, ...]) -> tuple[str, ...]:
    read = policy.filesystem.read if policy.filesystem else None
    return tuple(path for place in (("/",) if read is None else read) for path in without(place, hidden))


def without(place: str, hidden: tuple[str, ...]) -> Iterator[str]:
    """Paths that hold all that is in a place now and nothing that is hidden. What comes there later is in none of them, if something is hidden
    beside it; nor is what nobody may list.
    """
    if is_within_any(place, hidden):
        return
    if not any(is_within(path, place) for path in hidden):
        yield place
        return
    try:
        with os.scandir(place) as entries:
            names = {entry.path for entry in entries if not entry.is_symlink()}
    except OSError:
        names = set()
    below = place.rstrip("/") + "/"
    names |= {below + path.removeprefix(below).partition("/")[0] for path in hidden if path.startswith(below)}
    for path in sorted(names):
        yield from without(path, hidden)


def _top() -> tuple[str, ...]:
    with os.scandir("/") as entries:
        return tuple(entry.name for entry in entries if not entry.is_symlink())


def streams() -> tuple[Stream, ...]:
    return tuple(stream for stream in map(_stream, (0, 1, 2)) if stream)


def _stream(descriptor: int) -> Stream | None:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return None  # it is closed
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        return None
    access = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    return Stream(descriptor, readable=access != os.O_WRONLY, writable=access != os.O_RDONLY)


# Terminals: what is typed at another could be read before the program that it is meant for, and something be shown in its place. A run may open
# its own and new ones, so no rule can be in the way of all; those that are there are mounted over.


def terminals(*, root: bool) -> tuple[str, ...]:
    """Paths of those that this user can open, but not what the run is given, nor what controls it."""
    there = dict(_terminals(root))
    own = _own_terminals() if there else frozenset()
    return tuple(path for path, device in there.items() if device not in own)


def _terminals(root: bool) -> Iterator[tuple[str, int]]:
    """With the numbers of their devices."""
    for path in (f"{PTS}/{name}" for name in names_in(PTS) if name.isdigit()):
        if root or os.access(path, os.R_OK) or os.access(path, os.W_OK):
            try:
                yield path, os.stat(path).st_rdev
            except FileNotFoundError:
                continue  # it has been closed


def _own_terminals() -> frozenset[int]:
    """The numbers of their devices."""
    found = {as_device(int(processes.status(os.getpid())[CONTROLLING]))}
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            status = os.fstat(number)
        except OSError:
            continue  # the directory that was listed
        if stat.S_ISCHR(status.st_mode):
            found.add(status.st_rdev)
    return frozenset(found)


def as_device(number: int) -> int:
    """What st_rdev is for a device that /proc has as a signed number of 32 bits (new_encode_dev, linux/kdev_t.h)."""
    number &= 0xFFFFFFFF
    return os.makedev(number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00)
