"""Flags and profiles, made into the one policy that is enforced.

Given guards stand, exactly those; none given, the profile `default` does, and the caller is told so in words made from
the policy itself. Profiles and guard flags combine by intersection, so that one more of either never allows more. Then
the options that adjust are applied to what is in force, and only to that: `--allow-localhost` without a guard on the
network would allow what nothing forbids, which is a mistake somewhere, and is said.
"""

from __future__ import annotations

from hermetic_guard.hosts import show_ports
from hermetic_guard.policy import PARTS, Filesystem, Network, Policy, PolicyError, intersect

from hermetic import options
from hermetic.errors import UsageError, quoted
from hermetic.policy import DEFAULT, FIELDS, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from hermetic.options import Invocation


class Resolved:
    """The policy of a run.

    profiles: the names of the profiles it is made from
    notices:  what the user has to be told: that nothing was asked for and a profile was chosen, and which values name nothing
    """

    __slots__ = ("notices", "policy", "profiles")

    def __init__(self, policy: Policy, profiles: tuple[str, ...], notices: list[str]) -> None:
        self.policy = policy
        self.profiles = profiles
        self.notices = notices


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
    policy = _adjusted(_combined(flags, profiles), values, cwd)
    notices = [f"no guard was asked for, so profile {DEFAULT} stands: {describe(policy)}"] if chosen else []
    return Resolved(policy, profiles, [*notices, *_of_nothing(values, cwd)])


def describe(policy: Policy) -> str:
    """What the policy forbids, in a few words."""
    forbidden = [_PHRASES[guard](getattr(policy, guard)) for guard in policy.guards()]
    return ", ".join([*forbidden, *_besides(policy)]) or "nothing is forbidden"


def _besides(policy: Policy) -> list[str]:
    """What no guard sees to."""
    found = [] if policy.environment is None else ["a clean environment"]
    found += [f"{policy.tmp} /tmp"] if policy.tmp != "shared" else []
    if policy.limits is not None:
        from hermetic.policy import limits

        found += limits.described(policy.limits)
    return found


_PHRASES: dict[str, Callable[[Any], str]] = {
    "network": lambda rules: _but("no network", " ", _reachable(rules)),
    "subprocess": lambda rules: _but("no new process", " of ", _quoted(rules.run)),
    "filesystem": lambda rules: _but("no writing", " in ", _quoted(rules.write)) + _reading(rules),
    "native": lambda rules: _but("no native code", " of ", rules.distributions),
}


def _but(what: str, preposition: str, allowed: Sequence[str]) -> str:
    return f"{what} but{preposition}{_listed(list(allowed))}" if allowed else what


def _reachable(rules: Network) -> list[str]:
    allowed = [f"localhost{ports.shown(rules.localhost)}"] if rules.localhost else []
    allowed += [f"{name} ports {show_ports(ranges)}" for name, ranges in rules.domains]
    if rules.addresses or rules.denied:
        from hermetic.policy import addresses

        allowed += map(addresses.shown, rules.addresses)
        allowed += [f"never {addresses.shown(block)}" for block in rules.denied]
    allowed += [f"listening at{ports.shown(rules.listen)}"] if rules.listen else []
    return [*allowed, *_quoted(rules.unix)]


def _quoted(paths: Sequence[str]) -> list[str]:
    return [quoted(path) for path in paths]


def _reading(rules: Filesystem) -> str:
    limited = "" if rules.read is None else f", reads only in {_listed(_quoted(rules.read))}"
    return limited + (f", {_listed(_quoted(rules.hide))} hidden" if rules.hide else "")


def _flags(values: dict[str, object], cwd: str | None) -> Policy:
    """What flags put up, with their own values."""
    parts: dict[str, dict[str, object]] = {}
    for option in options.OPTIONS:
        if option.section in PUT_UP and option.policy.partition(".")[0] in PARTS and option.key in values and not option.many:
            part, _, key = option.policy.partition(".")
            fields, value = parts.setdefault(part, {}), values[option.key]
            if part == "environment":
                fields["keep"] = _base_environment()
            elif isinstance(value, str):
                fields[FIELDS[key]] = _limit(option.name, key, value) if part == "limits" else (_path(option.name, value, cwd),)
    words = {"tmp": values["tmp"]} if "tmp" in values else {}
    return Policy(**{part: PARTS[part](**fields) for part, fields in parts.items()}, **words)


PUT_UP = (options.GUARDS, options.LIMITS)
"""Options in these sections need nothing that stands already, if they are not given for several values."""


def _base_environment() -> tuple[str, ...]:
    from hermetic.policy import environment

    return tuple(sorted(environment.BASE))


def _limit(flag: str, key: str, text: str) -> int | float:
    from hermetic.policy import limits

    try:
        return limits.READERS[FIELDS[key]](text)
    except limits.LimitError as error:
        raise UsageError(f"{flag} {quoted(text)}: {error}", f"as in {error.like}") from None


def _path(flag: str, value: str, cwd: str | None) -> str:
    from hermetic.policy import paths  # only where a path is given

    root = paths.read(flag, value, cwd)
    if not paths.is_there(root):
        raise UsageError(f"{flag}={quoted(value)}: there is no such directory")
    return root


def _adjusted(policy: Policy, values: dict[str, object], cwd: str | None) -> Policy:
    if not _adjusts(values):
        return policy
    from hermetic.policy import adjust

    return adjust.adjusted(policy, values, cwd)


def _of_nothing(values: dict[str, object], cwd: str | None) -> list[str]:
    if not _adjusts(values):
        return []
    from hermetic.policy import adjust

    return adjust.of_nothing(values, cwd)


def _adjusts(values: dict[str, object]) -> bool:
    return any(option.section == options.ADJUST and option.key in values for option in options.OPTIONS) or "allow_env" in values


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


def _texts(values: dict[str, object], key: str) -> tuple[str, ...]:
    found = values.get(key, ())
    return tuple(str(text) for text in found) if isinstance(found, tuple) else ()


def _listed(words: list[str]) -> str:
    """`a, b and c`"""
    return " and ".join([part for part in (", ".join(words[:-1]), words[-1]) if part])
