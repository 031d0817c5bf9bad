"""A policy in words, as the user is told of it."""

from __future__ import annotations

from hermetic.errors import quoted
from hermetic.policy import ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from hermetic_guard.policy import Filesystem, Network, Policy


def describe(policy: Policy, *, few: bool = False) -> str:
    """What the policy forbids, in words. few: places and the like are counted where there are several, and what is protected is left out"""
    forbidden = [_PHRASES[guard](getattr(policy, guard), few) for guard in policy.guards()]
    return ", ".join([*forbidden, *_besides(policy)]) or "nothing is forbidden"


def _besides(policy: Policy) -> list[str]:
    """What no guard sees to."""
    found = [] if policy.environment is None else ["a clean environment"]
    found += [f"{policy.tmp} /tmp"] if policy.tmp != "shared" else []
    found += ["not without the kernel"] if policy.kernel == "required" else []
    found += [f"more for {_listed([package.name for package in policy.packages])} alone"] if policy.packages else []
    if policy.limits is not None:
        from hermetic.policy import limits

        found += limits.described(policy.limits)
    return found


FEW = 3
"""More hidden places are counted: the sets of them are long."""


def where_listed(policy: Policy) -> str:
    """What lists the places that are only counted."""
    files = policy.filesystem
    return f" (all places: {LISTS})" if files is not None and max(len(files.protect), len(files.hide)) > FEW else ""


LISTS = "hermetic policy show --resolved -- COMMAND"

_PHRASES: dict[str, Callable[[Any, bool], str]] = {
    "network": lambda rules, few: _but("no network", " ", _reachable(rules), "hosts and ports" if few else "", most=2),
    "subprocess": lambda rules, few: _but("no new process", " of ", _quoted(rules.run), "programs" if few else ""),
    "filesystem": lambda rules, few: _but("no writing", " in ", _quoted(rules.write), PLACES if few else "") + _reading(rules, few),
    "native": lambda rules, few: _but("no native code", " of ", rules.distributions, "distributions" if few else ""),
}
PLACES = "places"


def _but(what: str, preposition: str, allowed: Sequence[str], counted: str = "", most: int = 1) -> str:
    """counted: what they are, where it is said how many if there are more than `most`"""
    if not allowed:
        return what
    return f"{what} but{preposition}{f'{len(allowed)} {counted}' if counted and len(allowed) > most else _listed(list(allowed))}"


def _reachable(rules: Network) -> list[str]:
    allowed = [f"localhost{ports.shown(rules.localhost)}"] if rules.localhost else []
    allowed += [f"{'any host' if name == '*' else name}{ports.shown(ranges)}" for name, ranges in rules.domains]
    if rules.addresses or rules.denied:
        from hermetic.policy import addresses

        allowed += map(addresses.shown, rules.addresses)
        allowed += [f"never {addresses.shown(block)}" for block in rules.denied]
    allowed += [f"listening at{ports.shown(rules.listen)}"] if rules.listen else []
    return [*allowed, *_quoted(rules.unix)]


def _quoted(paths: Sequence[str]) -> list[str]:
    return [quoted(path) for path in paths]


def _reading(rules: Filesystem, few: bool) -> str:
    reads = "" if rules.read is None else _listed(_quoted(rules.read)) if not few or len(rules.read) < 2 else f"{len(rules.read)} {PLACES}"
    limited = f", reads only in {reads}" if reads else ""
    most = 1 if few else FEW
    return limited + ("" if few else _denied(rules.protect, "protected", most)) + _denied(rules.hide, "hidden", most)


def _denied(paths: Sequence[str], how: str, most: int) -> str:
    if not paths:
        return ""
    return f", {_listed(_quoted(paths)) if len(paths) <= most else f'{len(paths)} {PLACES}'} {how}"


def _listed(words: list[str]) -> str:
    """`a, b and c`"""
    return " and ".join([part for part in (", ".join(words[:-1]), words[-1]) if part])
