"""The words a run is asked for with: the options of the command line by their own names, and read by the same readers as those of a block."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

from hermetic import options
from hermetic.blocks import settings
from hermetic.errors import BadArgument, BadBlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

    Path = str | PathLike[str]
    Texts = str | Iterable[str]
    Paths = Path | Iterable[Path]
    Ports = str | int | Iterable[str | int]


class Words(TypedDict, total=False):
    """Times are in seconds and sizes in bytes, or text as on the command line: "1h30m", "512M"."""

    block_network: bool
    allow_localhost: bool | Ports
    allow_domains: Texts
    allow_addresses: Texts
    deny_addresses: Texts
    allow_listen: Ports
    allow_unix: Paths
    block_subprocess: bool
    allow_run: Paths
    fs_readonly: bool
    fs_root: Path
    allow_write: Paths
    allow_read: Paths
    protect: Paths
    hide: Paths
    block_native: bool
    allow_native: Texts
    profile: Texts
    policy: Path
    on_violation: Literal["raise", "refuse", "kill"]
    require: Literal["python", "kernel", "both"]
    kernel: Literal["required", "wanted"]
    best_effort: bool
    clean_env: bool
    allow_env: Texts
    set_env: Mapping[str, str]
    tmp: Literal["private", "shared"]
    timeout: float | str
    max_memory: int | str
    max_cpu: float | str
    max_file_size: int | str
    max_processes: int
    max_output: int | str


NAMES = frozenset(Words.__annotations__)
GUARDS = {option.key for option in options.OPTIONS if option.section == options.GUARDS} | {"policy"}
NUMBERS = tuple(option.key for option in options.OPTIONS if option.policy.startswith("limits."))
CHOICES = {key: options.BY_NAME[f"--{key}"].choices for key in ("require", "kernel", "tmp")}
SWITCHES = ("best_effort", "clean_env")


def option_values(given: Mapping[str, object], *, profile: str = "") -> dict[str, object]:
    """What the command line would have made of these words. None is as good as not given.

    profile: stands where no guard is asked for; "" leaves that to the command line's own choice
    Raises BadArgument, BadBlock.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name in given.keys() - NAMES:
        raise BadArgument(f"there is no argument {name}", nearest(name))
    values = settings.values_of(given)
    values.update((name, number(name, given[name])) for name in NUMBERS if name in given)
    values.update((name, settings.choice(name, given[name], choices)) for name, choices in CHOICES.items() if name in given)
    values.update((name, True) for name in SWITCHES if name in given and settings.switch(name, given[name]))
    if "allow_env" in given:
        values["allow_env"] = tuple(settings.texts("allow_env", given["allow_env"]))
    if "set_env" in given:
        values["set_env"] = assignments(given["set_env"])
    if "policy" not in values:
        values["no_policy"] = True
    if profile and not GUARDS & values.keys():
        values["profile"] = (profile,)
    return values


def nearest(name: str) -> str | None:
    meant = options.nearest(name, NAMES)
    return meant and f"did you mean {meant}?"


def number(name: str, value: object) -> str:
    """A limit as it would be typed; what it may be is for the reader of that."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise BadArgument(f"{name} is a number or text, not {value!r}")
    if isinstance(value, float):
        return f"{value:.6f}"
    return str(value)


def assignments(value: object) -> tuple[str, ...]:
    if not hasattr(value, "items"):
        raise BadArgument(f"set_env is a mapping of names to values, not {value!r}")
    found = [*value.items()]
    if not all(isinstance(word, str) for pair in found for word in pair):
        raise BadArgument("set_env takes names and values that are str")
    if any("=" in name for name, _ in found):
        raise BadBlock("set_env names a variable with = in it")
    return tuple(f"{name}={text}" for name, text in found)


def command_of(value: object) -> list[str]:
    """The words of a command. Raises BadArgument, BadBlock."""
    if isinstance(value, (str, bytes, os.PathLike)) or not hasattr(value, "__iter__"):
        raise BadArgument(f"a command is a list of its words, not {value!r}")
    words = [os.fspath(word) if isinstance(word, (str, os.PathLike)) else word for word in value]
    if not all(isinstance(word, str) for word in words):
        raise BadArgument(f"a command is a list of text and paths, not {value!r}")
    if not words:
        raise BadBlock("there is nothing to run")
    if any("\0" in word for word in words):
        raise BadBlock("a word of a command has a null character in it")
    return words
