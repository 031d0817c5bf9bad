"""What is done to a socket of UDP before a program has it: no filter sees where its datagrams go, for that is named with each of them.

Mute, it sends nothing and takes nothing. Tied, it sends by the loopback interface.
"""

from __future__ import annotations

from hermetic.linux import socket_filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

SOL_SOCKET, SO_TYPE, SO_BINDTODEVICE = 1, 3, 25
IPPROTO_IP, IP_MULTICAST_IF, IP_UNICAST_IF = 0, 32, 50
IPPROTO_IPV6, IPV6_MULTICAST_IF, IPV6_UNICAST_IF = 41, 17, 76
DATAGRAM, AF_INET6, SHUT_WR, ENOTCONN = 2, 10, 1, 107

LOOPBACK = 1
"""LOOPBACK_IFINDEX: in every network it has this number (include/net/flow.h)."""
NUMBER = LOOPBACK.to_bytes(4, "little")
NUMBER_AS_SENT = LOOPBACK.to_bytes(4, "big")

TIES = {
    IPPROTO_IP: {IP_UNICAST_IF: NUMBER_AS_SENT, IP_MULTICAST_IF: bytes(8) + NUMBER},  # struct ip_mreqn
    IPPROTO_IPV6: {IPV6_UNICAST_IF: NUMBER_AS_SENT, IPV6_MULTICAST_IF: NUMBER},
}
"""By which interface is sent what the socket is not bound to one for. A socket of IPv6 sends by IPv4 too, to addresses that are mapped."""


def is_of_datagrams(found: socket) -> bool:
    return found.getsockopt(SOL_SOCKET, SO_TYPE) == DATAGRAM


def mute(found: socket) -> None:
    """Nothing is sent by it any more, whatever it is connected to (sock_alloc_send_pskb, net/core/sock.c: EPIPE)."""
    try:
        found.shutdown(SHUT_WR)
    except OSError as error:
        if error.errno != ENOTCONN:  # which is said after it is done (inet_shutdown, net/ipv4/af_inet.c)
            raise


def close(made: socket) -> None:
    """Have it send nothing, and take nothing. Raises OSError."""
    mute(made)
    socket_filters.close(made)


def tie(made: socket) -> None:
    """Have it send by the loopback interface. Raises OSError.

    It is bound to that, so that it takes nothing from elsewhere; but when a connection is taken away it is no longer (__udp_disconnect,
    net/ipv4/udp.c), which C libraries do while they sort addresses. The other options stay, and seccomp.py lets nobody inside set them.
    """
    for level, options in TIES.items():
        if level == IPPROTO_IP or made.family == AF_INET6:
            for option, value in options.items():
                made.setsockopt(level, option, value)
    made.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"lo\0")  # last, for the others are refused then
