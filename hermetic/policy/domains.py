"""The language of `--allow-domain`: `example.com`, `*.example.com`, `example.com:8443`, `example.com:80,8000-8010`; `*` is any name.

Without ports 80 and 443 are meant. A name is held in lower case and without the dot of the root, as it is compared.
"""

from __future__ import annotations

from hermetic_guard.hosts import NAME_CHARACTERS, canonical_name, is_name, is_number
from hermetic_guard.unions import merged_domains

from hermetic.policy import ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    Domain = tuple[str, ports.Ranges]

WEB: ports.Ranges = ((80, 80), (443, 443))


class DomainError(ValueError):
    """A text that names no domain."""


def read(text: str) -> Domain:
    """The name, or pattern, and the ports in `text`. Raises DomainError."""
    host, colon, rest = text.partition(":")
    if "/" in text:
        at = text.index("://" if "://" in text else "/") + 1
        raise DomainError(f"a name alone was expected, not a URL (at character {at})")
    if host == "*":
        return host, _ports(rest, len(host) + 1) if colon else WEB
    star, plain = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    plain = canonical_name(plain if plain.isascii() else encoded(plain, len(star)))
    if plain == "localhost":
        raise DomainError("this machine itself goes with --allow-localhost")
    if is_number(plain) or (is_name(plain) and plain.rpartition(".")[2].isdigit()):
        raise DomainError("a name was expected, not an address: that goes with --allow-address")
    if not is_name(plain):
        raise DomainError(f"a host name, or *. and one, was expected (at character {wrong_character(host)})")
    return star + plain, _ports(rest, len(host) + 1) if colon else WEB


def _ports(text: str, before: int) -> ports.Ranges:
    try:
        return ports.read(text)
    except ports.PortsError as error:
        raise DomainError(f"{error.why} (at character {before + error.position})") from None


DIFFERING = frozenset("\u00df\u03c2\u200c\u200d")
"""Written differently by the two versions of IDNA: which one a program follows nobody can say (RFC 5894, 7.2)."""


def encoded(host: str, before: int = 0) -> str:
    """A name outside ASCII as it is asked for; `before`: how many characters stand before it. Raises DomainError."""
    if not DIFFERING.isdisjoint(host):
        at = next(index for index, character in enumerate(host) if character in DIFFERING) + before + 1
        raise DomainError(f"what this name is asked for as depends on the program, so write that: xn--… (at character {at})")
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise DomainError(f"a host name, or *. and one, was expected (at character {before + wrong_character(host)})") from None


def is_usual(character: str) -> bool:
    return character.lower() in NAME_CHARACTERS or (not character.isascii() and character.isalnum())


def wrong_character(host: str) -> int:
    """Where a name goes wrong, counted from 1: at a character that none has, at an empty label, or at one that is too long."""
    at = 2 if host.startswith("*.") else 0
    for label in host[at:].split("."):
        foreign = next((index for index, character in enumerate(label) if not is_usual(character)), None)
        if foreign is not None or not 0 < len(label) < 64:
            return at + (foreign or 0) + 1
        at += len(label) + 1
    return len(host)


merged = merged_domains
