"""Reads values of a policy where they stand, on the command line or in a file: what paths are relative to, what `$VARIABLES` and `@sets` mean.

A variable begins a path, a set is a whole value. Where a path, or a name, really begins with `$` or `@`, a `./` goes before it.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import is_within

from hermetic import places
from hermetic.errors import quoted
from hermetic.options import ADJUST
from hermetic.policy import WrongValue, context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic.options import Option
    from hermetic.policy.context import Context

    Given = tuple[object, ...]
    """The values of one option or key, in their order; True where the value was left out."""

PATH, ROOT, PROGRAM = LOCAL = ("PATH", "ROOT", "PROGRAM")
"""The kinds of values, by their metavar, that a variable may begin."""

STRANGERS = ("PROJECT", "WORK")
"""Variables for places in which may lie what somebody else has made."""

CACHE = "CACHE"
"""The variable for one that may lie in such a place: `XDG_CACHE_HOME=$PWD/.cache` is usual where builds are automated."""


def _allows_path(option: Option) -> bool:
    return option.metavar == PATH and option.section == ADJUST and option.key.startswith("allow")


class Reader:
    """base:    the directory that relative paths start from, None where that is gone
    context: what the run is made of
    typed:   whether the values were typed for this run, so that one which names nothing is a slip
    ours:    whether they are a built-in profile's
    notes:   what was found to name nothing
    of_sets: the values that stood in sets
    """

    def __init__(self, base: str | None, context: Context, *, typed: bool = False, ours: bool = False) -> None:
        self.base = base
        self.context = context
        self.typed = typed
        self.ours = ours
        self.notes: list[str] = []
        self.of_sets: set[str] = set()
        self._walked: dict[str, list[str]] = {}

    def expanded(self, option: Option, given: Given) -> Given:
        """The values with the words of their sets, and without what begins with a variable that stands for nothing. Raises WrongValue."""
        found: list[object] = []
        for value in given:
            if isinstance(value, str) and value.startswith("@"):
                from hermetic.policy import sets  # only where there are such

                words = sets.words(value, option, self.context)
                self.of_sets.update(words)
                found += words
            elif isinstance(value, str) and value.startswith("$") and option.metavar in LOCAL:
                found += self._with_variable(option, value)
            elif isinstance(value, str) and self._leads_out(option, value):
                self._leave_out(option, value)
            else:
                found.append(value)
        return tuple(found)

    def _with_variable(self, option: Option, value: str) -> Iterable[str]:
        name, slash, rest = value[1:].partition("/")
        if name not in context.VARIABLES:
            from hermetic.options import nearest

            meant = nearest(name.upper(), context.VARIABLES)
            known = ", ".join(f"${one}" for one in context.VARIABLES)
            raise WrongValue(value, f"there is no variable ${name}", f"did you mean ${meant}?" if meant else f"there are {known}")
        place = self.context.value(name)
        allows = option.section == ADJUST and option.key.startswith("allow")
        if place is not None and name in STRANGERS and allows:
            return self._inside(option, value, place, rest)
        if place is not None and name == CACHE and allows and places.is_led_out(f"{place}/{rest}", self.context.environ):
            self.notes.append(f"{option.name} {quoted(value)}: it is in a project, and leads elsewhere by a link")
            return []
        if place is not None:
            return [place + slash + rest]
        if not option.many:
            raise WrongValue(value, f"there is no ${name} here")
        if name != "SCRATCH":
            self.notes.append(f"{option.name} {quoted(value)}: there is no ${name} here")
        return []

    def _leads_out(self, option: Option, value: str) -> bool:
        """Whether what a file means to allow beside it leads elsewhere by a link: its words were trusted, and a link may have come since."""
        if self.typed or self.ours or self.base is None or not (option.metavar == ROOT or _allows_path(option)):
            return False
        named = os.path.normpath(os.path.join(self.base, value))
        return is_within(named, self.base) and not is_within(self.path(value), os.path.realpath(self.base))

    def _leave_out(self, option: Option, value: str) -> None:
        """Raises WrongValue where there is no doing without."""
        if option.metavar == ROOT:
            raise WrongValue(value, "it leads elsewhere by a link")
        self.notes.append(f"{option.name} {quoted(value)}: it leads out of {quoted(self.base or '')} by a link")

    def _inside(self, option: Option, value: str, place: str, rest: str) -> list[str]:
        """Whoever wrote the project may have put a link there: in the place of a tool's own directory, which built-in profiles mean, to any other."""
        if not is_within(self.path(f"{place}/{rest}"), place):
            self.notes.append(f"{option.name} {quoted(value)}: it leads out of {quoted(place)}")
        elif self.ours and places.is_led_elsewhere(f"{place}/{rest}", place):
            self.notes.append(f"{option.name} {quoted(value)}: it leads elsewhere by a link")
        else:
            return [f"{place}/{rest}" if rest else place]
        return []

    def path(self, value: str) -> str:
        """Absolute, and without links. Raises WrongValue."""
        from hermetic.policy import paths  # only where a path is given

        return paths.read(value, self.base)

    def places(self, value: str) -> list[str]:
        """What a path leads to, and each link on the way. Raises WrongValue."""
        from hermetic.policy import paths

        return paths.places(value, self.base, self._walked)
