"""What a process has open when rules are put on it: rights that the rules do not take away, and that its owner ought to know of.

Directories are not among them where there is a Landlock domain: what is opened through one is judged by where it lies (landlock(7)).
"""

from __future__ import annotations

import fcntl
import os
import stat

from hermetic.linux.descriptors import ANONYMOUS, HARMLESS, OPEN, PLAIN, STANDARD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Socket = tuple[int, int, int]
    """Family, type and protocol, as socket(2) takes them."""

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCK_STREAM, SOCK_SEQPACKET = 1, 5
AF_VSOCK = 40
IPPROTO_TCP, IPPROTO_MPTCP = 6, 262
FAMILIES = {AF_UNIX: "local", AF_INET: "IPv4", AF_INET6: "IPv6", 16: "netlink", 17: "packet", AF_VSOCK: "vsock"}
TYPES = {SOCK_STREAM: "stream", 2: "datagram", 3: "raw", SOCK_SEQPACKET: "seqpacket"}


class Open:
    """number: of the descriptor; what: it is, in words; sends: whether it sends to whoever is named with each message"""

    __slots__ = ("number", "sends", "what")

    def __init__(self, number: int, what: str, *, sends: bool = False) -> None:
        self.number = number
        self.what = what
        self.sends = sends

    def __str__(self) -> str:
        return f"descriptor {self.number}: {self.what}"


def look() -> list[Open]:
    """What is open and is a right: not the standard streams, unless they are sockets, nor files that can only be read."""
    try:
        numbers = sorted(map(int, os.listdir(OPEN)))
    except OSError:
        return []
    return [found for number in numbers for found in _described(number)]


def _described(number: int) -> Iterator[Open]:
    try:
        mode, flags, name = os.fstat(number), fcntl.fcntl(number, fcntl.F_GETFL), os.readlink(f"{OPEN}/{number}")
    except OSError:
        return  # the directory that was listed
    kind = mode.st_mode
    writable = flags & os.O_ACCMODE != os.O_RDONLY
    if stat.S_ISSOCK(kind):
        yield socket(number)
    elif number in STANDARD or (stat.S_ISCHR(kind) and (os.major(mode.st_rdev), os.minor(mode.st_rdev)) in PLAIN):
        return
    elif stat.S_ISDIR(kind):
        yield Open(number, f"directory {name}")
    elif stat.S_ISFIFO(kind):
        yield Open(number, "pipe")
    elif name.startswith(ANONYMOUS):
        if name.removeprefix(ANONYMOUS) not in HARMLESS:
            yield Open(number, name)
    elif writable or stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        yield Open(number, f"{name} for {'writing' if writable else 'reading'}")


def socket(number: int) -> Open:
    kind = kind_of(number)
    words = " ".join(filter(None, ("socket", FAMILIES.get(kind[0], ""), TYPES.get(kind[1], ""))))
    return Open(number, words, sends=sends(kind))


def kind_of(number: int) -> Socket:
    """Found out by the module, which has a socket wait no longer where programs have asked for that: it is shared, so that is undone."""
    import _socket

    flags = fcntl.fcntl(number, fcntl.F_GETFL)
    found = _socket.socket(fileno=os.dup(number))
    fcntl.fcntl(number, fcntl.F_SETFL, flags)
    kind = found.family, found.type, found.proto
    found.close()
    return kind


def sends(kind: Socket) -> bool:
    """Whether such a socket needs no connection, which would be refused."""
    family, type_, protocol = kind
    if family == AF_UNIX:
        return type_ not in (SOCK_STREAM, SOCK_SEQPACKET)
    return not (family in (AF_INET, AF_INET6) and type_ == SOCK_STREAM and protocol in (0, IPPROTO_TCP))


CONNECTED = ((AF_VSOCK, SOCK_STREAM, 0), (AF_INET, SOCK_STREAM, IPPROTO_MPTCP), (AF_INET6, SOCK_STREAM, IPPROTO_MPTCP))
"""Others that send nothing unless connect(2) was called, which the supervisor is asked about."""


def names_addresses(kind: Socket) -> bool:
    """Whether what is sent by such a socket may say where it goes, so that no filter sees it (sendmsg(2))."""
    return sends(kind) and kind not in CONNECTED
