"""What the supervisor does with a call it is asked about: on sockets of this process, which stand in for the target's."""

import contextlib
import errno
import fcntl
import os
import socket
import threading

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Network, Policy

from hermetic.linux import judge, notify, resolver, socket_answers, socket_calls, socket_filters, syscalls
from hermetic.linux.answers import Answers
from hermetic.linux.name_server import Ways
from hermetic.linux.numbers import number
from hermetic.linux.seccomp import TURNS
from hermetic.linux.socket_answers import EACCES, EINVAL
from hermetic.linux.socket_turns import Turns
from hermetic.linux.supervisor import Supervisor

MACHINE = os.uname().machine
CLOSED = Policy(network=Network())
LOCALHOST = Policy(network=Network(localhost=ANY))
PORTS = Policy(network=Network(localhost=((80, 80),)))
NAMES = Policy(network=Network(domains=(("a.example", ((443, 443),)),)))

CLOSED_PORT = 9
QUESTION = bytes([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + b"\1a\7example\0" + bytes([0, 1, 0, 1])


class Call:
    """Stands in for a notification: a call of this thread's, its pointer being the address itself."""

    def __init__(self, name, *arguments):
        self.number = number(name, MACHINE)
        self.thread = os.getpid()
        self.arguments = arguments

    def integer(self, index):
        return self.arguments[index]

    def memory(self, address, size):
        return address[:size]

    def duplicate(self, descriptor):
        return os.dup(descriptor)

    def check(self):
        pass


class Asked:
    """A judge and what it told."""

    def __init__(self, policy, workshop=None):
        self.events = []
        ways = Ways(workshop) if policy.network and policy.network.domains else None
        self.answers = Answers(policy, MACHINE, "/bin/true", list, self.events.append, ways=ways)
        self.judge = self.answers.judge
        self.supervisor = Supervisor(-1, lambda: self.answers)
        self.supervisor._answers = self.answers

    def __call__(self, name, *arguments):
        """The answer, as the caller gets it."""
        return self.supervisor._judged(Call(name, *arguments))

    @property
    def told(self):
        return [(event["target"], event["rule"], event["hint"]) for event in self.events]


NAMES_OF_CALLS = list(Answers(CLOSED, MACHINE, "/bin/true", list, print).named)


def ipv4(host, port):
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


def ipv6(host, port):
    return socket.AF_INET6.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes(4) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)


def connect(asked, kind, host, port):
    with socket.socket(socket.AF_INET, kind) as made:
        return asked("connect", made.fileno(), ipv4(host, port), 16)


# Names.


class Workshop:
    """Stands in for the process that makes UDP sockets; nobody is asked for names."""

    def __init__(self, failure=None):
        self.failure = failure
        self.made = []

    def server(self):
        raise OSError(EACCES, "none")

    def is_own(self, found):
        return found.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM

    def make(self, family, kind, protocol):
        if self.failure:
            raise self.failure
        self.made.append((family, kind, protocol))
        return socket.socket(family, kind, protocol)


def look_up(asked, family, address):
    """What becomes of a question for a name by TCP: where it was asked, and the response code. Who connects is answered while the call lasts."""
    call, connected = Call("connect", 0, address, len(address)), threading.Event()
    call.answer = lambda error: connected.set() if error == errno.EINPROGRESS else None
    with socket.socket(family) as made:
        made.settimeout(5)  # so it does not wait for its connection
        call.arguments = made.fileno(), address, len(address)
        serving = threading.Thread(target=asked.supervisor._judged, args=(call,))
        serving.start()
        assert connected.wait(5)
        made.sendall(len(QUESTION).to_bytes(2, "big") + QUESTION)
        answer, peer = made.recv(512), made.getpeername()[0]
    serving.join(5)
    assert not serving.is_alive()
    return peer, answer[5] & 15


def test_a_name_server_is_the_runs_own(monkeypatch, tmp_path):
    """Whichever is meant, by TCP at its port."""
    (tmp_path / "resolv.conf").write_text("# one\nnameserver 127.0.0.1\nnameserver\nsearch example\n")
    monkeypatch.setattr(resolver, "RESOLVER", str(tmp_path / "resolv.conf"))
    asked = Asked(NAMES)
    monkeypatch.setattr(asked.answers.sockets.resolution.names._questions, "_lookup", lambda name, family: [bytes([192, 0, 2, 1])])
    for host in ("127.0.0.1", "127.83.0.53"):
        assert look_up(asked, socket.AF_INET, ipv4(host, 53)) == ("127.0.0.1", 0)
    assert look_up(asked, socket.AF_INET6, ipv6("::ffff:127.0.0.1", 53)) == ("::ffff:127.0.0.1", 0)
    assert asked.told == []
    for host, port in (("127.0.0.1", CLOSED_PORT), ("127.0.0.2", 53)):
        assert connect(asked, socket.SOCK_STREAM, host, port) == EACCES
        assert asked.told[-1] == (f"{host}:{port}", "network disabled", f"--allow-localhost={port}")
    assert connect(Asked(CLOSED), socket.SOCK_STREAM, "127.0.0.1", 53) == EACCES


def test_sockets_to_look_names_up_by(monkeypatch):
    """Those of a network with no way out may do what they like; where there is none, look-ups do without and nobody is told."""
    given = []
    monkeypatch.setattr(
        Call, "answer_with_descriptor", lambda self, descriptor, close_on_exec: given.append(os.dup(descriptor)), raising=False
    )
    workshop = Workshop()
    asked = Asked(NAMES, workshop)
    assert asked("socket", socket.AF_INET, socket.SOCK_DGRAM | os.O_CLOEXEC, 17) is None
    assert workshop.made == [(socket.AF_INET, socket.SOCK_DGRAM | os.O_CLOEXEC, 17)]
    with socket.socket(fileno=given[0]) as made:
        assert asked("connect", made.fileno(), ipv4("127.0.0.1", CLOSED_PORT), 16) == 0
    for nowhere in (Asked(NAMES), Asked(NAMES, Workshop(OSError(1, "no")))):
        assert nowhere("socket", socket.AF_INET, socket.SOCK_DGRAM, 0) is None
        with socket.socket(fileno=given[-1]) as made:
            assert is_mute(made)
        assert nowhere.told == []
    assert connect(Asked(NAMES), socket.SOCK_DGRAM, "192.0.2.1", 53) == EACCES


def is_mute(made):
    """Whether nothing is sent by a socket of UDP, nor taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        made.bind(("127.0.0.1", 0))
        made.connect(peer.getsockname())
        assert peer.sendto(b"x", made.getsockname()) == 1
        with pytest.raises(BlockingIOError):
            made.recv(1, socket.MSG_DONTWAIT)
        with pytest.raises(BrokenPipeError):
            made.send(b"x")
        with pytest.raises(BrokenPipeError):
            made.sendto(b"x", peer.getsockname())
    return True


def test_an_address_is_known_by_the_names_it_was_handed_out_for():
    asked = Asked(NAMES)
    assert connect(asked, socket.SOCK_STREAM, "192.0.2.7", 443) == EACCES
    for host in ("192.0.2.8", "10.1.2.3"):
        asked.answers.sockets.resolution.names.known.add("a.example", [socket.inet_aton(host)])
    assert connect(asked, socket.SOCK_STREAM, "192.0.2.8", 80) == EACCES
    assert connect(asked, socket.SOCK_STREAM, "10.1.2.3", 443) == EACCES
    assert asked.told == [
        ("192.0.2.7:443", "network disabled", "--allow-address 192.0.2.7:443"),
        ("192.0.2.8:80", "network disabled on this port of a.example", "--allow-domain a.example:80"),
        ("10.1.2.3:443", "network disabled: a.example leads to a private address", "--allow-address 10.1.2.3:443"),
    ]


# Sockets of other kinds.

SIOCGIFINDEX = 0x8933  # netdevice(7)


@pytest.mark.parametrize("policy", [CLOSED, PORTS], ids=["closed", "ports"])
def test_udp_is_mute(monkeypatch, policy):
    """It can be connected, which sends nothing and is not told; what is sent to an address is."""
    given = []
    monkeypatch.setattr(
        Call, "answer_with_descriptor", lambda self, descriptor, close_on_exec: given.append(os.dup(descriptor)), raising=False
    )
    asked = Asked(policy)
    assert asked("socket", socket.AF_INET, socket.SOCK_DGRAM | os.O_CLOEXEC, 17) is None
    with socket.socket(fileno=given[0]) as made:
        assert asked("connect", made.fileno(), ipv4("127.0.0.1", CLOSED_PORT), 16) == 0
        assert made.getpeername() == ("127.0.0.1", CLOSED_PORT)
        assert asked.told == []
        assert asked("sendto", made.fileno(), b"x", 1, 0, ipv4("192.0.2.1", CLOSED_PORT), 16) == EACCES
        assert asked("sendto", made.fileno(), b"x", 1, 0, ipv4("192.0.2.1", 53), 16) == EACCES
        assert asked("sendto", made.fileno(), QUESTION, len(QUESTION), 0, ipv4("192.0.2.1", 53), 16) == EACCES
    rule = "network disabled"
    assert asked.told == [
        ("192.0.2.1:9", rule, ""),
        ("192.0.2.1:53", rule, ""),
        ("a.example", rule, "--allow-domain a.example"),
    ]


def test_where_names_are_allowed_other_datagrams_are_told(monkeypatch):
    gone_on = []
    monkeypatch.setattr(Call, "go_on", lambda self: gone_on.append(self), raising=False)
    asked, alone = Asked(NAMES, Workshop()), Asked(NAMES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for server in ("127.83.0.53", "192.0.2.1"):  # the run's own name server answers for any
            assert asked("sendto", made.fileno(), b"x", 1, 0, ipv4(server, 53), 16) is None
        assert (len(gone_on), asked.told) == (2, [])
        assert asked("sendto", made.fileno(), b"x", 1, 0, ipv4("192.0.2.1", 443), 16) == EACCES
        assert alone("sendto", made.fileno(), b"x", 1, 0, ipv4("192.0.2.1", 53), 16) is None
    assert asked.told == [("192.0.2.1:443", "network limited to TCP", "")]
    assert (len(gone_on), alone.told) == (3, [("192.0.2.1:53", "network limited to TCP", "")])  # where there are no namespaces none answers


@pytest.mark.parametrize("policy", [CLOSED, LOCALHOST], ids=["closed", "localhost"])
def test_local_datagrams_are_mute(monkeypatch, tmp_path, policy):
    """Interfaces are asked for by such a socket; nothing is sent by it, to an address or to what it is connected to."""
    given = []
    monkeypatch.setattr(
        Call, "answer_with_descriptor", lambda self, descriptor, close_on_exec: given.append(os.dup(descriptor)), raising=False
    )
    asked, path = Asked(policy), str(tmp_path / "daemon")
    assert asked("socket", socket.AF_UNIX, socket.SOCK_DGRAM | os.O_CLOEXEC, 0) is None
    named = b"\1\0" + os.fsencode(path) + b"\0"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as free,
        socket.socket(fileno=given[0]) as mute,
    ):
        daemon.bind(path)
        assert fcntl.ioctl(mute, SIOCGIFINDEX, b"lo".ljust(40, b"\0"))[16] == 1
        assert asked.told == []
        assert asked("connect", mute.fileno(), named, len(named)) == EACCES
        assert asked("sendto", mute.fileno(), b"x", 1, 0, named, len(named)) == EACCES
        assert asked("sendto", mute.fileno(), b"x", 1, 0, b"\1\0\0name", 7) == EACCES
        for made, held in ((free, False), (mute, True)):
            for send in (made.sendto, lambda data, to, made=made: made.sendmsg([data], [], 0, to)):
                with pytest.raises(BrokenPipeError) if held else contextlib.nullcontext():
                    send(b"x", path)
            made.connect(path)
            with pytest.raises(BrokenPipeError) if held else contextlib.nullcontext():
                made.send(b"x")
            syscalls.call(number("connect", MACHINE), made.fileno(), bytes(2), 2)  # which takes the connection away, and leaves it mute
            with pytest.raises(BrokenPipeError) if held else contextlib.nullcontext():
                made.sendto(b"x", path)
    rule = "network disabled for local datagrams"
    assert asked.told == [(f"unix:{path}", rule, ""), (f"unix:{path}", rule, ""), ("unix:@name", rule, "")]


def test_what_libc_does_without_is_not_told():
    asked = Asked(CLOSED)
    assert [asked("socket", socket.AF_NETLINK, socket.SOCK_RAW | os.O_CLOEXEC, protocol) for protocol in (0, 9)] == [EACCES, EACCES]
    assert asked.told == [("AF_NETLINK SOCK_RAW IPPROTO_9", "network disabled", "")]


def test_others_send_by_their_connections(monkeypatch):
    gone_on = []
    monkeypatch.setattr(Call, "go_on", lambda self: gone_on.append(self), raising=False)
    with socket.socket() as made:
        asked = Asked(CLOSED)
        asked("sendto", made.fileno(), b"x", 1, 0, ipv4("192.0.2.1", CLOSED_PORT), 16)
    assert (len(gone_on), asked.told) == (1, [])


IP_UNICAST_IF = 50  # linux/in.h


def test_udp_is_tied_to_the_loopback_interface(monkeypatch):
    given = []
    monkeypatch.setattr(
        Call, "answer_with_descriptor", lambda self, descriptor, close_on_exec: given.append(os.dup(descriptor)), raising=False
    )
    assert Asked(LOCALHOST)("socket", socket.AF_INET, socket.SOCK_DGRAM, 0) is None
    with socket.socket(fileno=given[0]) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
        assert made.getsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, 4) == (1).to_bytes(4, "big")


@pytest.mark.parametrize(("level", "option", "name"), [(1, 25, "SO_BINDTODEVICE"), (0, 42, "option 42 of level 0")])
def test_options_are_refused(level, option, name):
    asked = Asked(LOCALHOST)
    assert asked("setsockopt", 0, level, option) == EACCES
    assert asked.told == [(name, "network disabled", "")]


# Listening.


def test_what_listens_takes_nothing_but_what_is_sent_to_a_loopback_address():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        assert Asked(LOCALHOST)("listen", bound.fileno(), 5) == 0
        socket.create_connection(bound.getsockname(), 5).close()
    with socket.socket() as unbound:
        assert Asked(LOCALHOST)("listen", unbound.fileno(), 5) == EACCES


@pytest.fixture
def no_filters(monkeypatch):
    """As the kernel has it for an ordinary user's TCP."""

    def refuse(to, program):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket_filters, "attach", refuse)


def device_of(made):
    return made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0")


def test_without_filters_what_listens_is_tied_to_the_loopback_interface(no_filters):
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        asked = Asked(LOCALHOST)
        assert [asked("listen", made.fileno(), 5), asked("listen", made.fileno(), 9)] == [0, 0]
        assert device_of(made) == b"lo"
        socket.create_connection(made.getsockname(), 5).close()


def port_may_be_listened_at(made):
    made.bind(("127.0.0.1", 0))
    port = made.getsockname()[1]
    return Asked(Policy(network=Network(listen=((port, port),))))


def test_without_filters_a_port_that_may_be_listened_at_is_tied_to_nothing(no_filters):
    with socket.socket() as made:
        asked = port_may_be_listened_at(made)
        assert [asked("listen", made.fileno(), 5), asked("listen", made.fileno(), 9)] == [0, 0]
        assert device_of(made) == b""
        socket.create_connection(made.getsockname(), 5).close()


def test_without_filters_what_is_bound_anew_does_not_listen(no_filters, monkeypatch):
    with socket.socket() as made:
        asked = port_may_be_listened_at(made)
        at = made.getsockname()
        names = iter([(socket.inet_aton(at[0]), at[1]), (socket.inet_aton(at[0]), at[1] + 1)])
        for module in (socket_answers, socket_calls):
            monkeypatch.setattr(module, "name_of", lambda found, family: next(names))
        assert asked("listen", made.fileno(), 5) == EINVAL
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(at, 5)


def test_without_filters_what_is_connected_does_not_listen(no_filters):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as made:
        asked = port_may_be_listened_at(made)
        made.connect(server.getsockname())
        assert asked("listen", made.fileno(), 5) == EINVAL


def test_a_socket_that_is_being_connected_is_left_alone():
    turns = Turns()
    with socket.socket() as one, socket.socket() as other:
        with turns.connecting(one):
            for context in (turns.connecting, turns.listening):
                with pytest.raises(OSError, match=r"already in progress|Invalid argument"), context(one):
                    pass
            with turns.connecting(other):
                pass
        with turns.listening(one):
            pass
        with turns.connecting(one):
            pass


def test_a_socket_is_bound_once():
    """Whatever its name says: after a connection that failed that is an old one, and the socket is free again."""
    with socket.socket(socket.AF_INET6) as made:
        with pytest.raises(ConnectionRefusedError):
            made.connect(("::1", CLOSED_PORT))
        assert made.getsockname()[1] != 0
        sockets = Asked(LOCALHOST).answers.sockets
        for _ in range(2):
            sockets.hold_where_it_is_bound(made)
            with pytest.raises(OSError, match="Invalid argument"):
                made.bind(("::1", 0))


# Killing.


@pytest.mark.parametrize("quietly", [False, True])
def test_who_is_killed(monkeypatch, quietly):
    """Not for what libc tries by itself and does without."""
    killed = []
    monkeypatch.setattr(judge.os, "kill", lambda *arguments: killed.append(arguments))
    asked = Asked(CLOSED.replaced(on_violation="kill"))
    request = judge.Request("network", "connect", "unix:/run/nscd/socket", path=b"/run/nscd/socket")
    if quietly:
        assert not asked.judge.allows(Call("connect"), request, quietly=True)
    else:
        with pytest.raises(notify.Gone):
            asked.judge.allows(Call("connect"), request)
    assert killed == ([] if quietly else [(os.getpid(), 9)])
    assert (asked.judge.killed, len(asked.told)) == ((set(), 0) if quietly else ({os.getpid()}, 1))


# What goes wrong.


@pytest.mark.parametrize("problem", [ValueError("odd"), OverflowError(), MemoryError(), RecursionError(), StopIteration()])
@pytest.mark.parametrize("name", NAMES_OF_CALLS)
def test_a_judgement_that_fails_is_a_refusal(name, problem):
    asked = Asked(CLOSED)

    def fail(*_):
        raise problem

    asked.answers.named = {one: (guard, fail) for one, (guard, _) in asked.answers.named.items()}
    assert asked(name) == EACCES
    guard = (
        "network"
        if name in ("bind", "connect", "listen", "sendto", "socket", "setsockopt")
        else "integrity"
        if name in TURNS
        else "subprocess"
    )
    assert [(event["guard"], event["action"], event["rule"]) for event in asked.events] == [(guard, name, "hermetic could not judge it")]
    asked.judge._tell = fail
    assert asked(name) == EACCES


@pytest.mark.parametrize(
    ("problem", "answer"), [(OSError(errno.ELOOP, ""), errno.ELOOP), (OSError("odd"), EACCES), (socket.gaierror(-2, ""), EACCES)]
)
def test_an_error_is_the_callers(problem, answer):
    asked = Asked(CLOSED)

    def fail(*_):
        raise problem

    asked.answers.named = {one: (guard, fail) for one, (guard, _) in asked.answers.named.items()}
    assert (asked("connect"), asked.events) == (answer, [])


def test_no_thread_more():
    """It is told to who starts the first; a later one that cannot be had leaves the others."""
    supervisor = Asked(CLOSED).supervisor

    def fail(*_):
        raise RuntimeError("can't start new thread")

    supervisor._start_thread = fail
    with pytest.raises(RuntimeError):
        supervisor.start()
    supervisor._keep_one_waiting()
    assert supervisor._threads == 0


@pytest.mark.parametrize("address", [0, 1, 1 << 47, 1 << 63, (1 << 64) - 1, 0xFFFFFFFFFFFF0000])
def test_a_pointer_that_leads_nowhere(address):
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="Bad address") as raised:
            notify.read_at(memory, 16, address)
    finally:
        os.close(memory)
    assert raised.value.errno == errno.EFAULT


# A process that cannot be looked into.


def test_what_cannot_be_seen_is_refused_and_told(monkeypatch):
    def unseen(*_):
        raise notify.Unseen("mem: Permission denied")

    asked = Asked(LOCALHOST)
    monkeypatch.setattr(Call, "memory", unseen)
    assert connect(asked, socket.SOCK_STREAM, "127.0.0.1", CLOSED_PORT) == EACCES
    assert asked.told == [("a program that may not be looked into", "hermetic could not judge it", "")]


@pytest.mark.parametrize("act", ["memory", "duplicate", "look"])
def test_the_kernels_no_is_no_answer_to_the_caller(monkeypatch, act):
    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    call = notify.Notification(-1, bytearray(80))
    monkeypatch.setattr(notify.os, "open", refuse)
    monkeypatch.setattr(notify, "open_thread", lambda thread: (os.memfd_create("stands for a process"), False))
    monkeypatch.setattr(notify.Notification, "check", lambda self: None)
    monkeypatch.setattr(notify.eyes(), "take_from", lambda *_: -errno.EPERM)
    monkeypatch.setattr(notify.eyes().windows, "read", lambda *_: -errno.EPERM)
    arguments = {"memory": (0, 8), "duplicate": (0,), "look": ("root", os.O_PATH)}[act]
    with pytest.raises(notify.Unseen):
        getattr(call, act)(*arguments)
