"""Which installed distribution a file belongs to, read from its metadata on disk; nothing of it is imported."""

from __future__ import annotations

from itertools import pairwise

from hermetic_guard.distributions import info_of

SITES = ("/site-packages/", "/dist-packages/")

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
    for site in SITES:
        root, found, relative = path.rpartition(site)
        if found:
            return Origin(owner(root + site.rstrip("/"), relative), relative)
    return Origin("", path)


def owner(site: str, relative: str) -> str:
    """The distribution whose RECORD lists a file of a site-packages directory. Asked for each frame of a stack: the answer is remembered."""
    if (site, relative) not in _owners:
        info = info_of(site, relative)
        _owners[site, relative] = title(f"{site}/{info}/METADATA") if info else ""
    return _owners[site, relative]


def title(metadata: str) -> str:
    """`Name Version` from the head of a METADATA file."""
    found = {"name": "", "version": ""}
    try:
        with open(metadata, encoding="utf-8", errors="replace") as file:
            for line in iter(file.readline, "\n"):
                key, colon, value = line.partition(":")
                if not colon:
                    break
                if key.lower() in found:
                    found[key.lower()] = value.strip()
    except OSError:
        return ""
    return f"{found['name']} {found['version']}".strip()
