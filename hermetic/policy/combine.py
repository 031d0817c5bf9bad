"""Flags and profiles, made into the one policy that is enforced.

Given guards stand, exactly those; none given, the profile `default` does, and the caller is told so in words made from
the policy itself. Profiles and guard flags combine by intersection, so that one more of either never allows more. Then
the options that adjust are applied to what is in force, and only to that: `--allow-localhost` without a guard on the
network would allow what nothing forbids, which is a mistake somewhere, and is said.
"""

from __future__ import annotations

from hermetic_guard.policy import ANY, ENFORCEABLE, GUARDS, Network, Policy, PolicyError, intersect, show_ports

from hermetic import options
from hermetic.errors import GuardUnavailable, UsageError, quoted
from hermetic.policy import DEFAULT, domains, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hermetic.options import Invocation


class Resolved:
    """The policy of a run.

    profiles: the names of the profiles it is made from
    notice:   what the user has to be told because nothing was asked for and a profile was chosen; else None
    """

    __slots__ = ("notice", "policy", "profiles")

    def __init__(self, policy: Policy, profiles: tuple[str, ...], notice: str | None) -> None:
        self.policy = policy
        self.profiles = profiles
        self.notice = notice


def resolve(invocation: Invocation, cwd: str | None) -> Resolved:
    """The policy that `invocation` asks for.

    cwd: the working directory, absolute; None where there is none any more
    Raises UsageError, PolicyFileError.
    """
    values = invocation.values
    flags = _flags(values, cwd)
    profiles = _texts(values, "profile")
    chosen = not flags.guards() and not profiles
    if chosen:
        profiles = (DEFAULT,)
    policy = _adjust(_combined(flags, profiles), values)
    notice = f"no guard was asked for, so profile {DEFAULT} stands: {describe(policy)}" if chosen else None
    return Resolved(policy, profiles, notice)


def refuse_unenforceable(policy: Policy) -> None:
    """Raise GuardUnavailable for a guard this version knows of and cannot put up: better no run than a bare one."""
    missing = [guard for guard in policy.guards() if guard not in ENFORCEABLE]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise GuardUnavailable(
            f"this version of hermetic has no {_listed(missing)} guard{plural} yet, so nothing was started",
            f"asked for by {_listed([_option_for(guard) for guard in missing])}, or a profile",
        )


def describe(policy: Policy) -> str:
    """What the policy forbids, in a few words."""
    return ", ".join(_PHRASES[guard](getattr(policy, guard)) for guard in policy.guards()) or "nothing is forbidden"


_PHRASES: dict[str, Callable[[Any], str]] = {
    "network": lambda rules: "no network" + _but(rules),
    "subprocess": lambda rules: "no new process",
    "filesystem": lambda rules: "no writing" + (f", reads only in {quoted(rules.root)}" if rules.root else ""),
    "native": lambda rules: "no native code",
}


def _but(rules: Network) -> str:
    allowed = [f"localhost{_ports_of(rules.localhost)}"] if rules.localhost else []
    allowed += [f"{name} ports {show_ports(ranges)}" for name, ranges in rules.domains]
    return f" but {_listed(allowed)}" if allowed else ""


def _ports_of(allowed: ports.Ports) -> str:
    return "" if allowed == ANY else f" ports {show_ports(allowed)}"


def _flags(values: dict[str, object], cwd: str | None) -> Policy:
    """The guards that flags put up, with their own values."""
    guards: dict[str, object] = {}
    for option in options.OPTIONS:
        if option.section == options.GUARDS and option.policy and option.key in values:
            guard, _, field = option.policy.partition(".")
            value = values[option.key]
            fields = {field: _directory(option.name, value, cwd)} if isinstance(value, str) else {}
            guards[guard] = GUARDS[guard](**fields)
    return Policy(**guards)


def _directory(flag: str, value: str, cwd: str | None) -> str:
    """`value` as the absolute path of a directory, links followed, as the guard will compare it."""
    from pathlib import Path  # only where a directory is given

    if cwd is None and not value.startswith("/"):
        raise UsageError(f"{flag}={quoted(value)}: the working directory is gone", "give an absolute path")
    try:
        return str(Path(cwd or "/", value).resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{flag}={quoted(value)}: {error}") from None


def _combined(flags: Policy, profiles: tuple[str, ...]) -> Policy:
    policy = flags
    if profiles:
        from hermetic.policy import load  # brings tomllib, which a run with flags alone has no use for

        try:
            for name in profiles:
                policy = intersect(policy, load.profile(name).policy)
        except PolicyError as error:
            raise UsageError(f"the guards asked for leave nothing: {error}") from None
    return policy


def _adjust(policy: Policy, values: dict[str, object]) -> Policy:
    """`policy` with what adjusts it: these options are the user's last word, so they go beyond a profile's."""
    changes: dict[str, object] = {}
    for adjust in (_allow_localhost, _allow_domain):
        key = adjust.__name__[1:]
        if key in values:
            rules = changes.get("network", policy.network)
            if not isinstance(rules, Network):
                flag = "--" + key.replace("_", "-")
                raise UsageError(f"{flag} has nothing to adjust: the network is not guarded", "it goes with --no-network")
            changes["network"] = adjust(rules, values[key])
    if "on_violation" in values:
        changes["on_violation"] = values["on_violation"]
    return Policy(**{name: changes.get(name, getattr(policy, name)) for name in Policy.__slots__})


def _allow_domain(rules: Network, given: object) -> Network:
    """The network's rules with the names given allowed as well."""
    flag, more = "--allow-domain", list(rules.domains)
    for text in given if isinstance(given, tuple) else ():
        try:
            more.append(domains.read(text))
        except domains.DomainError as error:
            raise UsageError(f"{flag} {quoted(text)}: {error}", "as in example.com, *.example.com:8443") from None
    return Network(localhost=rules.localhost, domains=domains.merged(more))


def _allow_localhost(rules: Network, given: object) -> Network:
    """The network's rules with the ports given allowed on this machine as well.

    A list of ports that are all allowed already is refused: who writes one means to limit, and it would not.
    """
    flag = "--allow-localhost"
    before: ports.Ports = rules.localhost
    after = before
    for part in given if isinstance(given, tuple) else ():
        more = ANY if part is True else _ports(flag, str(part))
        if part is not True and ports.union(before, more) == before:
            raise UsageError(
                f"{flag}={quoted(part)} adds nothing: a profile allows localhost{_ports_of(before)} already",
                "with --no-network as well, these ports alone are allowed",
            )
        after = ports.union(after, more)
    return Network(localhost=after, domains=rules.domains)


def _ports(flag: str, text: str) -> ports.Ports:
    try:
        return ports.read(text)
    except ports.PortsError as error:
        raise UsageError(f"{flag}={quoted(text)}: {error}", "as in 8000,9000-9010") from None


def _texts(values: dict[str, object], key: str) -> tuple[str, ...]:
    found = values.get(key, ())
    return tuple(str(text) for text in found) if isinstance(found, tuple) else ()


def _option_for(guard: str) -> str:
    return next(option.name for option in options.OPTIONS if option.policy.partition(".")[0] == guard)


def _listed(words: list[str]) -> str:
    """`a, b and c`"""
    return " and ".join([part for part in (", ".join(words[:-1]), words[-1]) if part])
