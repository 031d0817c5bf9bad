"""What a command is called, as profiles may say that they are for it: `pytest`, `ruff format`, `black --check`."""

from __future__ import annotations

import os
import sys

from hermetic_guard import cmdline
from hermetic_guard.files import names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.target.resolve import Target


SUBCOMMANDS = 2
"""As many words as commands have behind their name: `uv tool run`."""


def names(target: Target) -> tuple[str, ...]:
    """The names of what is run, the more exact first: with its first arguments, two or one, and an option, with either, alone; and each without a
    version (`pip3.11` is pip).

    A console script goes by its own name, whatever runs it, a module (`python -m pytest`) by the module's. A name says nothing of who wrote
    the program: whoever types it means the one that is found.
    """
    name, arguments = _called(target)
    plain = name.rstrip("0123456789.").rstrip("-")
    words = [word for word in arguments if not word.startswith("-")][:SUBCOMMANDS]
    subcommands = [" " + " ".join(words[:number]) for number in range(len(words), 0, -1)]
    options = [f" {option}" for option in _options(arguments)]
    ends = [*(end for subcommand in subcommands for end in (*(subcommand + option for option in options), subcommand)), *options, ""]
    return tuple(dict.fromkeys(one + end for end in ends for one in (name, plain))) if name and plain else ()


def _options(arguments: list[str]) -> list[str]:
    """Without their values."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return [word.partition("=")[0] for word in words if word.startswith("-")]


def shadowing(target: Target, cwd: str) -> str:
    """The file in the working directory that `python -m NAME` runs there, before or in the place of the NAME that is installed; "" where none does.

    The working directory comes first on sys.path then, unless -I or -P keeps it out. So the module may be one of a clone's that has its name, and so
    may what Python loads on the way to it: the standard library's modules are looked for there as well.
    """
    line = cmdline.parse(target.argv) if target.python else None
    if line is None or line.kind != "m" or not line.target or line.letters & KEEPING_OUT:
        return ""
    name = line.target.partition(".")[0]
    there = sorted({entry.partition(".")[0] for entry in names_in(cwd)} & (sys.stdlib_module_names - LET_BE))
    found = [file for one in dict.fromkeys([name, *there]) for file in _module(cwd, one)]
    return found[0] if found else ""


KEEPING_OUT = frozenset("IP")
LET_BE = frozenset(["test"])
"""Nothing loads Python's own tests, and many projects have theirs there."""


def _module(folder: str, name: str) -> list[str]:
    """Also a directory without `__init__`, if it can be run: it counts where nothing else of that name is found."""
    from hermetic.target import startup  # which loads `ast`

    return [*startup.module_files(folder, name), *startup.module_files(f"{folder}/{name}", "__main__")]


def _called(target: Target) -> tuple[str, list[str]]:
    """A program's name and its arguments, "" for what has none: code, standard input, an interpreter by itself."""
    if not target.python:
        words = target.argv[target.argv.index(target.script) :] if target.script in target.argv else target.argv
        return os.path.basename(words[0]), words[1:]
    line = cmdline.parse(target.argv)
    if line.target is None or line.kind == "c":
        return "", []
    return os.path.basename(line.target) if line.kind == "f" else line.target, line.rest
