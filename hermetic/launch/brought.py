"""Which files a run has brought into an environment that run whenever an interpreter starts there, told by name when the run is over.

A wheel may bring them, and they need no import: `.pth` files with lines of code, `.start` files (PEP 829), `sitecustomize` and `usercustomize`, and
what modules have in them that such lines name: to overwrite one that is there runs code as well as a new line does. Modules are looked for in the
directories that lines of `.pth` files add, too. They are found by reading (target/startup.py), before the run and after it; nothing of them is run.

Beside them the environment may be brought a configuration for pip, which leads later installations to another index.
"""

from __future__ import annotations

import os

from hermetic_guard.distributions import INFO, LARGEST_RECORD, RECORD
from hermetic_guard.files import lines_of, read_file

from hermetic.digest import digest_of
from hermetic.indexes import pip
from hermetic.target import startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Found = dict[str, list[str]]
    """Path of a file -> what of it is run; [] where that is all of it."""

CUSTOMIZING = (startup.SITE, startup.USER)
UNREAD = "(too large to be read)"
OF_LINES = "(a .pth or .start file there imports it)"


CONFIGURES = "(configuration of pip)"


def look(sites: Sequence[str], prefix: str | None = None) -> Found:
    """What there is. sites: directories of installed packages; prefix: of the environment"""
    return {path: code for place in (*sites, *_prefixes(prefix)) for path, code in _in_place(place, sites).items()}


def _prefixes(prefix: str | None) -> list[str]:
    return [prefix] if prefix else []


def _in_place(place: str, sites: Sequence[str]) -> Found:
    if place in sites:
        return _in_site(place)
    file = f"{place}/{pip.NAME}"
    return {file: [CONFIGURES, digest_of(_content(file))]} if os.path.isfile(file) else {}


def _in_site(site: str) -> Found:
    """In any version of Python: which one the environment will have is not asked."""
    found: Found = {}
    entries = list(startup.of_site(site, startup.STARTS_SINCE))
    for entry in entries:
        if entry.kind in (startup.CODE, startup.START):
            found.setdefault(entry.path, []).append(entry.text)
        elif entry.kind == startup.UNREADABLE and os.path.isfile(entry.path):
            found[entry.path] = [UNREAD, _state(entry.path)]
    places = [site, *dict.fromkeys(entry.text for entry in entries if entry.kind == startup.ADDS)]
    for name in CUSTOMIZING:
        found.update((path, [_state(path)]) for place in places for path in startup.module_files(place, name))
    for file, by in startup.imported_files(entries, places).items():
        found.setdefault(file, [OF_LINES, digest_of(_content(file)), *by])
    return dict(sorted(found.items()))


def _content(path: str) -> bytes:
    try:
        return read_file(path, startup.LARGEST)
    except OSError:
        return b""


def _state(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def lines(before: Found, sites: Sequence[str], prefix: str | None = None) -> Iterator[str]:
    """A line for each that is new, or not what it was."""
    for place in (*sites, *_prefixes(prefix)):
        found = _in_place(place, sites)
        for path, code in found.items():
            if _is_new(path, before, found):
                name = path.removeprefix(f"{place}/")
                owner = _owner(place, name)
                of = f", of {owner}," if owner else ""
                yield f"{path}{of} {_what(name, code)}"


def _what(name: str, code: list[str]) -> str:
    if code[0] == CONFIGURES:
        return "says from now on where pip looks for packages there"
    return f"runs from now on whenever an interpreter starts there{_shown(name, code)}"


def _is_new(path: str, before: Found, now: Found) -> bool:
    """A module is told of where a line imports it that is itself no news."""
    code = now[path]
    if code[0] != OF_LINES:
        return before.get(path) != code
    return before.get(path, [])[:2] != code[:2] and any(before.get(by) == now.get(by) for by in code[2:])


def _shown(name: str, code: list[str]) -> str:
    """What of a file runs, where that is lines of it."""
    if code[0] == OF_LINES:
        return f" {OF_LINES}"
    if any(part.partition(".")[0] in CUSTOMIZING for part in name.split("/")[-2:]):
        return ""
    return f": {code[0] if code[0] == UNREAD else '; '.join(code)}"


def _owner(site: str, name: str) -> str:
    """The distribution that says it has brought a file, "" if none does."""
    for info in startup.names(site):
        if info.endswith(INFO):
            record = lines_of(f"{site}/{info}/{RECORD}", LARGEST_RECORD)
            if any(line.startswith(f"{name},") for line in record):
                return info.removesuffix(INFO).replace("-", " ", 1)
    return ""
