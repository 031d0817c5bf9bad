"""The run's own name server: by TCP, which the supervisor leads here what is meant for a name server, and by UDP.

A refused name never leaves, whatever resolver asks for it.
"""

from __future__ import annotations

import os

from hermetic_guard.hosts import NAME_SERVER, plain_address

from hermetic.linux import dns
from hermetic.linux.loopback_server import holder, sockaddr
from hermetic.linux.questions import RECENT_S, now
from hermetic.linux.resolver import Names, name_servers, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from _thread import LockType
    from collections.abc import Callable, Iterable

    from hermetic.linux.datagrams import Workshop
    from hermetic.linux.judge import Judge
    from hermetic.linux.loopback_server import LoopbackServer

AF_INET, STREAM = 2, 1
SOL_SOCKET, SO_LINGER = 1, 13
AT_ONCE = b"\1\0\0\0\0\0\0\0"
"""A struct linger with which close(2) resets a connection (socket(7))."""
IPPROTO_IP, IP_PKTINFO = 0, 8
FIONREAD, SHUT_RDWR = 0x541B, 2
LONGEST = 65535
WORKERS = 256
IDLE_S = 10.0
"""How long a connection may say nothing: it keeps a worker."""
UNEXPECTED_S = 1.0
"""How long it is kept while nobody says that it is the run's."""
LOOKS = 4
"""How often it is looked whose a question is."""
LOCAL, LOOPBACK = "127.0.0.1", b"\x7f\0\0\1"


HOST = "127.83.0.53"
"""`NAME_SERVER`, as resolv.conf(5) has it."""


class Crew:
    """Threads, as many as there is work for, and at most WORKERS: more has to wait, as at any server that has much to do."""

    def __init__(self) -> None:
        import _thread

        self._lock = _thread.allocate_lock()
        self._start_thread = _thread.start_new_thread
        self._busy = 0

    def do(self, work: Callable[..., object], *arguments: object) -> None:
        """Raises RuntimeError where there can be no thread more."""
        while not self._takes_one():
            pause()
        self._begin(work, arguments)

    def could_do(self, work: Callable[..., object], *arguments: object) -> bool:
        """The same where somebody is free; else nothing. Raises RuntimeError."""
        free = self._takes_one()
        if free:
            self._begin(work, arguments)
        return free

    def _begin(self, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            self._start_thread(self._work, (work, arguments))
        except RuntimeError:
            self._done()
            raise

    def _takes_one(self) -> bool:
        with self._lock:
            free = self._busy < WORKERS
            self._busy += free
        return free

    def _done(self) -> None:
        with self._lock:
            self._busy -= 1

    def _work(self, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            work(*arguments)
        finally:
            self._done()


def pause() -> None:
    import time

    time.sleep(0.02)


class Server:
    """Answers at a socket of TCP on a loopback address, to those whose connections the supervisor has led here."""

    def __init__(self, names: Names) -> None:
        import _socket
        import _thread

        self._names = names
        self._crew = Crew()
        self._allocate_lock = _thread.allocate_lock
        self._lock = _thread.allocate_lock()
        self._expected: dict[int, tuple[int, int]] = {}
        self._failed: dict[int, float] = {}
        self._waiting: dict[int, LockType] = {}
        self._listening = _socket.socket(AF_INET, STREAM | os.O_CLOEXEC)
        self._listening.bind((LOCAL, 0))
        self._listening.listen(128)
        self.port = self._listening.getsockname()[1]
        _thread.start_new_thread(self._accept, ())

    def address(self, family: int) -> bytes:
        return sockaddr(family, LOOPBACK, self.port)

    def expect(self, port: int, process: int, thread: int) -> None:
        """Somebody of the run comes from this port."""
        with self._lock:
            self._expected[port] = process, thread
            waiting = self._waiting.pop(port, None)
        if waiting:
            waiting.release()

    def refuses(self, thread: int) -> bool:
        """Whether what this thread has asked for just now could not be found: then it comes again, once, to be told so."""
        with self._lock:
            return self._failed.pop(thread, 0.0) > now()

    def _asker(self, port: int) -> tuple[int, int] | None:
        """The process and the thread connected from there: it is connected before the supervisor can say so."""
        with self._lock:
            if port not in self._expected:
                waiting = self._waiting[port] = self._allocate_lock()
                waiting.acquire()
            else:
                return self._expected.pop(port)
        waiting.acquire(timeout=UNEXPECTED_S)
        with self._lock:
            self._waiting.pop(port, None)
            return self._expected.pop(port, None)

    def _accept(self) -> None:
        import _socket

        while True:
            try:
                descriptor, address = self._listening._accept()  # type: ignore[attr-defined]
                peer = _socket.socket(AF_INET, STREAM, 0, descriptor)
                peer.settimeout(IDLE_S)
            except OSError:  # no descriptor more, say: those who wait are still there afterwards
                pause()
                continue
            try:
                self._crew.do(self._serve, peer, address[1])
            except RuntimeError:
                peer.close()
                pause()

    def _serve(self, peer: socket, port: int) -> None:
        turn = self._allocate_lock()
        try:
            asker = self._asker(port)
            if asker is not None and not self._reply_to_all(peer, turn, asker[0]):
                self._fail(peer, asker[1])
        except (OSError, RuntimeError):
            return
        finally:
            with turn:
                peer.close()

    def _reply_to_all(self, peer: socket, turn: LockType, process: int) -> bool:
        """C libraries ask for both kinds of address at once (send_vc of glibc's res_send.c), and would wait for one after the other.

        False where that an only question has failed has to be told by the connection.
        """
        only = True
        while message := _message(peer):
            more = is_more(peer)
            only = only and not more
            handed_on = more and self._crew.could_do(self._reply, peer, turn, message, process)
            if not handed_on and not self._reply(peer, turn, message, process, only=only):
                return False
            only = False
        return True

    def _reply(self, peer: socket, turn: LockType, message: bytes, process: int, *, only: bool = False) -> bool:
        """Whoever asks what is no question is told no more."""
        answer = self._names.answer(message, process)
        with turn:
            if answer is None:
                end(peer)
            elif only and dns.has_failed(answer):
                return False
            else:
                send(peer, len(answer).to_bytes(2, "big") + answer)
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


def is_more(peer: socket) -> bool:
    """Whether the next question is there already."""
    import fcntl

    return any(fcntl.ioctl(peer, FIONREAD, bytes(4)))


def _message(peer: socket) -> bytes:
    """What is sent by TCP has its length before it (RFC 1035, 4.2.2). b"" at the end."""
    size = int.from_bytes(_exactly(peer, 2), "big")
    return _exactly(peer, size)


def _exactly(peer: socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


def serve_datagrams(workshop: Workshop, names: Names, members: Callable[[], Iterable[int]]) -> None:
    """Answer those who ask by UDP, for ever; nobody can where the network could not be had. Who asks is looked for only where it is to be told."""

    def asker(port: int) -> int | None:
        try:
            return holder(port, members(), str(workshop.pid))
        except OSError:
            return None  # that process has ended

    try:
        server = workshop.server()
    except OSError:
        return
    answer_datagrams(server, lambda message, address: names.answer(message, lambda: asker(address[1])))


def answer_datagrams(server: socket, answer: Callable[[bytes, tuple[str, int]], bytes | None]) -> None:
    """For ever. answer: is given a message and whom it is from."""
    crew = Crew()
    server.setsockopt(IPPROTO_IP, IP_PKTINFO, 1)
    while True:
        try:
            message, ancillary, _, address = server.recvmsg(LONGEST, 64)
            crew.do(_reply, server, answer, message, address, [_asked_at(*one) for one in ancillary])
        except (OSError, RuntimeError):
            pause()


def _asked_at(level: int, kind: int, info: bytes) -> tuple[int, int, bytes]:
    """What has an answer come from where the question went: musl takes no other. struct in_pktinfo: an interface, an address of ours, another."""
    return level, kind, bytes(4) + info[4:8] + bytes(4)


def _reply(
    server: socket,
    answer_to: Callable[[bytes, tuple[str, int]], bytes | None],
    message: bytes,
    address: tuple[str, int],
    ancillary: list[tuple[int, int, bytes]],
) -> None:
    answer = answer_to(message, address)
    if answer is not None:
        try:
            server.sendmsg([dns.as_datagram(answer)], ancillary, 0, address)
        except OSError:
            return


class Ways:
    """By which names are asked for in a run: besides TCP by UDP sockets that the workshop makes, or that ask at the loopback interface.

    searched: what its C libraries append to names
    """

    __slots__ = ("loopback", "searched", "workshop")

    def __init__(self, workshop: Workshop | None = None, loopback: LoopbackServer | None = None, searched: tuple[str, ...] = ()) -> None:
        self.workshop = workshop
        self.loopback = loopback
        self.searched = searched


class Resolution:
    """All that a run needs for names. The server by TCP is there once somebody comes for it."""

    def __init__(self, judge: Judge, ways: Ways) -> None:
        import _thread

        workshop, loopback = ways.workshop, ways.loopback
        settle(judge.policy)
        self._members = judge.members
        self.names = Names(judge.policy, judge.refuse, searched=ways.searched)
        self.loopback = loopback
        self._servers = {*name_servers(), (NAME_SERVER, 53)}
        if loopback is not None:
            self._servers.add((loopback.packed, 53))
            _thread.start_new_thread(answer_datagrams, (loopback.socket, self._answer_datagram))
        self._lock = _thread.allocate_lock()
        self._server: Server | None = None
        if workshop is not None:
            _thread.start_new_thread(serve_datagrams, (workshop, self.names, judge.members))

    def _answer_datagram(self, message: bytes, address: tuple[str, int]) -> bytes | None:
        """Nobody else on this machine is answered, nor told of. What /proc says is not of one moment: a socket may be missing while others go."""
        assert self.loopback is not None
        for _ in range(LOOKS):
            asker = self.loopback.asker(address[1], self._members())
            if asker is not None:
                return self.names.answer(message, asker)
        return None

    def is_server(self, address: bytes, port: int) -> bool:
        """Whether a resolver that goes by this machine's configuration, or by the run's own, takes it for a name server."""
        return (plain_address(address), port) in self._servers

    def server(self) -> Server:
        with self._lock:
            if self._server is None:
                self._server = Server(self.names)
            return self._server
