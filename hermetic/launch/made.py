"""Directories that a built-in profile lets be written and that are not there: the places where a tool keeps what it has worked out.

A mount, or a rule of Landlock's, is of a directory that exists, and a tool that may write `.pytest_cache` but nothing beside it cannot make it.
So the launcher does, and afterwards takes away what nobody has used.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Policy

IGNORE = ".gitignore"


class Made:
    """Makes what of a policy's writable places is missing, and on leaving removes what is still empty. What cannot be made is not there."""

    def __init__(self, policy: Policy) -> None:
        files = policy.filesystem
        self._wanted = [path for path in files.write if not os.path.lexists(path)] if files else []
        self._made: list[tuple[str, int]] = []

    def __enter__(self) -> Made:
        for path in self._wanted:
            for place in missing(path):
                try:
                    os.mkdir(place, 0o700)
                    self._made.append((place, os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)))
                except OSError:
                    break
        return self

    def __exit__(self, *error: object) -> None:
        for place, descriptor in reversed(self._made):
            try:
                os.rmdir(place)
            except OSError:
                if place in self._wanted and os.path.basename(place).startswith("."):
                    _ignored_by_git(descriptor)
            os.close(descriptor)


def missing(path: str) -> Iterable[str]:
    """What has to be made for a path to be there, the outermost first."""
    above = [path]
    while not os.path.lexists(parent := os.path.dirname(above[-1])):
        above.append(parent)
    return reversed(above)


def _ignored_by_git(directory: int) -> None:
    """As tools do where they make their caches themselves. What the target has put there is let be."""
    try:
        file = os.open(IGNORE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=directory)
    except OSError:
        return
    with open(file, "w", encoding="ascii") as text:
        text.write("*\n")
