"""Where hermetic's own files of a user may be: XDG_ variables name a directory, and what lies in a project is not the user's own.

Whoever made a project can have laid a cache or a policy into it, and `XDG_CACHE_HOME=$PWD/.cache` is usual where builds are automated.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MARKERS = ("pyproject.toml", "setup.py", ".git")
"""What a project's directory has."""


def named(variable: str, environ: Mapping[str, str]) -> str:
    """The directory that a variable names; "" where it names none. It need not be there: whoever makes it fills it, so that is left to nobody."""
    place = environ.get(variable, "").strip()
    return place if place.startswith("/") else ""


def is_in_project(place: str, environ: Mapping[str, str]) -> bool:
    """Whether a directory above it, or it, has one of MARKERS. Neither `/` nor the home directory or one above that makes a project."""
    home, place = os.path.realpath(environ.get("HOME") or "/"), os.path.realpath(place)
    while place != "/" and not f"{home}/".startswith(f"{place}/"):
        if any(os.path.lexists(f"{place}/{name}") for name in MARKERS):
            return True
        place = os.path.dirname(place)
    return False
