"""Profiles: named policies, written in TOML.

    version = 1
    summary = "one line, shown where profiles are listed"
    on-violation = "raise"

    [network]                       # a guard stands where its table is there
    allow-localhost = "8000-8010"   # or true, a port, or a list of these

The keys are those of the table of options, so that flags and files cannot come to speak of different things. What this
module does not know it refuses: a misspelled key that is passed over is a guard that silently does not stand. Errors
name the file, the line, the key, and the word that was probably meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import PARTS, Policy, merged

from hermetic import options
from hermetic.errors import PolicyFileError, UsageError, quoted
from hermetic.policy import DEFAULT, FIELDS, adjust, domains, ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hermetic.policy.addresses import Block

VERSION = 1
DIRECTORY = Path(__file__).with_name("profiles")

KEYS = {option.policy: option for option in options.OPTIONS if option.policy}
"""What a profile may say: "guard", "guard.key" or "key", and the option that says the same."""

WORDS = {"on-violation": "on_violation", "tmp": "tmp"}
"""Keys outside the tables, and the field of the policy that each fills."""


class Profile:
    """A named policy, and what it is for in one line."""

    __slots__ = ("name", "policy", "summary")

    def __init__(self, name: str, summary: str, policy: Policy) -> None:
        self.name = name
        self.summary = summary
        self.policy = policy


def names() -> list[str]:
    """The profiles there are, `default` first."""
    found = sorted(path.stem for path in DIRECTORY.glob("*.toml"))
    return sorted(found, key=lambda name: name != DEFAULT)


def profile(name: str) -> Profile:
    """The profile called `name`. Raises UsageError where there is none, PolicyFileError where it cannot be read."""
    if name not in names():
        meant = options.nearest(name, names())
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(names())}"
        raise UsageError(f"there is no profile {quoted(name)}", hint)
    path = DIRECTORY / f"{name}.toml"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyFileError(f"{path}: cannot be read: {error.strerror}") from None
    return read(data, str(path), name)


def read(data: bytes, file: str, name: str) -> Profile:
    """The profile in `data`, the content of `file`. Raises PolicyFileError."""
    import tomllib

    try:
        text = data.decode("utf-8")
        return _Reader(text, file).profile(name, tomllib.loads(text))
    except UnicodeDecodeError as error:
        raise PolicyFileError(f"{file}: not UTF-8 text at byte {error.start + 1}") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyFileError(f"{file}: not TOML: {error}") from None
    except RecursionError:
        raise PolicyFileError(f"{file}: not TOML: nested too deeply") from None


class _Reader:
    """One reading of one file; knows the text, to say in which line something is wrong."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file

    def profile(self, name: str, table: dict[str, object]) -> Profile:
        words = ["version", "summary", *WORDS, *PARTS]
        self.check_keys(table, "", words)
        if table.get("version") != VERSION:
            self.fail("version", f"this hermetic reads policies of version = {VERSION}")
        summary = table.get("summary", "")
        if not isinstance(summary, str):
            self.fail("summary", "a text was expected")
        parts = {part: PARTS[part](**self.rules(part, table[part])) for part in PARTS if part in table}
        said = {field: self.word(key, table[key]) for key, field in WORDS.items() if key in table}
        return Profile(name, summary, Policy(**said, **parts))

    def rules(self, guard: str, table: object) -> dict[str, object]:
        """The fields of a guard's table."""
        if not isinstance(table, dict):
            self.fail(guard, f"a table was expected: write [{guard}]")
        self.check_keys(table, guard, [key.partition(".")[2] for key in KEYS if key.startswith(guard + ".")])
        fields: dict[str, Any] = {"keep": self.base_environment()} if guard == "environment" else {}
        for key, value in table.items():
            found = VALUES[f"{guard}.{key}"](self, f"{guard}.{key}", value)
            fields[FIELDS[key]] = merged(fields[FIELDS[key]] + found) if FIELDS[key] in fields else found
        if "allow-read" in table and "root" not in table:
            self.fail(f"{guard}.allow-read", "everything may be read", "it goes with root")
        return fields

    def port_lists(self, key: str, value: object) -> ports.Ports:
        found: ports.Ports = ()
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, bool):
                found = ports.union(found, ANY) if part else found
            elif isinstance(part, str | int):
                found = ports.union(found, self.port_list(key, str(part)))
            else:
                self.fail(key, "true, a port, a port list as in '8000,9000-9010', or a list of these was expected")
        return found

    def some_ports(self, key: str, value: object) -> ports.Ports:
        found = self.port_lists(key, value)
        if found == ANY:
            self.fail(key, "ports were expected, as in '8000,9000-9010'")
        return found

    def port_list(self, key: str, text: str) -> ports.Ports:
        try:
            return ports.read(text)
        except ports.PortsError as error:
            self.fail(key, f"{quoted(text)}, {error}")

    def text_list(self, key: str, value: object, what: str) -> list[str]:
        given = value if isinstance(value, list) else [value]
        texts = [text for text in given if isinstance(text, str)]
        if len(texts) != len(given):
            self.fail(key, f"{what}, was expected")
        return texts

    def domain_list(self, key: str, value: object) -> tuple[domains.Domain, ...]:
        texts = self.text_list(key, value, "a name, or a list of names")
        try:
            return domains.merged([domains.read(text) for text in texts])
        except domains.DomainError as error:
            self.fail(key, str(error))

    def block_list(self, key: str, value: object) -> tuple[Block, ...]:
        from hermetic.policy import addresses

        texts = self.text_list(key, value, "an address, or a list of addresses")
        try:
            return addresses.merged([addresses.read(text) for text in texts])
        except addresses.AddressError as error:
            self.fail(key, str(error))

    def directory(self, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, str) or not value.startswith("/"):
            self.fail(key, "an absolute path was expected")
        return (str(Path(value).resolve()),)

    def path_list(self, key: str, value: object) -> tuple[str, ...]:
        given = value if isinstance(value, list) else [value]
        return merged([path for item in given for path in self.directory(key, item)])

    def distribution_list(self, key: str, value: object) -> tuple[str, ...]:
        given = value if isinstance(value, list) else [value]
        if not all(isinstance(name, str) for name in given):
            self.fail(key, "the name of a distribution, or a list of names, was expected")
        return tuple(sorted({adjust.normalized(str(name)) for name in given}))

    @staticmethod
    def base_environment() -> tuple[str, ...]:
        from hermetic.policy import environment

        return tuple(sorted(environment.BASE))

    def variable_list(self, key: str, value: object) -> tuple[str, ...]:
        from hermetic.policy import environment

        try:
            return tuple(map(environment.pattern, self.text_list(key, value, "the name of a variable, or a list of names")))
        except ValueError as error:
            self.fail(key, str(error))

    def limit(self, key: str, value: object) -> int | float:
        from hermetic.policy import limits

        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            return limits.READERS[FIELDS[key.partition(".")[2]]](str(value) if is_number or isinstance(value, str) else "")
        except limits.LimitError as error:
            self.fail(key, str(error), f"as in {error.like}")

    def word(self, key: str, value: object) -> str:
        choices = KEYS[key].choices
        if value not in choices:
            self.fail(key, f"one of {', '.join(choices)} was expected")
        return str(value)

    def check_keys(self, table: Iterable[str], guard: str, words: list[str]) -> None:
        for key in table:
            if key not in words:
                self.unknown(f"{guard}.{key}" if guard else key, key, words)

    def unknown(self, path: str, key: str, words: list[str]) -> NoReturn:
        meant = options.nearest(key, words)
        known = f"there are {', '.join(words)}" if words else "there is nothing to say here"
        self.fail(path, "unknown key", f"did you mean {meant}?" if meant else known)

    def fail(self, key: str, why: str, hint: str | None = None) -> NoReturn:
        line = line_of(self.text, key)
        where = f"{self.file}, line {line}" if line else self.file
        raise PolicyFileError(f"{where}: {quoted(key)}: {why}", hint)


VALUES: dict[str, Callable[[_Reader, str, object], object]] = {
    "network.allow-localhost": _Reader.port_lists,
    "network.allow-domain": _Reader.domain_list,
    "network.allow-address": _Reader.block_list,
    "network.deny-address": _Reader.block_list,
    "network.allow-listen": _Reader.some_ports,
    "network.allow-unix": _Reader.path_list,
    "subprocess.allow-run": _Reader.path_list,
    "filesystem.root": _Reader.directory,
    "filesystem.allow-read": _Reader.path_list,
    "filesystem.allow-write": _Reader.path_list,
    "filesystem.hide": _Reader.path_list,
    "native.allow-native": _Reader.distribution_list,
    "environment.allow-env": _Reader.variable_list,
    **{key: _Reader.limit for key in KEYS if key.startswith("limits.")},
}
"""How the value of each key in a guard's table is read."""


def line_of(text: str, key: str) -> int | None:
    """The line in which `key` ("name", "table" or "table.name") is set, where it is written in the plain way."""
    table, _, name = key.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("["):
            current = line.partition("]")[0].strip("[ ")
            if current == key:
                return number
        elif current == table and line.partition("=")[0].strip(" \"'") == name:
            return number
    return None
