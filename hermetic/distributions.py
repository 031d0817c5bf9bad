"""Which installed distribution a file belongs to, read from its metadata on disk; nothing of it is imported."""

from __future__ import annotations

from itertools import pairwise

from hermetic_guard.distributions import SITES, info_of, site_of
from hermetic_guard.files import names_in, read_file

REMEMBERED = 1000
LONGEST = 100
HEAD = 1 << 16
"""As much of a METADATA as name and version stand in."""

_owners: dict[tuple[str, str], str] = {}


class Origin:
    """distribution: "requests 2.32.3", "" if the file belongs to none; path: as it is shown."""

    __slots__ = ("distribution", "path")

    def __init__(self, distribution: str, path: str) -> None:
        self.distribution = distribution
        self.path = path


def is_standard_library(path: str) -> bool:
    """Whether a file is one of an interpreter's own: below lib/pythonX.Y or lib/pypyX.Y and not in its site-packages."""
    if any(site in path for site in SITES):
        return False
    pairs = pairwise(path.split("/"))
    return any(parent.startswith("lib") and part.startswith(("python3", "pypy3")) for parent, part in pairs)


def origin(path: str) -> Origin:
    """Where a file comes from."""
    site = site_of(path)
    if site is None:
        return Origin("", path)
    relative = path[len(site) + 1 :]
    return Origin(owner(site, relative), relative)


def owner(site: str, relative: str) -> str:
    """The distribution whose RECORD lists a file of a site-packages directory. Asked for each frame of a stack: the answer is remembered."""
    if (site, relative) not in _owners:
        if len(_owners) >= REMEMBERED:
            _owners.clear()
        info = info_of(site, relative, patience.names, patience.read)
        _owners[site, relative] = title(f"{site}/{info}/METADATA") if info else ""
    return _owners[site, relative]


class Patience:
    """Reads metadata, some of which the target may have prepared, up to `left` bytes in all: who asked is then told by the path alone.

    To open a file counts as much as to read LEAST of it, to list one as much as NAME.
    """

    LEAST, NAME = 1 << 16, 1 << 10

    def __init__(self, left: int) -> None:
        self.left = left

    def names(self, folder: str) -> list[str]:
        """As files.names_in."""
        found = names_in(folder) if self.left > 0 else []
        self.left -= len(found) * self.NAME
        return found

    def read(self, path: str, most: int) -> bytes:
        """As files.read_file."""
        if self.left <= 0:
            raise OSError
        self.left -= self.LEAST
        content = read_file(path, most)
        self.left -= len(content)
        return content


patience = Patience(1 << 30)
"""Of one launcher: reading a gigabyte from memory takes about a second."""


def title(metadata: str) -> str:
    """`Name Version` from the head of a METADATA file."""
    found = {"name": "", "version": ""}
    try:
        head = read_file(metadata, HEAD).decode(errors="replace")
    except OSError:
        return ""
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            break
        if key.lower() in found:
            found[key.lower()] = value.strip()[:LONGEST]
    return f"{found['name']} {found['version']}".strip()
