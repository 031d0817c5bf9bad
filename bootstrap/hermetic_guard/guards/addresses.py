"""What a socket address means, found out before the interpreter or libc gets to see it.

`connect((name, port))` asks the name server first and raises its audit event afterwards; an address may be a str subclass whose `encode`
lies, a bytearray that another thread changes, a port whose `__index__` answers differently every time. So an address is read once, here,
into a copy made of exact types that means one thing only; that copy is judged, and that copy goes on. Nothing here decides or resolves.
"""

import _socket
import sys

PYPY = sys.implementation.name == "pypy"
"""PyPy takes any iterable for an AF_INET address, where CPython wants a tuple."""

AF_UNIX = getattr(_socket, "AF_UNIX", 1)
AF_INET = _socket.AF_INET
AF_INET6 = getattr(_socket, "AF_INET6", 10)

STREAM, DATAGRAM, SEQUENCED = 1, 2, 5
KINDS = {AF_UNIX: (STREAM, DATAGRAM, SEQUENCED), AF_INET: (STREAM, DATAGRAM), AF_INET6: (STREAM, DATAGRAM)}
"""Socket types by family. Everything else reaches past addresses: raw sockets, netlink, virtual machines, the kernel's crypto, buses."""

PROTOCOLS = (-1, 0, 1, 6, 17, 58, 262)
"""ICMP (ping sockets), TCP, UDP, ICMPv6, MPTCP. SCTP, for one, connects through setsockopt."""

LOOPBACK, LOOPBACK6 = b"\x7f\0\0\1", bytes(15) + b"\1"

CONSTANTS = dict(vars(_socket))

SUN_PATH = 108
"""sizeof(sockaddr_un.sun_path); unix(7)."""

FS_ENCODING = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())

ASCII = "".join(map(chr, range(128)))

inet_aton, inet_pton, inet_ntop = _socket.inet_aton, _socket.inet_pton, _socket.inet_ntop
if_nametoindex = getattr(_socket, "if_nametoindex", int)


# Exact copies. The types' own methods are called, on the storage itself: a subclass can override everything that is looked up on it, and
# any object can claim another `__class__`, which isinstance would ask for.


def is_plain(*values):
    """Whether these are None, or str, bytes or int and of no subclass, so that looking at them runs none of the target's code."""
    for value in values:
        kind = type(value)
        if kind is not str and kind is not int and kind is not bytes and value is not None:
            return False
    return True


def is_str(value):
    return type(value) is str


def is_a(value, kind):
    return issubclass(type(value), kind)


def exact_int(value):
    """An exact int. Raises what `__index__` raises, and TypeError where there is none."""
    return value if type(value) is int else int.__add__(index(value), 0)


def index(value):
    """operator.index, without the import."""
    return range(value).stop


def exact_tuple(value):
    return tuple([tuple.__getitem__(value, at) for at in range(tuple.__len__(value))])


def exact_text(value):
    """An exact str or bytes of a str, bytes or bytearray; None for anything else, which no address has in the place of a host."""
    if is_a(value, str):
        return str.__getitem__(value, slice(None))
    if is_a(value, bytes):
        return bytes.__getitem__(value, slice(None))
    if is_a(value, bytearray):
        return bytes(bytearray.__getitem__(value, slice(None)))
    return None


def as_str(text):
    """A host for comparing and printing; bytes that are not UTF-8 stay distinct."""
    return text if type(text) is str else text.decode("utf-8", "surrogateescape")


# Hosts.


def plain_name(exact):
    """A host as the name server would be asked for it. Raises UnicodeError where IDNA knows no such name, as the original does."""
    name = as_str(exact)
    if type(exact) is str and exact.strip(ASCII):
        return str.encode(exact, "idna").decode("ascii")
    return name


def read_host(text):
    """The 4 or 16 bytes of a numeric host, or None: whatever is not certainly a number may be asked of a name server.

    IPv4 in every form of inet_aton(3), but not the garbage after a blank that it accepts; IPv6 without a zone.
    """
    try:
        if ":" in text:
            return inet_pton(AF_INET6, text)
        if text and not text.strip("0123456789abcdefABCDEFxX."):
            return inet_aton(text)
    except (OSError, ValueError):
        return None
    return None


def show_host(packed):
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


def is_localhost(name):
    """As hosts.is_loopback has it."""
    return name.lower() in ("localhost", "localhost.")


# Addresses: (what to hand on, facts). facts = (host, packed, port, path), None where one does not apply; facts is None where the address is
# malformed: made of exact types that the original refuses, whatever they hold.


def read_address(family, address):
    """Read an address of one of the families in KINDS."""
    return read_unix(address) if family == AF_UNIX else read_inet(family, address)


def read_inet(family, address):
    if not is_a(address, tuple):
        if PYPY:
            raise TypeError("AF_INET address must be tuple, not %s" % type(address).__name__)
        return address, None
    parts = exact_tuple(address)
    if not 2 <= len(parts) <= (2 if family == AF_INET else 4):
        return parts, None
    host = exact_text(parts[0])
    if host is None or "\0" in as_str(host):
        return parts, None
    numbers = tuple([exact_int(number) for number in parts[1:]])
    text, port = as_str(host), numbers[0]
    packed = meaning(family, text)
    if packed is None:
        return (host,) + numbers, (text, None, port, None)
    return (show_host(packed),) + numbers, (None, packed, port, None) if 0 <= port <= 65535 else None


def meaning(family, text):
    """The bytes of a host that is not asked of anyone: a number, or what setipaddr() in Modules/socketmodule.c knows besides.

    `localhost` is its address: a hosts file without it sends libc to the name server. A zone in the host is dropped as CPython drops it, in
    favour of the address's fourth item.
    """
    if text == "":
        return bytes(4 if family == AF_INET else 16)
    if text == "<broadcast>":
        return b"\xff" * 4
    if is_localhost(text):
        return LOOPBACK if family == AF_INET else LOOPBACK6
    return read_host(text.partition("%")[0] if family == AF_INET6 and zone(text) else text)


def zone(text):
    """The zone of an IPv6 host, as `lo` or `1`, if there is one and it exists here; else "". PyPy knows no interface names."""
    name = text.partition("%")[2]
    if not name.strip("0123456789"):
        return name
    try:
        return name if if_nametoindex(name) else ""
    except (OSError, ValueError):
        return ""


def read_unix(address):
    """A path, an abstract name (it begins with a NUL byte), or b"" for one that the kernel shall choose."""
    raw = str.encode(exact_text(address), *FS_ENCODING) if is_a(address, str) else _buffer(address)
    if raw[:1] != b"\0":
        raw = raw.partition(b"\0")[0]
    if len(raw) > SUN_PATH or (len(raw) == SUN_PATH and raw[:1] != b"\0"):
        return raw, None
    return raw, (None, None, None, raw)


def _buffer(value):
    try:
        return memoryview(value).tobytes()
    except TypeError:
        raise TypeError("a bytes-like object is required, not '%s'" % type(value).__name__)


# For people.


def show_address(facts):
    """`1.2.3.4:80`, `[::1]:80`, `example.com:80`, `unix:/run/x`, `unix:@abstract`."""
    host, packed, port, path = facts
    if path is not None:
        shown = path.decode("utf-8", "surrogateescape")
        return "unix:" + ("@" + shown[1:] if shown[:1] == "\0" else shown)
    host = host if packed is None else show_host(packed)
    return "%s:%d" % ("[%s]" % host if ":" in host else host, port)


def foreign_kind(family, kind, protocol):
    """What makes a socket one that no policy of this guard allows, by its name in <sys/socket.h>; None if nothing does.

    -1 stands for the default. Linux puts flags above the low four bits of a type.
    """
    family = AF_INET if family == -1 else family
    if family not in KINDS:
        return constant("AF_", family)
    kind = STREAM if kind == -1 else kind & 15
    if kind not in KINDS[family]:
        return constant("SOCK_", kind)
    if family != AF_UNIX and protocol not in PROTOCOLS:
        return constant("IPPROTO_", protocol)
    return None


def constant(prefix, number):
    """The name of a constant of `_socket`."""
    for name in sorted(CONSTANTS):
        if name.startswith(prefix) and CONSTANTS[name] == number:
            return name
    return "%s%d" % (prefix, number)
