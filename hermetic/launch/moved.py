"""Whether the directories of hermetic's own files, and of those that it follows, are where they were when a run began.

A mount keeps them from being changed, and the guard refuses to move a directory above them. A program that is not Python may do that, where
it may write there: no rule of the kernel's is about all names that lead to a file. So it is looked for afterwards.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Identity = tuple[int, int] | None


def identities(paths: Iterable[str]) -> dict[str, Identity]:
    """What these paths lead to; a file counts as its directory, for it may be edited meanwhile."""
    return {place: _identity(place) for path in paths for place in [path if os.path.isdir(path) else os.path.dirname(path)]}


def _identity(place: str) -> Identity:
    try:
        found = os.stat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def moved(before: dict[str, Identity]) -> list[str]:
    """Those that lead elsewhere now, or nowhere."""
    return [place for place, identity in before.items() if _identity(place) != identity]
