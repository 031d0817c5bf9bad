"""Named sets: `@secrets` and the like, in the place of a value. What each has in it is data, in sets.toml.

Of paths and programs those are meant that are there when the run starts: a policy does not grow with what nobody has. But what is protected
need not be there yet.
"""

from __future__ import annotations

import os
import sys

from hermetic_guard.policy import DEEP, is_within, is_within_any

from hermetic import places
from hermetic.policy import WrongValue, parsed, wildcards
from hermetic.policy.context import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from hermetic.options import Option
    from hermetic.policy.context import Context

    Pattern = tuple[str, str]
    """A place, as it is, and what goes behind it: "", or from a `/` on, perhaps with `*`."""

INDEXES = "$INDEXES"
"""The word that stands for the indexes of the installer that is run."""

COMMAND, REPOSITORIES, CONTEXT = "hermetic.indexes.command", "hermetic.policy.repositories", "hermetic.policy.context"
TOOLS = "hermetic.indexes.tools"
PLACES = {
    "$WRITTEN": (COMMAND, "written"),
    "$TOOLS": (TOOLS, "written"),
    "$OTHER_COMMANDS": (TOOLS, "others"),
    "$CACHES": (COMMAND, "caches"),
    "$CONFIGURATION": ("hermetic.indexes.configuration", "files"),
    "$REPOSITORIES": (REPOSITORIES, "directories"),
    "$REPOSITORY_FILES": (REPOSITORIES, "files"),
    "$UPWARDS": (REPOSITORIES, "upwards"),
    "$ENVIRONMENTS": (CONTEXT, "environments"),
}
"""What a word begins with that stands for several paths -> the function of a module that finds them."""

XDG = {".config/": "XDG_CONFIG_HOME", ".local/share/": "XDG_DATA_HOME", ".cache/": "XDG_CACHE_HOME"}
"""How what lies in the home directory begins -> the variable that says where it lies besides, for programs that know of it."""

OF_PROJECTS = ("$PROJECT", "$UPWARDS")
"""What begins a word for what somebody else may have laid there."""
SYSTEM = ("/dev", "/proc", "/sys", "/usr", "/bin", "/lib", "/lib64", "/sbin")

FILE = f"{os.path.dirname(__file__)}/sets.toml"
ELSEWHERE = {
    "@installer-env": ("hermetic_guard.builds", "FOR_INSTALLERS"),  # which are taken from builds, wherever these start
    "@base-env": ("hermetic.policy.environment", "BASE"),  # which --clean-env knows without reading a file
}
"""Sets whose words stand in a module."""

_tables: dict[str, dict[str, Any]] = {}


def tables() -> dict[str, dict[str, Any]]:
    """By name, with the `@`: what it is for, the kind of value it stands for (the metavar of options), and its words."""
    return {name: {**table, "words": _words(name)} for name, table in _read().items()}


def _read() -> dict[str, dict[str, Any]]:
    if not _tables:
        _tables.update(parsed.read(FILE))
    return _tables


def _words(name: str) -> list[str]:
    return list(_of(*ELSEWHERE[name]) if name in ELSEWHERE else _read()[name]["words"])


def _of(module: str, name: str) -> Any:
    """What a module that is loaded for it has by a name."""
    __import__(module)
    return getattr(sys.modules[module], name)


def names(metavar: str) -> list[str]:
    """Those that stand for values of this kind."""
    return [name for name, table in _read().items() if metavar in kinds(table)]


def kinds(table: dict[str, Any]) -> list[str]:
    """The kinds of values that a set stands for."""
    takes: str | list[str] = table["takes"]
    return [takes] if isinstance(takes, str) else takes


def words(name: str, option: Option, context: Context) -> list[str]:
    """What a set stands for here. Raises WrongValue where there is no such set, or `option` takes other values."""
    from hermetic import options

    table = _read().get(name)
    if table is None:
        meant = options.nearest(name, _read())
        raise WrongValue(name, "there is no such set", f"did you mean {meant}?" if meant else f"there are {', '.join(_read())}")
    if option.metavar not in kinds(table):
        owners = [row.name for row in options.OPTIONS if row.policy and row.metavar in kinds(table)]
        raise WrongValue(name, "this set does not go here", f"it goes with {', '.join(owners)}" if owners else None)
    find = FINDERS.get(option.key) or FINDERS.get(option.metavar, _as_they_are)
    return list(dict.fromkeys(found for word in plain(name) for found in find(word, context)))


def plain(name: str) -> list[str]:
    """The words of a set, with those of the sets that it names."""
    return [inner for word in _words(name) for inner in (plain(word) if word.startswith("@") else [word])]


def paths(name: str, context: Context) -> list[str]:
    """Those of a set of paths that are there."""
    return [found for word in plain(name) for found in _paths(word, context)]


def _as_they_are(word: str, context: Context) -> Iterable[str]:
    return [word]


def _indexes(metavar: str) -> Callable[[str, Context], Iterable[str]]:
    """What the indexes of installers take, where that is meant."""

    def find(word: str, context: Context) -> Iterable[str]:
        from hermetic.indexes import found

        return found.values(metavar, context) if word == INDEXES else [word]

    return find


def _paths(word: str, context: Context) -> Iterable[str]:
    """Those that are there."""
    found = [path for place, names in _patterns(word, context) for path in wildcards.there(place, names)]
    if word.startswith(OF_PROJECTS):
        return [path for path in found if _is_meant(path, context)]
    return [path for path in found if _is_in_prefix(path, context)] if word.startswith("$PREFIX/") else found


def _is_in_prefix(path: str, context: Context) -> bool:
    """Whether what an environment has by such a name is of the environment: a clone can bring one, in which it is a link to any place. What the
    machine has is as whoever looks after it wants it.
    """
    prefix = context.value("PREFIX") or "/"
    if is_within(os.path.realpath(path), os.path.realpath(prefix)) or not (context.value("VENV") or places.holder(prefix, context.environ)):
        return True
    notice = f"{path} leads out of {prefix} by a link, so nothing that it leads to may be written"
    context.notices += [] if notice in context.notices else [notice]
    return False


def _is_meant(path: str, context: Context) -> bool:
    """Whether what a project has by such a name can be what the set is for. It can be a link to what no program does without, and an environment."""
    if not os.path.islink(path):
        return not os.path.lexists(f"{path}/{MARK}")
    leads = os.path.realpath(path)
    system = (*SYSTEM, *filter(None, [context.value("PREFIX")]))
    meant = os.path.exists(path) and not os.path.isdir(leads) and not is_within_any(leads, system)
    if not meant:
        context.notices.append(f"{path} is a link to {leads}, which is no secret of a project's, so it is not hidden")
    return meant


def _patterns(word: str, context: Context) -> list[Pattern]:
    """With what stands for what a word begins with: nothing, one place, or several."""
    name, slash, rest = word.partition("/")
    if name in PLACES:
        return [(place, slash + rest) for place in _of(*PLACES[name])(context)]
    if not word.startswith("$"):
        return [("", word)]
    place = context.value(name[1:])
    return [*([] if place is None else [(place, slash + rest)]), *(_elsewhere(rest, context) if name == "$HOME" else [])]


def _elsewhere(rest: str, context: Context) -> Iterable[Pattern]:
    """Where programs look as well, or instead, for what is so called in the home directory. Another one than the user's own is what HOME may say,
    in a build, or by the word of a project.
    """
    if context.account:
        yield context.account, f"/{rest}"
    for beginning, variable in XDG.items():
        named = context.named(variable) if rest.startswith(beginning) else ""
        if named:
            yield named.rstrip("/"), f"/{rest.removeprefix(beginning)}"


def _names(word: str, context: Context) -> Iterable[str]:
    """Those that are there or will be, in directories that are there where a directory's name has a `*` in it."""
    found: list[str] = []
    patterns = _patterns(word, context) + _in_sources(word, context)
    if "*" not in word:
        return [place + names for place, names in patterns]
    for place, names in patterns:
        folder, slash, name = names.rpartition("/")
        if "*" in folder and DEEP not in names:
            found += [there + slash + name for there in wildcards.there(place, folder)]
        else:
            found.append(place + names)
    return found


def _in_sources(word: str, context: Context) -> list[Pattern]:
    """The same of what is no less a project than the one that a command is run in: those that an installer is given to build."""
    _, project, rest = word.partition("$PROJECT")
    if not project or context.sources == []:  # as where no installer is run
        return []
    from hermetic.indexes import command

    return [(os.path.realpath(place), rest) for place in command.sources(context)]


def _programs(word: str, context: Context) -> Iterable[str]:
    """A name is looked for on PATH."""
    from hermetic_guard import programs

    if word.startswith("/"):
        return _paths(word, context)
    try:
        return [programs.find(word, context.environ.get("PATH"), context.cwd or "")]
    except programs.Unresolved:
        return []


FINDERS = {
    "protect": _names,
    "PATH": _paths,
    "PROGRAM": _programs,
    **{metavar: _indexes(metavar) for metavar in ("HOST", "ADDRESS", "PORTS")},
}
"""How the words of a set are read for an option, or for one that takes such values."""
