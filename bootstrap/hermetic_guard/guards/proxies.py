"""The proxies that the environment names, so that a refusal can say it is about one of them: who asked for another server need not know of it.

These are words. No proxy is reached because the environment names it, and the policy's rules know of none.
"""

from hermetic_guard.guards.addresses import is_localhost, read_host
from hermetic_guard.hosts import canonical_name, is_loopback, plain_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
"""In whatever case (urllib.request.getproxies_environment)."""


class Proxy(object):
    """variable: which names it; name: as rules hold it; addresses: what is known of these without asking; port: None where the client chooses"""

    __slots__ = ("addresses", "name", "port", "variable")

    def __init__(self, variable: str, name: str, addresses: "Any", port: "int | None") -> None:
        self.variable = variable
        self.name = name
        self.addresses = addresses
        self.port = port


def read_proxies(environ: "Any", addresses_of: "Any" = lambda name: ()) -> "tuple[Proxy, ...]":
    """Those of an environment; `addresses_of` gives the packed addresses that a name has without anybody being asked."""
    found = []
    for variable in sorted([name for name in environ if name.lower() in VARIABLES and environ[name]]):
        host, port = authority(environ[variable])
        packed = read_host(host)
        addresses = tuple(addresses_of(canonical_name(host))) if packed is None else (plain_address(packed),)
        found.append(Proxy(variable, canonical_name(host), addresses, port))
    return tuple(found)


def authority(url: str) -> "tuple[str, int | None]":
    """Host and port of `http://user:password@proxy.example:3128/`, of which all but the host may be missing."""
    rest = url.partition("://")[2] or url
    for end in "/?#":
        rest = rest.partition(end)[0]
    rest = rest.rpartition("@")[2]
    if rest[:1] == "[":
        host, _, port = rest[1:].partition("]")
    else:
        host, _, port = rest.partition(":")
    digits = port.strip(": ")
    return host.strip(), int(digits) if digits and not digits.strip("0123456789") and len(digits) < 6 else None


def proxy_of(
    proxies: "Any", host: "str | None", address: "bytes | None", port: "int | None", names: "Any"
) -> "tuple[str, int | None] | None":
    """The variables that name what a request is about, and the port that they name. host, address, port, names: facts of the request."""
    found = [proxy for proxy in proxies if is_proxy(proxy, host, address, port, names)]
    return (", ".join([proxy.variable for proxy in found]), found[0].port) if found else None


def is_proxy(proxy: "Proxy", host: "str | None", address: "bytes | None", port: "int | None", names: "Any") -> bool:
    if address is None:
        return host is not None and canonical_name(host) == proxy.name
    if proxy.port is not None and proxy.port != port:
        return False
    here = is_localhost(proxy.name) and is_loopback(None, address)
    return here or proxy.name in (names or ()) or plain_address(address) in proxy.addresses
