"""Which installed distribution a file belongs to, read from its metadata on disk; nothing of it is imported."""

from __future__ import annotations

import os
from itertools import pairwise

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
    """The distribution that a file of a site-packages directory belongs to. Asked for each frame of a stack: the answer is remembered."""
    if (site, relative) not in _owners:
        _owners[site, relative] = find_owner(site, relative)
    return _owners[site, relative]


def find_owner(site: str, relative: str) -> str:
    """The distribution whose RECORD lists a file of a site-packages directory; the likeliest by name are looked at first."""
    top = relative.split("/")[0].removesuffix(".py").lower()
    try:
        infos = [name for name in os.listdir(site) if name.endswith(".dist-info")]
    except OSError:
        return ""
    for info in sorted(infos, key=lambda name: not name.lower().startswith(top)):
        if lists(f"{site}/{info}/RECORD", relative):
            return title(f"{site}/{info}/METADATA")
    return ""


def lists(record: str, relative: str) -> bool:
    """Whether a RECORD has a line for a file (PEP 376: path, hash, size)."""
    starts = (f"{relative},", f'"{relative}",')
    try:
        with open(record, encoding="utf-8", errors="replace") as file:
            return any(line.startswith(starts) for line in file)
    except OSError:
        return False


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
