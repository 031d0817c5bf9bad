"""The network guard: what asks the policy, and the two ways in which it is asked.

Wrappers (sockets.py, names.py) ask before the original call, with an address that means one thing only; audit events ask again, behind
whatever got hold of an original. On interpreters with events the wrappers ask by raising one too: so the policy, and all that judges, can be
reached from the hook only, which nothing in the target refers to.
"""

import _socket
import posix
import sys
import time

from hermetic_guard.errors import NetworkRefused
from hermetic_guard.guards import addresses, names, sockets
from hermetic_guard.guards.addresses import (
    AF_UNIX,
    FS_ENCODING,
    KINDS,
    LOOPBACK,
    LOOPBACK6,
    as_str,
    constant,
    exact_text,
    foreign_kind,
    is_localhost,
    is_same,
    read_address,
    read_host,
    show_address,
    show_host,
)
from hermetic_guard.policy import Request
from hermetic_guard.sealing import seal

NAME = "network"
ASK, BOUND = "hermetic.network", "hermetic.network.bound"
"""Audit events of our own, raised by the wrappers."""

EARLY = sys.implementation.name == "pypy"
"""PyPy raises its events before it reads the arguments, CPython afterwards."""

HOSTS_FILE = "/etc/hosts"
FRESH = 2.0
"""Seconds: a socket that somebody claims to have bound just now, but that is older than this, was there before."""


def install(enforcer):
    """Replace what resolves names, sends before any event, or raises none; returns the handlers of the audit events."""
    veto = seal(vars(addresses), globals())
    judge = veto["make_judge"](enforcer.check, enforcer.scopes, veto["make_ownership"](enforcer.registered, enforcer.run), enforcer.run)
    bound = veto["make_bound"](enforcer.register, method("getsockname"))
    handlers = veto["make_handlers"](judge, bound, method("family").__get__)
    wrappers = seal(vars(addresses), vars(sockets), vars(names), {"make_ask": make_ask, "make_report": make_report})
    audit = getattr(sys, "audit", None)
    ask = judge if audit is None else wrappers["make_ask"](audit)
    report = bound if audit is None else wrappers["make_report"](audit)
    replace_methods(enforcer.ledger, wrappers["make_methods"](ask, report, method))
    replace_functions(enforcer.ledger, wrappers["make_functions"](ask, vars(_socket).get, names.read_hosts(hosts_file())))
    return handlers


def method(name):
    """The descriptor of the C type's method or member, or None."""
    return vars(_socket.socket).get(name)


def hosts_file():
    try:
        with open(HOSTS_FILE, "rb") as file:
            return file.read()
    except OSError:
        return b""


# Replacing.


def replace_methods(ledger, methods):
    """In the type's own dict where that can be had (CPython), else in a class that takes the type's place.

    Where no event tells of a new socket the place is taken in either case: calling a C type does not look at `__init__` in its dict.
    """
    type_itself = _socket.socket
    if not EARLY:
        for name, wrapper in methods.items():
            ledger.replace(type_itself, name, wrapper)
    if EARLY or not hasattr(sys, "audit"):
        body = dict(methods, __slots__=(), __module__="_socket", __doc__=type_itself.__doc__)
        ours = type("socket", (type_itself,), body)
        for name in ("socket", "SocketType"):
            ledger.replace(_socket, name, ours)


def replace_functions(ledger, functions):
    """In `_socket`, and in `socket` if that has copied them already."""
    for name, wrapper in functions.items():
        original = ledger.replace(_socket, name, wrapper)
        public = sys.modules.get("socket")
        if public is not None and vars(public).get(name) is original:
            ledger.replace(public, name, wrapper)


# Asking, from the wrappers' side.


def make_ask(audit):
    """ask(action, target, host, address, port, path): raises if refused, and says whether the guard stands.

    At interpreter shutdown hooks are gone while objects live on; then nobody answers, and that is a refusal.
    """
    event, refused = ASK, NetworkRefused

    def ask(action, target, *facts):
        answer = []
        audit(event, answer, action, target, *facts)
        if not answer:
            raise refused("network", action, target, "no guard is left at interpreter shutdown")
        return answer[0]

    return ask


def make_report(audit):
    event = BOUND

    def report(sock):
        audit(event, sock)

    return report


# Judging.


def make_judge(check, scopes, owns, run):
    """judge(action, target, host, address, port, path): hands a request to the enforcer; says whether the guard stands at all."""
    keep_out = make_keep_out(check, run)

    def judge(action, target, host=None, address=None, port=None, path=None):
        if path is None:
            check(Request("network", action, target, host=host, address=address, port=port))
        else:
            if action == "bind":
                keep_out(path)
            check(Request("network", action, "unix:" + show_path(path), path=path, own=owns(path)))
        return scopes.current.network is not None

    return judge


def show_path(path):
    """Absolute; an abstract name with the @ that ss(8) prints."""
    text = as_str(absolute(path))
    return "@" + text[1:] if text[:1] == "\0" else text


def absolute(path):
    """The path from the root, or as it is if it is an abstract name or there is no working directory any more."""
    if path[:1] in (b"", b"\0", b"/"):
        return path
    try:
        return posix.getcwdb() + b"/" + path
    except OSError:
        return path


def make_keep_out(check, run):
    """Binding makes a file, of which only socket.bind tells: not in the run directory, where files mean something."""
    places = [run, run + "/unix"] if run is not None else []
    kept = frozenset([identity(posix.stat(place)) for place in places if exists(place)])

    def keep_out(path):
        if path[:1] in (b"", b"\0"):
            return
        try:
            found = identity(posix.stat(directory_of(path)))
        except OSError:
            return
        if found in kept:
            check(Request("integrity", "write", as_str(absolute(path))))

    return keep_out


def exists(path):
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def identity(found):
    return found.st_dev, found.st_ino


def directory_of(path):
    return path.rpartition(b"/")[0] or (b"/" if path[:1] == b"/" else b".")


# AF_UNIX: whose address is it. A path says little, for it can be made to lead elsewhere; so the socket's inode is remembered.


def make_ownership(registered, run):
    """owns(path): whether an AF_UNIX address was bound inside this run, or stands in its scratch directory."""
    scratch = identity(posix.stat(run + "/scratch")) if run is not None and exists(run + "/scratch") else None

    def owns(path):
        if path[:1] in (b"", b"\0"):
            # Nothing can be bound to the empty name; unix(7).
            return not path or registered(path)
        try:
            found = posix.stat(path)
        except OSError:
            # It leads nowhere: for an address that was ours, a server that has gone.
            return registered(absolute(path))
        return registered(inode_key(found)) or (scratch is not None and is_below(path, scratch))

    return owns


def inode_key(found):
    """What the registry knows a bound socket by: neither an absolute path nor an abstract name looks like it."""
    return ("inode:%d:%d:%d" % (found.st_dev, found.st_ino, found.st_mtime_ns)).encode("ascii")


def is_below(path, directory):
    """Whether a path is a socket, not a link to one, anywhere below the directory of that identity; `..` is the kernel's word on it."""
    try:
        if not is_plain_socket(posix.lstat(path)):
            return False
        here, above = None, directory_of(path)
        while here != identity(posix.stat(above)):
            here = identity(posix.stat(above))
            if here == directory:
                return True
            above += b"/.."
    except OSError:
        pass
    return False


def is_plain_socket(found):
    """S_ISSOCK, and under no second name: a hard link would make any socket look like ours."""
    return found.st_mode & 0o170000 == 0o140000 and found.st_nlink == 1


def make_bound(register, name_of):
    """bound(socket): remember the address, as the kernel has it, of an AF_UNIX socket that was just bound.

    Whoever claims that may lie about it, so the kernel is asked for the name, and the file must be as new as it would be.
    """

    def bound(sock):
        name = name_of(sock)
        try:
            if type(name) is bytes and name:
                register(name)
            elif type(name) is str and name:
                remember(str.encode(name, *FS_ENCODING))
        except OSError:
            # Then it is not ours, and connecting to it is refused.
            return

    def remember(path):
        found = posix.lstat(path)
        if is_plain_socket(found) and abs(time.time() - found.st_mtime) < FRESH:
            register(inode_key(found))
            if len(absolute(path)) <= addresses.SUN_PATH:
                register(absolute(path))

    return bound


# The audit events.


def make_handlers(judge, bound, family_of):
    def on_ask(answer, *request):
        answer.append(judge(*request))

    handlers = {
        ASK: on_ask,
        BOUND: bound,
        "socket.connect": make_on_address(judge, family_of, "connect"),
        "socket.bind": make_on_address(judge, family_of, "bind"),
        "socket.sendto": make_on_address(judge, family_of, "send"),
        "socket.sendmsg": make_on_address(judge, family_of, "send"),
        "socket.__new__": make_on_new(judge),
        "socket.getaddrinfo": make_on_getaddrinfo(judge),
        "socket.getnameinfo": make_on_getnameinfo(judge),
        "syslog.syslog": make_on_syslog(judge),
    }
    for name in ("socket.gethostbyname", "socket.gethostbyaddr"):
        handlers[name] = make_on_name(judge)
    return handlers


def make_on_address(judge, family_of, action):
    """For an original that was called with an address. Whatever is not a copy as the wrappers make it may mean something else by now."""

    def on_address(sock, address):
        if address is None:
            return
        family = family_of(sock)
        if family not in KINDS:
            judge("socket", constant("AF_", family))
            return
        canonical, facts = read_address(family, address)
        if facts is None:
            if not EARLY:
                judge(action, "a malformed address")
        elif not is_same(canonical, address):
            judge(action, show_address(facts))
        else:
            host, packed, port, path = facts
            judge(action, show_address(facts), None if host is None or is_localhost(host) else host, packed, port, path)

    return on_address


def make_on_new(judge):
    def on_new(sock, family, kind, protocol):
        foreign = foreign_kind(family, kind, protocol)
        if foreign is not None:
            judge("socket", foreign)

    return on_new


def make_on_name(judge):
    """The wrappers call these originals for names that the policy allows, never for `localhost` or numbers."""

    def on_name(host, *_):
        exact = exact_text(host)
        if exact is None:
            return
        name = as_str(exact)
        allowed_by_name = type(host) is type(exact) and not is_localhost(name) and read_host(name) is None
        judge("DNS", name, name if allowed_by_name else None)

    return on_name


def make_on_getaddrinfo(judge):
    """The wrapper gives numbers as bytes in canonical form; the same as str would pass through the `idna` codec."""
    on_name = make_on_name(judge)

    def on_getaddrinfo(host, *_):
        if host is None:
            return
        if type(host) is bytes:
            plain = host.partition(b"%")[0]
            packed = read_host(as_str(plain))
            if not host or (packed is not None and plain == show_host(packed).encode("ascii")):
                return
        on_name(host)

    return on_getaddrinfo


def make_on_getnameinfo(judge):
    """The wrapper answers by itself, so this is an original: it asks the name server about the address, unless a flag not shown here says no."""

    def on_getnameinfo(sockaddr):
        host = exact_text(sockaddr[0]) if type(sockaddr) is tuple and sockaddr else None
        judge("DNS", "an address" if host is None else as_str(host))

    return on_getnameinfo


def make_on_syslog(judge):
    """The syslog module connects to its daemon inside libc."""

    def on_syslog(*_):
        judge("connect", "unix:/dev/log", None, None, None, b"/dev/log")

    return on_syslog
