"""Tells by its name what a program looks up that no guard is in: a C library sends that to a name server, which is not reached.

No filter sees what is sent. So the socket that is being connected to a name server is replaced: by one end of a pair (unix(7)), by which nothing
goes anywhere but here. What comes first is the question. Then this end is closed with the question unread, which the other sees as an error
(ECONNRESET), and libraries give up at once.
"""

from __future__ import annotations

import os

from hermetic.linux.notify import process_of
from hermetic.linux.resolver import Names, name_servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

    from hermetic_guard.decide import Request

    from hermetic.linux.judge import Judge
    from hermetic.linux.notify import Notification

AF_UNIX, STREAM, SEQUENCED, MSG_PEEK, MSG_WAITALL = 1, 1, 5, 2, 0x100
"""SEQUENCED: messages, which go to the other end whatever address is given with them."""
LONGEST = 512
"""Of a question by UDP."""
PATIENCE_S = 2.0
"""Libraries ask as soon as they are connected."""


class Lookups:
    """Those of one run, in which no names are allowed."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._names = Names(judge.policy, judge.refuse)
        self.servers = name_servers()
        """Those that C libraries ask, by TCP too (`options use-vc`)."""

    def hear(self, asking: Notification, found: socket, request: Request) -> None:
        """Answer a connect(2) on `found` to a name server, which `request` is about, and tell of what is asked there. Raises OSError, Gone."""
        import _socket

        stream = not request.facts["datagrams"]
        ours, theirs = _socket.socketpair(AF_UNIX, STREAM if stream else SEQUENCED)
        try:
            asker = process_of(asking.thread)
            os.set_blocking(theirs.fileno(), os.get_blocking(found.fileno()))
            asking.put(theirs.fileno(), asking.integer(0))
            theirs.close()
            asking.answer(0)
            ours.settimeout(PATIENCE_S)
            self.tell(peek(ours, after=2 if stream else 0), asker, request)
        finally:
            ours.close()

    def sent(self, asking: Notification, request: Request) -> None:
        """Tell of what a sendto(2) would have sent to a name server. Raises OSError, Gone."""
        self.tell(asking.memory(asking.arguments[1], min(asking.arguments[2], LONGEST)), process_of(asking.thread), request)

    def tell(self, message: bytes, asker: int, request: Request) -> None:
        """Of the name that a message asks for, if that is what it does; else of `request`, by which it was to be sent."""
        if self._names.answer(message, asker) is None:
            self._judge.refuse(request, asker)


def peek(end: socket, after: int) -> bytes:
    """b"" where nothing comes. after: bytes before the question, which by TCP has its length there"""
    try:
        if after:
            end.recv(after, MSG_WAITALL)
        return end.recv(LONGEST, MSG_PEEK)
    except OSError:
        return b""
