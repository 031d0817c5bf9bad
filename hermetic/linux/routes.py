"""Whether an address is this machine's own, by its routes: what is sent there never leaves it, and reaches what listens here.

The kernel's answer counts (rtnetlink(7)), which also knows addresses that are no interface's.
"""

from __future__ import annotations

import os

from hermetic_guard.guards.nearness import NO_WAY, make_is_here, near
from hermetic_guard.hosts import embedded, plain_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from hermetic_guard.decide import Request

AF_INET, AF_INET6, AF_NETLINK, RAW, NETLINK_ROUTE = 2, 10, 16, 3, 0
GET_ROUTE, NEW_ROUTE, REQUEST, RTA_DESTINATION = 26, 24, 1, 1
LOCAL = 2
"""RTN_LOCAL of linux/rtnetlink.h"""
HEADER, KIND = 16, 23
"""sizeof(struct nlmsghdr), and where behind it the type of a struct rtmsg is."""
LONGEST = 4096
SHORT = 12, 23, 24, 105
"""ENOMEM, ENFILE, EMFILE, ENOBUFS: of these there is no second way."""


class Routes:
    """For any thread."""

    def __init__(self) -> None:
        import _thread

        self._lock = _thread.allocate_lock()
        self._asked: socket | None = None
        self._number = 0

    def look(self, request: Request) -> None:
        """Have a request tell whether its address is this machine's own, where that counts. Raises OSError where nobody can say."""
        if near(request):  # type: ignore[no-untyped-call]
            request.facts["here"] = self.is_here(request.facts["address"])

    def is_here(self, address: bytes) -> bool:
        """Also by the IPv4 address that it leads to. Where nobody may ask, as in an outer run, as guards in Python find it out. Raises OSError where
        nobody can say.
        """
        inner = embedded(address)
        try:
            with self._lock:
                return any(self._kind(one) == LOCAL for one in (plain_address(address), inner) if one is not None)
        except OSError as error:
            if error.errno in SHORT:
                raise
        return probe()(address)

    def _kind(self, address: bytes) -> int:
        """The type of its route; 0 where there is none. Raises OSError."""
        self._asked = self._asked or made()
        self._number = self._number % 0xFFFF + 1
        number = self._number.to_bytes(4, "little")
        self._asked.send(question(address, number))
        while True:
            answer = self._asked.recv(LONGEST)
            if answer[8:12] == number:  # else to a question that was given up
                return kind_of(answer)


def kind_of(answer: bytes) -> int:
    """Of a struct nlmsghdr and what is behind it, an error's being negative. Raises OSError."""
    if int.from_bytes(answer[4:6], "little") == NEW_ROUTE:
        return answer[KIND]
    error = -int.from_bytes(answer[HEADER : HEADER + 4], "little", signed=True)
    if error in NO_WAY:
        return 0
    raise OSError(error, os.strerror(error))


def probe() -> Callable[[bytes], bool]:
    import _socket

    return make_is_here(_socket.socket, vars(_socket.socket).get)  # type: ignore[no-untyped-call, no-any-return]


def made() -> socket:
    import _socket

    return _socket.socket(AF_NETLINK, RAW | os.O_CLOEXEC, NETLINK_ROUTE)


def question(address: bytes, number: bytes) -> bytes:
    """struct nlmsghdr, struct rtmsg, and the destination as struct rtattr"""
    family = AF_INET if len(address) == 4 else AF_INET6
    body = bytes([family, len(address) * 8]) + bytes(10)
    body += (4 + len(address)).to_bytes(2, "little") + RTA_DESTINATION.to_bytes(2, "little") + address
    head = (HEADER + len(body)).to_bytes(4, "little") + GET_ROUTE.to_bytes(2, "little") + REQUEST.to_bytes(2, "little")
    return head + number + bytes(4) + body
