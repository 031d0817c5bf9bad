"""The `--allow-*` options and `--hide`: what they change in the rules of a guard that stands.

They are the user's last word, so they go beyond what a profile allows; but they put no guard up.
"""

from __future__ import annotations

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import merged

from hermetic import options
from hermetic.errors import UsageError, quoted
from hermetic.policy import domains, paths, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from hermetic_guard.policy import Environment, Filesystem, Native, Network, Policy, Subprocess

    from hermetic.policy.addresses import Block

    Given = tuple[object, ...]
    """The values of one option, in their order; True where its value was left out."""


def adjusted(policy: Policy, values: dict[str, object], cwd: str | None) -> Policy:
    """`policy` with the adjusting options among `values` applied.

    cwd: the working directory, absolute; None where there is none any more
    Raises UsageError, also for an option whose guard does not stand: it would allow what nothing forbids, which is a mistake somewhere.
    """
    for option in _given(values):
        guard = option.policy.partition(".")[0]
        rules = getattr(policy, guard)
        if rules is None:
            raise UsageError(f"{option.name} has nothing to adjust: {WHAT[guard]}", f"it goes with {options.flag_of(guard)}")
        policy = policy.replaced(**{guard: ADJUSTERS[option.key](rules, _several(values[option.key]), cwd)})
    if "on_violation" in values:
        policy = policy.replaced(on_violation=values["on_violation"])
    return policy


def of_nothing(values: dict[str, object], cwd: str | None) -> list[str]:
    """A line for each path among `values` at which there is nothing: it may be meant so, or be a slip that leaves a secret to be read."""
    given = [(f"--{key}", str(value)) for key in ("allow-read", "hide") for value in _several(values.get(key.replace("-", "_"), ()))]
    return [f"{flag} {quoted(value)}: there is nothing there" for flag, value in given if not paths.is_there(paths.read(flag, value, cwd))]


def _given(values: dict[str, object]) -> Iterator[options.Option]:
    return (option for option in options.OPTIONS if option.key in values and option.key in ADJUSTERS)


def _several(value: object) -> Given:
    return value if isinstance(value, tuple) else (value,)


WHAT = {
    "network": "the network is not guarded",
    "subprocess": "the start of processes is not guarded",
    "filesystem": "the filesystem is not guarded",
    "native": "native code is not guarded",
    "environment": "the environment is not cleaned",
}


# The network.


def _allow_localhost(rules: Network, given: Given, cwd: str | None) -> Network:
    """A list of ports that are all allowed already is refused: who writes one means to limit, and it would not."""
    flag = "--allow-localhost"
    before: ports.Ports = rules.localhost
    after = before
    for part in given:
        more = ANY if part is True else _ports(flag, str(part))
        if part is not True and ports.union(before, more) == before:
            raise UsageError(
                f"{flag}={quoted(str(part))} adds nothing: a profile allows localhost{ports.shown(before)} already",
                "with --no-network as well, these ports alone are allowed",
            )
        after = ports.union(after, more)
    changed: Network = rules.replaced(localhost=after)
    return changed


def _ports(flag: str, text: str) -> ports.Ranges:
    try:
        return ports.read(text)
    except ports.PortsError as error:
        raise UsageError(f"{flag}={quoted(text)}: {error}", "as in 8000,9000-9010") from None


def _allow_domain(rules: Network, given: Given, cwd: str | None) -> Network:
    more = list(rules.domains)
    for text in map(str, given):
        try:
            more.append(domains.read(text))
        except domains.DomainError as error:
            raise UsageError(f"--allow-domain {quoted(text)}: {error}", "as in example.com, *.example.com:8443") from None
    changed: Network = rules.replaced(domains=domains.merged(more))
    return changed


def _allow_address(rules: Network, given: Given, cwd: str | None) -> Network:
    changed: Network = rules.replaced(addresses=_with_blocks("--allow-address", rules.addresses, given))
    return changed


def _deny_address(rules: Network, given: Given, cwd: str | None) -> Network:
    changed: Network = rules.replaced(denied=_with_blocks("--deny-address", rules.denied, given))
    return changed


def _with_blocks(flag: str, before: tuple[Block, ...], given: Given) -> tuple[Block, ...]:
    from hermetic.policy import addresses  # `ipaddress` takes its time

    more = list(before)
    for text in map(str, given):
        try:
            more.append(addresses.read(text))
        except addresses.AddressError as error:
            raise UsageError(f"{flag} {quoted(text)}: {error}", "as in 192.0.2.1, 192.0.2.0/24:5432, [2001:db8::1]:443") from None
    return addresses.merged(more)


def _allow_listen(rules: Network, given: Given, cwd: str | None) -> Network:
    more = [bounds for text in given for bounds in _ports("--allow-listen", str(text))]
    changed: Network = rules.replaced(listen=ports.merged([*rules.listen, *more]))
    return changed


def _allow_unix(rules: Network, given: Given, cwd: str | None) -> Network:
    changed: Network = rules.replaced(unix=_with_paths("--allow-unix", rules.unix, given, cwd))
    return changed


# The others.


def _allow_write(rules: Filesystem, given: Given, cwd: str | None) -> Filesystem:
    """Of what is there: no mount, and no rule of Landlock's, can be about a name that is not there yet."""
    for value in map(str, given):
        path = paths.read("--allow-write", value, cwd)
        if not paths.is_there(path):
            raise UsageError(f"--allow-write {quoted(value)}: there is nothing there yet", f"it goes with {quoted(paths.nearest(path))}")
    changed: Filesystem = rules.replaced(write=_with_paths("--allow-write", rules.write, given, cwd))
    return changed


def _allow_read(rules: Filesystem, given: Given, cwd: str | None) -> Filesystem:
    if rules.read is None:
        raise UsageError("--allow-read has nothing to adjust: everything may be read", "it goes with --fs-readonly=ROOT")
    changed: Filesystem = rules.replaced(read=_with_paths("--allow-read", rules.read, given, cwd))
    return changed


def _hide(rules: Filesystem, given: Given, cwd: str | None) -> Filesystem:
    changed: Filesystem = rules.replaced(hide=_with_paths("--hide", rules.hide, given, cwd))
    return changed


def _with_paths(flag: str, before: tuple[str, ...], given: Given, cwd: str | None) -> tuple[str, ...]:
    return merged([*before, *(paths.read(flag, str(value), cwd) for value in given)])


def _allow_run(rules: Subprocess, given: Given, cwd: str | None) -> Subprocess:
    """A name is looked for on PATH, as the target would find it."""
    import os

    from hermetic_guard import programs

    found = list(rules.run)
    for name in map(str, given):
        try:
            found.append(paths.read("--allow-run", programs.find(name, os.environ.get("PATH"), cwd or ""), cwd))
        except programs.Unresolved as error:
            raise UsageError(f"--allow-run {quoted(name)}: {error}", "the name of a program on PATH, or its path") from None
    changed: Subprocess = rules.replaced(run=tuple(sorted(set(found))))
    return changed


def _allow_native(rules: Native, given: Given, cwd: str | None) -> Native:
    names = [normalized(str(name)) for name in given]
    changed: Native = rules.replaced(distributions=tuple(sorted({*rules.distributions, *names})))
    return changed


def normalized(name: str) -> str:
    """The name of a distribution as PEP 503 compares it. Raises UsageError for what is none (PEP 508)."""
    from hermetic_guard import distributions

    if not name.isascii() or not name.translate(SEPARATORS).isalnum() or not (name[:1].isalnum() and name[-1:].isalnum()):
        raise UsageError(f"--allow-native {quoted(name)}: the name of a distribution was expected", "as pip list shows it")
    return distributions.normalized(name)


def _allow_env(rules: Environment, given: Given, cwd: str | None) -> Environment:
    from hermetic.policy import environment

    more = list(rules.keep)
    for text in map(str, given):
        try:
            more.append(environment.pattern(text))
        except ValueError as error:
            raise UsageError(f"--allow-env {quoted(text)}: {error}", "as in AWS_PROFILE, CI_*") from None
    changed: Environment = rules.replaced(keep=tuple(sorted(set(more))))
    return changed


SEPARATORS = str.maketrans("", "", "-_.")
"""Within a name."""

ADJUSTERS: dict[str, Callable[[Any, Given, str | None], Any]] = {
    "allow_localhost": _allow_localhost,
    "allow_domain": _allow_domain,
    "allow_address": _allow_address,
    "deny_address": _deny_address,
    "allow_listen": _allow_listen,
    "allow_unix": _allow_unix,
    "allow_run": _allow_run,
    "allow_write": _allow_write,
    "allow_read": _allow_read,
    "hide": _hide,
    "allow_native": _allow_native,
    "allow_env": _allow_env,
}
"""What an option, by its key, makes of its guard's rules."""
