"""What a policy says of a request, in words: `hermetic why` asks the judge that the guards and the kernel's supervisor ask.

Nothing is looked up, so of a name only its ports are judged, for an address elsewhere: one of this network it does not open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hermetic_guard import packages
from hermetic_guard.decide import Decision, Request, decide, decide_for_packages
from hermetic_guard.guards.addresses import is_localhost, read_host
from hermetic_guard.hosts import canonical_name, is_name
from hermetic_guard.unions import views

from hermetic.errors import UsageError, printable, quoted
from hermetic.policy import WrongValue, adjust, domains, ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermetic_guard.policy import Policy

    from hermetic.report import Narrowed

ELSEWHERE = b"\xcb\0\x71\1"
"""203.0.113.1, which is nobody's (RFC 5737): stands for what a name leads to."""
LOCALHOST = b"\x7f\0\0\1"


class Answer(NamedTuple):
    """What was asked about, as events have it, what the policy says, and for whom alone it says so."""

    asked: str
    decision: Decision
    only: str = ""

    def told(self, narrowed: Narrowed | None = None) -> str:
        """In one line. narrowed: what policy files have to say of the network"""
        if self.decision.allowed:
            return printable(f"allowed  {self.asked}" + (f": for {self.only} only" if self.only else ""))
        hint = narrowed.hint(self.decision.hint) if narrowed else self.decision.hint
        return printable(f"refused  {self.asked}: {self.decision.rule}" + (f"  allow it  {hint}" if hint else ""))


def network(policy: Policy, text: str, package: str | None = None) -> list[Answer]:
    """Looking up and connecting to `HOST:PORT`, up to what is refused. Raises UsageError for what is neither.

    package: who asks, `NAME` or `NAME==VERSION`; without a version one that is approved
    """
    found: list[Answer] = []
    asker = read_package(policy, package) if package else None
    for request in requests(*read(text)):
        found.append(_answer(policy, request, asker))
        if not found[-1].decision.allowed:
            break
    return found


def _answer(policy: Policy, request: Request, asker: tuple[str, str] | None) -> Answer:
    asked, decision = f"{request.action}({request.target})", decide(policy, request)
    if decision.allowed or asker is None:
        return Answer(asked, decision)
    only = packages.named(policy, asker[0])
    approved = f" {' or '.join(only.approved)}" if only and only.approved else ""
    return Answer(asked, decide_for_packages(policy, views(policy), request, (asker,)), asker[0] + approved)


def read_package(policy: Policy, text: str) -> tuple[str, str]:
    """The name and the version in `text`. Raises UsageError."""
    name, equals, version = text.partition("==")
    try:
        name = adjust.normalized(name)
    except WrongValue as error:
        raise UsageError(f"--package {quoted(text)}: {error.why}", "as in boto3, boto3==1.42.3") from None
    if equals and not packages.read_version(version)[1]:
        raise UsageError(f"--package {quoted(text)}: a version was expected", "as in boto3==1.42.3")
    said = packages.named(policy, name)
    return name, version if equals or said is None or not said.approved else said.approved[0].removesuffix(packages.ANY_END)


def requests(host: str, port: int) -> Iterator[Request]:
    """What a connection there takes, one after the other."""
    packed: bytes | None = read_host(host)  # type: ignore[no-untyped-call]
    names: tuple[str, ...] = ()
    if packed is None:
        name = canonical_name(host)
        yield Request("network", "DNS", name, host=name)
        packed, names = (LOCALHOST, ()) if is_localhost(name) else (ELSEWHERE, (name,))  # type: ignore[no-untyped-call]
    yield Request("network", "connect", f"[{host}]:{port}" if ":" in host else f"{host}:{port}", address=packed, port=port, names=names)


def read(text: str) -> tuple[str, int]:
    """The host and the port in `text`. Raises UsageError."""
    if "://" in text:
        raise UsageError(f"{quoted(text)}: a host and a port were expected, not a URL", "as in example.com:443")
    host, colon, rest = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise UsageError(f"{quoted(text)}: an IPv6 address stands in brackets", "as in [2001:db8::1]:443")
    try:
        ranges = ports.read(rest if colon else "")
    except ports.PortsError as error:
        at = len(text) - len(rest) + error.position if colon else len(text) + 1
        raise UsageError(f"{quoted(text)}: {error.why} (at character {at})", "as in example.com:443") from None
    (low, high), *more = ranges
    if low != high or more:
        raise UsageError(
            f"{quoted(text)}: a host and one port were expected (at character {len(text) - len(rest) + 1})", "as in example.com:443"
        )
    return _host(host, text), low


def _host(host: str, text: str) -> str:
    """As a name server is asked for it. Raises UsageError."""
    if read_host(host) is not None:  # type: ignore[no-untyped-call]
        return host
    try:
        asked = host if host.isascii() else domains.encoded(host)
    except domains.DomainError as error:
        raise UsageError(f"{quoted(text)}: {error}", "as in example.com:443") from None
    if not is_name(canonical_name(asked)):
        at = domains.wrong_character(host)
        raise UsageError(f"{quoted(text)}: a host and one port were expected (at character {at})", "as in example.com:443")
    return asked
