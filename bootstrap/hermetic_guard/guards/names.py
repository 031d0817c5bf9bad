"""The functions of `_socket` that ask a name server, replaced: what they would ask is judged before any packet.

Numbers go on as bytes in canonical form, if at all, so that neither libc nor the `idna` codec (Python code, which the target can replace) makes
anything else of them. `localhost` and loopback addresses are answered here. That keeps them from the name server, which libc would ask where
the hosts file does not have them, with whatever HOSTALIASES, LOCALDOMAIN or nsswitch.conf add.
"""

import _socket
from _socket import gaierror, herror

from hermetic_guard.guards.addresses import (
    AF_INET,
    AF_INET6,
    LOOPBACK,
    LOOPBACK6,
    PYPY,
    as_str,
    exact_int,
    exact_text,
    exact_tuple,
    is_localhost,
    read_host,
    show_host,
    zone,
)
from hermetic_guard.guards.sockets import dress

MAPPED = bytes(10) + b"\xff\xff"
AI_CANONNAME, AI_NUMERICHOST = _socket.AI_CANONNAME, _socket.AI_NUMERICHOST
NI_NUMERICHOST, NI_NUMERICSERV, NI_NAMEREQD, NI_DGRAM = 1, 2, 8, 16
NOT_KNOWN = (_socket.EAI_NONAME, "Name or service not known")
WRONG_FAMILY = (getattr(_socket, "EAI_ADDRFAMILY", -9), "Address family for hostname not supported")
HOST_NOT_FOUND, NO_RECOVERY = (1, "Unknown host"), (3, "Unknown server error")
"""What gai_strerror(3) and hstrerror(3) say of a name that nobody knows."""


def make_functions(ask, original, loopbacks):
    """The replacements by name; `original` gives the function of a name, or None.

    ask: as in sockets.make_methods. loopbacks: the addresses of `localhost` on this machine.
    """
    makers = {
        "getaddrinfo": lambda function: make_getaddrinfo(function, ask, loopbacks),
        "gethostbyname": lambda function: make_gethostbyname(function, ask),
        "gethostbyname_ex": lambda function: make_gethostbyname_ex(function, ask),
        "gethostbyaddr": lambda function: make_gethostbyaddr(function, ask),
        "getnameinfo": lambda function: make_getnameinfo(function, ask, original("getservbyport")),
    }
    found = [(name, original(name)) for name in sorted(makers)]
    return {name: dress(makers[name](function), function, name) for name, function in found if function is not None}


def read_hosts(content):
    """The loopback addresses a hosts file (bytes) gives to `localhost`, the IPv6 one first as RFC 6724 sorts them; at least 127.0.0.1."""
    lines = [line.partition(b"#")[0].split() for line in content.splitlines()]
    found = [line[0] for line in lines if b"localhost" in line[1:]]
    return (LOOPBACK6, LOOPBACK) if b"::1" in found else (LOOPBACK,)


def make_getaddrinfo(original, ask, loopbacks):
    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        exact = exact_text(host) if isinstance(host, (str, bytes)) else None
        if exact is None:
            return original(host, port, family, type, proto, flags)
        name, flags = as_str(exact), exact_int(flags)
        number = numeric(name)
        if number is not None:
            return original(number, port, family, type, proto, flags)
        if flags & AI_NUMERICHOST:
            raise gaierror(*NOT_KNOWN)
        if not ask("DNS", name, name, None, None, None):
            return original(host, port, family, type, proto, flags)
        if is_localhost(name):
            return of_localhost(port, exact_int(family), type, proto, flags)
        return original(exact, port, family, type, proto, flags)

    def of_localhost(port, family, type, proto, flags):
        known = loopbacks if family == 0 else (LOOPBACK6,) if family == AF_INET6 else (LOOPBACK,)
        answers, failure = [], gaierror(*NOT_KNOWN)
        for packed in known:
            try:
                answers.extend(original(show_host(packed).encode("ascii"), port, family, type, proto, flags & ~AI_CANONNAME))
            except gaierror as error:
                failure = error
        if not answers:
            raise failure
        if flags & AI_CANONNAME:
            answers[0] = answers[0][:3] + ("localhost",) + answers[0][4:]
        return answers

    return getaddrinfo


def numeric(name):
    """What getaddrinfo(3) shall get for a host it need not ask about: b"" (refused by every libc), or a number with its zone; else None."""
    if not name:
        return b""
    plain, _, _ = name.partition("%")
    scope = zone(name) if ":" in plain and plain != name else ""
    packed = read_host(plain if scope else name)
    if packed is None:
        return None
    return (show_host(packed) + ("%" + scope if scope else "")).encode("utf-8", "surrogateescape")


def lookup(host, ask):
    """(exact text, the host's bytes) once it may be looked up; the bytes are None for a name that is allowed. None: the original's, as it came.

    Asks about names; `localhost` is its address then, and no host at all means any, as setipaddr() has it.
    """
    exact = exact_text(host)
    if exact is None:
        return None
    name = as_str(exact)
    packed = read_host(name) if name else bytes(4)
    if packed is None:
        if not ask("DNS", name, name, None, None, None):
            return None
        packed = LOOPBACK if is_localhost(name) else None
    return exact, packed


def ipv4(packed):
    """The older functions know IPv4 only."""
    if len(packed) == 16 and not packed.startswith(MAPPED):
        raise gaierror(*WRONG_FAMILY)
    return show_host(packed[-4:])


def make_gethostbyname(original, ask):
    def gethostbyname(host):
        found = lookup(host, ask)
        if found is None or found[1] is None:
            return original(host if found is None else found[0])
        return ipv4(found[1])

    return gethostbyname


def make_gethostbyname_ex(original, ask):
    def gethostbyname_ex(host):
        found = lookup(host, ask)
        if found is None or found[1] is None:
            return original(host if found is None else found[0])
        exact, address = found[0], ipv4(found[1])
        if not exact:
            raise herror(*NO_RECOVERY)
        return ("localhost" if is_localhost(as_str(exact)) else address), [], [address]

    return gethostbyname_ex


def make_gethostbyaddr(original, ask):
    """The name of an address: asked of the name server like a name, since the number asked about says as much as a name can."""

    def gethostbyaddr(host):
        found = lookup(host, ask)
        if found is None or found[1] is None:
            return original(host if found is None else found[0])
        packed = found[1]
        if not ask("DNS", show_host(packed), None, packed, None, None):
            return original(host)
        name = reverse(packed)
        if name is None:
            raise herror(*HOST_NOT_FOUND)
        return name, [], [show_host(packed)]

    return gethostbyaddr


def reverse(packed):
    """The name of a loopback address; of the others none is known, and nobody else is asked."""
    plain = packed[12:] if packed.startswith(MAPPED) else packed
    return "localhost" if plain in (LOOPBACK, LOOPBACK6) else None


def make_getnameinfo(original, ask, getservbyport):
    def getnameinfo(sockaddr, flags):
        read = read_sockaddr(sockaddr)
        if read is None:
            return original(sockaddr, flags)
        (host, port, scope), flags = read, exact_int(flags)
        packed = read_host(host.partition("%")[0] if zone(host) else host)
        if packed is None:
            raise gaierror(*NOT_KNOWN)
        name = None
        if not flags & NI_NUMERICHOST:
            if not ask("DNS", show_host(packed), None, packed, None, None):
                return original(sockaddr, flags)
            name = reverse(packed)
            if name is None and flags & NI_NAMEREQD:
                raise gaierror(*NOT_KNOWN)
        return name or show_host(packed) + scope_suffix(packed, scope), service(port, flags)

    def service(port, flags):
        try:
            return str(port) if flags & NI_NUMERICSERV else getservbyport(port, "udp" if flags & NI_DGRAM else "tcp")
        except OSError:
            return str(port)

    return getnameinfo


def read_sockaddr(sockaddr):
    """(host, port, scope id) of what getnameinfo takes, or None if that is malformed and the original will say so."""
    if not isinstance(sockaddr, tuple):
        if PYPY:
            raise TypeError("getnameinfo() argument 1 must be tuple, not %s" % type(sockaddr).__name__)
        return None
    parts = exact_tuple(sockaddr)
    if not 2 <= len(parts) <= 4 or not isinstance(parts[0], str):
        return None
    numbers = [exact_int(number) for number in parts[1:]]
    return exact_text(parts[0]), numbers[0], numbers[2] if len(numbers) == 3 else 0


def scope_suffix(packed, scope):
    """`%lo` for link-local addresses, as getnameinfo(3) adds it, `%1` for others."""
    if not scope or len(packed) != 16:
        return ""
    if packed[0] == 0xFE and packed[1] & 0xC0 == 0x80:
        try:
            return "%" + _socket.if_indextoname(scope)
        except (AttributeError, OSError):
            pass
    return "%%%d" % scope
