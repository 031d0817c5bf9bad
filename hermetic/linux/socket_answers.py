"""What becomes of a call on sockets that waits for the launcher: judged by the policy, then carried out here or refused.

What is allowed is done on a duplicate of the target's socket, with the one copy of the address that was judged; afterwards data
flows between the target and its peer with nobody in between. What is not allowed gets its errno, and becomes an event.
"""

from __future__ import annotations

import os

from hermetic_guard.decide import NAMES, Request, sends_nothing
from hermetic_guard.guards.options import show_option
from hermetic_guard.hosts import ANY, allows_port, is_loopback

from hermetic.linux import socket_filters, udp_sockets
from hermetic.linux.notify import Notification, process_of
from hermetic.linux.numbers import number
from hermetic.linux.socket_calls import (
    LONGEST_ADDRESS,
    Duplicate,
    address_of,
    first_unprivileged,
    give,
    inet,
    kind_of_socket,
    listen_where_bound,
    made,
    made_mute,
    name_of,
    shown,
)
from hermetic.linux.socket_turns import Turns
from hermetic.linux.syscalls import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from hermetic.linux.judge import Answer, Judge
    from hermetic.linux.local_answers import Local
    from hermetic.linux.lookups import Lookups
    from hermetic.linux.name_server import Resolution, Ways
    from hermetic.linux.routes import Routes
    from hermetic.linux.waiting import Waiting

EACCES, EINVAL, EISCONN, ECONNREFUSED, EALREADY, EINPROGRESS = 13, 22, 106, 111, 114, 115
AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 = 0, 1, 2, 10
STREAM, DATAGRAM = 1, 2
PROTOCOLS = {STREAM: (0, 6), DATAGRAM: (0, 17)}
"""TCP and UDP; not MPTCP, which is another protocol of the same type."""
SOL_SOCKET, SO_TYPE, SO_BINDTODEVICE, SO_DOMAIN = 1, 3, 25, 39
IPPROTO_TCP, TCP_INFO, SYN_SENT, LISTEN = 6, 11, 2, 10
UNDER_WAY = {SYN_SENT: EALREADY, LISTEN: EISCONN}
"""What the kernel says of a socket in a state that shutdown(2) ends, and with it what it is bound to."""
ANYWHERE = AF_INET6.to_bytes(2, "little") + bytes(26)
"""A struct sockaddr_in6 of [::]:0."""

MEMORY = 1000
"""Addresses to which connections were allowed, and so are for the whole run: the policy stays what it is."""

AF_NETLINK, NETLINK_ROUTE = 16, 0
"""By such a socket getaddrinfo(3) asks whether there is IPv6, and does without: refused without a word as well."""


class Sockets:
    """judge; machine: as uname(2) names it; ways: by which names are asked for, None where none is allowed"""

    def __init__(self, judge: Judge, machine: str, ways: Ways | None) -> None:
        self._judge = judge
        self._machine = machine
        self._workshop, self._loopback = (ways.workshop, ways.loopback) if ways else (None, None)
        self._turns = Turns()
        self._lookups: Lookups | None = None
        self._waiting: Waiting | None = None
        self._routes: Routes | None = None
        self._allowed: set[tuple[bytes, int, tuple[str, ...]]] = set()
        rules = judge.policy.network
        self.resolution = self._resolve(ways) if ways else None
        self._local: Local | None = None
        if rules and rules.unix:
            self.local()  # what these paths lead to now counts

    def _resolve(self, ways: Ways) -> Resolution:
        from hermetic.linux.name_server import Resolution  # only where names are allowed

        return Resolution(self._judge, ways)

    def handlers(self) -> dict[str, tuple[str, Callable[[Notification], Answer]]]:
        """By system call: the guard that it is about, and who answers."""
        answers = {
            "bind": self.bind,
            "connect": self.connect,
            "listen": self.listen,
            "sendto": self.send,
            "socket": self.make_socket,
            "setsockopt": self.set_option,
        }
        return {name: ("network", answer) for name, answer in answers.items()}

    def connect(self, asking: Notification) -> Answer:
        address = address_of(asking)
        if isinstance(address, int):
            return address
        with Duplicate(asking) as found:
            if int.from_bytes(address[:2], "little") == AF_UNSPEC:
                with self._turns.connecting(found):
                    return self.carry_out("connect", found, address)  # takes a connection away
            family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
            if family == AF_UNIX:
                return self.local().connect(asking, found, address)
            return self.connect_by_internet(asking, found, family, address)

    def connect_by_internet(self, asking: Notification, found: socket, family: int, address: bytes) -> Answer:
        facts = inet(family, address)
        if isinstance(facts, int):
            return facts
        packed, port = facts
        if self.resolution is not None:
            if self.resolution.is_server(packed, port):
                if found.getsockopt(SOL_SOCKET, SO_TYPE) == STREAM:
                    return self.connect_to_resolver(asking, found, family)
                if self._loopback is not None:
                    return self.carry_out("connect", found, self._loopback.address(family))
            if self._workshop is not None and self._workshop.is_own(found) and (port == NAMES or is_loopback(None, packed)):
                return self.carry_out("connect", found, address)  # in the network that has no way out
        names = self.resolution.names.of(packed) if self.resolution is not None else ()
        known, datagrams = (packed, port, names), udp_sockets.is_of_datagrams(found)
        if known in self._allowed and not datagrams:
            return self.waiting().connect(asking, found, family, address)
        request = Request("network", "connect", shown(packed, port), address=packed, port=port, names=names, datagrams=datagrams)
        if names:
            self.routes().look(request)
        if datagrams and not self._judge.allows(asking, request, quietly=True):
            return self.connect_mute(asking, found, address, request)
        if self.is_lookup(request) and not self._judge.allows(asking, request, quietly=True):
            self.lookups().hear(asking, found, request)
            return None
        if not self._judge.allows(asking, request):
            return EACCES
        if datagrams:
            return self.carry_out("connect", found, address)
        if family == AF_INET6 and is_loopback(None, packed):
            return self.connect_inward(asking, found, address)
        if len(self._allowed) < MEMORY:
            self._allowed.add(known)
        return self.waiting().connect(asking, found, family, address)

    def is_lookup(self, request: Request) -> bool:
        """Whether a name is asked for by TCP, where none is allowed: it is told by its name."""
        address, port = request.facts["address"], request.facts["port"]
        return port == NAMES and self.resolution is None and (address, port) in self.lookups().servers

    def connect_mute(self, asking: Notification, found: socket, address: bytes, request: Request) -> Answer:
        """What is not allowed for UDP. Where names are allowed and no namespaces, look-ups by UDP find no server."""
        if sends_nothing(request):
            if self._workshop is not None and self._workshop.is_own(found):
                return self.connect_instead(asking, found, address)
            udp_sockets.mute(found)
            return self.carry_out("connect", found, address)
        if self.resolution is not None:
            self._judge.mention(asking, request)
            return EACCES
        self.lookups().hear(asking, found, request)
        return None

    def connect_instead(self, asking: Notification, found: socket, address: bytes) -> Answer:
        """A mute socket of the machine's network in the place of one that knows no way there: it shows which address the machine has."""
        instead = made(found.getsockopt(SOL_SOCKET, SO_DOMAIN), DATAGRAM, 0)
        try:
            udp_sockets.close(instead)
            self.carry_out("connect", instead, address)
            os.set_blocking(instead.fileno(), os.get_blocking(found.fileno()))
            asking.put(instead.fileno(), asking.integer(0))
        finally:
            instead.close()
        return 0

    def send(self, asking: Notification) -> Answer:
        """To an address. Nothing comes of it, for a socket of UDP is mute, or asks for names in a network that has nothing else; but it is told here.
        Others may, by their connections: these go on.
        """
        with Duplicate(asking) as found:
            family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
            if family not in (AF_UNIX, AF_INET, AF_INET6) or not udp_sockets.is_of_datagrams(found):
                asking.go_on()
                return None
            finds_nobody = self._loopback is None and (self._workshop is None or not self._workshop.is_own(found))
        address = asking.memory(asking.arguments[4], min(asking.integer(5), LONGEST_ADDRESS))
        if family == AF_UNIX:
            return self.local().refuse_datagram(asking, "send", address[2:])
        facts = inet(family, address)
        if isinstance(facts, int):
            return facts
        packed, port = facts
        request = Request("network", "send", shown(packed, port), address=packed, port=port, datagrams=True)
        if self.resolution is not None and (port == NAMES or is_loopback(None, packed)):
            if port == NAMES and finds_nobody:
                self._judge.mention(asking, request)
            asking.go_on()  # in the network that has no way out, or mute
            return None
        if port == NAMES:
            self.lookups().sent(asking, request)
        else:
            self._judge.allows(asking, request)
        return EACCES

    def lookups(self) -> Lookups:
        from hermetic.linux.lookups import Lookups  # only once somebody looks up a name

        self._lookups = self._lookups or Lookups(self._judge)
        return self._lookups

    def connect_to_resolver(self, asking: Notification, found: socket, family: int) -> Answer:
        """The run's own, whose errors a resolver takes for the server's."""
        assert self.resolution is not None
        server = self.resolution.server()
        if server.refuses(asking.thread):
            return ECONNREFUSED
        process = process_of(asking.thread)
        meeting = server.meeting()
        try:
            answer = self.waiting().connect(asking, found, family, meeting.address(family))
            if answer not in (None, 0, EINPROGRESS):
                return answer
            peer = meeting.other_end(found, family)
        finally:
            meeting.close()
        if answer is not None:
            asking.answer(answer)
        found.close()  # else the connection would not end with the caller's
        server.attend(peer, process, asking.thread)
        return None

    def routes(self) -> Routes:
        if self._routes is None:
            from hermetic.linux.routes import Routes  # only once somebody connects by a name

            self._routes = Routes()
        return self._routes

    def local(self) -> Local:
        if self._local is None:
            from hermetic.linux.local_answers import Local  # only once somebody connects to one

            self._local = Local(self._judge, self.waiting)
        return self._local

    def waiting(self) -> Waiting:
        if self._waiting is None:
            from hermetic.linux.waiting import Waiting  # only once somebody connects

            self._waiting = Waiting()
        return self._waiting

    def connect_inward(self, asking: Notification, found: socket, address: bytes) -> Answer:
        """Through the loopback interface. What is tied to another, as a socket becomes by bind(2) to a link-local address, even if that fails,
        sends what is for ::1 there.
        """
        with self._turns.connecting(found):
            state = found.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0]
            if state in UNDER_WAY:
                return UNDER_WAY[state]
            self.hold_where_it_is_bound(found)
            if found.getsockopt(SOL_SOCKET, SO_BINDTODEVICE, 16).rstrip(b"\0") not in (b"", b"lo"):
                return self.refuse_option(asking, SOL_SOCKET, SO_BINDTODEVICE)
            return self.waiting().connect(asking, found, AF_INET6, address)

    def hold_where_it_is_bound(self, found: socket) -> None:
        """Bound once, if only to a port, a socket that is not connected cannot be bound again. Its name does not tell: it may be an old one."""
        try:
            self.carry_out("bind", found, ANYWHERE)
        except OSError as error:
            if error.errno != EINVAL:  # that one says: it is bound
                raise

    def carry_out(self, name: str, found: socket, address: bytes) -> Answer:
        number_of = number(name, self._machine)
        assert number_of is not None
        call(number_of, found.fileno(), address, len(address))
        return 0

    def bind(self, asking: Notification) -> Answer:
        """Where Landlock judges ports, it is only told what that refuses: all else goes on, and where it is bound is judged when it listens."""
        rules = self._judge.policy.network
        with Duplicate(asking) as found:
            family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
            if family in (AF_INET, AF_INET6) and rules and rules.localhost == ANY:
                return self.bind_instead(asking, found, family)
            judged = family in (AF_INET, AF_INET6) and not udp_sockets.is_of_datagrams(found)
        facts = inet(family, asking.memory(asking.arguments[1], min(asking.integer(2), LONGEST_ADDRESS))) if judged else 0
        if not isinstance(facts, int) and not self.may_be_bound(asking, *facts):
            return EACCES
        asking.go_on()
        return None

    def bind_instead(self, asking: Notification, found: socket, family: int) -> Answer:
        """Not to where the launcher may ask for names; to the other ports as the caller may, who has fewer privileges than the launcher."""
        address = address_of(asking)
        if isinstance(address, int):
            return address
        facts = inet(family, address)
        if isinstance(facts, int):
            return facts
        packed, port = facts
        if port == NAMES and not self._judge.allows(asking, Request("network", "bind", shown(packed, port), address=packed, port=port)):
            return EACCES
        return EACCES if 0 < port < first_unprivileged() else self.carry_out("bind", found, address)

    def may_be_bound(self, asking: Notification, packed: bytes, port: int) -> bool:
        rules = self._judge.policy.network
        if not port or not rules or allows_port(rules.localhost, port) or allows_port(rules.listen, port):
            return True
        return self._judge.allows(asking, Request("network", "bind", shown(packed, port), address=packed, port=port))

    def listen(self, asking: Notification) -> Answer:
        """One that is not bound listens on every address, and what one is bound to may change meanwhile: see socket_filters.py."""
        with Duplicate(asking) as found, self._turns.listening(found):
            family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
            if family in (AF_INET, AF_INET6):
                packed, port = bound = name_of(found, family)
                if not self._judge.allows(asking, Request("network", "listen", shown(packed, port), address=packed, port=port)):
                    return EACCES
                rules = self._judge.policy.network
                if not socket_filters.keep(found, rules.listen if rules else (), port):
                    return listen_where_bound(found, asking.integer(1), family, bound)
            elif family != AF_UNIX:
                return EACCES
            found.listen(asking.integer(1))
            return 0

    def make_socket(self, asking: Notification) -> Answer:
        """A TCP socket, which reaches nothing before `connect` or `listen`; one of UDP, which reaches what it may or nothing."""
        family, kind, protocol = (asking.integer(index) for index in range(3))
        plain = kind & 0xF
        if family in (AF_INET, AF_INET6) and protocol in PROTOCOLS.get(plain, ()):
            make = self.make_datagrams if plain == DATAGRAM else made
            return give(asking, make(family, kind, protocol), kind)
        if (family, plain, protocol) == (AF_UNIX, DATAGRAM, 0):
            return give(asking, made_mute(kind), kind)
        request = Request("network", "socket", kind_of_socket(family, plain, protocol))
        self._judge.allows(asking, request, quietly=(family, protocol) == (AF_NETLINK, NETLINK_ROUTE))
        return EACCES

    def make_datagrams(self, family: int, kind: int, protocol: int) -> socket:
        """Tied to the loopback interface where all of localhost is open; to look names up by, where those are; else mute."""
        rules = self._judge.policy.network
        if rules and rules.localhost == ANY:
            found = made(family, kind, protocol)
            udp_sockets.tie(found)
            return found
        if self._workshop is not None and self.resolution is not None:
            try:
                return self._workshop.make(family, kind, protocol)
            except OSError:
                pass  # there is no such network
        found = made(family, kind, protocol)
        udp_sockets.close(found)
        return found

    def set_option(self, asking: Notification) -> Answer:
        """Only those come here that steer packets: see seccomp.py."""
        return self.refuse_option(asking, asking.integer(1), asking.integer(2))

    def refuse_option(self, asking: Notification, level: int, option: int) -> Answer:
        self._judge.allows(asking, Request("network", "socket", show_option(level, option)))  # type: ignore[no-untyped-call]
        return EACCES
