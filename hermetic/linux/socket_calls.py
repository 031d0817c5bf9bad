"""What a call on sockets that waits for the launcher is about, as the kernel has it; and the sockets that are given to a caller instead.

Only what is asked of the kernel about the socket itself counts, and the one copy of the address that was read.
"""

from __future__ import annotations

import os

from hermetic.linux.notify import Notification

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

    from hermetic.linux.judge import Answer

EFAULT, EINVAL, EAFNOSUPPORT = 14, 22, 97
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
STREAM = 1
SHUT_RDWR = 2
IPPROTO_TCP, TCP_INFO, CLOSE, LISTEN = 6, 11, 7, 10
LONGEST_ADDRESS = 128
"""sizeof(struct sockaddr_storage)"""


class Duplicate:
    """A context that gives a socket of our own for the one that is a call's first argument."""

    def __init__(self, asking: Notification) -> None:
        import _socket

        descriptor = asking.duplicate(asking.arguments[0])
        try:
            self._socket = _socket.socket(AF_UNIX, STREAM, 0, descriptor)  # what it is of is asked of the kernel
        except OSError:  # it is none
            os.close(descriptor)
            raise

    def __enter__(self) -> socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def address_of(asking: Notification) -> bytes | int:
    """The address that connect(2) or bind(2) is called with; else an errno, as the kernel has it."""
    size = asking.integer(2)
    if not 0 <= size <= LONGEST_ADDRESS:
        return EINVAL
    address = asking.memory(asking.arguments[1], size)
    return address if len(address) == size else EFAULT


def inet(family: int, address: bytes) -> tuple[bytes, int] | int:
    """The packed address and the port of a struct sockaddr_in or sockaddr_in6; else an errno, as the kernel has it."""
    if len(address) < {AF_INET: 16, AF_INET6: 24}.get(family, 0):
        return EINVAL
    if family not in (AF_INET, AF_INET6) or int.from_bytes(address[:2], "little") != family:
        return EAFNOSUPPORT
    packed = address[4:8] if family == AF_INET else address[8:24]
    return packed, int.from_bytes(address[2:4], "big")


def name_of(found: socket, family: int) -> tuple[bytes, int]:
    """What an internet socket is bound to."""
    import _socket

    host, port = found.getsockname()[:2]
    return _socket.inet_pton(family, host.partition("%")[0]), port


def shown(packed: bytes, port: int) -> str:
    """`1.2.3.4:80`, `[::1]:80`."""
    from hermetic_guard.guards import addresses

    return str(addresses.show_address((None, packed, port, None)))  # type: ignore[no-untyped-call]


def kind_of_socket(family: int, kind: int, protocol: int) -> str:
    """`AF_INET SOCK_DGRAM`, with the protocol where one is named."""
    from hermetic_guard.guards import addresses

    named = [("AF_", family), ("SOCK_", kind), *([("IPPROTO_", protocol)] if protocol else [])]
    return " ".join(addresses.constant(*pair) for pair in named)  # type: ignore[no-untyped-call]


def made(family: int, kind: int, protocol: int) -> socket:
    import _socket

    return _socket.socket(family, kind | os.O_CLOEXEC, protocol)


def give(asking: Notification, found: socket, kind: int) -> Answer:
    """Where the caller can have no descriptor more it hears so, for that is not what the launcher is short of."""
    try:
        asking.answer_with_descriptor(found.fileno(), close_on_exec=bool(kind & os.O_CLOEXEC))
    except OSError as error:
        return error.errno
    finally:
        found.close()
    return None


def first_unprivileged() -> int:
    """The first port that takes no privilege to be bound (ip(7))."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "rb") as file:
        return int(file.read())


def listen_where_bound(found: socket, backlog: int, family: int, bound: tuple[bytes, int]) -> Answer:
    """Without a filter: not where it is being connected, and no longer where it was bound anew meanwhile, after a connection that failed.

    What listens already goes on as it is.
    """
    state = found.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0]
    if state != CLOSE:
        return 0 if state == LISTEN else EINVAL
    found.listen(backlog)
    if name_of(found, family) != bound:
        found.shutdown(SHUT_RDWR)
        return EINVAL
    return 0


def made_mute(kind: int) -> socket:
    """A local one of datagrams. C libraries ask by it which interfaces there are (if_nametoindex(3), by ioctl), and send nothing."""
    found = made(AF_UNIX, kind, 0)
    found.shutdown(SHUT_RDWR)
    return found
