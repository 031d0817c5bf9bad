"""pytest-socket's options, markers, fixtures and functions, held by the guard: `-p hermetic.pytest_socket_compat` takes its place.

The guard decides; what stands here in front of it gives a refusal the name and the words that suites know from there. The one thing that is decided
here is that no socket can be made while sockets are disabled, which harms nobody and which suites look for. docs/pytest.md says what differs.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import sys
import warnings

import pytest

from hermetic.blocks.found import find_guard

find_guard()

from hermetic_guard.errors import NetworkViolation, PolicyViolation  # noqa: E402
from hermetic_guard.hosts import ANY  # noqa: E402
from hermetic_guard.policy import Network, Policy  # noqa: E402

from hermetic.policy import addresses, domains  # noqa: E402
from hermetic.testing import widening  # noqa: E402
from hermetic.testing.switch import Switch  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Cache = dict[str, set[str]]

NAMES = ("socket", "pytest_socket")
"""What pytest calls that plugin, by its entry point and by its module."""

ALL_PORTS = ":0-65535"
EVERYWHERE = ("/",)
"""Local sockets below it are all."""

TRUE_SOCKET = socket.socket


class SocketBlockedError(RuntimeError):
    """A test made a socket, or asked for a name, where it may not."""

    def __init__(self, message: str = "A test tried to use socket.socket.", *_: object) -> None:
        warnings.warn(message, stacklevel=2)
        super().__init__(message)


class SocketConnectBlockedError(RuntimeError):
    """A test tried to reach what is not among the hosts that it may reach."""

    def __init__(self, allowed: list[str], host: str | None, *_: object) -> None:
        self._given = allowed, host
        message = f'A test tried to use socket.socket.connect() with host "{host}" (allowed: "{",".join(allowed)}").'
        warnings.warn(message, stacklevel=2)
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given


# What stands.


class Stands:
    """What was put up here last, and how to take it away. programs: that may be started besides"""

    def __init__(self) -> None:
        self.programs: list[str] = []
        self._switch = Switch()
        self._replaced: list[tuple[Any, str, object, object]] = []

    def up(self, network: Network) -> None:
        self.down()
        policy = Policy(network=network, on_violation="raise")
        self._switch.to(widening.widened(policy, "allow_run", self.programs, ".") if self.programs else policy)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """In front of the guard's own, which stand already."""
        before = getattr(owner, name)
        new = make(before)
        self._replaced.append((owner, name, before, new))
        setattr(owner, name, new)

    def down(self) -> None:
        while self._replaced:
            owner, name, before, new = self._replaced.pop()
            if getattr(owner, name) is new:
                setattr(owner, name, before)
        self._switch.to(None)
        self._switch.take()


@functools.cache
def stands() -> Stands:
    return Stands()


def disable_socket(allow_unix_socket: bool = False) -> None:
    """No sockets, and no names."""
    stands().up(Network(unix=EVERYWHERE if allow_unix_socket else ()))

    class GuardedSocket(TRUE_SOCKET):
        def __new__(cls, family: int = -1, *_: object, **named: object) -> GuardedSocket:
            if allow_unix_socket and family == socket.AF_UNIX:
                return super().__new__(cls)
            raise SocketBlockedError

    stands().replace(socket, "socket", lambda before: GuardedSocket)
    for name in ("getaddrinfo", "gethostbyname"):
        stands().replace(socket, name, functools.partial(translated, SocketBlockedError, f"A test tried to use socket.{name}."))


def enable_socket() -> None:
    """As if nothing had been disabled."""
    stands().down()


_remove_restrictions = enable_socket


def socket_allow_hosts(
    allowed: str | list[str] | None = None, allow_unix_socket: bool = False, resolution_cache: Cache | None = None
) -> None:
    """These hosts alone: names, addresses, blocks of addresses."""
    if isinstance(allowed, str):
        allowed = allowed.split(",")
    if not isinstance(allowed, list):
        return
    stands().down()
    blocks, hosts = parted([host.strip() for host in allowed])
    found = normalize_allowed_hosts(hosts, resolution_cache)
    shown = sorted([host if ips == {host} else f"{host} ({','.join(sorted(ips))})" for host, ips in found.items()] + blocks)
    stands().up(network_of(found, blocks, allow_unix_socket))
    stands().replace(TRUE_SOCKET, "connect", functools.partial(connecting, shown))
    for name in ("getaddrinfo", "gethostbyname"):
        stands().replace(socket, name, functools.partial(translated, SocketConnectBlockedError, shown))


# In front of the guard.


def translated(kind: type[Exception], what: object, original: Callable[..., object]) -> Callable[..., object]:
    """A function that is asked for a name first of all."""

    @functools.wraps(original)
    def call(*arguments: Any, **named: Any) -> object:
        try:
            return original(*arguments, **named)
        except NetworkViolation:
            raise kind(what, *arguments[:1]) from None

    return call


def connecting(allowed: list[str], original: Callable[..., object]) -> Callable[..., object]:
    """The socket is closed: callers do that for an OSError alone."""

    @functools.wraps(original)
    def connect(self: socket.socket, *arguments: Any) -> object:
        try:
            return original(self, *arguments)
        except NetworkViolation:
            self.close()
            raise SocketConnectBlockedError(allowed, host_from_connect_args(arguments)) from None

    return connect


# Hosts.


def host_from_address(address: tuple[Any, ...]) -> str | None:
    return address[0] if isinstance(address[0], str) else None


def host_from_connect_args(arguments: tuple[Any, ...]) -> str | None:
    return host_from_address(arguments[0]) if isinstance(arguments[0], tuple) else None


def is_ipaddress(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parted(hosts: list[str]) -> tuple[list[str], list[str]]:
    """Blocks of addresses, and all others. What is neither an address nor a block is the name of a host that is not there."""
    blocks, others = [], []
    for host in hosts:
        try:
            blocks += [str(ipaddress.ip_network(host, strict=False))] if "/" in host else []
            others += [] if "/" in host else [host]
        except ValueError:
            others.append(host)
    return blocks, others


def normalize_allowed_hosts(hosts: list[str], cache: Cache | None = None) -> Cache:
    """The addresses of each host, which are looked up once."""
    known: Cache = {} if cache is None else cache
    found: Cache = {}
    for host in map(str.strip, hosts):
        if not is_ipaddress(host) and host not in known:
            known[host] = resolve_hostnames(host)
        found[host] = {host} if is_ipaddress(host) else known[host]
    return found


def resolve_hostnames(host: str) -> set[str]:
    try:
        return {str(address[0]) for *_, address in socket.getaddrinfo(host, None)}
    except (OSError, PolicyViolation, UnicodeError):
        return set()


def network_of(hosts: Cache, blocks: list[str], unix: bool) -> Network:
    """What the guard allows: the addresses of all hosts at any port, and the names to be looked up."""
    numbers = {ip.partition("%")[0] for ips in hosts.values() for ip in ips}
    names = [host for host in hosts if not is_ipaddress(host)]
    return Network(
        addresses=addresses.merged([addresses.read(block) for block in sorted({*numbers, *blocks})]),
        domains=domains.merged([domain for name in names for domain in domain_of(name)]),
        localhost=ANY if "localhost" in names else (),
        unix=EVERYWHERE if unix else (),
    )


def domain_of(name: str) -> list[domains.Domain]:
    try:
        return [domains.read(name + ALL_PORTS)]
    except domains.DomainError:
        return []  # nobody can look it up


# The plugin.


class Settings:
    """What the command line says."""

    def __init__(self, config: pytest.Config) -> None:
        self.disabled: bool = config.getoption("--disable-socket")
        self.forced: bool = config.getoption("--force-enable-socket")
        self.unix: bool = config.getoption("--allow-unix-socket")
        self.hosts: str | None = config.getoption("--allow-hosts")
        self.cache: Cache = {}


SETTINGS = pytest.StashKey[Settings]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    there = [name for name in NAMES if pluginmanager.has_plugin(name)]
    for name in there:
        pluginmanager.unregister(name=name)
    for name in NAMES:
        pluginmanager.set_blocked(name)
    sys.modules["pytest_socket"] = sys.modules[__name__]
    if not there:  # else its options are, which are the same
        add_options(parser)


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("socket")
    group.addoption("--disable-socket", action="store_true", help="Disable socket.socket by default to block network calls.")
    group.addoption(
        "--force-enable-socket", action="store_true", help="Force enable socket.socket network calls (override --disable-socket)."
    )
    group.addoption(
        "--allow-hosts", metavar="ALLOWED_HOSTS_CSV", help="Only allow specified hosts through socket.socket.connect((host, port))."
    )
    group.addoption("--allow-unix-socket", action="store_true", help="Allow calls if they are to Unix domain sockets")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "disable_socket(): Disable socket connections for a specific test")
    config.addinivalue_line("markers", "enable_socket(): Enable socket connections for a specific test")
    config.addinivalue_line("markers", "allow_hosts([hosts]): Restrict socket connection to defined list of hosts")
    config.stash[SETTINGS] = Settings(config)
    if config.pluginmanager.has_plugin("hermetic"):
        stands().programs = config.getini("hermetic_allow_run")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not hasattr(item, "fixturenames"):
        return
    settings = item.config.stash[SETTINGS]
    if settings.forced or asks(item, "enable_socket", "socket_enabled"):
        enable_socket()
    elif asks(item, "disable_socket", "socket_disabled"):
        disable_socket(settings.unix)
    else:
        mark = item.get_closest_marker("allow_hosts")
        hosts = mark.args[0] if mark else settings.hosts
        if hosts:
            socket_allow_hosts(hosts, settings.unix, settings.cache)
        elif settings.disabled:
            disable_socket(settings.unix)


def asks(item: pytest.Item, marker: str, fixture: str) -> bool:
    return item.get_closest_marker(marker) is not None or fixture in getattr(item, "fixturenames", ())


def pytest_runtest_teardown() -> None:
    _remove_restrictions()


@pytest.fixture
def socket_disabled(pytestconfig: pytest.Config) -> None:
    """Sockets are disabled from here to the end of the test."""
    disable_socket(pytestconfig.stash[SETTINGS].unix)


@pytest.fixture
def socket_enabled() -> None:
    """Sockets are enabled from here to the end of the test."""
    enable_socket()
