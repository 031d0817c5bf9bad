"""`[package.NAME]` in policy files: what one distribution may do besides what all may.

    [package.boto3]
    network.allow-domain = ["*.amazonaws.com"]
    approved = "1.42.*"
    through = ["botocore", "urllib3"]
    reason = "backups"
    expires = 2027-01-31

The keys are those of the guards that allow something, and mean what they mean there. They put no guard up.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from hermetic_guard.packages import common_conditions, named, normalized_version
from hermetic_guard.policy import GUARDS, Package, Policy
from hermetic_guard.unions import EITHER

from hermetic.errors import quoted
from hermetic.policy import WrongValue, adjust, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hermetic.options import Option
    from hermetic.policy.load import Document, Path_, Table
    from hermetic.policy.reader import Reader

ALLOWING = {
    key: option for key, option in load.KEYS.items() if key.partition(".")[0] in GUARDS and key.partition(".")[2].startswith("allow-")
}
"""What may be said of a package: "guard.key", and the option that says the same."""


def words_of(guard: str) -> dict[str, Option]:
    """The keys of a guard's table here."""
    return {key.partition(".")[2]: option for key, option in ALLOWING.items() if key.partition(".")[0] == guard}


# The words that are not a guard's.


def _texts(value: object, what: str) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(text, str) for text in found):
        raise WrongValue(None, f"{what}, or a list of these was expected")
    return found


def _approved(value: object) -> tuple[str, ...]:
    found = []
    for text in _texts(value, "a version"):
        try:
            found.append(normalized_version(text))
        except ValueError as error:
            raise WrongValue(text, str(error), "as in 1.42.3, 1.42.*") from None
    return tuple(sorted(set(found)))


def _through(value: object) -> tuple[str, ...]:
    return tuple(sorted({adjust.normalized(text) for text in _texts(value, "the name of a distribution")}))


def _reason(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValue(None, "a text was expected")
    return " ".join(value.split())


def _expires(value: object) -> str:
    if type(value) is not date:
        raise WrongValue(None, "a date was expected", "as in 2027-01-31, without quotes")
    return value.isoformat()


CONDITIONS: dict[str, Callable[[Any], Any]] = {"approved": _approved, "through": _through, "reason": _reason, "expires": _expires}
"""How they are read."""

WORDS = (*CONDITIONS, *GUARDS)


# What can be said without knowing the run.


def check(document: Document, path: Path_, tables: Table) -> None:
    """Raises PolicyFileError. path: the keys that lead to the tables"""
    known: dict[str, str] = {}
    for name, table in document.table(path, tables).items():
        here = (*path, name)
        plain = _read(document, here, adjust.normalized, name)
        if plain in known:
            document.fail(here, f"it is the same as {quoted(known[plain])}")
        known[plain] = name
        document.check_keys(here, document.table(here, table), WORDS)
        for word, read in CONDITIONS.items():
            if word in table and plain in (_read(document, (*here, word), read, table[word]) if word == "through" else ()):
                document.fail((*here, word), f"{quoted(name)} asks for itself")
            if word in table:
                _read(document, (*here, word), read, table[word])
        for guard in GUARDS:
            if guard in table:
                document.check_part((*here, guard), table[guard], words_of(guard))


def _read(document: Document, path: Path_, read: Callable[[Any], Any], value: object) -> Any:
    try:
        return read(value)
    except WrongValue as error:
        document.fail(path, error.why if error.value is None else f"{quoted(error.value)}: {error.why}", error.hint)


# What comes of it.


def added(document: Document, path: Path_, tables: Table, base: tuple[Package, ...], reader: Reader) -> tuple[Package, ...]:
    """What `base` says of packages, and what the tables say, which goes before. What has expired is left out, and the user told."""
    found = {package.name: package for package in base}
    for written, table in tables.items():
        name = adjust.normalized(written)
        package = _made(document, (*path, written), table, found.get(name, Package(name=name)), reader)
        if package.expires and package.expires <= reader.context.day:
            reason = f" ({package.reason})" if package.reason else ""
            reader.context.notices.append(f"{document.file}: what package {name} may do{reason} has expired on {package.expires}")
            found.pop(name, None)
        else:
            found[name] = package
    return tuple(package for _, package in sorted(found.items()))


def _made(document: Document, path: Path_, table: Table, base: Package, reader: Reader) -> Package:
    fields: dict[str, object] = {word: read(table[word]) for word, read in CONDITIONS.items() if word in table}
    for guard in GUARDS:
        if guard in table:
            rules = _opened(getattr(base, guard) or GUARDS[guard](), guard)
            rules = document.rules((*path, guard), rules, table[guard], reader)
            fields[guard] = _closed(rules, guard)
    made: Package = base.replaced(**fields)
    return made


def _opened(rules: Any, guard: str) -> Any:
    """As if reading were limited: what may be read besides counts where it is."""
    return rules.replaced(read=rules.read or ()) if guard == "filesystem" else rules


def _closed(rules: Any, guard: str) -> Any:
    rules = rules.replaced(read=rules.read or None) if guard == "filesystem" else rules
    return None if rules == GUARDS[guard]() else rules


def given(policy: Policy, packages: Sequence[Package]) -> Policy:
    """The policy, with these said besides. Where something was said of one already, what both set as conditions holds for both."""
    found = {package.name: package for package in policy.packages}
    for package in packages:
        before = named(policy, package.name)
        conditions = common_conditions(before, package)
        if conditions is None:
            continue
        rules = {guard: _either(guard, before, package) for guard in GUARDS}
        found[package.name] = Package(name=package.name, **conditions, **rules)
    changed: Policy = policy.replaced(packages=tuple(package for _, package in sorted(found.items())))
    return changed


def _either(guard: str, one: Package | None, other: Package) -> Any:
    before, more = getattr(one, guard, None), getattr(other, guard)
    if before is None or more is None:
        return more if before is None else before
    return _closed(EITHER[guard](_opened(before, guard), _opened(more, guard)), guard)


# How it is written.


def rules_of(package: Package) -> list[tuple[str, Any]]:
    """The guards of which it says something, and the rules, as `_opened` makes them."""
    return [(guard, _opened(getattr(package, guard), guard)) for guard in GUARDS if getattr(package, guard) is not None]


def written(package: Package, guards: Table) -> Table:
    """Its table. guards: those of its rules"""
    words = {"approved": list(package.approved), "through": list(package.through), "reason": package.reason}
    day = {"expires": date.fromisoformat(package.expires)} if package.expires else {}
    return {**{key: value for key, value in words.items() if value}, **day, **{guard: _rootless(table) for guard, table in guards.items()}}


def _rootless(table: Table) -> Table:
    """`root` and `allow-read` fill one field together (dump.py); of a package all is allowed besides."""
    rest = {key: value for key, value in table.items() if key != "root"}
    return {**rest, "allow-read": [table["root"], *table.get("allow-read", [])]} if "root" in table else rest
