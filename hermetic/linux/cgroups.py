"""Control groups of a run's own: the kernel counts for all of its processes, and none gets out (cgroups(7)).

Version 2 where it was delegated to this user: a group is made in the nearest one above in which the controller is switched on, for in
the launcher's own it cannot be, as the launcher is in that. Version 1 below the launcher's own. Nothing above is changed. Whoever may
make no group is told so by the kernel, when it is tried.
"""

from __future__ import annotations

import os
import time

from hermetic.linux import mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

PREFIX = "hermetic-"
STALE_S = 60.0
"""An empty group of that age is one whose launcher was killed."""
OWN = "/proc/self/cgroup"
FILES = {1: {"memory": "memory.limit_in_bytes", "pids": "pids.max"}, 2: {"memory": "memory.max", "pids": "pids.max"}}
BESIDES = {
    (1, "memory"): (("memory.memsw.limit_in_bytes", ""),),
    (2, "memory"): (("memory.swap.max", "0"), ("memory.oom.group", "1")),
}
"""What is written besides, where there is such a file: what is swapped out counts too, and the group is ended as a whole. "" is the limit itself."""
EVENTS = {
    (1, "memory"): ("memory.oom_control", "oom_kill"),
    (2, "memory"): ("memory.events", "oom_kill"),
    (1, "pids"): ("pids.events", "max"),
    (2, "pids"): ("pids.events", "max"),
}
"""Where the kernel counts how often a limit was met."""


class Place:
    """Where a group can be made: path of the group above, version of the interface; least: the smallest limits between that and our own group, by
    controller.
    """

    __slots__ = ("least", "path", "version")

    def __init__(self, path: str, version: int, least: dict[str, int] | None = None) -> None:
        self.path = path
        self.version = version
        self.least = least or {}


# Finding.


def place(controllers: Collection[str], memberships: Iterable[str], mounts: Iterable[str]) -> Place | None:
    """Where a group with all of these controllers can be made.

    memberships: lines of /proc/self/cgroup; mounts: of /proc/self/mountinfo
    """
    mounts = list(mounts)
    for line in memberships:
        number, names, own = line.rstrip("\n").split(":", 2)
        version = 2 if number == "0" else 1
        if version == 1 and not set(controllers) <= set(names.split(",")):
            continue
        directory, top = _directory(own, names.split(",") if version == 1 else [], mounts)
        found = directory and (_above(directory, top, controllers) if version == 2 else _here(directory))
        if found:
            return found
    return None


def _directory(own: str, names: list[str], mounts: list[str]) -> tuple[str, str]:
    """Where our own group is, and where its hierarchy is mounted; "" where it is not. names: of a hierarchy of version 1"""
    for line in mounts:
        kind, _, options = line.partition(" - ")[2].split(" ", 2)
        if kind == ("cgroup" if names else "cgroup2") and set(names) <= set(options.split()[0].split(",")):
            mount = mountinfo.read([line])[0]
            if own == mount.root or own.startswith(mount.root.rstrip("/") + "/"):
                return (mount.point + own[len(mount.root.rstrip("/")) :]).rstrip("/"), mount.point
    return "", ""


def _here(directory: str) -> Place | None:
    return Place(directory, 1) if _may_write(directory) else None


def _above(own: str, top: str, controllers: Collection[str]) -> Place | None:
    """The nearest group, our own or above it, whose children have the controllers and whose processes we may move."""
    directory = own
    least: dict[str, int] = {}
    while True:
        if set(controllers) <= set(read(f"{directory}/cgroup.subtree_control").split()) and _is_ours(directory):
            return Place(directory, 2, least)
        if directory == top:
            return None
        for controller in controllers:
            limit = read(f"{directory}/{FILES[2][controller]}").strip()
            if limit.isdigit():
                least[controller] = min(int(limit), least.get(controller, int(limit)))
        directory = os.path.dirname(directory)


def _is_ours(directory: str) -> bool:
    return _may_write(directory) and _may_write(f"{directory}/cgroup.procs")


def _may_write(path: str) -> bool:
    return os.access(path, os.W_OK, effective_ids=True)


def find(controllers: Collection[str]) -> Place | None:
    """The same, of this process."""
    with open(OWN, encoding="utf-8", errors="surrogateescape") as file:
        return place(controllers, file.readlines(), mountinfo.lines())


# Making.


class Group:
    """A group, as far as one controller is concerned; several may have the same."""

    def __init__(self, path: str, version: int, controller: str) -> None:
        self.path = path
        self.version = version
        self.controller = controller

    def join(self, pid: int) -> None:
        """Move a process there, which has no children yet. Raises OSError."""
        _write(f"{self.path}/cgroup.procs", str(pid))

    def was_met(self) -> bool:
        """Whether the kernel has refused anything, or ended anyone, for the limit."""
        name, key = EVENTS[self.version, self.controller]
        words = read(f"{self.path}/{name}").split()
        return key in words and words[words.index(key) + 1] != "0"

    def close(self) -> None:
        """Let nothing more be started in it, and end what can be."""
        for name, value in (("cgroup.kill", "1"), ("pids.max", "0")):
            try:
                _write(f"{self.path}/{name}", value)
            except OSError:
                continue  # it has none: before Linux 5.14, in version 1, or another controller's

    def remove(self) -> None:
        """Once it is empty. What could not be ended keeps it."""
        try:
            os.rmdir(self.path)
        except OSError:
            return


def make(limits: Mapping[str, int], name: str) -> dict[str, Group]:
    """Groups of that name with these limits, by controller; those are missing that cannot be made.

    Of version 2 a process is in one only, so if they cannot be in the same it is the first.
    """
    made = _together(limits, name) if len(limits) > 1 else {}
    for controller in limits:
        if controller not in made and all(group.version == 1 for group in made.values()):
            made.update(_together({controller: limits[controller]}, name))
    return made


def _together(limits: Mapping[str, int], name: str) -> dict[str, Group]:
    """One group for all of these; none where that cannot be made."""
    try:
        where = find(limits)
        if where is None:
            return {}
        sweep(where.path)
        path = f"{where.path}/{PREFIX}{name}-{'-'.join(limits)}"
        os.mkdir(path)
    except OSError:
        return {}
    groups = {controller: Group(path, where.version, controller) for controller in limits}
    try:
        for controller, group in groups.items():
            _limit(group, min(limits[controller], where.least.get(controller, limits[controller])))
    except OSError:
        os.rmdir(path)
        return {}
    return groups


def _limit(group: Group, limit: int) -> None:
    _write(f"{group.path}/{FILES[group.version][group.controller]}", str(limit))
    for name, value in BESIDES.get((group.version, group.controller), ()):
        if os.path.exists(f"{group.path}/{name}"):
            _write(f"{group.path}/{name}", value or str(limit))


def sweep(directory: str) -> None:
    """Remove what killed launchers have left: the kernel lets none be removed in which there are processes."""
    with os.scandir(directory) as entries:
        left = [entry.path for entry in entries if entry.name.startswith(PREFIX) and time.time() - entry.stat().st_mtime > STALE_S]
    for path in left:
        try:
            os.rmdir(path)
        except OSError:
            continue


def read(path: str) -> str:
    """What a file says; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
