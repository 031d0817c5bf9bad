"""What a policy says of a request, in words: `hermetic why` asks the judge that the guards and the kernel's supervisor ask.

Nothing is looked up but in the hosts file, so of a name only its ports are judged, for an address elsewhere: one of this network it does not open,
which is said. Nothing is run either, so where reading is limited it is not known what a program could not do without, which is allowed besides.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.request import proxy_bypass

from hermetic_guard import packages, programs
from hermetic_guard.decide import INBOUND, Decision, Request, decide, decide_for_packages
from hermetic_guard.distributions import INFO, OPEN_ENDED, name_of
from hermetic_guard.files import names_in
from hermetic_guard.guards.addresses import is_localhost, read_host, show_host
from hermetic_guard.guards.proxies import authority
from hermetic_guard.hosts import canonical_name, is_name
from hermetic_guard.policy import is_within, is_within_any
from hermetic_guard.unions import views

from hermetic.errors import UsageError, printable, quoted
from hermetic.linux import resolver, routes
from hermetic.linux.lookup_sources import Hosts
from hermetic.policy import WrongValue, adjust, domains, paths, ports
from hermetic.policy.environment import is_granted
from hermetic.target.packages import EGG_INFO, in_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hermetic_guard.policy import Policy

    from hermetic.report import Narrowed

ELSEWHERE = b"\xcb\0\x71\1"
"""203.0.113.1, which is nobody's (RFC 5737): stands for what a name leads to."""
LOCALHOST = b"\x7f\0\0\1"
EXAMPLE = "as in example.com:443"
EVERYWHERE = bytes(4)
LOCAL_EXAMPLE = "as in 8000, 127.0.0.1:8000, [::1]:8000"
INWARD = "unless the name leads to a private, loopback or link-local address, or to this machine"
PROXIES = {80: ("http_proxy", "all_proxy"), 443: ("https_proxy", "all_proxy")}
"""The variables that clients heed, by the port that is asked about; for others any of these."""


class Answer(NamedTuple):
    """What was asked about, as events have it, what the policy says, for whom alone it says so, and what nobody knows yet."""

    asked: str
    decision: Decision
    only: str = ""
    unless: str = ""

    def told(self, narrowed: Narrowed | None = None) -> str:
        """In one line. narrowed: what policy files have to say of what is asked about"""
        if self.decision.allowed:
            only = f": for {self.only} only" if self.only else ""
            return printable(f"allowed  {self.asked}{only}" + (f", {self.unless}" if self.unless else ""))
        hint = narrowed.hint(self.decision.hint) if narrowed else self.decision.hint
        return printable(f"refused  {self.asked}: {self.decision.rule}" + (f"  allow it  {hint}" if hint else ""))


class Question(NamedTuple):
    """guard: which one answers; what: what is asked about, for help; requests: what it takes, one after the other, of a word of the user's, or
    UsageError
    """

    guard: str
    what: str
    requests: Callable[[str, Sequence[str]], Iterator[Request]]


def answers(policy: Policy, surface: str, text: str, protected: Sequence[str] = (), package: str | None = None) -> list[Answer]:
    """What the policy says, up to what is refused. Raises UsageError for what cannot be asked about.

    protected: what no run may change, whatever its policy; package: who asks, `NAME` or `NAME==VERSION`; without a version one that is approved
    """
    found: list[Answer] = []
    asker = read_package(policy, package) if package else None
    question = QUESTIONS[surface]
    hidden = policy.filesystem.hide if policy.filesystem is not None and question.guard == "filesystem" else ()
    for request in (*_through(text, hidden), *question.requests(text, protected)):
        found.append(_answer(policy, request, asker))
        if not found[-1].decision.allowed:
            break
    return found


def by_proxies(policy: Policy, text: str, environ: Mapping[str, str], package: str | None = None) -> Iterator[tuple[str, Answer]]:
    """By which proxies of the environment a client would go to HOST:PORT instead, and what the policy says of each: (variable, answer)."""
    host, port = read(text)
    rules = policy.environment
    heeded = PROXIES.get(port, ("http_proxy", "https_proxy", "all_proxy"))
    if policy.network is None or proxy_bypass(host):
        return
    for variable in sorted(name for name in environ if name.lower() in heeded and environ[name]):
        proxy, at = authority(environ[variable])
        if proxy and (rules is None or is_granted(variable, rules.keep)) and (proxy, at) != (host, port):
            found = answers(policy, "net", f"[{proxy}]:{at or 80}" if ":" in proxy else f"{proxy}:{at or 80}", package=package)
            yield variable, found[-1]


def as_installed(answer: Answer, distribution: str, sites: Sequence[str]) -> Answer:
    """The same for what is installed in these directories: what is not cannot be allowed, what has no compiled code is not refused."""
    if answer.decision.allowed or not sites:
        return answer
    name = adjust.normalized(distribution)
    if is_missing(name, sites):
        return Answer(answer.asked, Decision(False, answer.decision.rule))
    if name in OPEN_ENDED.values() or any(True for site in sites for _ in in_site(site, {name})):
        return answer
    return Answer(answer.asked, Decision(True), unless="for nothing of it is compiled")


def _through(text: str, hidden: Sequence[str]) -> Iterator[Request]:
    """Links on the way that are hidden, wherever they lead: there are none then."""
    links = paths.places(text, os.getcwd())[:-1] if hidden else []
    yield from (Request("filesystem", "read", link, path=link) for link in links if is_within_any(link, tuple(hidden)))


def _reading(text: str, protected: Sequence[str]) -> Iterator[Request]:
    place = _place(text)
    yield Request("filesystem", "list" if os.path.isdir(place) else "read", place, path=place, there=_there(place))


def _writing(text: str, protected: Sequence[str]) -> Iterator[Request]:
    """What is not there yet changes the directory it comes into, and that is what the kernel's rules can be about."""
    place = _place(text)
    if is_within_any(place, tuple(protected)):
        yield Request("integrity", "write", place)
    new = not paths.is_there(place)
    there, home = _there(place), os.path.realpath(os.environ.get("HOME") or "/")
    made_first = new and is_within(home, there)
    named = place if made_first else there
    yield Request("filesystem", "create" if new else "write", place, path=place, name=new, there=named, made_first=made_first)


def _there(place: str) -> str:
    """What an option would have to name."""
    return place if paths.is_there(place) else paths.nearest(place)


def _place(text: str) -> str:
    try:
        return paths.read(text, os.getcwd())
    except (OSError, WrongValue) as error:
        raise UsageError(f"{quoted(text)}: {error}") from None


def _running(text: str, protected: Sequence[str]) -> Iterator[Request]:
    try:
        place = os.path.realpath(programs.find(text, os.environ.get("PATH")))
    except programs.Unresolved as error:
        raise UsageError(f"{quoted(text)}: {str(error).removeprefix(f'{text}: ')}", "the name of a program on PATH, or its path") from None
    yield Request("subprocess", "start", place, path=place)


def _loading(text: str, protected: Sequence[str]) -> Iterator[Request]:
    try:
        name = adjust.normalized(text)
    except WrongValue as error:
        raise UsageError(f"{quoted(text)}: {error.why}", error.hint) from None
    yield Request("native", "import", name, distribution=name)


def is_missing(distribution: str, sites: Sequence[str]) -> bool:
    """Whether no distribution of this name is installed in these directories; where there are none nothing is known."""
    name = adjust.normalized(distribution)
    found = {
        name_of(info.removesuffix(INFO).removesuffix(EGG_INFO))
        for site in sites
        for info in names_in(site)
        if info.endswith((INFO, EGG_INFO))
    }
    return bool(sites) and name not in found | {*OPEN_ENDED.values()}


def _connecting(text: str, protected: Sequence[str]) -> Iterator[Request]:
    yield from requests(*read(text))


def _listening(text: str, protected: Sequence[str]) -> Iterator[Request]:
    """A server is bound first. Without an address it is on all that the machine has."""
    packed, port = read_local(text)
    place = f"{bracketed(show_host(packed))}:{port}"  # type: ignore[no-untyped-call]
    for action in INBOUND:
        yield Request("network", action, place, address=packed, port=port)


def read_local(text: str) -> tuple[bytes, int]:
    """An address of this machine, and the port in `text`. Raises UsageError."""
    host, colon, rest = text.rpartition(":")
    port, in_brackets = _port(rest, text, LOCAL_EXAMPLE), host.startswith("[") and host.endswith("]")
    packed = read_host(host[1:-1] if in_brackets else host) if colon else EVERYWHERE  # type: ignore[no-untyped-call]
    if is_localhost(host):  # type: ignore[no-untyped-call]
        packed = LOCALHOST
    if packed is None or in_brackets is not (len(packed) == 16):
        raise UsageError(f"{quoted(text)}: an address of this machine was expected", LOCAL_EXAMPLE)
    return packed, port


def _answer(policy: Policy, request: Request, asker: tuple[str, str] | None) -> Answer:
    asked, decision = f"{request.action}({request.target})", decide(policy, request)
    unless = INWARD if policy.network is not None and request.facts.get("address") == ELSEWHERE and request.facts.get("names") else ""
    if decision.allowed or asker is None:
        return Answer(asked, decision, unless=unless)
    only = packages.named(policy, asker[0])
    approved = f" {' or '.join(only.approved)}" if only and only.approved else ""
    return Answer(asked, decide_for_packages(policy, views(policy), request, (asker,)), asker[0] + approved, unless)


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
    found: list[bytes] = []
    if packed is None:
        name = canonical_name(host)
        file = Hosts(resolver.lines(resolver.HOSTS))
        found = file.addresses(name)
        yield Request("network", "DNS", name, host=name, port=port, hosts=[(one, file.names(one)) for one in found])
        names = (name,)
        packed = LOCALHOST if is_localhost(name) else found[0] if found else ELSEWHERE  # type: ignore[no-untyped-call]
    elif ":" not in host:
        host = show_host(packed)  # type: ignore[no-untyped-call]  # of all ways to write it the one that options take
    request = Request("network", "connect", f"{bracketed(host)}:{port}", address=packed, port=port, names=names)
    if found:
        routes.Routes().look(request)
    yield request


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read(text: str) -> tuple[str, int]:
    """The host and the port in `text`. Raises UsageError."""
    if "://" in text:
        raise UsageError(f"{quoted(text)}: a host and a port were expected, not a URL", EXAMPLE)
    if "/" in text:
        raise UsageError(f"{quoted(text)}: a host and a port were expected, not a path", "--allow-unix PATH leaves a local socket open")
    host, colon, rest = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise UsageError(f"{quoted(text)}: an IPv6 address stands in brackets", "as in [2001:db8::1]:443")
    port = _port(rest if colon else "", text)
    return _host(host, text), port


def _port(rest: str, text: str, example: str = EXAMPLE) -> int:
    """The one port that `text` ends with. Raises UsageError."""
    before = len(text) - len(rest)
    try:
        ranges = ports.read(rest)
    except ports.PortsError as error:
        at = before + (error.position if rest or text.endswith(":") else 1)
        raise UsageError(f"{quoted(text)}: {error.why} (at character {at})", example) from None
    (low, high), *more = ranges
    if low != high or more:
        raise UsageError(f"{quoted(text)}: one port was expected (at character {before + 1})", example)
    return low


def _host(host: str, text: str) -> str:
    """As a name server is asked for it. Raises UsageError."""
    if read_host(host) is not None:  # type: ignore[no-untyped-call]
        return host
    try:
        asked = host if host.isascii() else domains.encoded(host)
    except domains.DomainError as error:
        raise UsageError(f"{quoted(text)}: {error}", EXAMPLE) from None
    if not is_name(canonical_name(asked)):
        at = 1 if host.startswith("*") else wrong_in_brackets(host) if text.startswith("[") else domains.wrong_character(host)
        raise UsageError(f"{quoted(text)}: a host and one port were expected (at character {at})", EXAMPLE)
    return asked


def wrong_in_brackets(host: str) -> int:
    """Where what should be an address of IPv6 has what none has, a zone say, counted from the bracket before it."""
    return next((index for index, character in enumerate(host) if character not in "0123456789abcdefABCDEF:."), len(host)) + 2


QUESTIONS = {
    "net": Question("network", "HOST:PORT", _connecting),
    "listen": Question("network", "[ADDRESS:]PORT", _listening),
    "read": Question("filesystem", "PATH", _reading),
    "write": Question("filesystem", "PATH", _writing),
    "run": Question("subprocess", "PROGRAM", _running),
    "native": Question("native", "DIST", _loading),
}
"""By the first word of a question."""
