"""The functions of `_socket` that ask a name server, replaced: what they would ask is judged before any packet.

Numbers go on as bytes in canonical form, if at all, so that neither libc nor the `idna` codec (Python code, which the target can replace)
makes anything else of them. What a loopback address is called is answered here, and of the others it is not asked.
"""

import _socket
from _socket import gaierror, herror

from hermetic_guard.guards.addresses import (
    AF_INET,
    LOOPBACK,
    LOOPBACK6,
    PYPY,
    STREAM,
    exact_int,
    exact_text,
    exact_tuple,
    is_localhost,
    is_str,
    plain_name,
    read_host,
    show_host,
    zone,
)
from hermetic_guard.guards.sockets import ASK, MEMORY, RESOLVE, dress

if_indextoname = getattr(_socket, "if_indextoname", str)

MAPPED = bytes(10) + b"\xff\xff"
AI_CANONNAME, AI_NUMERICHOST = _socket.AI_CANONNAME, _socket.AI_NUMERICHOST
NI_NUMERICHOST, NI_NUMERICSERV, NI_NAMEREQD, NI_DGRAM = 1, 2, 8, 16
NOT_KNOWN = (_socket.EAI_NONAME, "Name or service not known")
WRONG_FAMILY = (getattr(_socket, "EAI_ADDRFAMILY", -9), "Address family for hostname not supported")
HOST_NOT_FOUND, NO_RECOVERY = (1, "Unknown host"), (3, "Unknown server error")
"""As gai_strerror(3) and hstrerror(3) put it."""


def make_functions(answers, original):
    """The replacements by name; `original` gives the function of a name, or None. answers: see sockets.make_methods."""
    ask, resolve = answers[ASK], answers[RESOLVE]
    makers = {
        "getaddrinfo": lambda function: make_getaddrinfo(function, resolve),
        "gethostbyname": lambda function: make_gethostbyname(function, resolve),
        "gethostbyname_ex": lambda function: make_gethostbyname_ex(function, resolve),
        "gethostbyaddr": lambda function: make_gethostbyaddr(function, ask, resolve),
        "getnameinfo": lambda function: make_getnameinfo(function, ask, original("getservbyport")),
    }
    found = [(name, original(name)) for name in sorted(makers)]
    return {name: dress(makers[name](function), function, name) for name, function in found if function is not None}


def make_getaddrinfo(original, resolve):
    known = {}  # type: dict

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        if is_str(host) and host in known:
            return original(known[host], port, family, type, proto, flags)
        exact = exact_text(host) if isinstance(host, (str, bytes)) else None
        if exact is None:
            return original(host, port, family, type, proto, flags)
        name, flags = plain_name(exact), exact_int(flags)
        number = numeric(name)
        if number is not None:
            if is_str(host) and name == host and "%" not in host and len(known) < MEMORY:
                known[host] = number
            return original(number, port, family, type, proto, flags)
        if flags & AI_NUMERICHOST:
            raise gaierror(*NOT_KNOWN)
        answers = resolve(name, exact_port(port), exact_int(family), exact_int(type), exact_int(proto), flags)
        return original(host, port, family, type, proto, flags) if answers is None else answers

    return getaddrinfo


def exact_port(port):
    """A port, a service's name, or None, of an exact type."""
    if port is None or isinstance(port, (str, bytes)):
        return exact_text(port)
    if isinstance(port, int):
        return exact_int(port)
    raise OSError("Int or String expected")


def numeric(name):
    """What getaddrinfo(3) shall get for a host it need not ask about: b"" (refused by every libc), or a number with its zone; else None."""
    if not name:
        return b""
    plain = name.partition("%")[0]
    scope = zone(name) if ":" in plain and plain != name else ""
    packed = read_host(plain if scope else name)
    if packed is None:
        return None
    return (show_host(packed) + ("%" + scope if scope else "")).encode("utf-8", "surrogateescape")


def ipv4(packed):
    """The older functions know IPv4 only."""
    if len(packed) == 16 and not packed.startswith(MAPPED):
        raise gaierror(*WRONG_FAMILY)
    return show_host(packed[-4:])


def make_gethostbyname(original, resolve):
    def gethostbyname(host):
        exact = exact_text(host)
        if exact is None:
            return original(host)
        name = plain_name(exact)
        packed = read_host(name) if name else bytes(4)
        if packed is not None:
            return ipv4(packed)
        answers = resolve(name, None, AF_INET, STREAM, 0, 0)
        return original(host) if answers is None else answers[0][4][0]

    return gethostbyname


def make_gethostbyname_ex(original, resolve):
    def gethostbyname_ex(host):
        exact = exact_text(host)
        if exact is None:
            return original(host)
        name = plain_name(exact)
        if not name:
            raise herror(*NO_RECOVERY)
        packed = read_host(name)
        if packed is not None:
            return ipv4(packed), [], [ipv4(packed)]
        answers = resolve(name, None, AF_INET, STREAM, 0, AI_CANONNAME)
        if answers is None:
            return original(host)
        return answers[0][3] or name, [], [answer[4][0] for answer in answers]

    return gethostbyname_ex


def make_gethostbyaddr(original, ask, resolve):
    """The name of an address. The address says as much to a name server as a name can, so it counts as one that no rule names."""

    def gethostbyaddr(host):
        exact = exact_text(host)
        if exact is None:
            return original(host)
        name = plain_name(exact)
        packed = read_host(name) if name else bytes(4)
        if packed is None:
            answers = resolve(name, None, 0, STREAM, 0, 0)
            if answers is None:
                return original(host)
            packed = LOOPBACK if is_localhost(name) else read_host(answers[0][4][0].partition("%")[0])
        if not ask("DNS", show_host(packed), "", packed, None, None, None, 0, 1):
            return original(host)
        found = reverse(packed)
        if found is None:
            raise herror(*HOST_NOT_FOUND)
        return found, [], [show_host(packed)]

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
            if not ask("DNS", show_host(packed), "", packed, None, None):
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
            return "%" + if_indextoname(scope)
        except OSError:
            pass
    return "%%%d" % scope
