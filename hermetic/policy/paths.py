"""Paths as policies hold them: absolute and without links, as guards and the kernel come to see them."""

from __future__ import annotations

import os

from hermetic import places as places_of
from hermetic.policy import WrongValue

ELOOP = 40


def read(value: str, base: str | None) -> str:
    """`value` as the absolute path of what it leads to; it need not be there.

    A `~/` is the user's home directory: shells leave it as it is behind a `=`.

    base: the directory that a relative path starts from, None where that is gone
    Raises WrongValue.
    """
    try:
        found = os.path.realpath(_absolute(value, base))
    except (OSError, ValueError) as error:
        raise WrongValue(value, str(error)) from None
    if _is_circle(found):
        raise WrongValue(value, "its links lead in a circle")
    return found


def _is_circle(path: str) -> bool:
    """realpath() leaves links in a path that lead nowhere else."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == ELOOP
    return False


def _absolute(value: str, base: str | None) -> str:
    if value.startswith("/"):
        return value
    home = places_of.home(os.environ) if value.startswith("~") else ""
    if home and (value == "~" or value.startswith("~/")):
        value = home + value[1:]
    if base is None and not value.startswith("/"):
        raise WrongValue(value, "the working directory is gone", "give an absolute path")
    return os.path.join(base or "/", value)


def places(value: str, base: str | None, known: dict[str, list[str]] | None = None) -> list[str]:
    """What `value` leads to, and before it each link on the way: whoever replaces one of those has it lead elsewhere.

    known: the same of directories that were asked for before, and of this one's from now on
    Raises WrongValue.
    """
    folder, _, name = _absolute(value, base).rpartition("/")
    if known is None or not folder or name in ("", ".", ".."):
        return _walked(f"{folder}/{name}", value)
    if folder not in known:
        known[folder] = places(folder, base, known)
    *links, above = known[folder]
    here = f"{above.rstrip('/')}/{name}"
    return _walked(f"{folder}/{name}", value) if _target(here, value) is not None else [*links, here]


def _walked(path: str, value: str) -> list[str]:
    found: list[str] = []
    here = "/"
    names = path.split("/")[::-1]
    while names:
        name = names.pop()
        above, here = here, os.path.normpath(os.path.join(here, name))  # `here` has no links in it, so `..` is what it says
        target = _target(here, value)
        if target is not None:
            if len(found) == LINKS:
                raise WrongValue(value, "there are too many links on the way")
            found.append(here)
            names += reversed(target.split("/"))
            here = "/" if target.startswith("/") else above
    return [*found, here]


LINKS = 40
"""As many as Linux follows in one path; path_resolution(7)."""


def _target(path: str, value: str) -> str | None:
    """Where a link leads, None for what is none."""
    try:
        return os.readlink(path)
    except OSError:
        return None
    except ValueError as error:
        raise WrongValue(value, str(error)) from None


def is_there(path: str) -> bool:
    """Whether there is something at a path, as far as can be told: what is out of reach may be."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def may_be_there(path: str) -> bool:
    """The same where the last name may have a `*` in it, which stands for names that there will be, too."""
    return is_there(os.path.dirname(path) if "*" in os.path.basename(path) else path)


def nearest(path: str) -> str:
    """The nearest directory above a path at which there is nothing."""
    above = os.path.dirname(path)
    return above if above == path or is_there(above) else nearest(above)
