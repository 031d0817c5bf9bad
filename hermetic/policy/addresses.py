"""The language of `--allow-address` and `--deny-address`: `192.0.2.1`, `192.0.2.0/24:5432`, `2001:db8::/32`, `[2001:db8::1]:80,8000-8010`.

Without ports all are meant. Addresses that IPv6 writes of IPv4 are held as IPv4, as they are compared.
"""

from __future__ import annotations

import ipaddress

from hermetic_guard.hosts import ANY
from hermetic_guard.unions import merged_blocks

from hermetic.policy import ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    Block = tuple[bytes, int, ports.Ports]

MAPPED_BITS = 96


class AddressError(ValueError):
    """A text that names no address."""


NAMES_ALLOWED, NAMES_DENIED = "for a name there is --allow-domain", "what names lead to is asked about by its address"
"""What is said to who writes a name."""


def read(text: str, of_names: str = NAMES_ALLOWED) -> Block:
    """The prefix, its length in bits, and the ports in `text`. Raises AddressError."""
    block, at = _without_ports(text)
    if "%" in block:
        raise AddressError(f"an address has no zone here (at character {text.index('%') + 1})")
    if "." in block.partition("/")[2]:
        raise AddressError(f"a prefix is a number of bits (at character {text.index('/') + 2})")
    try:
        network = ipaddress.ip_network(block)
    except ValueError as error:
        raise AddressError(f"{_why(block, error, of_names)} (at character {_wrong_character(block) + text.startswith('[')})") from None
    try:
        allowed = ports.read(text[at:]) if at else ANY
    except ports.PortsError as error:
        raise AddressError(f"{error.why} (at character {at + error.position})") from None
    return *_as_ipv4(network), allowed


def _without_ports(text: str) -> tuple[str, int]:
    """What stands before the ports, and where these begin; 0 where there are none."""
    if text.startswith("["):
        block, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise AddressError("the bracket is not closed (at character 1)")
        if rest and not rest.startswith(":"):
            raise AddressError(f"a colon or the end was expected (at character {len(block) + 3})")
        if ":" not in block:
            raise AddressError("brackets are for IPv6 (at character 1)")
        return block, len(block) + 3 if rest else 0
    if text.count(":") == 1:
        block = text.partition(":")[0]
        return block, len(block) + 1
    block, _, last = text.rpartition(":")
    if last.isdigit() and is_block(block):
        both = f" or [{text}]" if is_block(text) else ""
        raise AddressError(f"brackets say where an address of IPv6 ends: [{block}]:{last}{both} (at character {len(block) + 1})")
    return text, 0


def is_block(text: str) -> bool:
    """Whether that is one of IPv6, without ports."""
    try:
        return ipaddress.ip_network(text, strict=False).version == 6
    except ValueError:
        return False


def _why(block: str, error: ValueError, of_names: str) -> str:
    if "host bits" in str(error):
        network = ipaddress.ip_network(block, strict=False)
        return f"bits are set behind the prefix; the block is {network}"
    if block and all(part.isdigit() or part == "" for part in block.replace("/", ".").split(".")):
        return "an address has four numbers from 0 to 255, without leading zeros, and a prefix at most 32 bits"
    return f"an IPv4 or IPv6 address, or a block of them, was expected; {of_names}"


def _wrong_character(block: str) -> int:
    """Where an address goes wrong, counted from 1."""
    address, slash, _ = block.partition("/")
    whole = _wrong_in_ipv4(address) if address and not address.strip("0123456789.") else _wrong_in_ipv6(address)
    return whole or len(address) + (2 if slash else 1)


def _wrong_in_ipv4(address: str) -> int:
    """0 where it is an address."""
    at = 1
    for index, part in enumerate(address.split(".")):
        if index == 4 or not part or len(part) > 3 or int(part) > 255 or str(int(part)) != part:
            return at
        at += len(part) + 1
    return 0 if address.count(".") == 3 else len(address) + 1


def _wrong_in_ipv6(address: str) -> int:
    """The first character that none has, or at a group that is too long, or at what makes of it more than an address; 0 where it is one."""
    at = 1
    for index, group in enumerate(address.split(":")):
        foreign = next((place for place, character in enumerate(group) if character not in "0123456789abcdefABCDEF."), None)
        if foreign is not None or index == 9 or (len(group) > 4 and "." not in group):
            return at + (foreign or 0)
        at += len(group) + 1
    found = address.find("::", address.find("::") + 1) if "::" in address else -1
    if found >= 0:
        return found + 1
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return len(address) + 1
    return 0


def _as_ipv4(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[bytes, int]:
    address, bits = network.network_address, network.prefixlen
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None and bits >= MAPPED_BITS:
        return mapped.packed, bits - MAPPED_BITS
    return address.packed, bits


merged = merged_blocks


def shown(block: Block) -> str:
    """`192.0.2.0/24 ports 80`, as messages have it."""
    from hermetic_guard.serialized import show_block

    prefix, bits, allowed = block
    whole = bits == 8 * len(prefix)
    return show_block(prefix, bits).removesuffix(f"/{bits}" if whole else "") + ports.shown(allowed)
