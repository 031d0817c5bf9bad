"""What the kernel does not hold, in words: the difference between full, partial and none.

One row per gap, found from the policy and from what could be put in place here.
"""

from __future__ import annotations

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import is_protected, is_within_any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here

PROCESSES = "processes"
"""What every guard rests on: other processes, which are not guarded, are out of reach. A gap here is one of each guard."""

RUNS = "runs"
"""That a run leaves nothing which weakens the next. It says nothing of the run itself."""


class Gap:
    """guarantee: a guard's name, PROCESSES or RUNS; name: a word for it; what: can be done in spite of the guarantee, as a sentence's end

    total: whether nothing is left of the guarantee
    rules: the keys of a policy that it is about, none for the guard as a whole
    """

    __slots__ = ("applies", "guarantee", "name", "rules", "total", "what")

    def __init__(
        self,
        guarantee: str,
        name: str,
        what: str,
        applies: Callable[[Policy, Here], bool],
        *,
        total: bool = False,
        rules: tuple[str, ...] = (),
    ) -> None:
        self.guarantee = guarantee
        self.name = name
        self.total = total
        self.rules = rules
        self.what = what
        self.applies = applies


def gaps(policy: Policy, here: Here) -> tuple[Gap, ...]:
    """Those of a run with this policy; `here` says what it has."""
    return tuple(gap for gap in GAPS if gap.applies(policy, here))


def _filesystem(since: int, *, namespaced: bool = False) -> Callable[[Policy, Here], bool]:
    """Whether the guard stands and the ABI is older, and there are no mounts of the run's own either; `namespaced`: those would not help."""
    return lambda policy, here: policy.filesystem is not None and here.abi < since and (namespaced or not here.namespaced)


def _can_change_metadata(policy: Policy, here: Here) -> bool:
    rules = policy.filesystem
    if rules is None or here.namespaced:
        return False
    from hermetic.linux.seccomp import keeps_metadata  # where there are mounts the launcher has no use for it yet

    return not keeps_metadata(rules, here)


def _can_be_read(policy: Policy, here: Here) -> bool:
    """Whether something hidden lies where Landlock lets the target write: there it grants what contains it, with all that will be made there."""
    rules = policy.filesystem
    if rules is None or here.namespaced:
        return False
    return here.abi == 0 or any(is_within_any(path, rules.write) for path in rules.hide)


def _has_terminals(policy: Policy, here: Here) -> bool:
    """Whether others that were there at the start are in reach of a run; an outer one's guard keeps them from what is inside. A process that runs
    already has its terminals open.
    """
    outer = here.outer.filesystem if here.outer is not None else None
    return policy.filesystem is not None and not here.namespaced and not here.threads and outer is None


def _protects_what_is_written(policy: Policy) -> bool:
    """Whether something is both protected and allowed to be written: elsewhere it is as read-only as all is."""
    rules = policy.filesystem
    if rules is None:
        return False
    return any(is_within_any(path, rules.write) for path in rules.protect) or any(is_protected(path, rules.protect) for path in rules.write)


def _can_change_hermetic(policy: Policy, here: Here) -> bool:
    rules = policy.filesystem
    if here.namespaced:
        return False
    return rules is None or here.abi == 0 or any(is_within_any(path, rules.write) for path in (*here.protected, here.run))


def _given_to_packages(guard: str) -> Gap:
    def given(policy: Policy, here: Here) -> bool:
        return getattr(policy, guard) is not None and any(getattr(package, guard) is not None for package in policy.packages)

    return Gap(guard, f"packages and {guard}", "what single packages may do all may", given)


GAPS = (
    Gap(PROCESSES, "calls", "no system call can be refused", lambda policy, here: not here.filtered, total=True),
    Gap(
        "network",
        "names",
        "without a supervisor the kernel knows no names",
        lambda policy, here: bool(policy.network and policy.network.domains) and not here.supervised,
        total=True,
        rules=("allow-domain",),
    ),
    Gap(
        "network",
        "addresses",
        "without a supervisor every address can be reached",
        lambda policy, here: bool(policy.network and (policy.network.localhost or policy.network.addresses)) and not here.supervised,
        total=True,
        rules=("allow-localhost", "allow-address"),
    ),
    Gap(
        "network",
        "listening",
        "without a supervisor every port can be listened at",
        lambda policy, here: bool(policy.network and policy.network.listen) and not here.supervised,
        rules=("allow-listen",),
    ),
    Gap(
        "network",
        "datagrams",
        "datagrams can be sent past the loopback interface",  # by a control message or a scope, in memory, with each of them
        lambda policy, here: bool(policy.network and policy.network.localhost == ANY) and here.supervised,
        rules=("allow-localhost",),
    ),
    Gap("native", "libraries", "the kernel cannot tell a library from data", lambda policy, here: policy.native is not None, total=True),
    Gap("filesystem", "change", "files can be changed", _filesystem(1), total=True),
    Gap("filesystem", "metadata", "modes, owners, times and attributes of files can be changed", _can_change_metadata),
    Gap("filesystem", "truncate", "files can be truncated", _filesystem(3)),
    Gap(
        "filesystem",
        "hidden",
        "what is hidden can be read",
        lambda policy, here: bool(policy.filesystem and policy.filesystem.hide) and _can_be_read(policy, here),
        rules=("hide",),
    ),
    Gap(
        "filesystem",
        "seen",
        "what is hidden is seen to be there, though not read",
        lambda policy, here: bool(policy.filesystem and policy.filesystem.hide) and not here.namespaced,
    ),
    Gap(
        "filesystem",
        "replaced",
        "what is hidden shows again where somebody outside replaces it",  # a rename over it takes the mount away (detach_mounts, fs/namespace.c)
        lambda policy, here: bool(policy.filesystem and policy.filesystem.hide) and here.namespaced,
        rules=("hide",),
    ),
    Gap(
        "filesystem",
        "protected",
        "what is protected can be changed",
        lambda policy, here: _protects_what_is_written(policy) and not here.namespaced,
        rules=("protect",),
    ),
    Gap(
        "filesystem",
        "protected names",
        "protected names that were not there can be made, and what somebody outside puts in the place of a protected file can be changed",
        lambda policy, here: _protects_what_is_written(policy) and here.namespaced,
        rules=("protect",),
    ),
    Gap("filesystem", "terminals", "this user's other terminals can be read and written", _has_terminals),
    Gap("filesystem", "devices", "devices can be given commands (ioctl)", _filesystem(5, namespaced=True)),
    Gap(
        "filesystem",
        "read",
        "files can be read",
        lambda policy, here: policy.filesystem is not None and policy.filesystem.read is not None and here.abi < 1,
        rules=("root", "allow-read"),
    ),
    Gap(
        "filesystem",
        "attributes",
        "extended attributes of files elsewhere and where links lead can be read",
        lambda policy, here: policy.filesystem is not None and policy.filesystem.read is not None,
        rules=("root", "allow-read"),
    ),
    Gap(
        "subprocess",
        "execute",
        "every program can be started",
        lambda policy, here: bool(policy.subprocess and policy.subprocess.run) and here.abi < 1,
        total=True,
        rules=("allow-run",),
    ),
    Gap(
        "subprocess",
        "loader",
        "other programs can be run by the dynamic loader, and from memory",
        lambda policy, here: bool(policy.subprocess and policy.subprocess.run),
        rules=("allow-run",),
    ),
    Gap(
        PROCESSES,
        "memory",
        "memory and environment of other processes of this user can be read and changed",
        lambda policy, here: here.abi < 1,
    ),
    Gap(PROCESSES, "signals", "other processes of this user can be sent signals", lambda policy, here: here.abi < 6),
    Gap(PROCESSES, "own code", "a process can rewrite its code through /proc", lambda policy, here: here.abi < 1 and not here.namespaced),
    Gap(
        PROCESSES,
        "ipc",
        "System V IPC and message queues of other processes can be used",  # by a number or a name, which no file system has
        lambda policy, here: not here.namespaced and not here.threads,
    ),
    Gap(
        PROCESSES,
        "threads",
        "threads that ran already can do with files and other processes what they could",
        lambda policy, here: here.unbound > 0,
    ),
    Gap(
        PROCESSES,
        "capabilities",
        "threads that ran already keep their capabilities",
        lambda policy, here: here.root and here.threads > 1,
    ),
    Gap(PROCESSES, "filters", "threads with filters of their own can make every system call", lambda policy, here: not here.synced),
    Gap(
        "network",
        "sockets",
        "sockets that were open already can send to any address",
        lambda policy, here: policy.network is not None and here.sends,
    ),
    Gap(RUNS, "hermetic", "hermetic's own files can be changed", _can_change_hermetic),
    Gap(
        RUNS,
        "above hermetic",
        "directories above hermetic's own files can be renamed",
        lambda policy, here: here.namespaced and (policy.filesystem is None or "/" in policy.filesystem.write),
    ),
    Gap(
        "filesystem",
        "raw devices",
        "disks can be read past their file systems",
        lambda policy, here: policy.filesystem is not None and here.root and not here.namespaced,
    ),
    *map(_given_to_packages, ("network", "subprocess", "filesystem")),
)
