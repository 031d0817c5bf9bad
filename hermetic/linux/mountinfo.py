"""What is mounted where else: a place has as many paths as its file system has mounts.

What is hidden at one path is there at another (`mount --bind`), and processes can be told what to do through any mount of a kernel's file
system, such as a chroot's /proc.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import is_within, is_within_any

from hermetic.linux import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = "/proc/self/mountinfo"
KERNEL = "proc sysfs cgroup cgroup2 tracefs debugfs configfs bpf binfmt_misc securityfs efivarfs fusectl pstore resctrl selinuxfs smackfs".split()
QUEUES = "mqueue"
"""Of the System V IPC namespace in which it was mounted, whatever that of a process is (mq_overview(7))."""
USUAL = ("/proc", "/sys")
OWN = "hermetic"
"""What a file system is said to be of that was made for a run. Inside nobody mounts anything, so there it is one of the run's."""


class Mount:
    """device: of the file system; root: the place in it that is mounted; point: where"""

    __slots__ = ("device", "point", "root")

    def __init__(self, device: str, root: str, point: str) -> None:
        self.device = device
        self.root = root
        self.point = point


def lines() -> list[str]:
    """Of this process's mounts."""
    return os.fsdecode(processes.read(FILE)).split("\n")[:-1]


def kernels(lines: Iterable[str]) -> tuple[str, ...]:
    """Where the kernel's file systems are mounted, besides /proc and /sys."""
    return tuple(point for point in points(lines, KERNEL) if not is_within_any(point, USUAL))


def points(lines: Iterable[str], kinds: Iterable[str]) -> list[str]:
    """Where file systems of these types are mounted."""
    types = tuple(f" - {kind} " for kind in kinds)
    return [mount.point for mount in read(line for line in lines if any(kind in line for kind in types))]


def is_own(point: str, lines: Iterable[str]) -> bool:
    """Whether what is mounted there was made for a run, be it an outer one."""
    found = [line.rpartition(" - ")[2].split(" ")[1] for line in lines if _plain(line.split(" ", 5)[4]) == point]
    return found[-1:] == [OWN]


def elsewhere(folder: str, names: Iterable[str], lines: Iterable[str]) -> tuple[str, ...]:
    """The other paths of what has these paths below `folder`, where other mounts show that, or a part of it."""
    found = []
    for other, shown in others(folder, read(lines)):
        for name in names:
            if is_within(name, shown):
                found.append(_below(other, _rest(name, shown)))
            elif is_within(shown, name):
                found.append(other)
    return tuple(dict.fromkeys(found))


def aliases(paths: Iterable[str], lines: Iterable[str]) -> tuple[str, ...]:
    """All other paths at which these places, or parts of them, are mounted as well. Not told: a file system that has two devices (NFS)."""
    mounts = read(lines)
    return tuple(dict.fromkeys(other for path in paths for other, shown in others(path, mounts) if _is_same(other, shown)))


def read(lines: Iterable[str]) -> list[Mount]:
    """The mounts in /proc/PID/mountinfo (proc(5)), in which blanks in paths are written as octal numbers."""
    fields = (line.split(" ", 5) for line in lines)
    return [Mount(device, _plain(root), _plain(point)) for _, _, device, root, point, _ in fields]


def _plain(path: str) -> str:
    if "\\" in path:
        for written, meant in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            path = path.replace(written, meant)
    return path


def others(path: str, mounts: list[Mount]) -> list[tuple[str, str]]:
    """Where else these mounts show what is at `path`, or something in it; each with its path at or below `path`."""
    holding = [mount for mount in mounts if is_within(path, mount.point)]
    if not holding:
        return []
    own = max(reversed(holding), key=lambda mount: len(mount.point))  # of two at one point the later lies above
    place = _below(own.root, _rest(path, own.point))
    found = []
    for mount in mounts:
        if mount.device != own.device:
            continue
        if is_within(place, mount.root):
            found.append((_below(mount.point, _rest(place, mount.root)), path))
        elif is_within(mount.root, place):
            found.append((mount.point, _below(path, _rest(mount.root, place))))
    return [(other, shown) for other, shown in found if other != shown]


def _rest(path: str, place: str) -> str:
    return path.removeprefix(place.rstrip("/"))


def _below(place: str, rest: str) -> str:
    return (place.rstrip("/") + rest).rstrip("/") or "/"


def _is_same(other: str, shown: str) -> bool:
    """Whether a path shows what the mounts say, and not something that is mounted over it."""
    try:
        return os.path.samestat(os.lstat(other), os.lstat(shown))
    except OSError:
        return False
