"""Replacements that stand while a block is open, and leave nothing behind.

The guards make them once, by way of the ledger here. From then on they are put in place when the first block of the process opens and taken out
when the last is gone, a module at a time, by one operation on its dict: that is what keeps a block cheap. What somebody else has put there
meanwhile stays, both ways.

Methods of C types are not replaced: a change of their dict is seen only after all caches of the interpreter are emptied. The class in Python that
stands for the type takes its replacements.
"""

from __future__ import annotations

import itertools
import operator
import os
import sys
from types import ModuleType

from hermetic_guard.patching import CannotReplace, Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    Names = dict[str, object]
    Replacement: TypeAlias = "Swap | Class | Attribute"

NOTHING = object()
"""A class has no attribute of its own of that name."""

IMMUTABLE = 1 << 8
"""Py_TPFLAGS_IMMUTABLETYPE (Include/object.h)."""

COPIES = {
    "_socket": ("socket",),
    "_sqlite3": ("sqlite3.dbapi2", "sqlite3"),
    "_gdbm": ("dbm.gnu",),
    "_dbm": ("dbm.ndbm",),
}
"""Modules that have the functions of another for their own (`from _socket import *`)."""

COPIED = {name: owner for owner, names in COPIES.items() for name in names}
ALWAYS = "always"
"""The group of what every block needs. The others are called like the guards, and `context` is for blocks of that scope."""

SUPPORTED = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


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
            _one_by_one(names, off, on)

    def take(self) -> None:
        if self._stand(self._values_on):
            any(map(dict.update, self._names, self._off))
            return
        for names, off, on in self._places:
            _one_by_one(names, on, off)

    def _stand(self, values: tuple[object, ...]) -> bool:
        try:
            return tuple(map(operator.call, self._look, self._names)) == values
        except KeyError:
            return False  # somebody has deleted one


def _one_by_one(names: Names, before: Names, after: Names) -> None:
    for name, value in after.items():
        if names.get(name) is before[name]:
            names[name] = value


class Class:
    """What a class gets that has nothing of its own by these names. What somebody else has given it stays."""

    def __init__(self, owner: type) -> None:
        self.on: Names = {}
        self._names = vars(owner)
        self._owner = owner

    def put(self) -> None:
        if self._names.keys().isdisjoint(self.on):
            any(map(setattr, itertools.repeat(self._owner), self.on, self.on.values()))
            return
        for name, new in self.on.items():
            if name not in self._names:
                setattr(self._owner, name, new)

    def take(self) -> None:
        try:
            if tuple(map(self._names.__getitem__, self.on)) == tuple(self.on.values()):
                any(map(delattr, itertools.repeat(self._owner), self.on))
                return
        except (AttributeError, KeyError):
            pass  # somebody has deleted one, or a signal handler has opened and closed a block meanwhile
        for name, new in self.on.items():
            if self._names.get(name) is new:
                put_back(self._owner, name, NOTHING)


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


def replacements(groups: Iterable[Group]) -> tuple[Replacement, ...]:
    """Of some groups together."""
    groups = tuple(groups)
    classes: dict[type, Class] = {}
    single = []
    for owner, name, before, new in [attribute for group in groups for attribute in group.attributes]:
        if before is NOTHING:
            classes.setdefault(owner, Class(owner)).on[name] = new
        else:
            single.append(Attribute(owner, name, before, new))
    return Swap([module for group in groups for module in group.modules.values()]), *classes.values(), *single


def put_back(owner: type, name: str, before: object) -> None:
    if before is not NOTHING:
        setattr(owner, name, before)
        return
    try:
        delattr(owner, name)
    except AttributeError:
        pass  # a signal handler has opened and closed a block, after we have looked


class Dormant(Ledger):
    """group: the name of that which replacements are added to now; before_arming: called then"""

    def __init__(self, stand_ins: dict[type, type]) -> None:
        super().__init__()
        self.group = ALWAYS
        self.before_arming: Callable[[], None] = lambda: None
        self._stand_ins = stand_ins
        self._open: dict[frozenset[str], int] = {}
        self._standing: set[str] = set()
        self._groups: dict[str, Group] = {}
        self._together: dict[frozenset[str], tuple[Replacement, ...]] = {}
        self._copies = dict(COPIED)

    # What the guards call.

    def replace(self, owner: Any, name: str, new: Any) -> Any:
        if isinstance(owner, type):
            return self._replace_attribute(owner, name, new)
        if not isinstance(owner, ModuleType):
            raise CannotReplace(f"{owner!r} is neither a module nor a class")
        original = vars(owner)[name]
        self.modules[owner.__name__] = owner
        _support(original, new)
        group, found = self._place(owner, name)
        found.add(name, original, new)
        self._together.clear()
        if group.name in self._standing:
            _one_by_one(found.names, found.off, found.on)
        return original

    def _place(self, owner: ModuleType, name: str) -> tuple[Group, Module]:
        """Where a replacement belongs; one that two guards have made stays with the first. A module that was made a second time is another one."""
        key = owner.__name__
        if any(group.modules[key].names is not vars(owner) for group in self._groups.values() if key in group.modules):
            key = f"{key} {id(owner)}"
        for group in self._groups.values():
            known = group.modules.get(key)
            if known is not None and name in known.on:
                return group, known
        group = self._now()
        return group, group.modules.setdefault(key, Module(owner))

    def _now(self) -> Group:
        return self._groups.setdefault(self.group, Group(self.group))

    def _replace_attribute(self, owner: type, name: str, new: Any) -> Any:
        original = vars(owner)[name]
        owner = self._stand_ins.get(owner, owner)
        if owner.__flags__ & IMMUTABLE:
            raise CannotReplace(f"{owner.__name__} cannot be changed")
        before = vars(owner).get(name, NOTHING)
        if before is NOTHING or before is original:
            group = self._now()
            group.attributes.append((owner, name, before, new))
            self._together.clear()
            if group.name in self._standing:
                setattr(owner, name, new)
        return original

    def standing(self, owner: Any, name: str) -> Any:
        found = self._known(owner, name)
        return getattr(owner, name, None) if found is None else found.on[name]

    def original(self, owner: Any, name: str) -> Any:
        found = self._known(owner, name)
        if found is None:
            raise KeyError(name)
        return found.off[name]

    def _known(self, owner: Any, name: str) -> Module | None:
        places = [group.modules.get(getattr(owner, "__name__", "")) for group in self._groups.values()]
        return next((found for found in places if found is not None and name in found.on), None)

    def later(self) -> Callable[[Any, str, Any], None]:
        group = self.group

        def put(owner: Any, name: str, new: Any) -> None:
            self.group = group
            self.replace(owner, name, new)

        return put

    # What blocks call.

    def arm(self, groups: frozenset[str]) -> None:
        """For a block with these guards. A signal handler that opens one in the midst of this finds that they do not stand yet, and puts them
        there; it takes none away again that this has asked for."""
        self.before_arming()
        self._open[groups] = self._open.get(groups, 0) + 1
        if not self._standing >= groups:
            self._put(groups)

    def _put(self, groups: frozenset[str]) -> None:
        missing = groups - self._standing if self._standing else groups
        for one in self._those_of(missing):
            one.put()
        self._standing.update(missing)

    def disarm(self, groups: frozenset[str]) -> None:
        count = self._open[groups] - 1
        if count:
            self._open[groups] = count
            return
        del self._open[groups]
        self._take(frozenset(self._standing.difference(*self._open)) if self._open else groups)
        for still in tuple(self._open):
            if not self._standing >= still:
                self._put(still)  # a signal handler has opened that meanwhile

    def _take(self, groups: frozenset[str]) -> None:
        self._standing.difference_update(groups)
        for one in self._those_of(groups):
            one.take()
        if self._copies and ALWAYS in groups and not sys.modules.keys().isdisjoint(self._copies):
            self.adopt()

    def _those_of(self, groups: frozenset[str]) -> tuple[Replacement, ...]:
        found = self._together.get(groups)
        if found is None:
            found = self._together[groups] = replacements([self._groups[name] for name in groups if name in self._groups])
        return found

    def adopt(self) -> None:
        """Look after modules that were loaded meanwhile and have functions of another for their own: while a block was open these were ours."""
        for copy, owner in list(self._copies.items()):
            if copy in sys.modules and owner in self.modules:
                del self._copies[copy]
                self._together.clear()
                for group in self._groups.values():
                    if owner in group.modules:
                        _adopt(sys.modules[copy], group)


def _adopt(copy: ModuleType, group: Group) -> None:
    owner = group.modules[COPIED[copy.__name__]]
    found = group.modules.setdefault(copy.__name__, Module(copy))
    for name, new in owner.on.items():
        if name in vars(copy) and vars(copy)[name] in (new, owner.off[name]):
            vars(copy)[name] = owner.off[name]
            found.add(name, owner.off[name], new)


def _support(original: object, new: object) -> None:
    """`os` lists what takes a descriptor by the functions themselves. Ours are in these lists for good: there they change nothing."""
    for name in SUPPORTED:
        functions = getattr(os, name)
        if getattr(original, "__hash__", None) and original in functions:
            functions.add(new)
