"""The run's own name server by UDP where all of localhost is open: at a loopback address that is the run's alone.

UDP sockets of such a run are of the machine's network, tied to its loopback interface. Port 53 is a privileged one (ip(7)). Where the launcher may
have it, every resolver finds the server. Else those do that connect their sockets, as c-ares and Go, for the supervisor leads them to the port that
there is; who names the server with each datagram, as musl, finds nobody.
"""

from __future__ import annotations

import os

from hermetic.linux import local_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

AF_INET, AF_INET6, DATAGRAM = 2, 10, 2
MAPPED = bytes(10) + b"\xff\xff"
PORT = 53
EADDRINUSE = 98
NETWORK = b"\x7f\x53"
"""127.83.0.0/16"""
TRIES = 16
TABLES = "udp", "udp6"


class LoopbackServer:
    """socket: bound and nobody's yet; packed: its address; port: its own, which is 53 if that could be had

    Raises OSError where there is no loopback interface.
    """

    def __init__(self) -> None:
        import _socket

        self.socket = _socket.socket(AF_INET, DATAGRAM | os.O_CLOEXEC)
        self._bind()
        host, self.port = self.socket.getsockname()
        self.host = str(host)
        self.packed = _socket.inet_aton(host)

    def _bind(self) -> None:
        """At an address that no other run has: at port 53 each has one, at others it does not matter."""
        for _ in range(TRIES):
            try:
                return self.socket.bind((address_of_its_own(), PORT))
            except PermissionError:
                break
            except OSError as error:
                if error.errno != EADDRINUSE:
                    raise
        return self.socket.bind((address_of_its_own(), 0))

    def address(self, family: int) -> bytes:
        return sockaddr(family, self.packed, self.port)

    def asker(self, port: int, members: Iterable[int]) -> int | None:
        """The process of the run that has the socket at this port; None where it is nobody's in there."""
        return holder(port, members)


def holder(port: int, members: Iterable[int], network: str = "self") -> int | None:
    """Which process has the UDP socket at this port; None: nobody. network: a process that is in the network where the socket is"""
    inodes = set(sockets_at(port, network))
    return next((process for process in members if local_sockets.holds(process, inodes)), None) if inodes else None


def sockaddr(family: int, packed: bytes, port: int) -> bytes:
    """For connect(2): struct sockaddr_in, or struct sockaddr_in6 with the same address mapped."""
    place = port.to_bytes(2, "big")
    if family == AF_INET:
        return AF_INET.to_bytes(2, "little") + place + packed + bytes(8)
    return AF_INET6.to_bytes(2, "little") + place + bytes(4) + MAPPED + packed + bytes(4)


def address_of_its_own() -> str:
    return "127.83." + ".".join(str(1 + number % 254) for number in os.urandom(2))


def sockets_at(port: int, network: str = "self") -> list[int]:
    """The inodes of UDP sockets with this local port (proc_net_udp, Documentation/networking)."""
    end, found = f":{port:04X}", []
    for table in TABLES:
        with open(f"/proc/{network}/net/{table}", encoding="ascii") as file:
            found += [int(fields[9]) for fields in map(str.split, file) if fields[1].endswith(end)]
    return found
