"""Which files a run has brought into an environment that run whenever an interpreter starts there, told by name when the run is over.

A wheel may bring them, and they need no import: `.pth` files with lines of code, `.start` files (PEP 829), `sitecustomize` and `usercustomize`. They
are found by reading (target/startup.py), before the run and after it; nothing of them is run.
"""

from __future__ import annotations

import os

from hermetic_guard.distributions import INFO, LARGEST_RECORD, RECORD
from hermetic_guard.files import lines_of

from hermetic.target import startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Found = dict[str, list[str]]
    """Path of a file -> what of it is run; [] where that is all of it."""

CUSTOMIZING = (startup.SITE, startup.USER)
UNREAD = "(too large to be read)"


def look(sites: Sequence[str]) -> Found:
    """What there is. sites: directories of installed packages"""
    return {path: code for site in sites for path, code in _in_site(site).items()}


def _in_site(site: str) -> Found:
    """In any version of Python: which one the environment will have is not asked."""
    found: Found = {}
    for entry in startup.of_site(site, startup.STARTS_SINCE):
        if entry.kind in (startup.CODE, startup.START):
            found.setdefault(entry.path, []).append(entry.text)
        elif entry.kind == startup.UNREADABLE and os.path.isfile(entry.path):
            found[entry.path] = [UNREAD, _state(entry.path)]
    for name in CUSTOMIZING:
        found.update((path, [_state(path)]) for path in startup.module_files(site, name))
    return dict(sorted(found.items()))


def _state(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def lines(before: Found, sites: Sequence[str]) -> Iterator[str]:
    """A line for each that is new, or not what it was."""
    for site in sites:
        for path, code in _in_site(site).items():
            if before.get(path) != code:
                name = path.removeprefix(f"{site}/")
                owner = _owner(site, name)
                of = f", of {owner}," if owner else ""
                yield f"{path}{of} runs from now on whenever an interpreter starts there{_shown(name, code)}"


def _shown(name: str, code: list[str]) -> str:
    """What of a file runs, where that is lines of it."""
    if name.partition("/")[0].partition(".")[0] in CUSTOMIZING:
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
