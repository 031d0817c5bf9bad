"""The language of `--allow-domain`: `example.com`, `*.example.com`, `example.com:8443`, `example.com:80,8000-8010`.

Without ports 80 and 443 are meant. A name is held in lower case and without the dot of the root, as it is compared.
"""

from __future__ import annotations

from hermetic_guard.hosts import canonical_name, is_name

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
    if "://" in text or "/" in text:
        raise DomainError("a name alone was expected, not a URL")
    name = canonical_name(host)
    plain = name.removeprefix("*.")
    if plain == "localhost":
        raise DomainError("this machine itself goes with --allow-localhost")
    if not host.isascii():
        raise DomainError("a name outside ASCII was given, write it as it is asked for: xn--…")
    if not is_name(plain):
        raise DomainError("a host name, or *. and one, was expected")
    if plain.rpartition(".")[2].isdigit():
        raise DomainError("a name was expected, not an address")
    try:
        return name, ports.read(rest) if colon else WEB
    except ports.PortsError as error:
        raise DomainError(f"{error.why} (at character {len(host) + 1 + error.position})") from None


def merged(domains: list[Domain]) -> tuple[Domain, ...]:
    """The same grants, each name once, sorted."""
    found: dict[str, ports.Ranges] = {}
    for name, allowed in domains:
        found[name] = ports.merged([*found.get(name, ()), *allowed])
    return tuple(sorted(found.items()))
