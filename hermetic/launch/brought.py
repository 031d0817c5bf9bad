"""Which files a run has brought into an environment that run whenever an interpreter starts there, told by name when the run is over.

A wheel may bring them, and they need no import: `.pth` files with lines of code, `.start` files (PEP 829), `sitecustomize` and `usercustomize`. They
are found by reading, before the run and after it; nothing of them is run.
"""

from __future__ import annotations

import os

from hermetic_guard.distributions import INFO, LARGEST_RECORD, RECORD
from hermetic_guard.files import lines_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Found = dict[str, list[str]]
    """Path of a file -> what of it is run; [] where that is all of it."""

CUSTOMIZING = ("sitecustomize", "usercustomize")
MODULES = (".py", ".pyc", ".so")
IMPORTS = ("import ", "import\t")


def look(sites: Sequence[str]) -> Found:
    """What there is. sites: directories of installed packages"""
    return {path: code for site in sites for path, code in _in_site(site)}


def _in_site(site: str) -> Iterator[tuple[str, list[str]]]:
    for name in _names(site):
        path = f"{site}/{name}"
        if name.endswith((".pth", ".start")):
            lines = [line.strip() for line in lines_of(path, LARGEST_RECORD)]
            code = [
                line
                for line in lines
                if line.removeprefix("\ufeff").startswith(IMPORTS) or (name.endswith(".start") and line[:1] not in ("", "#"))
            ]
            if code:
                yield path, code
        elif name in CUSTOMIZING or (name.partition(".")[0] in CUSTOMIZING and name.endswith(MODULES)):
            yield path, [_state(path)]


def _names(folder: str) -> list[str]:
    """All of them: one is hidden best among thousands."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _state(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def lines(before: Found, sites: Sequence[str]) -> Iterator[str]:
    """A line for each that is new, or not what it was."""
    for path, code in look(sites).items():
        if before.get(path) != code:
            site, _, name = path.rpartition("/")
            owner = _owner(site, name)
            of = f", of {owner}," if owner else ""
            shown = "" if name.partition(".")[0] in CUSTOMIZING else f": {'; '.join(code)}"
            yield f"{path}{of} runs from now on whenever an interpreter starts there{shown}"


def _owner(site: str, name: str) -> str:
    """The distribution that says it has brought a file, "" if none does."""
    for info in _names(site):
        if info.endswith(INFO):
            record = lines_of(f"{site}/{info}/{RECORD}", LARGEST_RECORD)
            if any(line.startswith((f"{name},", f"{name}/")) for line in record):
                return info.removesuffix(INFO).replace("-", " ", 1)
    return ""
