"""Which of the descriptors that the launcher was started with the target gets.

A descriptor is a right that no rule on paths takes away: through an open directory everything below is reached as it was before the
mounts, a socket is a connection, a pidfd another process. What shells and build tools hand on deliberately lives: the pipe of `<(...)`,
a jobserver's, a terminal, a file that the policy lets the target open itself.
"""

from __future__ import annotations

import fcntl
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Policy

OPEN = "/proc/self/fd"
STANDARD = (0, 1, 2)
EPERM, ENOENT, EBADF = 1, 2, 9
PLAIN = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9))
"""null, zero, full, random and urandom (Documentation/admin-guide/devices.txt)."""
MASTER = (5, 2)
"""The other end of a terminal, /dev/ptmx: who has it types what the terminal's processes read."""
ANONYMOUS = "anon_inode:"
HARMLESS = frozenset("[eventfd] [eventpoll] [signalfd] [timerfd] inotify".split())
"""What the kernel calls the objects without a file that stay. Others are processes, io_uring, userfaultfd, mounts, filters: what seccomp
refuses to make."""


class Descriptor:
    """What is known of an open one.

    number, mode (st_mode), links (st_nlink), flags (of F_GETFL); name: what /proc/self/fd calls it, for a file its path
    device: major and minor number of a device; terminal: whether that is one
    """

    __slots__ = ("device", "flags", "links", "mode", "name", "number", "terminal")

    def __init__(
        self, number: int, mode: int, links: int, flags: int, name: str, device: tuple[int, int] = (0, 0), *, terminal: bool = False
    ) -> None:
        self.device = device
        self.terminal = terminal
        self.number = number
        self.mode = mode
        self.links = links
        self.flags = flags
        self.name = name


def inherited() -> list[Descriptor]:
    """Those that exec would not close; to be called in the process that becomes the target, before it has mounts of its own."""
    return [one for one in map(_inherited, sorted(map(int, os.listdir(OPEN)))) if one is not None]


def sort(policy: Policy, found: Iterable[Descriptor]) -> None:
    """Have exec close what of these the target must not get.

    Raises OSError for a standard stream that goes around the policy: a program would take what is opened next for one that is closed.
    """
    for descriptor in found:
        if not stays(policy, descriptor):
            os.set_inheritable(descriptor.number, False)
        elif policy.network is not None and stat.S_ISSOCK(descriptor.mode):
            _expect_connection(descriptor.number)


def _expect_connection(number: int) -> None:
    from hermetic.linux import opened  # few standard streams are sockets

    if opened.names_addresses(opened.kind_of(number)):
        raise OSError(EPERM, os.strerror(EPERM), f"descriptor {number}, a socket that sends to any address")


def _inherited(number: int) -> Descriptor | None:
    """None for what exec closes anyway, and for the one that listed the directory, which is closed already."""
    try:
        if not os.get_inheritable(number):
            return None
        status = os.fstat(number)
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
        device = os.major(status.st_rdev), os.minor(status.st_rdev)
        return Descriptor(
            number, status.st_mode, status.st_nlink, flags, os.readlink(f"{OPEN}/{number}"), device, terminal=os.isatty(number)
        )
    except OSError as error:
        if error.errno != EBADF:
            raise
        return None


def stays(policy: Policy, descriptor: Descriptor) -> bool:
    """Whether the target gets it; a function of its arguments."""
    if stat.S_ISDIR(descriptor.mode):
        return False
    if descriptor.number in STANDARD:
        return True
    if descriptor.flags & os.O_PATH:
        return False
    if stat.S_ISFIFO(descriptor.mode):
        return True
    if stat.S_ISCHR(descriptor.mode):
        return descriptor.device in PLAIN or (descriptor.terminal and descriptor.device != MASTER)
    if descriptor.name.startswith(ANONYMOUS):
        return descriptor.name.removeprefix(ANONYMOUS) in HARMLESS
    return stat.S_ISREG(descriptor.mode) and _is_allowed(policy, descriptor)


def open_anew() -> bool:
    """Open what is open for reading once more, by its path, once this process has mounts of its own: through the mount that a file was opened by
    its mode, times and attributes can be changed. Whether that was done with 0, which then has an offset of its own.

    Raises OSError whose filename is the descriptor. Those that have no name, and those of other owners, stay as they are.
    """
    done = False
    for descriptor in inherited():
        if _can_be_changed(descriptor):
            _open_anew(descriptor)
            done = done or descriptor.number == 0
    return done


def _can_be_changed(descriptor: Descriptor) -> bool:
    if not stat.S_ISREG(descriptor.mode) or descriptor.links == 0 or descriptor.flags & os.O_ACCMODE != os.O_RDONLY:
        return False
    return os.geteuid() in (0, os.fstat(descriptor.number).st_uid)


def _open_anew(descriptor: Descriptor) -> None:
    number = descriptor.number
    try:
        opened = os.open(descriptor.name, descriptor.flags & ~os.O_PATH | os.O_CLOEXEC)
        if not os.path.samestat(os.fstat(opened), os.fstat(number)):
            raise OSError(ENOENT, "another file is there by now")
        os.lseek(opened, os.lseek(number, 0, os.SEEK_CUR), os.SEEK_SET)
        os.dup2(opened, number)
        os.close(opened)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"descriptor {number} ({descriptor.name})") from None


def _is_allowed(policy: Policy, descriptor: Descriptor) -> bool:
    """Whether the policy lets a file be opened in the way it is open. One without a name left is in nobody else's reach: a shell's here-document."""
    if not descriptor.name.startswith("/"):
        return False  # a namespace, a process, or of another mount namespace
    if descriptor.links == 0:
        return True
    from hermetic_guard.decide import Request, decide  # few runs have such a descriptor

    access = descriptor.flags & os.O_ACCMODE
    actions = [action for action, not_in in (("read", os.O_WRONLY), ("write", os.O_RDONLY)) if access != not_in]
    return all(decide(policy, Request("filesystem", action, descriptor.name, path=descriptor.name)).allowed for action in actions)
