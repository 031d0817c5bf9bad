"""The policy as a mount namespace: what can be written, what is read-only, what is not there.

Landlock cannot take a part out of what it grants, hide a name, or refuse chmod. Here all that is mounted read-only gives EROFS for every
change, and what is mounted over is gone. The file systems by which the kernel is told what to do, /proc and /sys, are read-only in
every run: a process can rewrite its own code through /proc/self/mem, and other processes are frozen and killed through cgroups.
"""

from __future__ import annotations

import os
import stat

from hermetic_guard.policy import PolicyError, directory_of, is_within, is_within_any

from hermetic.linux.mountinfo import OWN
from hermetic.linux.steps import AT_EMPTY_PATH, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW, failed, open_exactly, step, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here
    from hermetic.linux.surroundings import Surroundings

WRITABLE = "writable"
READ_ONLY = "read-only"
PRIVATE = "private"
HIDDEN = "hidden"
OURS, TMP = "ours", "tmp"
"""The run's own file, and its directories, in the place of the machine's."""

RESOLVER = "resolv.conf"
"""Its name in the run directory."""
SHM, PROC, SYS, PTS = "/dev/shm", "/proc", "/sys", "/dev/pts"

MS_PRIVATE = 1 << 18
RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
"""MOUNT_ATTR_*"""
OPEN_TREE_CLONE = 1
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
FSOPEN_CLOEXEC = FSMOUNT_CLOEXEC = 1
MOVE_MOUNT_EMPTY_PATHS = 0x04 | 0x40
"""Both ends are descriptors: MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH."""

DIRECTORY, LINK = "directory", "link"
NOWHERE = "/proc/hidden/nothing"


class Plan:
    """What is to be mounted.

    read_only: whether all is read-only that none of `mounts` makes different
    mounts:    (path, kind), what lies above first
    links:     those of the paths that are links: what is mounted there is the link itself, which so stays where it is
    ours:      the run's own file; tmp: its own directories, by the path of what they lie over
    """

    __slots__ = ("links", "mounts", "ours", "read_only", "tmp")

    def __init__(
        self,
        *,
        read_only: bool,
        mounts: tuple[tuple[str, str], ...],
        links: tuple[str, ...] = (),
        ours: str = "",
        tmp: dict[str, str] | None = None,
    ) -> None:
        self.read_only = read_only
        self.mounts = mounts
        self.links = links
        self.ours = ours
        self.tmp = tmp or {}


# From a policy to a plan.


def plan(policy: Policy, here: Here, around: Surroundings) -> Plan:
    """What is to be mounted for a policy; a function of its arguments. Raises PolicyError if it hides everything."""
    if policy.filesystem and "/" in policy.filesystem.hide:
        raise PolicyError("everything is hidden")
    written = policy.filesystem.write if policy.filesystem else ("/",)
    base = WRITABLE if "/" in written and "/" not in around.protected else READ_ONLY
    rows = _rows(policy, here, around, base)
    kinds = _Kinds(rows, base)
    kept = {path: kinds.of(path) for path in kinds.named if path == PROC or kinds.of(path) != kinds.of(directory_of(path))}
    fixed = (*around.protected, *(here.protected if base == READ_ONLY else ()))
    between = [path for place in fixed if place in kept for path in _between(place, written)]
    pinned = {path: WRITABLE for path in between if kinds.of(path) == WRITABLE}  # not where a /tmp of the run's own lies over it
    mounted = tuple(sorted({**pinned, **kept}.items()))
    return Plan(read_only=base == READ_ONLY, mounts=mounted, links=around.links, ours=f"{here.run}/{RESOLVER}", tmp=dict(here.tmp))


def _rows(policy: Policy, here: Here, around: Surroundings, base: str) -> list[tuple[str, tuple[str, ...]]]:
    """The kinds of places, the stronger first: a deny beats an allow. The run directory is there whatever is hidden; the target starts from it."""
    own = tuple(f"{here.run}/{name}" for name in here.own) if here.run else ()
    rules = policy.filesystem
    return [
        (WRITABLE, own),
        (READ_ONLY, (here.run,) if here.run else ()),
        (HIDDEN, (*(rules.hide if rules else ()), *around.hidden)),
        (OURS, (around.resolver,) if around.resolver and here.supervised else ()),
        (READ_ONLY, (PROC, SYS, *around.kernels, *here.protected, *around.protected)),
        (WRITABLE, here.written if base == READ_ONLY else ()),
        (base, here.kept),
        (TMP, tuple(place for place, _ in here.tmp)),
        (WRITABLE, rules.write if rules and base == READ_ONLY else ()),
        (HIDDEN, around.raw + around.terminals),
        (PRIVATE, (SHM,) if base == READ_ONLY else ()),
    ]


class _Kinds:
    """What becomes of a path: of the first of the rows that holds it, or something that it lies in.

    named: the paths that are in rows, each once
    """

    def __init__(self, rows: list[tuple[str, tuple[str, ...]]], base: str) -> None:
        self._kinds = [*(kind for kind, _ in rows), base]
        self._ranks: dict[str, int] = {}
        for rank, (_, paths) in enumerate(rows):
            for path in paths:
                self._ranks.setdefault(path, rank)
        self.named = tuple(self._ranks)

    def of(self, path: str) -> str:
        return self._kinds[self._rank(path)]

    def _rank(self, path: str) -> int:
        own = self._ranks.get(path, len(self._kinds) - 1)
        return own if path == "/" else min(own, self._rank(directory_of(path)))


def _between(path: str, places: tuple[str, ...]) -> list[str]:
    """The directories between `path` and the one of `places` that holds it.

    They are mounted on themselves: what is mounted on cannot be renamed, so nobody can move `path` away with its directory and put another
    in its place for the next run to find.
    """
    found: list[str] = []
    above = os.path.dirname(path)
    while is_within_any(above, places) and above not in places:
        found.append(above)
        above = os.path.dirname(above)
    return found


# Into force.


def apply(plan: Plan) -> None:
    """Mount what is planned, in this process's own namespace (namespaces.enter); of places that are not there nothing.

    Raises OSError whose filename is the step that failed. The process has to end then: what is mounted is as nobody meant it.
    """
    directory = _working_directory()
    everything = os.open("/", os.O_PATH | os.O_CLOEXEC)
    _set(everything, "/", propagation=MS_PRIVATE)
    sources = _sources(plan)
    if plan.read_only:
        _set(everything, "/", RDONLY)
    os.close(everything)
    for path, source in sorted(sources.items()):
        _place(source, path, link=path in plan.links)
    if directory is not None:
        _return_to(directory, plan)


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None  # it has been removed, and nothing can be made in it


def _return_to(directory: str, plan: Plan) -> None:
    """Enter the working directory anew: what we stand in is still what was there before the mounts.

    Who stands below a directory that he may not pass goes on by names relative to here, and would find there what is out of reach by its path,
    and so could not be mounted over.
    """
    try:
        os.chdir(directory)
    except PermissionError as error:
        if any(kind != WRITABLE and _is_out_of_reach(path) for path, kind in plan.mounts):
            failed(error, "chdir", directory)
    except OSError as error:
        failed(error, "chdir", directory)


def _sources(plan: Plan) -> dict[str, int]:
    """What is to be mounted at each path, as descriptors. Copied while all is still as it was, so what is writable stays so."""
    found: dict[str, int | None] = {path: _source(path, kind, plan) for path, kind in plan.mounts if kind != HIDDEN}
    hidden = [path for path, kind in plan.mounts if kind == HIDDEN]
    if hidden:
        nothing = _nothing()
        found.update((path, _hiding(path, nothing, plan)) for path in hidden)
        os.close(nothing)
    return {path: source for path, source in found.items() if source is not None}


def _source(path: str, kind: str, plan: Plan) -> int | None:
    place = _open({OURS: plan.ours, TMP: plan.tmp.get(path, "")}.get(kind, path), link=path in plan.links)
    if place is None:
        return None
    if kind == TMP:
        _make_places(place, path, plan)
    if kind == PRIVATE:
        os.close(place)
        return _tmpfs(b"1777", NOSUID | NODEV, path, plan, source=OWN)
    source = _copy(place, path)
    os.close(place)
    if kind in (READ_ONLY, OURS):
        _set(source, path, RDONLY)
    return source


def _hiding(path: str, nothing: int, plan: Plan) -> int | None:
    """What hides a place. For a directory an empty one; for a file a link that leads nowhere, so that to open or stat it gives ENOENT."""
    place = _open(path)
    if place is None:
        return None
    name = DIRECTORY if stat.S_ISDIR(os.fstat(place).st_mode) else LINK
    os.close(place)
    if any(is_within(other, path) and other != path for other, _ in plan.mounts):
        source = _tmpfs(b"0555", NOSUID | NODEV | NOEXEC, path, plan)
        _set(source, path, RDONLY)
        return source
    return step("open_tree", nothing, name.encode(), OPEN_TREE_CLONE | os.O_CLOEXEC | AT_SYMLINK_NOFOLLOW, on=path)


def _nothing() -> int:
    """A file system with what hides directories and files.

    Before Linux 6.15 only of what is mounted somewhere a copy can be made. So it is mounted on /proc, where every plan has another mount, which
    comes to lie over it: to unmount it would take a millisecond.
    """
    nothing = _tmpfs(b"0555", NOSUID | NODEV | NOEXEC, PROC, None)
    os.mkdir(DIRECTORY, 0o555, dir_fd=nothing)
    os.symlink(NOWHERE, LINK, dir_fd=nothing)
    _set(nothing, PROC, RDONLY)
    place = open_exactly(PROC)
    step("move_mount", nothing, b"", place, b"", MOVE_MOUNT_EMPTY_PATHS, on=PROC)
    os.close(place)
    return nothing


def _tmpfs(mode: bytes, attributes: int, path: str, plan: Plan | None, source: str = "") -> int:
    """A new file system for `path`, with the places in it on which others are to be mounted. source: what mountinfo is to say that it is of"""
    context = step("fsopen", b"tmpfs", FSOPEN_CLOEXEC, on=path)
    step("fsconfig", context, FSCONFIG_SET_STRING, b"mode", mode, 0, on=path)
    if source:
        step("fsconfig", context, FSCONFIG_SET_STRING, b"source", source.encode(), 0, on=path)
    step("fsconfig", context, FSCONFIG_CMD_CREATE, 0, 0, 0, on=path)
    made = step("fsmount", context, FSMOUNT_CLOEXEC, attributes, on=path)
    os.close(context)
    if plan:
        _make_places(made, path, plan)
    return made


def _make_places(root: int, path: str, plan: Plan) -> None:
    """In what will lie over `path`, those on which others are to be mounted."""
    for other, _ in plan.mounts:
        if is_within(other, path) and other != path and os.path.lexists(other):
            _make_place(root, other.removeprefix(path + "/"), is_directory=os.path.isdir(other))


def _make_place(root: int, path: str, *, is_directory: bool) -> None:
    """Make a directory, or an empty file, with what leads to it."""
    names = path.split("/")
    folders = names if is_directory else names[:-1]
    for depth in range(1, len(folders) + 1):
        try:
            os.mkdir("/".join(folders[:depth]), 0o700, dir_fd=root)
        except FileExistsError:
            continue
    if not is_directory:
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=root))


def _is_out_of_reach(path: str) -> bool:
    try:
        os.close(open_exactly(path))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _open(path: str, *, link: bool = False) -> int | None:
    """A descriptor for what is at a path; None if nothing is, or if it is out of this user's reach, and so of the target's."""
    try:
        return open_exactly(path, link=link)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None


def _copy(place: int, path: str) -> int:
    """What is mounted from `place` on, to be mounted once more."""
    return step("open_tree", place, b"", OPEN_TREE_CLONE | os.O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE, on=path)


def _set(mount: int, path: str, attributes: int = 0, propagation: int = 0) -> None:
    """Change a mount, given as a descriptor, and all below it."""
    change = words(attributes, 0, propagation, 0)
    step("mount_setattr", mount, b"", AT_EMPTY_PATH | AT_RECURSIVE, change, len(change), on=path)


def _place(source: int, path: str, *, link: bool) -> None:
    try:
        place = open_exactly(path, link=link)
    except FileNotFoundError:
        os.close(source)
        if is_within(path, PTS):
            return  # a terminal that has been closed meanwhile
        raise
    step("move_mount", source, b"", place, b"", MOVE_MOUNT_EMPTY_PATHS, on=path)
    os.close(place)
    os.close(source)
