"""Two policies compared, rule by rule, as `hermetic policy diff` and `trust` print it.

What a named set stands for may be a hundred paths, which would bury the rest: it is shown by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hermetic_guard.policy import Policy, is_within_any

from hermetic.policy import PARTS, adjust, dump, load, put_up, sets
from hermetic.policy.reader import Reader

if TYPE_CHECKING:
    from hermetic.policy.context import Context
    from hermetic.policy.dump import Table

FEW = 3
"""So many values of a key are shown one by one."""

NOUNS = {"PATH": "places", "PROGRAM": "programs", "NAME": "variables", "HOST": "names", "ADDRESS": "addresses", "PORTS": "ports"}
"""What the values of a set are, by the metavar of the options that take it."""

HEADER = ""
"""The key of the line that says a guard, or a package, is there at all."""

Rule = tuple[str, str, str]
"""The table it stands in, its key and a value, as they are written."""


class Change(NamedTuple):
    """sign: `-` for what the first policy alone says, `+` for what the second alone does"""

    sign: str
    table: str
    key: str
    value: str

    def __str__(self) -> str:
        if self.key == HEADER:
            return f"{self.sign} [{self.table}]" if self.sign == "+" else f"{self.sign} [{self.table}], and all that it says"
        return f"{self.sign} {self.table}{'.' if self.table else ''}{self.key} = {self.value}"

    @property
    def widens(self) -> bool:
        """Whether the second policy allows more by it. Only what allows does so by being there."""
        allows = "allow-" in self.key or (self.key == HEADER and self.table.startswith(load.PACKAGE))
        return allows is (self.sign == "+")


def changes(first: Policy, second: Policy, context: Context) -> list[str]:
    """Line by line, what allows more before what allows less. Of a table that goes nothing else is said."""
    before, after = rules(dump.table(first)), rules(dump.table(second))
    gone, come = ([rule for rule in one if rule not in other] for one, other in ((before, after), (after, before)))
    removed = {table for table, key, _ in gone if key == HEADER}
    gone = [rule for rule in gone if rule[0] not in removed or rule[1] == HEADER]
    found = [
        *(Change("+", *rule) for rule in with_sets(come, after, context)),
        *(Change("-", *rule) for rule in with_sets(gone, before, context)),
    ]
    return [str(change) for change in sorted(found, key=lambda change: not _comes_first(change, found))]


def _comes_first(change: Change, found: list[Change]) -> bool:
    """What a new table says stays below its name."""
    header = Change("+", change.table, HEADER, "")
    return header.widens if change.sign == "+" and header in found else change.widens


def rules(table: Table) -> list[Rule]:
    """What a policy says, a value a line."""
    found = [("", key, str(table[key])) for key in load.WORDS]
    for guard in PARTS:
        if guard in table:
            found.append((guard, HEADER, ""))
            found += [rule for key, value in table[guard].items() for rule in _values(guard, key, value)]
    for name, said in table.get(load.PACKAGE, {}).items():
        here = f"{load.PACKAGE}.{name}"
        found.append((here, HEADER, ""))
        for key, value in said.items():
            of = {f"{key}.{word}": one for word, one in value.items()} if isinstance(value, dict) else {key: value}
            found += [rule for word, one in of.items() for rule in _values(here, word, one)]
    return found


def _values(table: str, key: str, value: object) -> list[Rule]:
    return [(table, key, str(one).lower() if one is True else str(one)) for one in (value if isinstance(value, list) else [value])]


def with_sets(changed: list[Rule], all_: list[Rule], context: Context) -> list[Rule]:
    """What has changed, in which the values of sets that the policy has as a whole are one rule. all_: what the policy says"""
    found = []
    for table, key in dict.fromkeys((table, key) for table, key, _ in changed):
        values = [value for *place, value in changed if place == [table, key]]
        if len(values) > FEW:
            values = _named(f"{table}.{key}", values, [value for *place, value in all_ if place == [table, key]], context)
        found += [(table, key, value) for value in values]
    return found


def _named(key: str, changed: list[str], there: list[str], context: Context) -> list[str]:
    names, rest = [], changed
    for name, members in _sets(key, context):
        of_set = [value for value in rest if value in members]
        if len(of_set) > 1 and all(member in there or is_within_any(member, tuple(there)) for member in members):
            names.append(f"{name} ({len(of_set)} {NOUNS[load.KEYS[key].metavar]})")
            rest = [value for value in rest if value not in members]
    return [*names, *rest]


def _sets(key: str, context: Context) -> list[tuple[str, list[str]]]:
    """The sets that go with a key, the largest first, and what each would be in it."""
    option = load.KEYS.get(key)
    if option is None or option.key == "allow_read":  # which is written together with `root`
        return []
    guard, _, word = key.partition(".")
    found = {}
    for name in sets.names(option.metavar):
        rules = adjust.applied(put_up(guard), option, (name,), Reader(context.cwd, context))
        found[name] = dump.table(Policy(**{guard: rules}))[guard].get(word, [])
    return sorted(found.items(), key=lambda item: -len(item[1]))
