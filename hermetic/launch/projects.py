"""Projects of which more depends than is theirs: that they are ones is kept in mind, for a run in one can remove what says so.

A directory is a project by a file in it (places.MARKERS), which a run that may write there can delete, and has to be able to: git and editors
delete and rename what they write anew. Without it the next project upwards would be the next run's, with all that is allowed in that; and what
XDG_ variables or HOME name there would be taken for the user's own. So before such a run an entry is made where no run writes, and counts like a
marker.
"""

from __future__ import annotations

import errno
import os

from hermetic import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def keep(found: Iterable[str], known: str) -> Iterator[str]:
    """Make entries for these. Gives what the user has to be told. known: the directory for them, "" where there is none"""
    for place in found:
        try:
            if not known:
                raise FileNotFoundError(errno.ENOENT, "there is no home")
            _add(places.entry(place, known), place)
        except OSError as error:
            why = f"{known}: {error.strerror}" if known else error.strerror
            yield f"that {place} is a project cannot be kept in mind ({why}), so look whether it has a {places.NAMED} before the next run there"


def _add(entry: str, place: str) -> None:
    folder = os.path.dirname(entry)
    os.makedirs(folder, 0o700, exist_ok=True)
    descriptor = os.open(entry, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(os.fsencode(place) + b"\n")
    for name in os.listdir(folder):
        _forget_if_gone(f"{folder}/{name}")


def _forget_if_gone(entry: str) -> None:
    try:
        with open(entry, "rb") as file:
            place = file.read().rstrip(b"\n")
        if place and not os.path.lexists(place):
            os.unlink(entry)
    except OSError:
        return  # another run has been quicker, or it is none of ours
