"""What pip is told: by its configuration files, its environment variables and its command line, as its documentation has it.

Files are read in pip's order, a later one takes the place of an earlier one. Of what a value replaces only the index counts here: to allow the host
of a page with links that another file takes away again harms nobody, both are by the same user.
"""

from __future__ import annotations

import os

from hermetic_guard.files import CONFIGURATION, read_file

from hermetic.indexes import Said, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME, LEGACY = "pip.conf", ".pip/pip.conf"
SECTIONS = ("global", "install", "download", "wheel", "index", "lock")
"""Of a configuration file, those that may name indexes."""

TRUE = ("y", "yes", "t", "true", "on", "1")


def files(environ: Mapping[str, str], prefix: str | None) -> list[str]:
    """The configuration files that there may be. prefix: of the environment that pip is in

    With the null device for one there is none: so pip's documentation has it.
    """
    home, named = environ.get("HOME", ""), environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    everywhere = [f"{place}/pip" for place in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if place.startswith("/")]
    found = [f"{place}/{NAME}" for place in (*everywhere, "/etc")]
    if home and not (named and os.path.exists(named)):
        found += [f"{home}/{LEGACY}", f"{environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/pip/{NAME}"]
    return [*found, *([f"{prefix}/{NAME}"] if prefix else []), *([named] if named else [])]


def of_file(file: str, cwd: str, environ: Mapping[str, str]) -> Iterator[Said]:
    """What a configuration file says, and the requirements files that it names."""
    from configparser import Error, RawConfigParser

    parser = RawConfigParser()
    try:
        parser.read_string(read_file(file, CONFIGURATION).decode("utf-8", "replace"))
    except (OSError, Error):
        return
    settings = [(key, value) for section in SECTIONS if parser.has_section(section) for key, value in parser.items(section)]
    yield from of_settings(settings, cwd, environ, file)


def of_environment(environ: Mapping[str, str], cwd: str) -> Iterator[Said]:
    settings = [(name[4:], value) for name, value in environ.items() if name.startswith("PIP_")]
    return of_settings(settings, cwd, environ, "")


def of_settings(settings: Sequence[tuple[str, str]], cwd: str, environ: Mapping[str, str], file: str) -> Iterator[Said]:
    """Of keys that are the names of options, whose values are lists with blanks between."""
    given = []
    for key, value in settings:
        option = "--" + key.lower().replace("_", "-").removeprefix("--")
        if option == words.NO_INDEX:
            given += [option] if value.lower() in TRUE else []
        else:
            given += [f"{option}={part}" for part in value.split()]
    return of_words(given, cwd, environ, file)


def of_words(given: Sequence[str], cwd: str, environ: Mapping[str, str], file: str = "") -> Iterator[Said]:
    """What options and requirements say: of the command line, or of what stands in a `file`."""
    from hermetic.indexes import requirements  # which loads `re`: who asks for the files alone has no use for it

    found = Said(file=file)
    further = []
    for option, value in words.options(given):
        found.take(option, value)
        further += [value] if option in words.FILES else []
    yield found
    seen: set[str] = set()
    for name in further:
        yield from requirements.read(os.path.normpath(os.path.join(cwd, name)), environ, seen)
