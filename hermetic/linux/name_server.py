"""The run's own name server, which a resolver finds by TCP (name_streams.py) and by UDP.

A refused name never leaves, whatever resolver asks for it.
"""

from __future__ import annotations

from hermetic_guard.hosts import NAME_SERVER, plain_address

from hermetic.linux import dns
from hermetic.linux.crew import Crew, pause
from hermetic.linux.loopback_server import holder
from hermetic.linux.name_streams import Server
from hermetic.linux.resolver import Names, name_servers, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable, Iterable

    from hermetic.linux.datagrams import Workshop
    from hermetic.linux.judge import Judge
    from hermetic.linux.loopback_server import LoopbackServer

IPPROTO_IP, IP_PKTINFO = 0, 8
LONGEST = 65535
LOOKS = 4
"""How often it is looked whose a question is."""

HOST = "127.83.0.53"
"""`NAME_SERVER`, as resolv.conf(5) has it."""


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
