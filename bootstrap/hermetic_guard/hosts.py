"""Host names, addresses and ports: what they mean, as pure functions that rules, guards and the supervisor share."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ANY = "*"
"""Every port."""


NAME_SERVER = b"\x7f\x53\0\x35"
"""127.83.0.53: where the run's own name server is, for resolvers inside (hermetic/linux/resolver.py)."""


def is_loopback(host: "str | None", address: "bytes | None") -> bool:
    """Whether an address, or a name that is not an address, means this machine and never leaves it.

    Only the name `localhost` counts: libc may ask a name server for `anything.localhost`.
    """
    if address is None:
        return host is not None and host.lower().rstrip(".") == "localhost" and not host.endswith("..")
    if len(address) == 4:
        return address[0] == 127
    return address == b"\0" * 15 + b"\1" or (address[:12] == b"\0" * 10 + b"\xff\xff" and address[12] == 127)


DECIMALS = frozenset("0123456789")
HEXADECIMALS = frozenset("0123456789abcdef")
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def canonical_name(host: str) -> str:
    """A host name as rules hold it: lower case, without the dot of the root."""
    return host.lower()[:-1] if host.endswith(".") else host.lower()


def is_name(name: str) -> bool:
    """Whether a canonical name can be one of a host (RFC 1123, and the underscore that people use). What is read as an address has no owner."""
    labels = name.split(".")
    return len(name) < 254 and NAME_CHARACTERS.issuperset(name) and all(0 < len(label) < 64 for label in labels) and not is_number(name)


def is_number(name: str) -> bool:
    """Whether a C library may read it as an IPv4 address (inet_aton(3)): up to four numbers, also octal and hexadecimal ones."""
    labels = name.split(".")
    return len(labels) <= 4 and all(_is_number(label) for label in labels)


def _is_number(label: str) -> bool:
    return bool(label) and (DECIMALS.issuperset(label) or (label[:2] == "0x" and HEXADECIMALS.issuperset(label[2:])))


def covers(pattern: str, name: str) -> bool:
    """Whether a rule's name covers a canonical name, or another rule's. `*.example.com` does not cover example.com; `*` covers all."""
    if pattern[:1] == "*":
        return name.endswith(pattern[1:]) and (is_name(name) or name[:1] == "*")
    return name == pattern


INWARD = (
    (b"\0", 8), (b"\x0a", 8), (b"\x64\x40", 10), (b"\x7f", 8), (b"\xa9\xfe", 16), (b"\xac\x10", 12),
    (b"\xc0\0\0", 24), (b"\xc0\xa8", 16), (b"\xc6\x12", 15), (b"\xe0", 3),
)  # fmt: skip
INWARD_V6 = (
    (b"\0" * 12, 96), (b"\0\x64\xff\x9b\0\1", 48), (b"\x20\1\0\0", 32), (b"\x20\1\0\2\0\0", 48), (b"\xfc", 7), (b"\xfe\x80", 9), (b"\xff", 8),
)  # fmt: skip
"""Blocks of addresses that mean this machine, this network, many machines, or nobody says whom (IANA's special-purpose registries; Teredo hides
an IPv4 address), with prefix lengths."""

MAPPED = b"\0" * 10 + b"\xff\xff"
EMBEDDING = (MAPPED, b"\0\x64\xff\x9b" + b"\0" * 8, b"\0" * 8 + b"\xff\xff\0\0", b"\0" * 12, b"\x20\x02")
"""IPv6 prefixes behind which an IPv4 address stands: mapped, NAT64 (RFC 6052), translated (RFC 2765), compatible, and 6to4 (RFC 3056)."""
TUNNELED = (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe")
"""What stands before one at the end, whatever the prefix (ISATAP, RFC 5214)."""


def plain_address(address: bytes) -> bytes:
    """The four bytes of an IPv4 address that is written as a mapped IPv6 one (RFC 4291, 2.5.5.2); any other as it is."""
    return address[12:] if address[:12] == MAPPED and len(address) == 16 else address


def embedded(address: bytes) -> "bytes | None":
    """The IPv4 address that an IPv6 one leads to, by whichever of the ways there are."""
    for prefix in EMBEDDING if len(address) == 16 else ():
        if address.startswith(prefix):
            return address[len(prefix) : len(prefix) + 4]
    return address[12:] if len(address) == 16 and address[8:12] in TUNNELED else None


def in_block(address: bytes, prefix: bytes, bits: int) -> bool:
    """Whether an address is one of those whose first `bits` are those of `prefix`, which has as many bytes as it."""
    address = plain_address(address)
    return len(address) == len(prefix) and _in_block(address, prefix, bits)


def is_inward(address: bytes) -> bool:
    """Whether an address is private, loopback, link-local (where clouds keep their metadata) or multicast."""
    inner = embedded(address)
    if inner is not None and is_inward(inner):
        return True
    address = plain_address(address)
    return any(_in_block(address, *block) for block in (INWARD if len(address) == 4 else INWARD_V6))


def _in_block(address: bytes, prefix: bytes, bits: int) -> bool:
    whole, rest = divmod(bits, 8)
    if address[:whole] != prefix[:whole]:
        return False
    return not rest or address[whole] >> (8 - rest) == (prefix + b"\0" * 16)[whole] >> (8 - rest)


def allows_port(ports: "Any", port: int) -> bool:
    return ports == ANY or any(low <= port <= high for low, high in ports)


def name_ports(ranges: "tuple[tuple[int, int], ...]") -> str:
    """`port 443`, `ports 80,443`"""
    single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return "%s %s" % ("port" if single else "ports", show_ports(ranges))


def show_ports(ports: "Any") -> str:
    """`80,8000-8010`, as --allow-localhost takes them."""
    if ports == ANY:
        return ANY
    return ",".join("%d" % low if low == high else "%d-%d" % (low, high) for low, high in ports)


# Lists of ports: ranges in their order that do not touch, or ANY.


def common_ports(a: "Any", b: "Any") -> "Any":
    """The ports in both lists of ranges; ANY is every port."""
    if a == ANY or b == ANY:
        return b if a == ANY else a
    pairs = ((max(low, other), min(high, end)) for low, high in a for other, end in b)
    return tuple(sorted({pair for pair in pairs if pair[0] <= pair[1]}))


def merged_ports(ranges: "Any") -> "tuple[tuple[int, int], ...]":
    """The same ports, sorted, with ranges that touch made one."""
    result = []  # type: list[tuple[int, int]]
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def either_ports(a: "Any", b: "Any") -> "Any":
    """The ports in either list."""
    return ANY if a == ANY or b == ANY else merged_ports(tuple(a) + tuple(b))
