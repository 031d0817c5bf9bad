"""Policy files: policies written in TOML, in profiles/ and by users.

    version = 1
    summary = "one line, shown where profiles are listed"
    extends = ["net-hermetic"]      # begins with what all of these allow
    commands = ["pytest"]           # stands for these where nothing is asked for
    notice = "..."                  # is told where it does
    on-violation = "raise"

    [network]                       # a guard stands where its table is there
    allow-localhost = "8000-8010"   # or true, a port, or a list of these

    [package.boto3]                 # what one distribution may do besides, see packages.py
    network.allow-domain = ["*.amazonaws.com"]

    [profile.tests]                 # another policy, of this name
    ...

The keys are those of the table of options and the values mean what they mean there, so that flags and files cannot come to speak of different
things. What this module does not know it refuses: a misspelled key that is passed over is a guard that silently does not stand. Errors name the
file, the line, the key, and the word that was probably meant.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import Policy

from hermetic import options
from hermetic.errors import PolicyFileError, UsageError, quoted
from hermetic.policy import DEFAULT, PARTS, WrongValue, adjust, parsed, put_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, NoReturn

    from hermetic.options import Option
    from hermetic.policy.reader import Given, Reader

    Table = dict[str, Any]
    Path_ = tuple[str, ...]
    """The keys that lead to a value."""

VERSION = 1
DIRECTORY = f"{os.path.dirname(__file__)}/profiles"
ENDING = ".toml"

KEYS = {option.policy: option for option in options.OPTIONS if option.policy}
"""What a policy may say: "guard", "guard.key" or "key", and the option that says the same."""

PROFILE = "profile"
PACKAGE = "package"
COMMANDS = "commands"
SUMMARY, NOTICE = TEXTS = ("summary", "notice")
WORDS = {key: option.key for key, option in KEYS.items() if option.choices}
"""Keys with a word for the whole policy, and the field that has it."""

OF_A_POLICY = (*TEXTS, COMMANDS, "extends", *WORDS, *PARTS, PACKAGE)
OF_A_FILE = ("version", *OF_A_POLICY, PROFILE)
"""The keys that there are."""


def names() -> list[str]:
    """The built-in profiles, `default` first."""
    found = sorted(name.removesuffix(ENDING) for name in os.listdir(DIRECTORY) if name.endswith(ENDING))
    return sorted(found, key=lambda name: name != DEFAULT)


def built_in(name: str) -> Document:
    """The built-in profile called `name`: the policy of a file. Raises UsageError where there is none, PolicyFileError where it cannot be read."""
    if name not in names():
        raise unknown_profile(name, names())
    return Document(None, _path(name))


def _path(name: str) -> str:
    return f"{DIRECTORY}/{name}{ENDING}"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise PolicyFileError(f"{path}: cannot be read: {error.strerror}") from None


def for_command(called: Sequence[str]) -> str:
    """The built-in profile that says it is for a command, by the first of its names that one has; "" where none does.

    Of the files only those are parsed that have the name in them: this is on the way of every run that asks for nothing.
    """
    texts = {profile: _content(_path(profile)) for profile in sorted(names())} if called else {}
    for name in called:
        for profile, text in texts.items():
            if os.fsencode(name) in text and name in built_in(profile).top.get(COMMANDS, ()):
                return profile
    return ""


def unknown_profile(name: str, known: Iterable[str]) -> UsageError:
    known = list(known)
    meant = options.nearest(name, known)
    return UsageError(f"there is no profile {quoted(name)}", f"did you mean {meant}?" if meant else f"there are {', '.join(known)}")


class Document:
    """A policy file, read; its keys and the types of its values are right. What the values mean depends on the run.

    file:     its path
    is_there: whether the file has a policy in it; a pyproject.toml may have none
    top:      the policy that stands at its top, as it is written
    profiles: the others, by name
    """

    def __init__(self, data: bytes | None, file: str, inside: Path_ = ()) -> None:
        """data: what is in it, None for a file of hermetic's own; inside: the keys of the table that it stands in, as in pyproject.toml.

        Raises PolicyFileError.
        """
        self.file = file
        self._data = data
        self._inside = inside
        table = self._inner(_parsed(lambda: parsed.read(file) if data is None else _from_toml(self.text), file))
        self.is_there = table is not None
        self.top: Table = {}
        self.profiles: dict[str, Table] = {}
        if table is not None:
            self._take(table)

    def _inner(self, table: Table) -> Table | None:
        found: Any = table
        for key in self._inside:
            found = found.get(key) if isinstance(found, dict) else None
        return found if found is None else self.table((), found)

    def _take(self, table: Table) -> None:
        self.check_keys((), table, OF_A_FILE)
        if "version" not in table:
            self.fail(("version",), f"it is missing, and has to be {VERSION} (version = {VERSION})")
        if type(table["version"]) is not int or table["version"] != VERSION:
            self.fail(("version",), f"this hermetic reads policies of version = {VERSION}")
        self.profiles = self.table((PROFILE,), table.get(PROFILE, {}))
        self.top = {key: value for key, value in table.items() if key not in ("version", PROFILE)}
        self._check_policy((), self.top)
        for name, profile in self.profiles.items():
            path = (PROFILE, name)
            self.check_keys(path, self.table(path, profile), OF_A_POLICY)
            self._check_policy(path, profile)

    @property
    def text(self) -> str:
        return _decoded(_content(self.file) if self._data is None else self._data, self.file)

    @property
    def directory(self) -> str:
        """What its relative paths start from."""
        return os.path.dirname(self.file)

    def of(self, name: str) -> Table:
        """The policy called `name`, "" for the one at the top, as it is written."""
        return self.profiles[name] if name else self.top

    def policy(self, name: str, base: Policy, reader: Reader) -> Policy:
        """The policy called `name`, "" for the one at the top, made from what it extends. Raises PolicyFileError."""
        table, path = self.of(name), (PROFILE, name) if name else ()
        fields = {field: table.get(key, getattr(base, field)) for key, field in WORDS.items()}
        for part in PARTS:
            rules = fields[part] = getattr(base, part)
            if part in table:
                fields[part] = self.rules((*path, part), put_up(part) if rules is None else rules, table[part], reader)
        fields["packages"] = base.packages
        if PACKAGE in table:
            from hermetic.policy import packages  # only where there are such

            fields["packages"] = packages.added(self, (*path, PACKAGE), table[PACKAGE], base.packages, reader)
        return Policy(**fields)

    def rules(self, path: Path_, rules: Any, table: Table, reader: Reader) -> Any:
        """A guard's rules, changed as its table says: in the order of the options, so that it is not the order of the keys that matters."""
        wanted = {f"{path[-1]}.{key}": key for key in table}
        for name, option in KEYS.items():
            if name in wanted:
                key = wanted[name]
                try:
                    rules = adjust.applied(rules, option, given(option, table[key]), reader)
                except WrongValue as error:
                    self.fail((*path, key), error.why if error.value is None else f"{quoted(error.value)}: {error.why}", error.hint)
        return rules

    # What can be said without knowing the run.

    def _check_policy(self, path: Path_, table: Table) -> None:
        for key in TEXTS:
            if not isinstance(table.get(key, ""), str):
                self.fail((*path, key), "a text was expected")
        for key, what in (("extends", "profiles"), (COMMANDS, "commands")):
            listed = table.get(key, [])
            if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
                self.fail((*path, key), f"a list of names of {what} was expected")
        for key in WORDS:
            if key in table:
                self._check_value((*path, key), KEYS[key], table[key])
        for part in PARTS:
            if part in table:
                known = {key.removeprefix(f"{part}."): option for key, option in KEYS.items() if key.startswith(f"{part}.")}
                self.check_part((*path, part), table[part], known)
        if PACKAGE in table:
            from hermetic.policy import packages

            packages.check(self, (*path, PACKAGE), table[PACKAGE])

    def check_part(self, path: Path_, value: object, known: dict[str, Option]) -> None:
        """A guard's table, with these keys. Raises PolicyFileError."""
        table = self.table(path, value)
        self.check_keys(path, table, known)
        for key, value in table.items():
            self._check_value((*path, key), known[key], value)

    def _check_value(self, path: Path_, option: Option, value: object) -> None:
        try:
            given(option, value)
        except WrongValue as error:
            self.fail(path, error.why if error.value is None else f"{quoted(error.value)}: {error.why}", error.hint)

    def check_keys(self, path: Path_, table: Iterable[str], known: Iterable[str]) -> None:
        known = list(known)
        for key in table:
            if key not in known:
                meant = options.nearest(key, known)
                there = f"there are {', '.join(known)}" if known else "there is nothing to say here"
                self.fail((*path, key), "unknown key", f"did you mean {meant}?" if meant else there)

    def table(self, path: Path_, value: object) -> Table:
        if not isinstance(value, dict):
            self.fail(path, f"a table was expected: write [{'.'.join((*self._inside, *path))}]")
        return value

    def fail(self, path: Path_, why: str, hint: str | None = None) -> NoReturn:
        """Raises PolicyFileError about the value at `path`."""
        from hermetic.policy.lines import line_of  # only on the way to an error

        line = line_of(self.text, (*self._inside, *path))
        where = f"{self.file}, line {line}" if line else self.file
        raise PolicyFileError(f"{where}: {quoted('.'.join((*self._inside, *path)))}: {why}", hint)


BOM = b"\xef\xbb\xbf"


def _decoded(data: bytes, file: str) -> str:
    if data.startswith(BOM):
        raise PolicyFileError(f"{file}: not TOML: it begins with a byte order mark", "save it as UTF-8 without one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyFileError(f"{file}, line {line}: not UTF-8 text at byte {error.start + 1}") from None


def _from_toml(text: str) -> Table:
    import tomllib  # for files of users alone

    return tomllib.loads(text)


def _parsed(read: Callable[[], Table], file: str) -> Table:
    try:
        return read()
    except OSError as error:
        raise PolicyFileError(f"{file}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise PolicyFileError(f"{file}: not TOML: nested too deeply") from None
    except ValueError as error:  # a number of more digits than Python reads, too
        raise PolicyFileError(f"{file}: not TOML: {error}") from None


def given(option: Option, value: object) -> Given:
    """A value as the option would have been given it. Raises WrongValue where it is of another type."""
    if option.choices:
        if value not in option.choices:
            raise WrongValue(None, f"one of {', '.join(option.choices)} was expected")
        return (value,)
    parts = value if isinstance(value, list) and option.many else [value]
    if not all(_is_of(option, part) for part in parts):
        raise WrongValue(None, f"{expected(option)} was expected")
    if "" in parts:
        raise WrongValue("", "a value cannot be empty")
    return tuple(part if part is True else str(part) for part in parts if part is not False)


NUMBERS = ("PORTS", "TIME", "SIZE", "NUMBER")
"""The kinds of values that a number may be."""
FRACTIONS = ("TIME",)
"""Those of which there are parts."""

WHAT = {
    "PORTS": "a port, a port list as in '8000,9000-9010'",
    "HOST": "a name",
    "ADDRESS": "an address",
    "PATH": "a path",
    "ROOT": "a path",
    "PROGRAM": "a program",
    "DIST": "the name of a distribution",
    "NAME": "the name of a variable",
    "TIME": "a time",
    "SIZE": "a size",
    "NUMBER": "a number",
}


def may_be_true(option: Option) -> bool:
    """Whether the option means something without a value."""
    return option.kind == options.FLAG or (option.kind == options.OPTIONAL and option.section == options.ADJUST)


def _is_of(option: Option, part: object) -> bool:
    if isinstance(part, bool):
        return may_be_true(option)
    if isinstance(part, float):
        return option.metavar in FRACTIONS
    return option.kind != options.FLAG and (isinstance(part, str) or (isinstance(part, int) and option.metavar in NUMBERS))


def expected(option: Option) -> str:
    """What a key takes, in words."""
    if option.kind == options.FLAG:
        return "true or false"
    words = [*(["true"] if may_be_true(option) else []), WHAT.get(option.metavar, "a text")]
    return ", ".join(words) + (", or a list of these" if option.many else "")
