"""The network guard: what asks the policy, and the two ways in which it is asked.

Wrappers (sockets.py, names.py) ask before the original call, with an address that means one thing only; audit events ask again, behind
whatever got hold of an original. On interpreters with events the wrappers ask by raising one too: so the policy, and all that judges, can
be reached from the hook only, which nothing in the target refers to.
"""

import _socket
import os
import sys
from _socket import gaierror, herror
from posix import uname

from hermetic_guard import hosts
from hermetic_guard import intact as builtin_types
from hermetic_guard.decide import Request, sends_nothing
from hermetic_guard.guards import addresses, canonical, interrupted, names, nearness, ownership, proxies, resolution, sockets
from hermetic_guard.guards.addresses import (
    AF_UNIX,
    DATAGRAM,
    KINDS,
    PYPY,
    constant,
    foreign_kind,
    is_plain,
    read_address,
    show_address,
)
from hermetic_guard.guards.loading import dress, replacer, when_loaded
from hermetic_guard.guards.nearness import make_is_here, near
from hermetic_guard.guards.ownership import make_bound, make_keep_out, make_ownership, show_path
from hermetic_guard.guards.proxies import proxy_of, read_proxies
from hermetic_guard.guards.resolution import (
    make_on_getaddrinfo,
    make_on_getnameinfo,
    make_on_lookup,
    make_resolve,
    read_hosts_file,
    remember,
)
from hermetic_guard.guards.sockets import ASK, BOUND, MUTE, PERMIT, RESOLVE, decides, make_kind_of, make_mute
from hermetic_guard.hook import make_ask
from hermetic_guard.hosts import plain_address
from hermetic_guard.intact import looking_itself, make_sure
from hermetic_guard.patching import CannotReplace
from hermetic_guard.sealing import copied, seal

NAME = "network"
TCL = "Tcl"
"""As decide.py has it, which is on the other side."""
UNSPECIFIED = (bytes(4), bytes(16))


def install(enforcer):
    """Replace what resolves names, sends before any event, or raises none; returns the handlers of the audit events."""
    sealed = seal(
        vars(builtin_types), vars(hosts), vars(addresses), vars(nearness), vars(ownership), vars(proxies), vars(resolution), globals()
    )
    answers, handlers = sealed["make_judgement"](enforcer, sealed["make_real"](seal(vars(canonical))["locate"]))
    wrappers = copied(vars(addresses), vars(interrupted), vars(sockets), vars(names))
    if hasattr(sys, "audit"):
        answers = {event: make_ask(event) for event in answers}
    methods = wrappers["make_methods"](answers, method)
    functions = wrappers["make_functions"](answers, vars(_socket).get)
    replace_methods(enforcer.ledger, methods)
    replace_functions(enforcer.ledger, functions)
    when_loaded(enforcer, "_tkinter", replacer(enforcer, "create", make_tcl(answers[ASK])))
    return handlers


def method(name):
    """The descriptor of the C type's method or member, or None."""
    return vars(_socket.socket).get(name)


# Replacing.


def make_tcl(ask):
    """For the function that makes an interpreter of that language: it connects with no event."""

    def tcl(original):
        def create(*arguments):
            ask("use", TCL, None, None, None, None)
            return original(*arguments)

        return dress(create, original)

    return tcl


def replace_methods(ledger, methods):
    """In the type's own dict where that can be had (CPython), else in a class that takes the type's place.

    Where no event tells of a new socket the place is taken in either case: calling a C type does not look at `__init__` in its dict.
    """
    type_itself = _socket.socket
    if not PYPY:
        ledger.replace_methods(type_itself, methods)
    if PYPY or not hasattr(sys, "audit"):
        derived = type_itself.__subclasses__()
        ours = type("socket", (type_itself,), dict(methods, __slots__=(), __module__="_socket", __doc__=type_itself.__doc__))
        for name in ("socket", "SocketType"):
            ledger.replace(_socket, name, ours)
        for kind in derived:
            # PyPy's hashlib has loaded `socket` by now.
            kind.__bases__ = tuple([ours if base is type_itself else base for base in kind.__bases__])
    for kind in type_itself.__subclasses__():
        verify(kind, methods)


def verify(kind, methods):
    """Whether a class that was there before sees the replacements: what it has looked up once it may remember (Objects/typeobject.c)."""
    for name in methods:
        defined = next(vars(one)[name] for one in kind.__mro__ if name in vars(one))
        if getattr(kind, name) is not defined:
            raise CannotReplace("%s.%s still is what it was" % (kind.__name__, name))
    for derived in kind.__subclasses__():
        verify(derived, methods)


def replace_functions(ledger, functions):
    """In `_socket`, and in `socket` if that has copied them already."""
    for name, wrapper in functions.items():
        original = ledger.replace(_socket, name, wrapper)
        public = sys.modules.get("socket")
        if public is not None and vars(public).get(name) is original:
            ledger.replace(public, name, wrapper)


# Judging.


def make_judgement(enforcer, real):
    """What the wrappers ask, by the event they ask it with, and the handlers of all events."""
    handed_out = {}  # type: dict[bytes, tuple[str, ...]]
    owns = make_ownership(enforcer.registered, enforcer.run)
    keep_out = make_keep_out(enforcer.check, enforcer.run, enforcer.judge_file)
    hosts = read_hosts_file()
    reachable, names_of = make_hosts(enforcer.allows, enforcer.scopes, hosts, handed_out)
    judge = make_judge(
        enforcer.check,
        enforcer.allows,
        enforcer.scopes,
        names_of,
        make_is_here(_socket.socket, method),
        owns,
        keep_out,
        real,
        read_proxies(os.environ),
    )
    permit = make_permit(judge, enforcer.scopes)
    answers = {
        ASK: judge,
        PERMIT: permit,
        RESOLVE: make_resolve(judge, _socket.getaddrinfo, handed_out, hosts, reachable),
        BOUND: make_bound(enforcer.register, method("getsockname"), make_kind_of(method("getsockopt"))),
    }
    mute = make_mute(method("shutdown"))
    handlers = make_handlers(judge, permit, method("family").__get__, make_kind_of(method("getsockopt")), mute)
    handlers.update([(event, make_on_ask(answer)) for event, answer in answers.items()])
    return answers, handlers


def make_hosts(allows, scopes, hosts, handed_out):
    """What the hosts file says, as it counts in the kernel's layer too, which does not see who reads it: see resolver.py there.

    reachable(name):   its addresses that may be reached, where the name may not be asked for otherwise
    names_of(address): those that it was handed out for, and the allowed ones that it has in the file
    """
    listed = resolution.addresses_of(hosts)
    named = {}  # type: dict
    for name, found in listed.items():
        for packed in found:
            named[plain_address(packed)] = named.get(plain_address(packed), ()) + (name,)

    def is_allowed(name, *hosts):
        return allows(Request("network", "DNS", name, host=name, hosts=hosts))

    def reachable(name):
        if name not in listed or scopes.current.network is None or is_allowed(name):
            return ()
        return tuple([packed for packed in listed[name] if is_allowed(name, (packed, names_of(packed)))])

    def names_of(address):
        if address is None:
            return ()
        address = plain_address(address)
        return handed_out.get(address, ()) + tuple([name for name in named.get(address, ()) if is_allowed(name)])

    return reachable, names_of


def make_judge(check, allows, scopes, names_of, is_here, owns, keep_out, real, named):
    """judge(action, target, host, address, port, path, datagrams, kind, reverse): hands a request to the enforcer; says whether the guard stands
    at all, or MUTE where the call may go on once nothing can be sent by the socket any more.

    Servers ask for the machine's own name, and what the address is called that they listen at. Nobody knows, and nobody is told.
    """
    itself = uname().nodename.lower()
    unknown, unknown_address = (gaierror, resolution.NOT_KNOWN), (herror, names.HOST_NOT_FOUND)
    known = {}  # type: dict[tuple, object]

    def judge(action, target, host=None, address=None, port=None, path=None, datagrams=None, kind=0, reverse=0):
        if not is_plain(action, target, host, address, port, path, datagrams, kind, reverse):
            check(Request("network", "use", "the network"))
        elif path is None:
            now = scopes.state
            key = now, action, target, host, address, port
            if key in known:
                return True
            found = names_of(address)
            facts = {"host": host, "address": address, "port": port, "names": found, "datagrams": datagrams, "reverse": reverse}
            request = Request("network", action, target, proxy=proxy_of(named, host, address, port, found), **facts)
            if near(request) and scopes.current.network is not None:
                request.facts["here"] = is_here(address)
            if sends_nothing(request) and not allows(request):
                return MUTE
            if action == "DNS" and (target.lower() == itself or address in UNSPECIFIED) and not allows(request):
                error, words = unknown_address if reverse else unknown
                raise error(*words)
            check(request)
            if action == "DNS" and not scopes.packages and scopes.state is now and scopes.current.network is not None:
                remember(known, key, True)
        else:
            if action == "bind":
                keep_out(path)
            datagrams = 1 if kind == DATAGRAM else None
            check(Request("network", action, "unix:" + show_path(path), path=real(path), own=owns(path, kind), datagrams=datagrams))
        return scopes.current.network is not None

    return judge


def already():
    """Where it was looked before whether methods of built-in types are what they were."""


def make_permit(judge, scopes):
    """permit(action, family, address, kind): judges an address as the wrappers make it, and refuses any other. kind: the socket's type, where
    that decides.

    What was allowed is remembered for as long as the same policy holds: a datagram costs a look-up then. AF_UNIX is asked about every time,
    for paths can be made to lead elsewhere. PyPy raises its events before it reads the address: it will refuse a malformed one by itself.
    sure: called before any method is
    """
    known = {}  # type: dict[tuple, object]

    def permit(action, family, address, kind=0, sure=already):
        if not is_plain(action, family, kind, *(address if type(address) is tuple else (address,))):
            sure()
            return judge("use", "an address not read before")
        now = scopes.state
        key = now, action, family, address, kind
        found = None
        try:
            found = known[key]
        except KeyError:
            pass  # a refusal from here would have this error for its context, and by that our frames
        if found is None:
            sure()
            if family not in KINDS:
                return judge("socket", constant("AF_", family))
            canonical, facts = read_address(family, address)
            if canonical != address or (facts is not None and facts[0] is not None):
                return judge(action, "a malformed address" if facts is None else show_address(facts))
            if facts is None:
                return PYPY or judge(action, "a malformed address")
            if family == AF_UNIX:
                return judge(action, show_address(facts), path=facts[3], kind=kind)
            answer = judge(action, show_address(facts), *facts, 1 if kind == DATAGRAM else None)
            if scopes.packages or scopes.state is not now:
                return answer
            found = answer
            remember(known, key, answer)
        return found

    return permit


# The audit events. A wrapper was there before, unless somebody got hold of an original: what is not as the wrappers make it is refused.


def make_handlers(judge, permit, family_of, kind_of, mute):
    actions = {"socket.connect": "connect", "socket.bind": "bind", "socket.sendto": "send", "socket.sendmsg": "send"}
    sure, asked = make_sure(), (permit, family_of, kind_of, mute)
    return {
        **{event: looking_itself(make_on_address, sure, action, *asked) for event, action in actions.items()},
        "socket.__new__": looking_itself(make_on_new, sure, judge),
        "socket.getaddrinfo": looking_itself(make_on_getaddrinfo, sure, judge),
        "socket.gethostbyname": make_on_lookup(judge),
        "socket.gethostbyaddr": make_on_lookup(judge),
        "socket.getnameinfo": make_on_getnameinfo(judge),
        "syslog.syslog": make_on_syslog(judge),
    }


def make_on_ask(function):
    """Anybody can raise these events. What comes with them is looked at without running any of its code, whose callers we would be."""

    def on_ask(answer, *request):
        if type(answer) is list:
            answer.append(function(*request))

    return on_ask


def make_on_address(action, permit, family_of, kind_of, mute, sure):
    def on_address(sock, address):
        if address is not None:
            family = family_of(sock)
            if permit(action, family, address, kind_of(sock) if decides(action, family) else 0, sure) == MUTE:
                mute(sock)

    return on_address


def make_on_new(judge, sure):
    """What was no foreign kind of socket once is none any more."""
    known = {}  # type: dict[tuple, bool]

    def on_new(sock, *kind):
        plain = is_plain(*kind)
        if plain and kind in known:
            return
        sure()
        foreign = foreign_kind(*kind) if plain else "unknown"
        if foreign is not None:
            judge("socket", foreign)
        elif plain:
            remember(known, kind, True)

    return on_new


def make_on_syslog(judge):
    """The syslog module connects to its daemon inside libc."""

    def on_syslog(*_):
        judge("connect", "unix:/dev/log", None, None, None, b"/dev/log")

    return on_syslog
