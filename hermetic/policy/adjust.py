"""What the value of an option, or of the key of that name in a file, makes of its guard's rules.

The `--allow-*` options and `--hide` are the user's last word, so they go beyond what a profile allows; but they put no guard up.
"""

from __future__ import annotations

import os

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import DEEP, is_within, merged

from hermetic import options
from hermetic.errors import UsageError, quoted
from hermetic.policy import WrongValue, paths, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from hermetic_guard.policy import Environment, Filesystem, Limits, Native, Network, Policy, Subprocess

    from hermetic.options import Option
    from hermetic.policy.addresses import Block
    from hermetic.policy.reader import Given, Reader


def adjusted(policy: Policy, values: dict[str, object], reader: Reader) -> Policy:
    """`policy` with the adjusting options among `values` applied.

    Raises UsageError, also for an option whose guard does not stand: it would allow what nothing forbids, which is a mistake somewhere.
    """
    for option in _given(values):
        guard = option.policy.partition(".")[0]
        rules = getattr(policy, guard)
        if rules is None:
            raise UsageError(f"{option.name} has nothing to adjust: {WHAT[guard]}", _goes_with(option, guard))
        policy = policy.replaced(**{guard: typed(rules, option, values[option.key], reader)})
    words = {option.key: values[option.key] for option in options.OPTIONS if option.adjusts and option.choices and option.key in values}
    changed: Policy = policy.replaced(**words)
    return changed


def _goes_with(option: Option, guard: str) -> str:
    """What hides or protects takes nothing else away, and its guard does."""
    alone = f"; where all else is to be written: {options.flag_of(guard)} --allow-write /" if option.key in ("hide", "protect") else ""
    return f"it goes with {options.flag_of(guard)}{alone}"


def typed(rules: Any, option: Option, value: object, reader: Reader) -> Any:
    """The rules with what was typed behind an option. Raises UsageError."""
    try:
        return applied(rules, option, value if isinstance(value, tuple) else (value,), reader)
    except WrongValue as error:
        equals = "=" if option.kind == options.OPTIONAL else " "
        given = "" if error.value is None else equals + quoted(error.value)
        raise UsageError(f"{option.name}{given}: {error.why}", error.hint) from None


def applied(rules: Any, option: Option, given: Given, reader: Reader) -> Any:
    """The rules with these values of an option. Raises WrongValue."""
    return ADJUSTERS[option.key](rules, reader.expanded(option, given), reader)


def _given(values: dict[str, object]) -> Iterator[Option]:
    return (option for option in options.OPTIONS if option.adjusts and option.key in values and option.key in ADJUSTERS)


WHAT = {
    "network": "the network is not guarded",
    "subprocess": "the start of processes is not guarded",
    "filesystem": "the filesystem is not guarded",
    "native": "native code is not guarded",
    "environment": "the environment is not cleaned",
}


# The network.


def _allow_localhost(rules: Network, given: Given, reader: Reader) -> Network:
    """A list of ports that are all allowed already is refused where it was typed: who writes one means to limit, and it would not."""
    before: ports.Ports = rules.localhost
    after = before
    for part in given:
        more = ANY if part is True else _ports(str(part))
        if reader.typed and part is not True and ports.union(before, more) == before:
            raise WrongValue(
                str(part),
                f"it adds nothing: a profile allows localhost{ports.shown(before)} already",
                "with --no-network as well, these ports alone are allowed",
            )
        after = ports.union(after, more)
    changed: Network = rules.replaced(localhost=after)
    return changed


def _ports(text: str) -> ports.Ranges:
    try:
        return ports.read(text)
    except ports.PortsError as error:
        raise WrongValue(text, f"{error.why} (at character {error.position})", "as in 8000,9000-9010") from None


def _allow_domain(rules: Network, given: Given, reader: Reader) -> Network:
    from hermetic.policy import domains

    more = list(rules.domains)
    for text in map(str, given):
        try:
            more.append(domains.read(text))
        except domains.DomainError as error:
            raise WrongValue(text, str(error), "as in example.com, *.example.com:8443, *:1-65535") from None
    changed: Network = rules.replaced(domains=domains.merged(more))
    return changed


def _allow_address(rules: Network, given: Given, reader: Reader) -> Network:
    changed: Network = rules.replaced(addresses=_with_blocks(rules.addresses, given))
    return changed


def _deny_address(rules: Network, given: Given, reader: Reader) -> Network:
    changed: Network = rules.replaced(denied=_with_blocks(rules.denied, given, denied=True))
    return changed


def _with_blocks(before: tuple[Block, ...], given: Given, *, denied: bool = False) -> tuple[Block, ...]:
    from hermetic.policy import addresses  # `ipaddress` takes its time

    more = list(before)
    for text in map(str, given):
        try:
            more.append(addresses.read(text, addresses.NAMES_DENIED if denied else addresses.NAMES_ALLOWED))
        except addresses.AddressError as error:
            raise WrongValue(text, str(error), "as in 192.0.2.1, 192.0.2.0/24:5432, [2001:db8::1]:443") from None
    return addresses.merged(more)


def _allow_listen(rules: Network, given: Given, reader: Reader) -> Network:
    more = [bounds for text in given for bounds in _ports(str(text))]
    changed: Network = rules.replaced(listen=ports.merged([*rules.listen, *more]))
    return changed


def _allow_unix(rules: Network, given: Given, reader: Reader) -> Network:
    """As a refusal shows it, a path has `unix:` before it."""
    for text in map(str, given):
        if text.startswith("unix:") or not text.strip():
            raise WrongValue(text, "a path alone was expected", "as in /run/agent.sock")
    changed: Network = rules.replaced(unix=_with_paths(rules.unix, given, reader))
    return changed


# The others.


def _limit_reading(rules: Filesystem, given: Given, reader: Reader) -> Filesystem:
    """What may be read already and lies in the directory."""
    from hermetic_guard.intersection import common_paths

    (value,) = map(str, given)
    root = reader.path(value)
    if not paths.is_there(root):
        raise WrongValue(value, "there is no such directory")
    read = (root,) if rules.read is None else common_paths(rules.read, (root,))
    if not read:
        raise WrongValue(value, f"reads are limited to {', '.join(rules.read or ())} already, so nothing would be left to read")
    changed: Filesystem = rules.replaced(read=read)
    return changed


def _allow_write(rules: Filesystem, given: Given, reader: Reader) -> Filesystem:
    """Of what is there: no mount, and no rule of Landlock's, can be about a name that is not there yet. A built-in profile's directories are made
    when the run starts (launch/made.py), where their names end in `/`.
    """
    found = []
    for value in map(str, given):
        path = reader.path(value)
        if paths.is_there(path) or (reader.ours and value.endswith("/") and _can_be_made(path, reader)):
            found.append(path)
        elif reader.typed:
            raise WrongValue(value, "there is nothing there yet", _instead_of(path))
        else:
            reader.notes.append(f"allow-write {quoted(value)}: there is nothing there yet")
    changed: Filesystem = rules.replaced(write=merged([*rules.write, *found]))
    return changed


def _can_be_made(path: str, reader: Reader) -> bool:
    """No home is made."""
    places = [reader.context.value(name) for name in ("PROJECT", "HOME")]
    return any(place is not None and paths.is_there(place) and is_within(path, reader.path(place)) for place in places)


def _instead_of(path: str) -> str:
    """What else may be written for a path at which there is nothing; nobody is led to open everything."""
    above = paths.nearest(path)
    return "make it first" if above == "/" else f"make it first, or allow the directory it is to be in: {quoted(above)}"


def _allow_read(rules: Filesystem, given: Given, reader: Reader) -> Filesystem:
    if rules.read is None:
        raise WrongValue(None, "everything may be read", f"it goes with {'--fs-readonly=ROOT' if reader.typed else 'root'}")
    changed: Filesystem = rules.replaced(read=_with_paths(rules.read, _told("allow-read", given, reader), reader))
    return changed


def _protect(rules: Filesystem, given: Given, reader: Reader) -> Filesystem:
    places = [place for value in _told("protect", given, reader, paths.may_be_there) for place in _kept(str(value), reader)]
    changed: Filesystem = rules.replaced(protect=merged([*rules.protect, *places]))
    return changed


def _kept(value: str, reader: Reader) -> list[str]:
    """What a path leads to, and each link on the way. A project can have a link where a set names something, to what would take all else with it."""
    *links, place = reader.places(value)
    return links if links and value in reader.of_sets and _is_around(place, value, reader) else [*links, place]


def _is_around(place: str, value: str, reader: Reader) -> bool:
    temporary = os.path.realpath(reader.context.environ.get("TMPDIR") or "/tmp")
    return is_within(value, place) or is_within(temporary, place) or reader.context.is_too_wide(place)


def _hide(rules: Filesystem, given: Given, reader: Reader) -> Filesystem:
    changed: Filesystem = rules.replaced(hide=_with_paths(rules.hide, _told("hide", given, reader), reader))
    return changed


def _told(key: str, given: Given, reader: Reader, is_there: Callable[[str], bool] = paths.is_there) -> Given:
    """Of a path at which there is nothing a line tells: it may be meant so, or be a slip that leaves a secret to be read. Not of a set's."""
    prefix = "--" if reader.typed else ""
    named = [value for value in map(str, given) if value not in reader.of_sets]
    for value in named:
        _refuse_pattern(value, reader, last=key == "protect")
    reader.notes += [f"{prefix}{key} {quoted(value)}: there is nothing there" for value in named if not is_there(reader.path(value))]
    return given


def _refuse_pattern(value: str, reader: Reader, *, last: bool) -> None:
    """Raises WrongValue for a `*` that stands for no other characters, where nothing is called so: as a pattern it would be meant, and hold nothing.

    last: whether it may stand in the last name
    """
    plain = value.replace(DEEP, "/").rpartition("/")[0] if last else value
    if "*" in plain and not paths.is_there(reader.path(plain)):
        hint = "/**/ before it is any directory below" if last else "name the directory"
        raise WrongValue(value, "a * is allowed in the last name alone" if last else "a * stands for nothing else here", hint)


def _with_paths(before: tuple[str, ...], given: Given, reader: Reader) -> tuple[str, ...]:
    return merged([*before, *(reader.path(str(value)) for value in given)])


def _allow_run(rules: Subprocess, given: Given, reader: Reader) -> Subprocess:
    """A name is looked for on PATH, as the target would find it."""
    from hermetic_guard import programs

    found = list(rules.run)
    for name in map(str, given):
        try:
            place = reader.base if "/" in name else reader.context.cwd
            found.append(reader.path(programs.find(name, reader.context.environ.get("PATH"), place or "")))
        except programs.Unresolved as error:
            if reader.typed:
                raise WrongValue(name, str(error).removeprefix(f"{name}: "), "the name of a program on PATH, or its path") from None
            reader.notes.append(f"allow-run {quoted(name)}: there is no such program")
    changed: Subprocess = rules.replaced(run=tuple(sorted(set(found))))
    return changed


def _allow_native(rules: Native, given: Given, reader: Reader) -> Native:
    names = [normalized(str(name)) for name in given]
    changed: Native = rules.replaced(distributions=tuple(sorted({*rules.distributions, *names})))
    return changed


def normalized(name: str) -> str:
    """The name of a distribution as PEP 503 compares it. Raises WrongValue for what is none (PEP 508)."""
    from hermetic_guard import distributions

    if not name.isascii() or not name.translate(SEPARATORS).isalnum() or not (name[:1].isalnum() and name[-1:].isalnum()):
        raise WrongValue(name, "the name of a distribution was expected", "as pip list shows it")
    return distributions.normalized(name)


def _allow_env(rules: Environment, given: Given, reader: Reader) -> Environment:
    from hermetic.policy import environment

    more = list(rules.keep)
    for text in map(str, given):
        try:
            more.append(environment.pattern(text))
        except ValueError as error:
            raise WrongValue(text, str(error), "as in AWS_PROFILE, CI_*") from None
    changed: Environment = rules.replaced(keep=tuple(sorted(set(more))))
    return changed


def _limit(field: str) -> Callable[[Limits, Given, Reader], Limits]:
    """What makes of a value the smaller of two limits."""

    def limited(rules: Limits, given: Given, reader: Reader) -> Limits:
        from hermetic.policy import limits

        (text,) = map(str, given)
        try:
            value = limits.READERS[field](text)
        except limits.LimitError as error:
            raise WrongValue(text, str(error), f"as in {error.like}") from None
        before = getattr(rules, field)
        changed: Limits = rules.replaced(**{field: value if before is None else min(before, value)})
        return changed

    return limited


SEPARATORS = str.maketrans("", "", "-_.")
"""Within a name."""

ADJUSTERS: dict[str, Callable[[Any, Given, Reader], Any]] = {
    "fs_readonly": _limit_reading,
    "allow_localhost": _allow_localhost,
    "allow_domain": _allow_domain,
    "allow_address": _allow_address,
    "deny_address": _deny_address,
    "allow_listen": _allow_listen,
    "allow_unix": _allow_unix,
    "allow_run": _allow_run,
    "allow_write": _allow_write,
    "allow_read": _allow_read,
    "protect": _protect,
    "hide": _hide,
    "allow_native": _allow_native,
    "allow_env": _allow_env,
    "timeout": _limit("timeout"),
    "max_memory": _limit("memory"),
    "max_cpu": _limit("cpu"),
    "max_file_size": _limit("file_size"),
    "max_processes": _limit("processes"),
    "max_output": _limit("output"),
}
"""What an option, by its key, makes of its guard's rules."""
