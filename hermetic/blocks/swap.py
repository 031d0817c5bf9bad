"""What is put in place of something else, and taken out again, when the outermost block of a process opens and when it closes: in as few operations
as there can be, for that is most of what a block costs. What somebody else has put there meanwhile stays, both ways.

It is done by functions that have the dict of a module, or of a class, for their globals: a name is looked at and bound by one instruction each, and
no signal handler nor other thread runs between the look and the change (Python/ceval.c looks for those at calls and jumps back).
"""

from __future__ import annotations

import functools
import operator
from types import FunctionType

from hermetic_guard.patching import CannotReplace, dict_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType
    from typing import Any, TypeAlias

    Names = dict[str, Any]
    Step: TypeAlias = Callable[[], None]
    Replacement: TypeAlias = "Class | Attribute"

NOTHING = object()
"""A class has no attribute of its own of that name."""


class Module:
    """The replacements of a group in one module. off: what stands there else, on: what is put there, by name"""

    def __init__(self, module: ModuleType) -> None:
        self.names = vars(module)
        self.off: dict[str, object] = {}
        self.on: dict[str, object] = {}

    def add(self, name: str, original: object, new: object) -> None:
        self.off.setdefault(name, original)
        self.on[name] = new


class Group:
    """What is put in place together. attributes: of classes: (class, name, what stood there, what is put there)"""

    def __init__(self, name: str) -> None:
        self.name = name
        self.modules: dict[str, Module] = {}
        self.attributes: list[tuple[type, str, object, object]] = []


# The functions. Their names stand for others, see `renamed`.

a: Any
b: Any
c: Any
d: Any
e: Any
f: Any


def swap_one(before: Any, after: Any, otherwise: Step) -> None:
    global a
    (was_a,) = before
    try:
        if a is was_a:
            (a,) = after
            return
    except NameError:
        pass  # somebody has deleted it
    otherwise()


def swap_two(before: Any, after: Any, otherwise: Step) -> None:
    global a, b
    was_a, was_b = before
    try:
        if a is was_a and b is was_b:
            a, b = after
            return
    except NameError:
        pass
    otherwise()


def swap_four(before: Any, after: Any, otherwise: Step) -> None:
    global a, b, c, d
    was_a, was_b, was_c, was_d = before
    try:
        if a is was_a and b is was_b and c is was_c and d is was_d:
            a, b, c, d = after
            return
    except NameError:
        pass
    otherwise()


def swap_six(before: Any, after: Any, otherwise: Step) -> None:
    global a, b, c, d, e, f
    was_a, was_b, was_c, was_d, was_e, was_f = before
    try:
        if a is was_a and b is was_b and c is was_c and d is was_d and e is was_e and f is was_f:
            a, b, c, d, e, f = after
            return
    except NameError:
        pass
    otherwise()


def drop_one() -> None:
    global a
    del a


def drop_four() -> None:
    global a, b, c, d
    del a, b, c, d


SWAPS = {1: swap_one, 2: swap_two, 4: swap_four, 6: swap_six}
DROPS = {1: drop_one, 4: drop_four}
"""By the number of names."""


def swaps(names: Names, before: Names, after: Names) -> Iterator[Step]:
    """What puts, by name, `after` in the place of `before` and of nothing else. Where there are fewer names than a function has, one counts twice."""
    for chunk in chunks([*after], max(SWAPS)):
        width = min(width for width in SWAPS if width >= len(chunk))
        chunk += chunk[-1:] * (width - len(chunk))
        was, new = (tuple([what[name] for name in chunk]) for what in (before, after))
        slowly = functools.partial(one_by_one, names, before, {name: after[name] for name in chunk})
        yield renamed(SWAPS[width], chunk, names, (was, new, slowly))


def drops(names: Names, dropped: list[str]) -> Iterator[Step]:
    """What takes out names that are there."""
    for chunk in chunks(dropped, max(DROPS)):
        for part in [chunk] if len(chunk) in DROPS else chunks(chunk, 1):
            yield renamed(DROPS[len(part)], part, names)


def chunks(names: list[str], width: int) -> list[list[str]]:
    return [names[at : at + width] for at in range(0, len(names), width)]


def renamed(function: Any, names: list[str], where: Names, defaults: tuple[object, ...] = ()) -> Step:
    """A function that does to these names, in that dict, what `function` does to a, b, c..."""
    code = function.__code__
    other = dict(zip("abcdef", names, strict=False))
    return FunctionType(code.replace(co_names=tuple([other.get(name, name) for name in code.co_names])), where, function.__name__, defaults)


def one_by_one(names: Names, before: Names, after: Names) -> None:
    for name, value in after.items():
        if names.get(name) is before[name]:
            names[name] = value


class Class:
    """What a class gets that has nothing of its own by these names. What somebody else has given it stays.

    All but one are changed in the class's own dict. The last is changed as an attribute, by which all that the interpreter remembers of the class
    and of those derived from it is forgotten (PyType_Modified, Objects/typeobject.c).
    """

    def __init__(self, owner: type, on: Names) -> None:
        if any(name.startswith("__") for name in on):
            raise CannotReplace(f"{owner.__name__} has more than its dict for these")  # its slots, which only setattr sees to
        self._owner, self._on = owner, on
        self._names: Names = dict_behind(owner)
        self._last, self._new = next(reversed(on.items()))
        self._rest = {name: new for name, new in on.items() if name != self._last}
        self._is_free, self._look, self._values = self._names.keys().isdisjoint, operator.itemgetter(*on), operator.itemgetter(*on)(on)
        self._drops = tuple(drops(self._names, [*self._rest]))

    def put(self) -> None:
        if self._is_free(self._on):
            self._names.update(self._rest)
            setattr(self._owner, self._last, self._new)
            return
        for name, new in self._on.items():
            if name not in self._names:
                setattr(self._owner, name, new)

    def take(self) -> None:
        try:
            if self._look(self._names) == self._values:
                for drop in self._drops:
                    drop()
                delattr(self._owner, self._last)
                return
        except (AttributeError, KeyError, NameError):
            pass  # somebody has taken one out, be it a signal handler that has opened and closed a block, after we have looked
        for name, new in self._on.items():
            if self._names.get(name) is new:
                take_out(self._owner, name)


class Attribute:
    """One that the class has of its own."""

    def __init__(self, owner: type, name: str, before: object, new: object) -> None:
        self._owner, self._name, self._before, self._new = owner, name, before, new

    def put(self) -> None:
        if vars(self._owner).get(self._name) is self._before:
            setattr(self._owner, self._name, self._new)

    def take(self) -> None:
        if vars(self._owner).get(self._name) is self._new:
            setattr(self._owner, self._name, self._before)


def replacements(groups: Iterable[Group]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Of some groups together: what puts them in place, and what takes them out."""
    groups = tuple(groups)
    put: list[Step] = []
    take: list[Step] = []
    for names, off, on in together([module for group in groups for module in group.modules.values()]):
        put += swaps(names, off, on)
        take += swaps(names, on, off)
    classes: dict[type, Names] = {}
    found: list[Replacement] = []
    for owner, name, before, new in [attribute for group in groups for attribute in group.attributes]:
        if before is NOTHING:
            classes.setdefault(owner, {})[name] = new
        else:
            found.append(Attribute(owner, name, before, new))
    found += [Class(owner, on) for owner, on in classes.items()]
    return (*put, *[one.put for one in found]), (*take, *[one.take for one in found])


def together(modules: Iterable[Module]) -> Iterable[tuple[Names, Names, Names]]:
    """What several groups replace in the same dict: that, what stands there else, and what is put there."""
    places: dict[int, tuple[Names, Names, Names]] = {}
    for module in modules:
        _, off, on = places.setdefault(id(module.names), (module.names, {}, {}))
        off.update(module.off)
        on.update(module.on)
    return [place for place in places.values() if place[2]]


def take_out(owner: type, name: str) -> None:
    try:
        delattr(owner, name)
    except AttributeError:
        pass  # likewise
