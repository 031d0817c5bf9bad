"""Paths as policies hold them: absolute and without links, as guards and the kernel come to see them."""

from __future__ import annotations

import os
from pathlib import Path

from hermetic.policy import WrongValue


def read(value: str, base: str | None) -> str:
    """`value` as the absolute path of what it leads to; it need not be there.

    A `~/` is the user's home directory: shells leave it as it is behind a `=`.

    base: the directory that a relative path starts from, None where that is gone
    Raises WrongValue.
    """
    home = os.environ.get("HOME")
    if home and (value == "~" or value.startswith("~/")):
        value = home + value[1:]
    if base is None and not value.startswith("/"):
        raise WrongValue(value, "the working directory is gone", "give an absolute path")
    try:
        return str(Path(base or "/", value).resolve())
    except (OSError, RuntimeError, ValueError) as error:
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


def nearest(path: str) -> str:
    """The nearest directory above a path at which there is nothing."""
    above = os.path.dirname(path)
    return above if above == path or is_there(above) else nearest(above)
