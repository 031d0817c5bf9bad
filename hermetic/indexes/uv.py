"""What uv is told: by its configuration files, its environment variables and its command line, as its documentation has it."""

from __future__ import annotations

import os

from hermetic_guard.files import CONFIGURATION, read_file

from hermetic.indexes import Said, pip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Table = dict[str, Any]

NAME, PROJECT = "uv.toml", "pyproject.toml"

VARIABLES = {
    "UV_INDEX": "--index",
    "UV_DEFAULT_INDEX": "--default-index",
    "UV_INDEX_URL": "--index-url",
    "UV_EXTRA_INDEX_URL": "--extra-index-url",
    "UV_FIND_LINKS": "--find-links",
    "UV_CONSTRAINT": "--constraint",
}
"""Each holds the values of an option, with blanks between."""


def files(environ: Mapping[str, str], cwd: str) -> list[str]:
    """The configuration files that there may be: the machine's, the user's, and the nearest of the project's."""
    if environ.get("UV_NO_CONFIG", "").lower() in pip.TRUE:
        return []
    named, home = environ.get("UV_CONFIG_FILE"), environ.get("HOME", "")
    if named:
        return [os.path.join(cwd, named)]
    everywhere = [place for place in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if place.startswith("/")]
    own = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    return [f"{place}/uv/{NAME}" for place in (*everywhere, "/etc", *([own] if own else []))] + upwards(cwd)


def upwards(place: str) -> list[str]:
    """uv takes the nearest directory that has either, and of both the first; for a workspace also what stands above, so all are looked at."""
    found = [f"{place}/{name}" for name in (NAME, PROJECT)]
    return found if place in ("", "/") else [*found, *upwards(os.path.dirname(place))]


def of_file(file: str) -> Iterator[Said]:
    import tomllib

    try:
        table = tomllib.loads(read_file(file, CONFIGURATION).decode())
    except (OSError, ValueError, RecursionError):
        return
    if os.path.basename(file) == PROJECT:
        table = _table(_table(table.get("tool")).get("uv"))
    for part in (table, _table(table.get("pip"))):
        yield _of_table(part, file)


def _of_table(table: Table, file: str) -> Said:
    indexes = [one for one in _list(table.get("index")) if isinstance(one, dict)]
    urls = [one.get("url") for one in indexes] + [
        url for key in ("index-url", "extra-index-url", "find-links") for url in _list(table.get(key))
    ]
    sources = [one for value in _table(table.get("sources")).values() for one in _list(value) if isinstance(one, dict)]
    urls += [one.get(key) for one in sources for key in ("url", "git")]
    default = "index-url" in table or any(one.get("default") is True for one in indexes)
    return Said([url for url in urls if isinstance(url, str)], index=default, none=table.get("no-index") is True, file=file)


def _table(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def of_environment(environ: Mapping[str, str], cwd: str) -> Iterator[Said]:
    given = [f"{option}={unnamed(one)}" for name, option in VARIABLES.items() for one in environ.get(name, "").split()]
    return pip.of_words(given, cwd, environ)


def of_words(given: list[str], cwd: str, environ: Mapping[str, str]) -> Iterator[Said]:
    for said in pip.of_words(given, cwd, environ):
        said.urls = [unnamed(url) for url in said.urls]
        yield said


def unnamed(url: str) -> str:
    """Without the name that an index may be given: `name=https://…`."""
    name, equals, rest = url.partition("=")
    return rest if equals and "/" not in name and ":" not in name else url
