"""The language of `--allow-address` and `--deny-address`: `192.0.2.1`, `192.0.2.0/24:5432`, `2001:db8::/32`, `[2001:db8::1]:80,8000-8010`.

Without ports all are meant. Addresses that IPv6 writes of IPv4 are held as IPv4, as they are compared.
"""

from __future__ import annotations

import ipaddress

from hermetic_guard.hosts import ANY

from hermetic.policy import ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Block = tuple[bytes, int, ports.Ports]

MAPPED_BITS = 96


class AddressError(ValueError):
    """A text that names no address."""


def read(text: str) -> Block:
    """The prefix, its length in bits, and the ports in `text`. Raises AddressError."""
    block, at = _without_ports(text)
    if "%" in block:
        raise AddressError(f"an address has no zone here (at character {text.index('%') + 1})")
    try:
        network = ipaddress.ip_network(block)
    except ValueError as error:
        raise AddressError(_why(block, error)) from None
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
    return text, 0


def _why(block: str, error: ValueError) -> str:
    if "host bits" in str(error):
        network = ipaddress.ip_network(block, strict=False)
        return f"bits are set behind the prefix; the block is {network}"
    if block and all(part.isdigit() or part == "" for part in block.replace("/", ".").split(".")):
        return "an address has four numbers from 0 to 255, without leading zeros, and a prefix at most 32 bits"
    return "an IPv4 or IPv6 address, or a block of them, was expected; for a name there is --allow-domain"


def _as_ipv4(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[bytes, int]:
    address, bits = network.network_address, network.prefixlen
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None and bits >= MAPPED_BITS:
        return mapped.packed, bits - MAPPED_BITS
    return address.packed, bits


def merged(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The same grants, each block once, sorted."""
    found: dict[tuple[bytes, int], ports.Ports] = {}
    for prefix, bits, allowed in blocks:
        found[prefix, bits] = ports.union(found.get((prefix, bits), ()), allowed)
    return tuple((prefix, bits, allowed) for (prefix, bits), allowed in sorted(found.items()))


def shown(block: Block) -> str:
    """`192.0.2.0/24 ports 80`, as messages have it."""
    from hermetic_guard.serialized import show_block

    prefix, bits, allowed = block
    whole = bits == 8 * len(prefix)
    return show_block(prefix, bits).removesuffix(f"/{bits}" if whole else "") + ports.shown(allowed)
