"""Which system calls a policy takes away, guarantee by guarantee.

A filter sees numbers and registers, never memory: what is said by a path, an address or a structure is left to mounts,
Landlock and the supervisor. It holds for every program of a run and cannot be taken off.
"""

from __future__ import annotations

import errno

from hermetic_guard.guards.options import HARMLESS_OPTIONS, STEERING
from hermetic_guard.policy import ALIKE, is_within

from hermetic.linux import prepared
from hermetic.linux.bpf import USER_NOTIF, Rule, differs, equal, error, has_any, has_none, is_address, not_null

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Filesystem, Network, Policy

    from hermetic.linux.bpf import Condition
    from hermetic.linux.exec_once import Opened
    from hermetic.linux.here import Here

REFUSED = error(errno.EPERM)
ABSENT = error(errno.ENOSYS)
CLOSED = error(errno.EACCES)
READ_ONLY = error(errno.EROFS)


def rules(policy: Policy, here: Here, once: Opened | None = None) -> list[Rule]:
    """What is refused. `once` is the program about to be executed, where no new process may be: see exec_once.py."""
    found = [*ALWAYS, *others_turns(here), *(OTHERS_IPC if here.threads else ())]
    if policy.network is not None:
        found += network(policy.network, supervised=here.supervised)
    if policy.subprocess is not None and not policy.subprocess.run:
        found += subprocess(once, root=here.root, supervised=here.supervised)
    elif policy.subprocess is not None and here.supervised:
        found += STARTS
    if policy.filesystem is not None:
        found += filesystem(policy.filesystem, here)
    return found


def refuse(names: str, action: int = REFUSED, when: tuple[Condition, ...] = ()) -> tuple[Rule, ...]:
    return tuple(Rule(name, action, when) for name in names.split())


# In every run, whatever it guards: what would get around the other rules, and what rules the machine.

RINGS = refuse("io_uring_setup io_uring_enter io_uring_register", ABSENT)
"""What is done by way of a ring passes every filter. As if the kernel had no rings: libraries do without."""

OTHERS = refuse("ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd lsm_set_self_attr")
"""Memory and descriptors of other processes, the launcher's first of all; and a change of the security context."""

OTHERS_LIMITS = refuse("prlimit64", when=(differs(0, 0),))
"""Limits of other processes: for those of the same user neither Landlock nor the kernel's own checks are in the way."""

KERNEL = refuse("bpf userfaultfd perf_event_open init_module finit_module delete_module kexec_load kexec_file_load")
"""Code in the kernel, and what is commonly used to attack it."""

MOUNTS = refuse(
    "mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr open_by_handle_at"
)
"""Another tree of files than that in which rules were laid down, and files by their inode, without any path."""

CLONE_NEW = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME is none of clone's flags (linux/sched.h)."""

NAMESPACES = (*refuse("unshare setns"), *refuse("clone", when=(has_any(0, CLONE_NEW),)), *refuse("clone3", ABSENT))
"""In a user namespace of its own a process has every capability. The flags of clone3 are in memory, so it is as if there were
none, and C libraries fall back to clone."""

KEYS = refuse("keyctl add_key request_key")
"""Keys are the user's, not the run's; and request_key has the kernel start a program outside."""

OTHERS_IPC = refuse("shmat shmctl semop semtimedop semctl msgsnd msgrcv msgctl mq_open mq_unlink", CLOSED)
"""That of System V, and message queues, of which Landlock knows nothing. A run has its own where it has a namespace; a process that runs already
gets none, and goes on with the queues that it has open.
"""

TIOCSTI, TIOCLINUX, TIOCSETD = 0x5412, 0x541C, 0x5423


def others_turns(here: Here) -> list[Rule]:
    """When other processes of this user run, and where: no capability is needed for that. A thread of the run's own is known to the supervisor;
    without one only the target's first may be named.
    """
    action = USER_NOTIF if here.supervised else REFUSED
    return [
        Rule(name, action, unless=[(*([equal(0, kind)] if kind is not None else []), equal(at, own)) for own in (0, here.pid)])
        for name, (kind, at) in TURNS.items()
    ]


TURNS: dict[str, tuple[int | None, int]] = {
    "setpriority": (0, 1),
    "ioprio_set": (1, 1),
    **dict.fromkeys(("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"), (None, 0)),
}
"""Those system calls: what the first argument has to be where it says whether one process, a group or all of a user is named, and which
argument names it."""

TERMINAL = tuple(Rule("ioctl", REFUSED, (equal(1, request),)) for request in (TIOCSTI, TIOCLINUX, TIOCSETD))
"""To type into the terminal, or paste into it, is to give commands to the shell that started the run. Another line discipline has the kernel load
drivers that nobody here needs (n_gsm, n_hdlc). Landlock's right to ioctl is about files that are opened later; the terminal is open already."""

PERSONALITIES = (0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""PER_LINUX, PER_LINUX32, either with UNAME26, and the question which it is. Others make memory executable (READ_IMPLIES_EXEC) or
its addresses known."""

PERSONALITY = (Rule("personality", REFUSED, unless=[(equal(0, value),) for value in PERSONALITIES]),)

MACHINE = refuse(
    "swapon swapoff reboot acct quotactl quotactl_fd fanotify_init iopl ioperm modify_ldt"
    " settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname syslog"
)
"""What is the administrator's. Without capabilities the kernel refuses most of it; a filter does not depend on that."""

ALWAYS = (
    *RINGS,
    *OTHERS,
    *OTHERS_LIMITS,
    *KERNEL,
    *MOUNTS,
    *NAMESPACES,
    *KEYS,
    *TERMINAL,
    *PERSONALITY,
    *MACHINE,
)


# Network.

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET = 1, 2, 3, 5
SOCK_TYPE = 0xF
"""The rest of the second argument of socket(2) is SOCK_CLOEXEC and SOCK_NONBLOCK."""
IPPROTO_TCP, IPPROTO_UDP = 6, 17
MSG_FASTOPEN = 0x20000000


def _kinds(families: tuple[int, ...], types: tuple[int, ...], protocols: tuple[int, ...]) -> list[tuple[Condition, ...]]:
    return [
        (equal(0, family), equal(1, kind, SOCK_TYPE), equal(2, protocol)) for family in families for kind in types for protocol in protocols
    ]


TCP = _kinds((AF_INET, AF_INET6), (SOCK_STREAM,), (0, IPPROTO_TCP))
"""Not MPTCP, whose protocol is 262."""
UDP = _kinds((AF_INET, AF_INET6), (SOCK_DGRAM,), (0, IPPROTO_UDP))
LOCAL = _kinds((AF_UNIX,), (SOCK_STREAM, SOCK_SEQPACKET), (0,))
"""These send only to what they are connected to; a datagram goes to any path that is named with it."""

INTERFACES = _kinds((AF_NETLINK,), (SOCK_DGRAM, SOCK_RAW), (0,))
"""NETLINK_ROUTE, by which getifaddrs(3) has the machine's own addresses: libzmq, so Jupyter, asks before it listens on a loopback address, and
aborts without an answer; getaddrinfo(3) asks whether there is IPv6, of those too who want an address to listen at. Nothing goes out by it, and
only an administrator changes anything or sends to another process (af_netlink.c, NL_CFG_F_NONROOT_SEND)."""

TUNSETIFF, VHOST_SET_OWNER = 0x400454CA, 0xAF01

INTERFACES_OF_OTHERS = tuple(Rule("ioctl", CLOSED, (equal(1, request),)) for request in (TUNSETIFF, VHOST_SET_OWNER))
"""Frames sent by an interface that is there for somebody's virtual machine (linux/if_tun.h, linux/vhost.h)."""

FAST_OPEN = tuple(
    Rule(name, error(errno.EOPNOTSUPP), (has_any(flags, MSG_FASTOPEN),)) for name, flags in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))
)
"""This connects without connect(2). The errno is that of a kernel which does not do it."""

ADDRESSED = (Rule("sendto", USER_NOTIF, (not_null(4),)),)
"""A datagram. Where sockets of UDP are mute, or reach the run's own name server alone, it goes nowhere else, and this is how it is told."""

BOUND = refuse("bind", USER_NOTIF)
"""Where a name server could be put in the place of the machine's own: a port of UDP is taken by binding alone."""

PAIRS = (Rule("socketpair", CLOSED, unless=LOCAL),)
"""Not of datagram sockets: each of a pair can send to any path, and connect to it."""


def options(action: int) -> list[Rule]:
    """Those by which a packet goes elsewhere than its address says, or by which one is sent: joining a group is announced to the network, with
    the group's number, whatever kind of socket asks.
    """
    steering = [Rule("setsockopt", action, (equal(1, level), equal(2, name))) for level, names in STEERING.items() for name in names]
    known = {level: [(equal(2, name),) for name in sorted(names)] for level, names in HARMLESS_OPTIONS.items()}
    return steering + [Rule("setsockopt", action, (equal(1, level),), unless=harmless) for level, harmless in known.items()]


def network(allowed: Network, *, supervised: bool) -> list[Rule]:
    """Sockets of other kinds are refused when they are made; what a socket is for is judged when it connects or listens, so that the Python
    layer, which knows who asks, is asked first. Without a supervisor nothing connects, or everything that such a socket can reach.
    """
    found = prepared.reach(allowed)
    outward = [*(TCP if "tcp" in found else []), *(INTERFACES if "interfaces" in found else [])]
    if allowed.domains and not supervised:
        outward += UDP  # names are looked up by it
    always = [*FAST_OPEN, *PAIRS, *INTERFACES_OF_OTHERS, *options(USER_NOTIF if supervised else CLOSED)]
    if supervised:
        asked = [*(ADDRESSED if "datagrams" in found else ()), *(BOUND if "bind" in found else ())]
        return [*always, *asked, Rule("socket", USER_NOTIF, unless=[*LOCAL, *outward]), *refuse("connect listen", USER_NOTIF)]
    if "tcp" in found:
        return [*always, Rule("socket", CLOSED, unless=outward)]
    closed = "connect" if allowed.listen else "connect listen"
    return [*always, Rule("socket", CLOSED, unless=[*LOCAL, *TCP, *outward]), *refuse(closed, CLOSED)]


# Subprocess.

CLONE_THREAD = 0x00010000
AT_EMPTY_PATH = 0x1000
RLIMIT_NOFILE = 7


def subprocess(once: Opened | None, *, root: bool, supervised: bool) -> list[Rule]:
    """No process but threads, no program but the one that is opened."""
    action = USER_NOTIF if supervised else REFUSED
    found = [
        *refuse("fork vfork execve", action),
        Rule("clone", action, (has_none(0, CLONE_THREAD),)),
        Rule("execveat", action, unless=[the_one_program(once)] if once else ()),
    ]
    return found + list(DESCRIPTOR_LIMIT) if root else found


STARTS = refuse("execve execveat", USER_NOTIF)
"""Where some programs may be started Landlock refuses the others; the supervisor is asked first, so that it is told."""


def the_one_program(once: Opened) -> tuple[Condition, ...]:
    """A path that is not empty would be executed instead of the descriptor: the name is compared by its address, where no
    other than the empty one can be."""
    return equal(0, once.descriptor), is_address(1, once.name), equal(4, AT_EMPTY_PATH)


DESCRIPTOR_LIMIT = (
    Rule("prlimit64", REFUSED, (equal(1, RLIMIT_NOFILE), not_null(2))),
    Rule("setrlimit", REFUSED, (equal(0, RLIMIT_NOFILE),)),
)
"""Root could raise the limit again, and so have the descriptor of the one program back."""


# One fork of a warm interpreter.

LASTING = refuse("shmget semget msgget mq_open", ABSENT)
"""Memory, semaphores and queues that stay when whoever has made them is gone: the next fork would find them."""


def forked(policy: Policy, here: Here) -> list[Rule]:
    """What is refused to one fork besides what is refused to the whole run. Nothing of it is the supervisor's: to that all forks are of the run."""
    alone = type(here)(machine=here.machine, root=here.root)
    started = policy.subprocess is not None and not policy.subprocess.run
    return [*LASTING, *others_turns(alone), *(subprocess(None, root=False, supervised=False) if started else ())]


# Filesystem.

METADATA_CALLS = (
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat"
    " setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr"
)
METADATA_REQUESTS = {
    "FS_IOC_SETFLAGS": 0x40086602,
    "FS_IOC_SETVERSION": 0x40087602,
    "FS_IOC_SET_ENCRYPTION_POLICY": 0x800C6613,
    "EXT4_IOC_SETVERSION": 0x40086604,
    "EXT4_IOC_MIGRATE": 0x6609,
    "FS_IOC_FSSETXATTR": 0x401C5820,
    "FS_IOC_ENABLE_VERITY": 0x40806685,
}
"""By ioctl on what is open for reading only (linux/fs.h, linux/fscrypt.h, linux/fsverity.h, fs/ext4/ext4.h)."""

METADATA = (
    *refuse(METADATA_CALLS, READ_ONLY),
    *(Rule("ioctl", READ_ONLY, (equal(1, request),)) for request in METADATA_REQUESTS.values()),
)
"""Landlock knows no right to change these, and a filter cannot tell where: only where nothing may be written at all."""


SUBVOLUME_REQUESTS = {
    "BTRFS_IOC_SNAP_CREATE": 0x50009401,
    "BTRFS_IOC_SUBVOL_CREATE": 0x5000940E,
    "BTRFS_IOC_SNAP_DESTROY": 0x5000940F,
    "BTRFS_IOC_SNAP_CREATE_V2": 0x50009417,
    "BTRFS_IOC_SUBVOL_CREATE_V2": 0x50009418,
    "BTRFS_IOC_SUBVOL_SETFLAGS": 0x4008941A,
    "BTRFS_IOC_SNAP_DESTROY_V2": 0x5000943F,
}

SUBVOLUMES = tuple(Rule("ioctl", READ_ONLY, (equal(1, request),)) for request in SUBVOLUME_REQUESTS.values())
"""Directories made and removed by ioctl on the one above, past Landlock (fs/btrfs/ioctl.c: no hook is called)."""


F_SETLEASE = 1024

LEASES = (Rule("fcntl", CLOSED, (equal(1, F_SETLEASE),)),)
"""With a lease on a file that it may read a process has everybody wait who writes to it (fcntl(2))."""


def filesystem(allowed: Filesystem, here: Here) -> list[Rule]:
    """A mount that is read-only refuses all but the first by itself."""
    if here.namespaced:
        return list(LEASES)
    return [*LEASES, *SUBVOLUMES, *METADATA] if keeps_metadata(allowed, here) else [*LEASES, *SUBVOLUMES]


def keeps_metadata(allowed: Filesystem, here: Here) -> bool:
    """Whether a filter can: it knows no places."""
    return nothing_writable(allowed, here) and not builds_inside(here)


def builds_inside(here: Here) -> bool:
    """Whether packages are built in the scratch directory of an outer run, as installers have it done: compilers and archives set modes and times.
    Those of what the outer run keeps from being written it keeps as well.
    """
    return here.outer is not None and here.outer.filesystem is not None and here.outer.builds != ALIKE


def nothing_writable(allowed: Filesystem, here: Here) -> bool:
    """Whether no tree can be written but the run's own."""
    return all(here.run and is_within(path, here.run) for path in (*allowed.write, *allowed.private))
