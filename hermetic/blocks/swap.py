"""What is put in place of something else, and taken out again, when the outermost block of a process opens and when it closes: in as few operations
as there can be, for that is most of what a block costs. What somebody else has put there meanwhile stays, both ways.
"""

from __future__ import annotations

import operator

from hermetic_guard.patching import CannotReplace, dict_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any, TypeAlias

    Names = dict[str, Any]
    Replacement: TypeAlias = "Swap | Class | Attribute"

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


class Swap:
    """What some groups replace in the dicts of modules: one look and one change for each dict, with no step of the interpreter between."""

    def __init__(self, modules: Iterable[Module]) -> None:
        places: dict[int, tuple[Names, Names, Names]] = {}
        for module in modules:
            _, off, on = places.setdefault(id(module.names), (module.names, {}, {}))
            off.update(module.off)
            on.update(module.on)
        self._places = [place for place in places.values() if place[2]]
        self._names = [names for names, _, _ in self._places]
        self._look = [operator.itemgetter(*on) for _, _, on in self._places]
        self._off = [off for _, off, _ in self._places]
        self._on = [on for _, _, on in self._places]
        self._values_off, self._values_on = (tuple(map(operator.call, self._look, what)) for what in (self._off, self._on))

    def put(self) -> None:
        """Ours in the place of what stood there when they were made, and of nothing else."""
        if self._stand(self._values_off):
            any(map(dict.update, self._names, self._on))
            return
        for names, off, on in self._places:
            one_by_one(names, off, on)

    def take(self) -> None:
        if self._stand(self._values_on):
            any(map(dict.update, self._names, self._off))
            return
        for names, off, on in self._places:
            one_by_one(names, on, off)

    def _stand(self, values: tuple[object, ...]) -> bool:
        try:
            return tuple(map(operator.call, self._look, self._names)) == values
        except KeyError:
            return False  # somebody has deleted one


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
        self._is_free, self._values = self._names.keys().isdisjoint, [*on.values()]

    def put(self) -> None:
        if self._is_free(self._on):
            self._names.update(self._rest)
            setattr(self._owner, self._last, self._new)
            return
        for name, new in self._on.items():
            if name not in self._names:
                setattr(self._owner, name, new)

    def take(self) -> None:
        if [*map(self._names.get, self._on)] == self._values:
            try:
                any(map(self._names.__delitem__, self._rest))
                delattr(self._owner, self._last)
                return
            except (AttributeError, KeyError):
                pass  # a signal handler has opened and closed a block, after we have looked
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


def replacements(groups: Iterable[Group]) -> tuple[tuple[Callable[[], None], ...], tuple[Callable[[], None], ...]]:
    """Of some groups together: what puts them in place, and what takes them out."""
    groups = tuple(groups)
    classes: dict[type, Names] = {}
    found: list[Replacement] = [Swap([module for group in groups for module in group.modules.values()])]
    for owner, name, before, new in [attribute for group in groups for attribute in group.attributes]:
        if before is NOTHING:
            classes.setdefault(owner, {})[name] = new
        else:
            found.append(Attribute(owner, name, before, new))
    found += [Class(owner, on) for owner, on in classes.items()]
    return tuple([one.put for one in found]), tuple([one.take for one in found])


def take_out(owner: type, name: str) -> None:
    try:
        delattr(owner, name)
    except AttributeError:
        pass  # likewise
