"""Installed distributions, read from their metadata on disk; nothing of them is imported."""

from hermetic_guard.files import names_in, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

INFO, RECORD = ".dist-info", "RECORD"
SITES = ("/site-packages/", "/dist-packages/")
OPEN_ENDED = {"_cppyy": "cppyy", "_ctypes": "ctypes", "_hpy_universal": "hpy", "_rawffi": "ctypes", "_tkinter": "tkinter"}
"""Modules of the standard library that load or call what they are told to, and the names they are allowed by, as distributions are. Some are
PyPy's."""

LARGEST_RECORD = 1 << 24
DEPTH = 16
"""How many directories above a file its metadata is looked for."""


def normalized(name: str) -> str:
    """The name of a distribution as PEP 503 compares it."""
    plain = name.replace("_", "-").replace(".", "-").lower()
    return "-".join([part for part in plain.split("-") if part])


def name_of(info: str) -> str:
    """The normalized name of the distribution whose metadata directory this is: `NAME-VERSION.dist-info`, NAME without hyphens (PEP 427)."""
    return normalized(info.rpartition("/")[2].partition("-")[0])


def title_of(path: str) -> "tuple[str, str] | None":
    """The normalized name and the version of the distribution, installed where sys.path leads by its usual names, that a file belongs to."""
    site = site_of(path)
    relative = path[len(site) + 1 :] if site is not None else ""
    info = info_of(site, relative) if site is not None and ".." not in relative else ""
    return (name_of(info), info.partition("-")[2][: -len(INFO)]) if info else None


def site_of(path: str) -> "str | None":
    """The directory of installed packages that a file lies in."""
    for site in SITES:
        above, found, _ = path.rpartition(site)
        if found:
            return above + site[:-1]
    return None


def claimed_by(path: str) -> str:
    """The normalized name of the distribution that a file says it belongs to, "" if it says nothing. Whoever can write there can say so."""
    folder = path
    for _ in range(DEPTH):
        folder = folder.rpartition("/")[0]
        if not folder or has_metadata(folder):
            return name_of(info_of(folder, path[len(folder) + 1 :])) if folder else ""
    return ""


def has_metadata(folder: str) -> bool:
    return any(name.endswith(INFO) for name in names_in(folder or "/"))


def info_of(
    site: str, relative: str, names: "Callable[[str], list[str]]" = names_in, read: "Callable[[str, int], bytes]" = read_file
) -> str:
    """The metadata directory in `site` whose RECORD lists a file, "" if none does; the likeliest by name are looked at first.

    names, read: as files.names_in and files.read_file
    """
    top = relative.partition("/")[0].partition(".")[0].lower()
    infos = [name for name in names(site or "/") if name.endswith(INFO)]
    for info in sorted(infos, key=lambda name: not name.lower().startswith(top)):
        try:
            record = read("%s/%s/%s" % (site, info, RECORD), LARGEST_RECORD)
        except OSError:
            continue
        if lists(record, relative):
            return info
    return ""


def lists(record: bytes, relative: str) -> bool:
    """Whether a RECORD has a line for a file (PEP 376: path, hash, size)."""
    path = relative.encode("utf-8", "surrogateescape")
    return any(record.startswith(start) or b"\n" + start in record for start in (path + b",", b'"' + path + b'",'))
