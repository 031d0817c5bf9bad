"""A resolved policy as a policy file would have it: what is read of it again is the same policy.

Paths and programs are absolute, sets and variables are gone. What a run adds by itself (a scratch directory, what an interpreter has to read) is
no part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermetic_guard.hosts import ANY, show_ports
from hermetic_guard.serialized import show_block

from hermetic.policy import FIELDS, PARTS, environment
from hermetic.policy.load import KEYS, PACKAGE, VERSION, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic_guard.policy import Policy

    from hermetic.policy.addresses import Block

    Table = dict[str, Any]
    Mark = Callable[[str, str], str]
    """What to say of a guard's rule, by the names of the guard and of the key ("" for the guard itself)."""


def table(policy: Policy) -> Table:
    """Keys and values, as TOML has them."""
    found: Table = {"version": VERSION, **{key: getattr(policy, field) for key, field in WORDS.items()}}
    for guard in PARTS:
        rules = getattr(policy, guard)
        if rules is None:
            continue
        found[guard] = _values(guard, rules)
    if policy.packages:
        from hermetic.policy import packages

        found[PACKAGE] = {
            package.name: packages.written(package, {guard: _values(guard, rules) for guard, rules in packages.rules_of(package)})
            for package in policy.packages
        }
    return found


def _values(guard: str, rules: Any) -> Table:
    """The keys of a guard's table, and what they say."""
    keys = [key.partition(".")[2] for key in KEYS if key.startswith(f"{guard}.")]
    values = {key: VALUES.get(key, list)(getattr(rules, FIELDS[key])) for key in keys if getattr(rules, FIELDS[key])}
    return {key: value for key, value in values.items() if value}


def _ports(allowed: str | tuple[tuple[int, int], ...]) -> bool | str:
    return True if allowed == ANY else show_ports(allowed)


def _domains(allowed: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]) -> list[str]:
    return [f"{name}:{show_ports(ranges)}" for name, ranges in allowed]


def _blocks(blocks: tuple[Block, ...]) -> list[str]:
    return [_block(*block) for block in blocks]


def _block(prefix: bytes, bits: int, allowed: str | tuple[tuple[int, int], ...]) -> str:
    block = show_block(prefix, bits)
    if allowed == ANY:
        return block
    return f"[{block}]:{show_ports(allowed)}" if len(prefix) == 16 else f"{block}:{show_ports(allowed)}"


VALUES: dict[str, Callable[[Any], object]] = {
    "allow-localhost": _ports,
    "allow-listen": _ports,
    "allow-domain": _domains,
    "allow-address": _blocks,
    "deny-address": _blocks,
    "root": lambda read: read[0],
    "allow-read": lambda read: list(read[1:]),
    "allow-env": lambda keep: [name for name in keep if name not in environment.BASE],
    **{key.partition(".")[2]: lambda value: value for key in KEYS if key.startswith("limits.")},
}
"""How the field that a key fills is written; a list of texts as it is. `root` and `allow-read` fill one together."""


def write(found: Table, mark: Mark = lambda guard, key: "", above: tuple[str, ...] = ()) -> str:
    """A table as TOML text, with what `mark` says behind each line. above: the keys that lead to the table"""
    settings, tables = [], []
    for key, value in found.items():
        path = (*above, key)
        if isinstance(value, dict) and value and all(isinstance(inner, dict) for inner in value.values()):
            tables.append(write(value, mark, path))
        elif isinstance(value, dict):
            header = _marked(f"[{'.'.join(map(_key, path))}]", mark(*_rule(path)))
            tables.append(f"{header}\n{write(value, mark, path)}")
        else:
            settings.append(_marked(f"{_key(key)} = {_value(value)}", mark(*_rule(path))) + "\n")
    return "\n".join(["".join(settings), *tables] if settings else tables)


def _rule(path: tuple[str, ...]) -> tuple[str, str]:
    """The guard and the key that a place in a policy is about; for what is said of a package PACKAGE and its name, and the keys behind that."""
    if path[0] == PACKAGE:
        return ".".join(path[:2]), ".".join(path[2:])
    return (path[0], path[1] if len(path) > 1 else "")


def _marked(line: str, mark: str) -> str:
    return f"{line}  # {mark}" if mark else line


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else str(value)  # of a date as well


def _text(text: str) -> str:
    return f'"{"".join(_character(character) for character in text)}"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
