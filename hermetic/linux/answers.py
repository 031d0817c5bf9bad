"""What becomes of a system call that waits for the launcher: judged by the policy, then carried out here or refused.

What is allowed is done on a duplicate of the target's socket, with the one copy of the address that was judged; afterwards data
flows between the target and its peer with nobody in between. What is not allowed gets its errno, and becomes an event. The
judge is `hermetic_guard.decide`, as in the target.
"""

from __future__ import annotations

import os
import stat

from hermetic_guard.decide import Decision, Request, decide
from hermetic_guard.guards.options import show_option
from hermetic_guard.hosts import ANY, is_loopback

from hermetic.linux import listening_filter, local_sockets
from hermetic.linux.notify import Gone, Notification, Unseen, process_of
from hermetic.linux.numbers import number
from hermetic.linux.seccomp import TURNS
from hermetic.linux.socket_turns import Turns
from hermetic.linux.syscalls import SIGKILL, call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable, Iterable
    from typing import Any

    from hermetic_guard.policy import Policy

    from hermetic.linux.datagrams import Workshop
    from hermetic.linux.resolver import Resolution

    Answer = int | None
    """An errno, 0 for success; None where the call has been answered already."""

EPERM, EACCES, EFAULT, EINVAL, EAFNOSUPPORT, EISCONN, ECONNREFUSED, EALREADY = 1, 13, 14, 22, 97, 106, 111, 114
AT_FDCWD = -100
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
LONGEST_ADDRESS = 128
"""sizeof(struct sockaddr_storage)"""

FAMILIAR = ("/var/run/nscd/", "/run/nscd/", "/run/systemd/userdb/")
"""Sockets that libc itself tries whenever a user is looked up, and does without: refused without a word."""


class Judge:
    """policy: what is allowed; machine: as uname(2) names it; program: the target's; members: gives the pids of the run's processes

    tell: is given an event for each refusal, from any thread
    """

    def __init__(
        self,
        policy: Policy,
        machine: str,
        program: str,
        members: Callable[[], Iterable[int]],
        tell: Callable[[dict[str, Any]], None],
        workshop: Workshop | None = None,
    ) -> None:
        self._policy = policy
        self._turns = Turns()
        self._tell = tell
        self._machine = machine
        self._members = members
        self._workshop = workshop
        self._resolution = self._resolve(policy, workshop) if policy.network and policy.network.domains else None
        self._program = program
        self._executables: frozenset[tuple[int, int]] | None = None
        self._listed = local_sockets.Listed(policy.network.unix if policy.network else ())
        self.killed: set[int] = set()
        """The processes that a refusal has ended."""

    def _resolve(self, policy: Policy, workshop: Workshop | None) -> Resolution:
        from hermetic.linux.resolver import Resolution  # only where names are allowed

        return Resolution(policy, self._tell_of_name, workshop)

    def _tell_of_name(self, request: Request, asker: int | None) -> None:
        """Who asked by UDP is not known: some program of the run."""
        process = asker or next(iter(self._members()), os.getpid())
        self._tell(refusal(process, request, decide(self._policy, request)))

    def allows(self, asking: Notification, request: Request, *, quietly: bool = False) -> bool:
        """Whether the policy does; if not, the refusal is told, and with `--on-violation kill` ends who asked; `quietly`: neither."""
        decision = decide(self._policy, request)
        if decision.allowed:
            return True
        if quietly:
            return False
        process = process_of(asking.thread)
        self._tell(refusal(process, request, decision))
        if self._policy.on_violation == "kill":
            asking.check()
            self.killed.add(process)
            os.kill(process, SIGKILL)
            raise Gone
        return False

    def could_not(self, asking: Notification, problem: Exception) -> None:
        """Tell of a call that is refused because its judgement failed, by a fault of hermetic's."""
        name, handler = next(item for item in HANDLERS.items() if number(item[0], self._machine) == asking.number)
        guard = GUARD_OF.get(handler, "network")
        unseen = isinstance(problem, Unseen)
        request = Request(guard, name, "a program that may not be looked into" if unseen else f"{type(problem).__name__}: {problem}")
        self._tell(refusal(process_of(asking.thread), request, Decision(False, "hermetic could not judge it")))

    def connect(self, asking: Notification) -> Answer:
        size = asking.integer(2)
        if not 0 <= size <= LONGEST_ADDRESS:
            return EINVAL
        address = asking.memory(asking.arguments[1], size)
        if len(address) != size:
            return EFAULT
        with Duplicate(asking) as found:
            if int.from_bytes(address[:2], "little") == AF_UNSPEC:
                with self._turns.connecting(found):
                    return self.carry_out("connect", found, address)  # takes a connection away
            if found.getsockopt(SOL_SOCKET, SO_DOMAIN) == AF_UNIX:
                return self.connect_locally(asking, found, address)
            return self.connect_by_internet(asking, found, address)

    def connect_by_internet(self, asking: Notification, found: socket, address: bytes) -> Answer:
        family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
        facts = inet(family, address)
        if isinstance(facts, int):
            return facts
        packed, port = facts
        if self._resolution is not None:
            if self._resolution.is_server(packed, port) and found.getsockopt(SOL_SOCKET, SO_TYPE) == STREAM:
                return self.connect_to_resolver(asking, found)
            if self._workshop is not None and found.getsockopt(SOL_SOCKET, SO_TYPE) == DATAGRAM:
                return self.carry_out("connect", found, address)  # in the network that has no way out
        names = self._resolution.names.of(packed) if self._resolution is not None else ()
        request = Request("network", "connect", shown(packed, port), address=packed, port=port, names=names)
        if not self.allows(asking, request):
            return EACCES
        if family == AF_INET6 and is_loopback(None, packed) and found.getsockopt(SOL_SOCKET, SO_TYPE) == STREAM:
            return self.connect_inward(asking, found, address)
        return self.carry_out("connect", found, address)

    def connect_to_resolver(self, asking: Notification, found: socket) -> Answer:
        """The run's own, whose errors a resolver takes for the server's."""
        assert self._resolution is not None
        server = self._resolution.server()
        family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
        try:
            return self.carry_out("connect", found, server.address(family))
        finally:  # also when it goes on by itself, which is an error (EINPROGRESS)
            server.expect(name_of(found, family)[1], process_of(asking.thread))

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
            return self.carry_out("connect", found, address)

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

    def connect_locally(self, asking: Notification, found: socket, address: bytes) -> Answer:
        """By path or by abstract name. A path is opened once, as the target sees it, and what was opened is connected to."""
        name = address[2:]
        if name[:1] in (b"", b"\0"):
            own = bool(name) and self.is_own(found, name=name)
            request = Request("network", "connect", "unix:@" + os.fsdecode(name[1:]), path=name, own=own)
            return self.carry_out("connect", found, address) if not name or self.allows(asking, request) else EACCES
        path = name.partition(b"\0")[0]
        opened = open_as(asking, path)
        try:
            if not self.may_reach(asking, found, opened):
                return EACCES
            return self.carry_out("connect", found, AF_UNIX.to_bytes(2, "little") + b"/proc/self/fd/%d\0" % opened)
        finally:
            os.close(opened)

    def is_own(self, found: socket, *, file: os.stat_result | None = None, name: bytes = b"") -> bool:
        """Whether the run made what this socket is to connect to. What the kernel does not tell is nobody's: that is refused, and told."""
        try:
            return local_sockets.is_made_inside(self._members(), file=file, name=name, kind=found.getsockopt(SOL_SOCKET, SO_TYPE))
        except OSError:
            return False

    def may_reach(self, asking: Notification, found: socket, opened: int) -> bool:
        file, path = os.fstat(opened), os.readlink(f"/proc/self/fd/{opened}")
        if not stat.S_ISSOCK(file.st_mode):
            raise OSError(ECONNREFUSED, path)
        own, put = self.is_own(found, file=file), not self._listed.is_meant(path, file)
        request = Request("network", "connect", "unix:" + path, path=os.fsencode(path), own=own, put=put)
        return self.allows(asking, request, quietly=path.startswith(FAMILIAR))

    def listen(self, asking: Notification) -> Answer:
        """One that is not bound listens on every address, and what one is bound to may change meanwhile: see listening_filter.py."""
        with Duplicate(asking) as found, self._turns.listening(found):
            family = found.getsockopt(SOL_SOCKET, SO_DOMAIN)
            if family in (AF_INET, AF_INET6):
                packed, port = name_of(found, family)
                if not self.allows(asking, Request("network", "listen", shown(packed, port), address=packed, port=port)):
                    return EACCES
                rules = self._policy.network
                listening_filter.keep(found, rules.listen if rules else ())
            elif family != AF_UNIX:
                return EACCES
            found.listen(asking.integer(1))
            return 0

    def make_socket(self, asking: Notification) -> Answer:
        """A TCP socket, which reaches nothing before `connect` or `listen`. One of UDP where all of localhost is open, tied to the loopback
        interface; where names are, to look them up.
        """
        family, kind, protocol = (asking.integer(index) for index in range(3))
        plain = kind & 0xF
        known = family in (AF_INET, AF_INET6) and protocol in PROTOCOLS.get(plain, ())
        if known and plain == STREAM:
            return give_socket(asking, family, kind, protocol)
        datagrams = known and plain == DATAGRAM
        request = Request("network", "socket", kind_of_socket(family, plain, 0 if datagrams else protocol), datagrams=datagrams)
        if datagrams and self._resolution is not None and self._policy.network and self._policy.network.localhost != ANY:
            return self.make_for_lookup(asking, family, kind, protocol)
        return give_socket(asking, family, kind, protocol) if self.allows(asking, request) else EACCES

    def make_for_lookup(self, asking: Notification, family: int, kind: int, protocol: int) -> Answer:
        """Without a network of its own there is none, and nobody is told: C libraries try to have one at each look-up, and do without."""
        try:
            made = self._workshop.make(family, kind, protocol) if self._workshop else None
        except OSError:
            made = None
        if made is None:
            return EACCES
        try:
            return hand_over(asking, made, kind)
        finally:
            made.close()

    def set_option(self, asking: Notification) -> Answer:
        """Only those come here that steer packets: see seccomp.py."""
        return self.refuse_option(asking, asking.integer(1), asking.integer(2))

    def refuse_option(self, asking: Notification, level: int, option: int) -> Answer:
        self.allows(asking, Request("network", "socket", show_option(level, option)))  # type: ignore[no-untyped-call]
        return EACCES

    def give_turn(self, asking: Notification) -> Answer:
        """A thread of the run's own may be named; groups, and all processes of a user, hold others too."""
        which, who = TURNS[next(name for name in TURNS if number(name, self._machine) == asking.number)]
        if which is not None and asking.integer(0) != which:
            return EPERM
        try:
            process = process_of(asking.integer(who))
        except FileNotFoundError:
            return go_on(asking)
        return go_on(asking) if process in set(self._members()) else EPERM

    def start(self, asking: Notification) -> Answer:
        """execve and execveat. Where no process may be started always refused, for what they would start can still be changed."""
        if self._policy.subprocess and self._policy.subprocess.run:
            return self.start_of_some(asking)
        at = 1 if asking.number == number("execveat", self._machine) else 0
        path = os.fsdecode(asking.text(asking.arguments[at]))
        self.allows(asking, Request("subprocess", "start", path, path=program_named(asking, path)))
        return EPERM

    def start_of_some(self, asking: Notification) -> Answer:
        """Landlock judges what is really executed. What cannot be executed anyway, or is not there, the kernel has an error for."""
        try:
            opened = open_program(asking, by_descriptor=asking.number == number("execveat", self._machine))
        except (OSError, Unseen):
            return go_on(asking)
        try:
            file, path = os.fstat(opened), os.readlink(f"/proc/self/fd/{opened}")
        finally:
            os.close(opened)
        if not stat.S_ISREG(file.st_mode) or not file.st_mode & 0o111 or self.is_executable(file):
            return go_on(asking)
        return EACCES if not self.allows(asking, Request("subprocess", "start", path, path=path)) else go_on(asking)

    def is_executable(self, file: os.stat_result) -> bool:
        """Whether it is the target, one of the programs that may be started, or what those are executed with."""
        if self._executables is None:
            from hermetic.linux import essentials

            run = self._policy.subprocess.run if self._policy.subprocess else ()
            self._executables = frozenset(filter(None, map(identity, essentials.executables((self._program, *run)))))
        return (file.st_dev, file.st_ino) in self._executables

    def fork(self, asking: Notification) -> Answer:
        self.allows(asking, Request("subprocess", "fork", program_of(process_of(asking.thread))))
        return EPERM


HANDLERS: dict[str, Callable[[Judge, Notification], Answer]] = {
    "connect": Judge.connect,
    "listen": Judge.listen,
    "socket": Judge.make_socket,
    "setsockopt": Judge.set_option,
    **dict.fromkeys(TURNS, Judge.give_turn),
    "execve": Judge.start,
    "execveat": Judge.start,
    "fork": Judge.fork,
    "vfork": Judge.fork,
    "clone": Judge.fork,
}
"""Who answers, by system call."""

GUARD_OF: dict[Callable[[Judge, Notification], Answer], str] = {
    Judge.start: "subprocess",
    Judge.fork: "subprocess",
    Judge.give_turn: "integrity",
}
"""Whose rules those are about; all others are the network's."""


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


def open_as(asking: Notification, path: bytes) -> int:
    """An O_PATH descriptor of what a path leads the caller to. Raises OSError as the caller would get it, Gone, Unseen."""
    start = asking.look("root" if path[:1] == b"/" else "cwd", os.O_PATH | os.O_DIRECTORY)
    try:
        opened = os.open(path.lstrip(b"/") or b".", os.O_PATH | os.O_CLOEXEC, dir_fd=start)
    finally:
        os.close(start)
    try:
        asking.check()
    except Gone:
        os.close(opened)
        raise
    return opened


def open_program(asking: Notification, *, by_descriptor: bool) -> int:
    """An O_PATH descriptor of what execve(2), or execveat(2), would execute. Raises OSError, Unseen, Gone."""
    path = asking.text(asking.arguments[1 if by_descriptor else 0])
    start = asking.integer(0)
    if not by_descriptor or path[:1] == b"/" or start == AT_FDCWD:
        return open_as(asking, path)
    if not path:
        return asking.look(f"fd/{start}", os.O_PATH)
    folder = asking.look(f"fd/{start}", os.O_PATH | os.O_DIRECTORY)
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


def identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def go_on(asking: Notification) -> Answer:
    asking.go_on()
    return None


def give_socket(asking: Notification, family: int, kind: int, protocol: int) -> Answer:
    import _socket

    made = _socket.socket(family, kind | os.O_CLOEXEC, protocol)
    try:
        if kind & 0xF == DATAGRAM:
            made.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"lo\0")
        return hand_over(asking, made, kind)
    finally:
        made.close()


def hand_over(asking: Notification, made: socket, kind: int) -> Answer:
    asking.answer_with_descriptor(made.fileno(), close_on_exec=bool(kind & os.O_CLOEXEC))
    return None


def refusal(process: int, request: Request, decision: Decision) -> dict[str, Any]:
    """The event, with the program's path in the place of a stack."""
    return {
        "pid": process,
        "guard": request.guard,
        "action": request.action,
        "target": request.target,
        "rule": decision.rule,
        "hint": decision.hint,
        "stack": [],
        "program": program_of(process),
    }


def program_named(asking: Notification, path: str) -> str | None:
    """What an option would have to name to allow a program; None if it is not there, or does not begin at the caller's working directory."""
    try:
        found = os.path.join(os.readlink(f"/proc/{asking.thread}/cwd"), path)
        return found if path and os.path.exists(found) else None
    except (OSError, ValueError):
        return None


def program_of(process: int) -> str:
    """Its path; its name where it may not be looked into."""
    try:
        return os.readlink(f"/proc/{process}/exe")
    except PermissionError:
        return name_of_program(process)
    except OSError:
        return "a program that has ended"


def name_of_program(process: int) -> str:
    try:
        with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return "a program that has ended"
