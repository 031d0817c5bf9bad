"""The run's own name server by TCP: the supervisor leads to it what is meant for a name server.

Each connection has a listener of its own that is there for as long as the connection takes to be made. So who comes is known, nobody else finds
anything, and where a program asks as most do, one question or two and then no more, no thread is woken for it besides the one that connected it.
"""

from __future__ import annotations

import os

from hermetic_guard.hosts import plain_address

from hermetic.linux import dns
from hermetic.linux.crew import Crew
from hermetic.linux.loopback_server import sockaddr
from hermetic.linux.questions import RECENT_S, now
from hermetic.linux.socket_calls import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from _thread import LockType

    from hermetic.linux.resolver import Names

AF_INET, STREAM = 2, 1
SOL_SOCKET, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO = 1, 13, 20, 21
AT_ONCE = b"\1\0\0\0\0\0\0\0"
"""A struct linger with which close(2) resets a connection (socket(7))."""
SHUT_RDWR = 2
PIECE = 4096
IDLE_S = 10
"""How long a connection may say nothing: it keeps a worker."""
HERE = 16
"""So many threads of the supervisor's may answer questions at a time: others have to be there for other calls."""
LOCAL, LOOPBACK = "127.0.0.1", b"\x7f\0\0\1"


class Meeting:
    """Where one connection is made. Raises OSError."""

    def __init__(self) -> None:
        import _socket

        self._listening = _socket.socket(AF_INET, STREAM | os.O_CLOEXEC)
        try:
            patience = IDLE_S.to_bytes(8, "little") + bytes(
                8
            )  # a struct timeval; who is accepted has the same (sk_clone_lock, net/core/sock.c)
            self._listening.setsockopt(SOL_SOCKET, SO_RCVTIMEO, patience)
            self._listening.setsockopt(SOL_SOCKET, SO_SNDTIMEO, patience)
            self._listening.bind((LOCAL, 0))
            self._listening.listen(8)
            self._port = self._listening.getsockname()[1]
        except BaseException:
            self._listening.close()
            raise

    def address(self, family: int) -> bytes:
        return sockaddr(family, LOOPBACK, self._port)

    def other_end(self, found: socket, family: int) -> socket:
        """Of what was connected here. Others of this machine that come are sent away. Raises OSError."""
        import _socket

        packed, port = name_of(found, family)
        while True:
            descriptor, address = self._listening._accept()  # type: ignore[attr-defined]
            peer = _socket.socket(AF_INET, STREAM, 0, descriptor)
            if address[1] == port and _socket.inet_aton(address[0]) == plain_address(packed):
                return peer
            peer.close()

    def close(self) -> None:
        self._listening.close()


class Messages:
    """What comes by a connection: each message has its length before it (RFC 1035, 4.2.2)."""

    def __init__(self, peer: socket) -> None:
        self._peer = peer
        self._rest = b""

    def next(self) -> list[bytes]:
        """All that are there by now, at least one; none at the end. Raises OSError."""
        while True:
            found = self._whole()
            if found:
                return found
            more = self._peer.recv(PIECE)
            if not more:
                return []
            self._rest += more

    def _whole(self) -> list[bytes]:
        found, data = [], self._rest
        while len(data) >= 2 and len(data) >= (end := 2 + int.from_bytes(data[:2], "big")):
            found.append(data[2:end])
            data = data[end:]
        self._rest = data
        return found


class Server:
    """Answers those whose connections the supervisor has led here."""

    def __init__(self, names: Names) -> None:
        import _thread

        self._names = names
        self._crew = Crew()
        self._allocate_lock = _thread.allocate_lock
        self._lock = _thread.allocate_lock()
        self._failed: dict[int, float] = {}
        self._here = 0

    def meeting(self) -> Meeting:
        """Raises OSError."""
        return Meeting()

    def refuses(self, thread: int) -> bool:
        """Whether what this thread has asked for just now could not be found: then it comes again, once, to be told so."""
        with self._lock:
            return self._failed.pop(thread, 0.0) > now()

    def attend(self, peer: socket, process: int, thread: int) -> None:
        """Answer what is asked by a connection of theirs, here if nothing else has to wait for that. Raises RuntimeError."""
        with self._lock:
            here = self._here < HERE
            self._here += here
        try:
            return self._serve(peer, process, thread) if here else self._crew.keep(self._serve, peer, process, thread)
        except RuntimeError:
            peer.close()
            raise
        finally:
            with self._lock:
                self._here -= here

    def _serve(self, peer: socket, process: int, thread: int) -> None:
        turn = self._allocate_lock()
        try:
            if not self._reply_to_all(peer, turn, process):
                self._fail(peer, thread)
        except (OSError, RuntimeError):
            return
        finally:
            with turn:
                peer.close()

    def _reply_to_all(self, peer: socket, turn: LockType, process: int) -> bool:
        """C libraries ask for both kinds of address at once (send_vc of glibc's res_send.c), and others what they like: nothing waits for another.

        False where that an only question has failed has to be told by the connection.
        """
        messages, first = Messages(peer), True
        while batch := messages.next():
            only = first and len(batch) == 1
            *others, last = dns.groups(batch)
            for group in others:
                if not self._crew.could_do(self._reply, peer, turn, group, process):
                    self._reply(peer, turn, group, process)
            if not self._reply(peer, turn, last, process, only=only):
                return False
            first = False
        return True

    def _reply(self, peer: socket, turn: LockType, questions: list[dns.Question], process: int, *, only: bool = False) -> bool:
        """Whoever asks what is no question is told no more."""
        answers = self._names.answers(questions, process)
        with turn:
            if not answers:
                end(peer)
            elif only and dns.has_failed(answers[0]):
                return False
            else:
                send(peer, b"".join(len(answer).to_bytes(2, "big") + answer for answer in answers))
        return True

    def _fail(self, peer: socket, thread: int) -> None:
        """glibc takes the answer to one question by TCP that says so for one that there is no such name (gethostbyname3_context, dns-host.c); not a
        server that is not there: so the connection is reset, and the next one, which it tries then, refused.
        """
        with self._lock:
            self._failed = {one: until for one, until in self._failed.items() if until > now()}
            self._failed[thread] = now() + RECENT_S
        peer.setsockopt(SOL_SOCKET, SO_LINGER, AT_ONCE)


def send(peer: socket, data: bytes) -> None:
    """To somebody who may be gone by now."""
    try:
        peer.sendall(data)
    except OSError:
        return


def end(peer: socket) -> None:
    """Who reads there, here and at the other end, hears no more."""
    try:
        peer.shutdown(SHUT_RDWR)
    except OSError:
        return
