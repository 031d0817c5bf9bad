"""Which installer a command line runs, with which words, and where that one writes.

A command line that is no installer's may still start one, as tox and `python -m build` do: then what all installers are told counts.
"""

from __future__ import annotations

import os

from hermetic_guard import cmdline
from hermetic_guard.policy import is_within

from hermetic.errors import quoted
from hermetic.indexes import words
from hermetic.places import is_led_out
from hermetic.policy.wildcards import there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hermetic.policy.context import Context

PIP, UV, PIPX = "pip", "uv", "pipx"

OF_PROJECTS = ("sync", "add", "remove", "lock", "run", "venv", "init", "build", "version", "export")
"""Commands of uv's that write into the project they are run in."""

PLACED = ("--target", "--prefix", "--root", "--dest", "--wheel-dir", "--src", "--out-dir", "--cache-dir")
"""Options that name a directory which is written."""

PROJECTS = ("pyproject.toml", "setup.py")
MARK = "pyvenv.cfg"

WRITTEN = ("--log", "--report")
"""Options that name a file which is written where it is."""
STANDARD_OUTPUT = "-"


class Command:
    """installer: PIP, UV, PIPX, which starts either and hands its words on, or "" for another; program: its path; arguments: the installer's own;
    parent: the environment of the interpreter that starts uv, which is installed into rather than an active one; "" for none
    """

    __slots__ = ("arguments", "installer", "parent", "program")

    def __init__(self, installer: str, program: str, arguments: list[str], parent: str = "") -> None:
        self.installer = installer
        self.program = program
        self.arguments = arguments
        self.parent = parent

    def value(self, option: str) -> str | None:
        """Of the last one that was given."""
        given = [value for name, value in words.options(self.arguments) if name == option]
        return given[-1] if given else None

    def plain(self) -> list[str]:
        """The words that are no options, the installer's command first."""
        return [value for name, value in words.options(self.arguments) if not name]


def of(given: Sequence[str]) -> Command:
    """given: a program's path and its arguments; of a script in Python the interpreter's."""
    if not given:
        return Command("", "", [])
    if os.path.basename(given[0]) == UV:
        return Command(UV, given[0], list(given[1:]))
    line = cmdline.parse(list(given))
    if line.kind in ("f", "m") and _is_pip(os.path.basename(line.target or "")):
        return Command(PIP, given[0], list(line.rest))
    if line.kind in ("f", "m") and os.path.basename(line.target or "") == PIPX:
        return Command(PIPX, given[0], list(line.rest))
    if line.kind == "m" and line.target == UV:
        return _by_python(given[0], list(line.rest))
    return Command("", given[0], [])


def _by_python(interpreter: str, arguments: list[str]) -> Command:
    """`python -m uv` becomes the program beside the interpreter, and tells it by which that was (UV_INTERNAL__PARENT_INTERPRETER)."""
    folder = os.path.dirname(interpreter)
    above = os.path.dirname(folder)
    return Command(UV, f"{folder}/{UV}", arguments, above if os.path.isfile(f"{above}/{MARK}") else "")


def _is_pip(name: str) -> bool:
    """`pip`, `pip3`, `pip3.11`"""
    return name.startswith(PIP) and not name[len(PIP) :].strip("0123456789.")


def is_for_tools(command: Command) -> bool:
    """Whether it makes an environment for each program that it installs."""
    return command.installer == PIPX or (command.installer == UV and command.plain()[:1] == ["tool"])


def environment(command: Command, context: Context) -> str:
    """The interpreter of the environment that is installed into, where it is another than the one that runs the installer; else ""."""
    if is_for_tools(command):
        return ""
    if command.installer == UV and command.plain()[:1] != [PIP]:
        return _of_project(context)
    named = command.value("--python") if command.installer else None
    found = _interpreter(os.path.join(context.cwd or "/", named)) if named else ""
    if found or command.installer != UV:
        return found
    active = command.parent or context.environ.get("VIRTUAL_ENV") or context.environ.get("CONDA_PREFIX")
    return _interpreter(active) if active else _of_project(context)


def _of_project(context: Context) -> str:
    """The nearest one upwards; what `--python` names then is what it is made with."""
    named = context.environ.get("UV_PROJECT_ENVIRONMENT")
    if named:
        return _interpreter(os.path.join(context.cwd or "/", named))
    place, found = next(((place, found) for place in _upwards(context.cwd) if (found := _interpreter(f"{place}/.venv"))), ("", ""))
    if found and not _is_environment(f"{place}/.venv"):
        context.notices.append(f"{place}/.venv is no environment by itself, so nothing that it leads to may be written")
        return ""
    return found


PARTS = ("/*", "/lib/py*", "/lib/py*/*-packages")


def _is_environment(folder: str) -> bool:
    """Whether it is one, and the whole of it: a project may come with links that lead elsewhere."""
    parts = [folder, *filter(os.path.isdir, (path for names in PARTS for path in there(folder, names)))]
    return os.path.isfile(f"{folder}/{MARK}") and all(is_within(os.path.realpath(part), folder) for part in parts)


def _interpreter(place: str) -> str:
    """In a directory, or the file itself."""
    inside = os.path.join(place, "bin/python")
    found = inside if os.path.isdir(place) else place
    return found if "\0" not in place and os.path.lexists(found) else ""


def _upwards(place: str | None) -> Iterator[str]:
    while place:
        yield place.rstrip("/")
        place = os.path.dirname(place) if place != "/" else None


def written(context: Context) -> list[str]:
    """What is written besides the environment: directories and files that the command line names, and the sources of local projects."""

    command = context.installer
    if not command.installer:
        return []
    cwd = context.cwd or "/"
    found = [*_named(PLACED, context), *sources(context)]
    first = (command.plain() or [""])[0]
    if command.installer == PIP and first in ("download", "wheel"):
        found.append(cwd if not context.is_too_wide(cwd) else "")
    if command.installer == PIP and first == "install" and _of_the_user(command, context):
        found += _user_base(context)
    project = context.value("PROJECT") if command.installer == UV and first in OF_PROJECTS else None
    places = [made(place, context) for place in [*found, *([project] if project else [])] if place]
    return places + [file for file in map(os.path.normpath, _named(WRITTEN, context)) if _is_made(file, context)]


def _named(options: Sequence[str], context: Context) -> list[str]:
    """What these options name, as far as it is where it seems to be."""
    given = [value for name, value in words.options(context.installer.arguments) if name in options and value != STANDARD_OUTPUT]
    return [os.path.join(context.cwd or "/", value) for value in given if is_where_it_seems(value, context)]


def is_where_it_seems(value: str, context: Context) -> bool:
    """Whether a place that the command line names is where it seems to be: in a project links lead anywhere."""
    place = os.path.normpath(os.path.join(context.cwd or "/", value))
    if "\0" in place or not is_led_out(place, context.environ):
        return True
    notice = f"{place} is in a project, and leads elsewhere by a link, so it may not be written"
    context.notices += [] if notice in context.notices else [notice]
    return False


ELSEWHERE = ("--target", "--prefix")
"""Options that name another place for packages than the environment."""


def sites_elsewhere(context: Context) -> list[str]:
    """The directories of packages that the command line names, as far as they are there."""
    command = context.installer
    given = [value for name, value in words.options(command.arguments) if name in ELSEWHERE] if command.installer else []
    named = [os.path.normpath(os.path.join(context.cwd or "/", value)) for value in given if "\0" not in value]
    return [place for one in named for place in (one, *there(one, "/lib*/py*/*-packages"))]


def sources(context: Context) -> list[str]:
    """The local projects that the command line names, and those of its requirements files that are trusted: found once, for many ask."""
    if context.sources is None:
        context.sources = _sources(context.installer, context)
    return context.sources


def _sources(command: Command, context: Context) -> list[str]:
    if not command.installer:
        return []
    from hermetic.indexes import requirements  # which loads `re`

    given = [requirements.local(value, bare=bool(name)) for name, value in words.options(command.arguments) if name in ("", "--editable")]
    return [*_projects(given, context), *_in_files(context)]


def _of_the_user(command: Command, context: Context) -> bool:
    """Whether pip installs for the user alone: it is told so, or can write nothing else."""
    if context.value("VENV"):
        return False
    return "--user" in command.arguments or not any(os.access(site, os.W_OK) for site in context.sites())


def _user_base(context: Context) -> list[str]:
    home = context.value("HOME")
    base = context.environ.get("PYTHONUSERBASE") or (home and f"{home}/.local")
    versions = dict.fromkeys(os.path.basename(os.path.dirname(site)) for site in context.sites())
    return [f"{base}/lib/{version}/site-packages" for version in versions] + [f"{base}/bin"] if base and versions else []


def _projects(paths: Iterable[str], context: Context) -> list[str]:
    """Those at which there is a project."""
    places = [os.path.normpath(os.path.join(context.cwd or "/", path)) for path in paths if path]
    return [place for place in places if any(os.path.isfile(f"{place}/{name}") for name in PROJECTS) and not context.is_too_wide(place)]


def _in_files(context: Context) -> list[str]:
    """Projects that requirements files name. A stranger's word gives no more here than it does of indexes, and is told of."""
    from hermetic.indexes import found, uv

    places = []
    for said in uv.of_words(context.installer.arguments, context.cwd or "/", context.environ):
        named = _projects(said.projects, context)
        if named and found.is_strange(said, context):
            notice = f"{said.file} is not trusted, so builds may not write in {', '.join(map(quoted, named))} ({found.to_trust(said.file)})"
            context.notices += [] if notice in context.notices else [notice]
        else:
            places += named
    return places


def caches(context: Context) -> list[str]:
    """Where the installer that is run keeps what it has fetched and built; where nobody knows which one that is, those that are there."""
    command, base = context.installer, context.value("CACHE")
    found = []
    for name in (PIP, UV):
        named = context.environ.get(f"{name.upper()}_CACHE_DIR") or (base and f"{base}/{name}")
        place = os.path.join(context.cwd or "/", named) if named else ""
        if place and is_where_it_seems(place, context) and command.installer in (name, PIPX, ""):
            found.append(made(place, context) if command.installer else place)
    return found


def made(place: str, context: Context) -> str:
    """An installer would make it; but what is not there cannot be allowed."""
    if context.begins:
        try:
            os.makedirs(place, 0o755, exist_ok=True)
        except (OSError, ValueError):
            return place  # nor can the installer
    return place


def _is_made(file: str, context: Context) -> bool:
    """The same for a file: nothing else may be at that path, for of a directory all would be allowed."""
    try:
        if context.begins and not os.path.lexists(file):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except (OSError, ValueError):
        return False  # nor can the installer
    return os.path.isfile(file)
