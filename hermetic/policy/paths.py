"""Paths as policies hold them: absolute and without links, as guards and the kernel come to see them."""

from __future__ import annotations

import os
from pathlib import Path

from hermetic import places as places_of
from hermetic.policy import WrongValue


def read(value: str, base: str | None) -> str:
    """`value` as the absolute path of what it leads to; it need not be there.

    A `~/` is the user's home directory: shells leave it as it is behind a `=`.

    base: the directory that a relative path starts from, None where that is gone
    Raises WrongValue.
    """
    try:
        return str(_absolute(value, base).resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise WrongValue(value, str(error)) from None


def _absolute(value: str, base: str | None) -> Path:
    home = places_of.home(os.environ) if value.startswith("~") else ""
    if home and (value == "~" or value.startswith("~/")):
        value = home + value[1:]
    if base is None and not value.startswith("/"):
        raise WrongValue(value, "the working directory is gone", "give an absolute path")
    return Path(base or "/", value)


def places(value: str, base: str | None) -> list[str]:
    """What `value` leads to, and before it each link on the way: whoever replaces one of those has it lead elsewhere.

    Raises WrongValue.
    """
    found: list[str] = []
    here = "/"
    names = [*reversed(_absolute(value, base).parts)]
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
