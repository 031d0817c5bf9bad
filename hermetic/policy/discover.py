"""Where policy files are: those of the project, from the working directory upwards, and the user's own. Looking costs a few calls of lstat.

All files upwards count, not the nearest alone: one that a run leaves in a directory below must not take the place of what stands above. Whose they
are is asked because a stranger can put one into /tmp.
"""

from __future__ import annotations

import os
import stat
import sys

from hermetic import places
from hermetic.errors import PolicyFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "hermetic.toml"
PYPROJECT = "pyproject.toml"
TABLE = ("tool", "hermetic")
"""Where it stands in a pyproject.toml."""

LONGEST = 1 << 20
"""Bytes of a policy file."""

MARKS = (b"tool.hermetic", b"\nhermetic=", b"\nhermetic.", b"{hermetic=", b"{hermetic.", b",hermetic=", b",hermetic.")
"""One of these is in every pyproject.toml with such a table, when blanks and quotes are taken out."""


class Found:
    """A policy file that is there.

    path:  absolute
    table: the keys of the table that the policy stands in, () for the whole file
    own:   whether it is the user's own word, which needs no trust: the user's file, or one that the command line names
    """

    __slots__ = ("own", "path", "table")

    def __init__(self, path: str, *, own: bool = False) -> None:
        self.path = path
        self.table = TABLE if os.path.basename(path) == PYPROJECT else ()
        self.own = own

    def read(self) -> bytes:
        """Its content. Raises PolicyFileError, for a link too: somebody could put another in its place."""
        if not self.own and os.path.islink(self.path):
            raise PolicyFileError(f"{self.path}: a policy file of a project cannot be a link")
        return read(self.path)


def project_files(cwd: str | None) -> tuple[list[str], list[str]]:
    """Those from `cwd` upwards, the nearest first; and those that are another user's."""
    found: tuple[list[str], list[str]] = [], []
    for place in _upwards(cwd):
        for name in (NAME, PYPROJECT):
            path = f"{place.rstrip('/')}/{name}"
            owner = _owner(path)
            if owner is not None and (name == NAME or mentions(path)):
                found[owner not in (0, os.geteuid())].append(path)
    return found


def _owner(path: str) -> int | None:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # the last: in a directory of somebody else's, as its files would be
        return None
    return None if stat.S_ISDIR(found.st_mode) else found.st_uid


def mentions(path: str) -> bool:
    """Whether a pyproject.toml has a word for hermetic. Most have none, and parsing one takes longer than the rest of this.

    One that is too large to be looked through, or cannot be read, counts as if it had: whoever reads it says so.
    """
    from hermetic_guard.files import read_file

    try:
        data = read_file(path, LONGEST + 1)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    if len(data) > LONGEST:
        return True
    squeezed = b"\n" + data.translate(None, b" \t\"'")
    return any(mark in squeezed for mark in MARKS)


def _upwards(place: str | None) -> Iterator[str]:
    while place is not None:
        yield place
        place = os.path.dirname(place) if place != "/" else None


def user_file(environ: Mapping[str, str]) -> Found | None:
    """The user's own. Raises PolicyFileError where it is there and somebody else may have written it."""
    place = config_directory(environ)
    path = f"{place}/{NAME}"
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # the last: in a home that is somebody else's
        return None
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        raise PolicyFileError(f"{path}: others may write it, so it cannot be followed", f"chmod go-w {path}")
    if not kept_directory(environ):
        raise PolicyFileError(f"{path}: it lies in a project, so it is not the user's own", "XDG_CONFIG_HOME or HOME somewhere else")
    return Found(path, own=True)


def read(path: str) -> bytes:
    """The content of a policy file. Raises PolicyFileError."""
    from hermetic_guard.files import read_file

    try:
        data: bytes = read_file(path, LONGEST + 1)
    except OSError as error:
        raise PolicyFileError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LONGEST:
        raise PolicyFileError(f"{path}: cannot be read: it has more than {LONGEST} bytes")
    return data


def config_directory(environ: Mapping[str, str]) -> str:
    """Where the user's file and the trust store are: what platformdirs says, which takes longer to import than all of this."""
    if sys.platform != "linux":
        import platformdirs

        return platformdirs.user_config_dir("hermetic", appauthor=False)
    usual = f"{places.home(environ) or '~'}/.config"
    return f"{places.named('XDG_CONFIG_HOME', environ) or usual}/hermetic"


def kept_directory(environ: Mapping[str, str]) -> str:
    """The same; "" where it would be in a home that is not there, for none is made, and in a project, which may have laid it there."""
    place, named = config_directory(environ), places.named("XDG_CONFIG_HOME", environ)
    if named:
        return "" if places.is_in_project(named, environ) else place
    return place if os.path.isdir(os.path.dirname(os.path.dirname(place))) and not places.is_strange(environ) else ""
