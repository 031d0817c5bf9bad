"""The socket type's methods, replaced: each has its address read into an exact copy and asked about before the original sees the copy.

The replacements stand in the C type's own dict, so that every class above and below it goes through them. What asks is handed in; where
there are audit events it holds nothing that leads to the policy, since whatever a wrapper holds, the target holds as well (`__closure__`).

Besides addresses there are options and control messages that say where a packet goes: one with a loopback address and a source route leaves
the machine. Those are read here too (options.py says which).

A socket of UDP sends nothing when it is connected. Where that is refused it goes on all the same, and the socket is mute from then on: what
is sent by it is refused.
"""

import sys
from _socket import gaierror

from hermetic_guard.guards.addresses import (
    AF_UNIX,
    DATAGRAM,
    KINDS,
    exact_int,
    foreign_kind,
    is_plain,
    plain_name,
    read_address,
    read_host,
    show_address,
)
from hermetic_guard.guards.interrupted import make_again, make_connecting
from hermetic_guard.guards.options import HARMLESS_MESSAGES, HARMLESS_OPTIONS, LINUX, SOL_SOCKET, show_option, steers

ASK, PERMIT, RESOLVE, BOUND = ["hermetic.network" + name for name in ("", ".permit", ".resolve", ".bound")]
"""Audit events of our own."""

MEMORY = 1000
"""Addresses whose copies are remembered."""

MUTE = "mute"
"""What PERMIT answers where a call may go on if nothing can be sent by the socket any more."""

SHUT_WR = 1
EVENTS = hasattr(sys, "audit")
SO_TYPE, SO_PROTOCOL, SO_DOMAIN = 3, 38, 39


def make_methods(answers, original):
    """The replacements by name; `original` gives the C type's descriptor of a name, or None: then that one is left out.

    answers: functions of the policy's side, by event. ASK(action, target, host, address, port, path) and PERMIT(action, family, address, kind)
    raise what is refused and say whether the guard stands; RESOLVE is resolution.make_resolve's; BOUND(socket) is told of a bound socket.
    """
    ask, family_of, name_of = answers[ASK], original("family").__get__, original("getsockname")
    kind_of, mute, report_bound = make_kind_of(original("getsockopt")), make_mute(original("shutdown")), answers[BOUND]
    admit = make_admit(answers[PERMIT], answers[RESOLVE], family_of, kind_of, mute)
    say = make_say(admit, kind_of, original("getpeername"))
    connecting = [original(name) for name in ("getpeername", "getsockopt", "gettimeout")]
    makers = {
        "connect": lambda method: make_addressed(make_connecting(method, *connecting), admit, "connect"),
        "connect_ex": lambda method: make_connect_ex(make_connecting(method, *connecting), admit),
        "bind": lambda method: make_bind(method, admit, family_of, report_bound),
        "listen": lambda method: make_listen(make_again(method), ask, name_of, original("getsockopt")),
        "sendto": lambda method: make_sendto(method, admit),
        "send": lambda method: make_send(method, say),
        "sendall": lambda method: make_send(method, say),
        "sendmsg": lambda method: make_sendmsg(make_send(method, say), admit, ask),
        "setsockopt": lambda method: make_setsockopt(make_again(method), ask),
        "__init__": lambda method: make_init(method, ask, original("getsockopt"), original("detach")),
    }
    found = [(name, original(name)) for name in sorted(makers)]
    return {name: dress(makers[name](method), method, "socket." + name) for name, method in found if method is not None}


def dress(wrapper, original, qualified):
    """Give a wrapper the name and the documentation of what it stands for; not `__wrapped__`, which would hand that out."""
    wrapper.__name__ = qualified.rpartition(".")[2]
    wrapper.__qualname__ = qualified
    wrapper.__module__ = "_socket"
    wrapper.__doc__ = original.__doc__
    return wrapper


def make_kind_of(getsockopt):
    """kind_of(socket): its type, as the kernel has it. 0 for one that is closed."""

    def kind_of(sock):
        try:
            return getsockopt(sock, SOL_SOCKET, SO_TYPE)
        except OSError:
            return 0

    return kind_of


def decides(action, family):
    """Whether the type of a socket decides."""
    return family == AF_UNIX or action == "connect"


def make_mute(shutdown):
    def mute(sock):
        """Nothing is sent by it any more, by any descriptor, whatever it is connected to (sock_alloc_send_pskb, net/core/sock.c: EPIPE)."""
        try:
            shutdown(sock, SHUT_WR)
        except OSError:
            return  # ENOTCONN, which is said after it is done (inet_shutdown, net/ipv4/af_inet.c)

    return mute


def make_admit(permit, resolve, family_of, kind_of, mute):
    known = {}  # type: dict

    def admit(sock, action, address):
        """The address to hand to the original, or the violation.

        Where the guard does not stand that is the address as it came, for then nothing may be different. What was permitted once need not
        be asked about again where the original's own event will be.
        """
        family = family_of(sock)
        key = (action, family, address) if EVENTS and type(address) is tuple and is_plain(*address) else None
        if key is not None and key in known:
            return known[key]
        if family not in KINDS:
            permit(action, family, "")
            return address
        canonical, facts = read_address(family, address)
        if facts is None:
            return canonical
        if facts[0] is not None:
            return of_name(sock, action, family, address, canonical)
        answer = permit(action, family, canonical, kind_of(sock) if decides(action, family) else 0)
        if not answer:
            return address
        if answer == MUTE:
            mute(sock)
        elif key is not None and len(known) < MEMORY:
            known[key] = canonical
        return canonical

    def of_name(sock, action, family, address, canonical):
        answers = resolve(plain_name(canonical[0]), None, family, DATAGRAM, 0, 0)
        if answers is None:
            return address
        canonical, _ = read_address(family, answers[0][4][:1] + canonical[1:])
        if permit(action, family, canonical, kind_of(sock) if decides(action, family) else 0) == MUTE:
            mute(sock)
        return canonical

    return admit


def make_addressed(original, admit, action):
    """For a method of nothing but an address."""

    def addressed(*arguments, **named):
        if len(arguments) != 2 or named:
            return original(*arguments, **named)
        sock, address = arguments
        return original(sock, admit(sock, action, address))

    return addressed


def make_connect_ex(original, admit):
    """Callers of connect_ex look at a number and expect exceptions for names only: a refusal that is an OSError becomes its errno."""

    def connect_ex(*arguments, **named):
        if len(arguments) != 2 or named:
            return original(*arguments, **named)
        sock, address = arguments
        try:
            address = admit(sock, "connect", address)
        except PermissionError as error:
            if isinstance(error, gaierror):
                raise
            return error.errno
        return original(sock, address)

    return connect_ex


def make_bind(original, admit, family_of, report_bound):
    def bind(*arguments, **named):
        if len(arguments) != 2 or named:
            return original(*arguments, **named)
        sock, address = arguments
        original(sock, admit(sock, "bind", address))
        if family_of(sock) == AF_UNIX:
            report_bound(sock)

    return bind


def make_listen(original, ask, name_of, getsockopt):
    """A socket that was not bound listens on every address, at a port the kernel chooses; no audit event tells of it."""

    def is_unix(sock):
        """The kernel's word: a socket made from a descriptor is of whatever family its maker says."""
        return not LINUX or getsockopt(sock, SOL_SOCKET, SO_DOMAIN) == AF_UNIX

    def listen(*arguments, **named):
        if named or len(arguments) not in (1, 2):
            return original(*arguments, **named)
        name = name_of(arguments[0])
        if type(name) is tuple or not is_unix(arguments[0]):
            host, port = name[:2] if type(name) is tuple else ("an address of another family", 0)
            packed = read_host(host.partition("%")[0]) if type(host) is str else None
            shown = "%s:%s" % (host, port) if packed is None else show_address((None, packed, port, None))
            ask("listen", shown, None, packed, port, None)
        return original(*arguments, **named)

    return listen


def make_sendto(original, admit):
    def sendto(*arguments, **named):
        if len(arguments) not in (3, 4) or named:
            return original(*arguments, **named)
        return original(*(arguments[:-1] + (admit(arguments[0], "send", arguments[-1]),)))

    return sendto


def make_say(admit, kind_of, peer_of):
    def say(sock):
        """What a socket of UDP could not send is refused here, if it is what the policy refuses."""
        if kind_of(sock) == DATAGRAM:
            try:
                peer = peer_of(sock)
            except OSError:
                return
            admit(sock, "send", peer)

    return say


def make_send(original, say):
    def send(*arguments, **named):
        try:
            return original(*arguments, **named)
        except BrokenPipeError:
            say(arguments[0])
            raise

    return send


def make_sendmsg(original, admit, ask):
    def sendmsg(*arguments, **named):
        if len(arguments) < 3 or len(arguments) > 5 or named:
            return original(*arguments, **named)
        checked = list(arguments)
        checked[2] = [message(item) for item in arguments[2]]
        if len(arguments) == 5 and arguments[4] is not None:
            checked[4] = admit(arguments[0], "send", arguments[4])
        return original(*checked)

    def message(item):
        item = tuple(item)
        if len(item) != 3:
            return item
        level, kind = exact_int(item[0]), exact_int(item[1])
        if steers(level, kind, HARMLESS_MESSAGES):
            ask("socket", "control message %d of level %d" % (kind, level), None, None, None, None)
        return level, kind, item[2]

    return sendmsg


def make_setsockopt(original, ask):
    def setsockopt(*arguments, **named):
        if len(arguments) < 4 or named:
            return original(*arguments, **named)
        level, option = exact_int(arguments[1]), exact_int(arguments[2])
        if steers(level, option, HARMLESS_OPTIONS):
            ask("socket", show_option(level, option), None, None, None, None)
        return original(arguments[0], level, option, *arguments[3:])

    return setsockopt


def make_init(original, ask, getsockopt, detach):
    """For sockets made from a descriptor: what it is of, only the kernel knows. For all others too where no event tells."""
    default = (2, 1, 0) if sys.version_info < (3, 7) else (-1, -1, -1)
    known = {}  # type: dict

    def __init__(self, family=default[0], type=default[1], proto=default[2], fileno=None):
        kind = exact_int(family), exact_int(type), exact_int(proto)
        if kind not in known:
            refuse(foreign_kind(*kind))
            if EVENTS and len(known) < MEMORY:
                known[kind] = True
        while True:
            try:
                original(self, kind[0], kind[1], kind[2], fileno)
                break
            except InterruptedError:
                continue
        if fileno is not None and LINUX:
            foreign = real_kind(self)
            if foreign is not None:
                detach(self)
                refuse(foreign)

    def real_kind(sock):
        try:
            found = [getsockopt(sock, SOL_SOCKET, option) for option in (SO_DOMAIN, SO_TYPE, SO_PROTOCOL)]
        except OSError:
            return None
        return foreign_kind(*found)

    def refuse(foreign):
        if foreign is not None:
            ask("socket", foreign, None, None, None, None)

    return __init__
