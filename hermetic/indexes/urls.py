"""What has to be allowed for a URL to be fetched: a name, an address, or a port of this machine, by the option that allows it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Grant = tuple[str, str]
    """The metavar of the option that takes it, and its value."""

PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
"""Of schemes that reach a server. Others, `file` among them, need nothing."""

NAME, ADDRESS, LOCAL = "HOST", "ADDRESS", "PORTS"


URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def inside(word: str) -> list[str]:
    """The URL in a requirement: all of it, or behind a name and `@`."""
    return URL.findall(word)


def path(url: str) -> str:
    """What a URL names on this machine's disks, without the extras that an installer may be told behind it; "" for any other."""
    try:
        parts = urlsplit(url.partition("[")[0])
    except ValueError:
        return ""
    found = unquote(parts.path, errors="surrogateescape")
    return found if parts.scheme == "file" and parts.netloc in ("", "localhost") and "\0" not in found else ""


def grant(url: str) -> Grant | None:
    """None for what is on this machine's disks, for what is no URL, and for what no server can be called."""
    found = _meant(url)
    return found if found and is_possible(found) else None


def impossible(url: str) -> str:
    """The host of a URL that would be fetched from a server, if none can be called so; else ""."""
    found = _meant(url)
    return found[1] if found and not is_possible(found) else ""


def is_possible(found: Grant) -> bool:
    """As the option reads it that takes it; but a `*`, which is for whoever writes policies, is nobody's name."""
    from hermetic.policy import addresses, domains, ports

    kind, value = found
    readers: dict[str, Callable[[str], object]] = {NAME: domains.read, ADDRESS: addresses.read, LOCAL: ports.read}
    try:
        readers[kind](value)
    except ValueError:
        return False
    return "*" not in value


def _meant(url: str) -> Grant | None:
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = parts.scheme.rpartition("+")[2].lower(), (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if scheme not in PORTS or not host:
        return None
    return _to(host, PORTS[scheme] if port is None else port)


def _to(host: str, port: int) -> Grant:
    from ipaddress import ip_address

    if host == "localhost":
        return LOCAL, str(port)
    try:
        address = ip_address(host)
    except ValueError:
        return NAME, f"{host}:{port}"
    if address.is_loopback:
        return LOCAL, str(port)
    return ADDRESS, f"[{host}]:{port}" if address.version == 6 else f"{host}:{port}"


def grants(urls: Iterable[str]) -> list[Grant]:
    """Each once, in their order."""
    return list(dict.fromkeys(found for url in urls if (found := grant(url))))
