"""Installed distributions, read from their metadata on disk; nothing of them is imported."""

import os

INFO, RECORD = ".dist-info", "RECORD"
DEPTH = 16
"""How many directories above a file its metadata is looked for."""


def normalized(name: str) -> str:
    """The name of a distribution as PEP 503 compares it."""
    plain = name.replace("_", "-").replace(".", "-").lower()
    return "-".join([part for part in plain.split("-") if part])


def name_of(info: str) -> str:
    """The normalized name of the distribution whose metadata directory this is: `NAME-VERSION.dist-info`, NAME without hyphens (PEP 427)."""
    return normalized(info.rpartition("/")[2].partition("-")[0])


def claimed_by(path: str) -> str:
    """The normalized name of the distribution that a file says it belongs to, "" if it says nothing. Whoever can write there can say so."""
    folder = path
    for _ in range(DEPTH):
        folder = folder.rpartition("/")[0]
        if not folder or has_metadata(folder):
            return name_of(info_of(folder, path[len(folder) + 1 :])) if folder else ""
    return ""


def has_metadata(folder: str) -> bool:
    return any(name.endswith(INFO) for name in entries(folder))


def info_of(site: str, relative: str) -> str:
    """The metadata directory in `site` whose RECORD lists a file, "" if none does; the likeliest by name are looked at first."""
    top = relative.partition("/")[0].partition(".")[0].lower()
    infos = [name for name in entries(site) if name.endswith(INFO)]
    for info in sorted(infos, key=lambda name: not name.lower().startswith(top)):
        if lists("%s/%s/%s" % (site, info, RECORD), relative):
            return info
    return ""


def entries(folder: str) -> "list[str]":
    try:
        return os.listdir(folder or "/")
    except OSError:
        return []


def lists(record: str, relative: str) -> bool:
    """Whether a RECORD has a line for a file (PEP 376: path, hash, size)."""
    path = relative.encode("utf-8", "surrogateescape")
    starts = (path + b",", b'"' + path + b'",')
    try:
        with open(record, "rb") as file:
            return any(line.startswith(starts) for line in file)
    except OSError:
        return False
