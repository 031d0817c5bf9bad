"""Replacements that stand while a block is open, and leave nothing behind.

The guards make them once, by way of the ledger here. From then on they are put in place when the first block of the process opens and taken out
when the last is gone, a module at a time, by one operation on its dict: that is what keeps a block cheap. What somebody else has put there
meanwhile stays, both ways.

Methods of C types are not replaced: a change of their dict is seen only after all caches of the interpreter are emptied. The class in Python that
stands for the type takes its replacements.
"""

from __future__ import annotations

import operator
import os
import sys
from types import ModuleType

from hermetic_guard.patching import CannotReplace, Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

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
        self._get: Callable[[dict[str, object]], object] = lambda names: ()
        self._off: object = ()
        self._on: object = ()

    def add(self, name: str, original: object, new: object) -> None:
        self.off.setdefault(name, original)
        self.on[name] = new
        self._get = operator.itemgetter(*self.on)
        self._off, self._on = self._get(self.off), self._get(self.on)

    def arm(self) -> None:
        """Put ours in the place of what stood there when they were made, and of nothing else."""
        names = self.names
        try:
            if self._get(names) == self._off:
                names.update(self.on)
                return
        except KeyError:
            pass  # somebody has deleted one
        self._one_by_one(self.off, self.on)

    def disarm(self) -> None:
        names = self.names
        try:
            if self._get(names) == self._on:
                names.update(self.off)
                return
        except KeyError:
            pass
        self._one_by_one(self.on, self.off)

    def _one_by_one(self, before: dict[str, object], after: dict[str, object]) -> None:
        for name, value in after.items():
            if self.names.get(name) is before[name]:
                self.names[name] = value


class Group:
    """What is put in place together. open: by how many blocks; attributes: of classes: (class, name, what stood there, what is put there)"""

    def __init__(self) -> None:
        self.open = 0
        self.modules: dict[str, Module] = {}
        self.attributes: list[tuple[type, str, object, object]] = []

    def arm(self) -> None:
        for module in self.modules.values():
            module.arm()
        for owner, name, _, new in self.attributes:
            setattr(owner, name, new)

    def disarm(self) -> None:
        for owner, name, before, new in self.attributes:
            if owner.__dict__.get(name) is new:
                put_back(owner, name, before)
        for module in self.modules.values():
            module.disarm()


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
        self._groups: dict[str, Group] = {ALWAYS: Group()}
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
        if group.open:
            found.arm()
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
        group = self._groups.setdefault(self.group, Group())
        return group, group.modules.setdefault(key, Module(owner))

    def _replace_attribute(self, owner: type, name: str, new: Any) -> Any:
        original = vars(owner)[name]
        owner = self._stand_ins.get(owner, owner)
        if owner.__flags__ & IMMUTABLE:
            raise CannotReplace(f"{owner.__name__} cannot be changed")
        before = vars(owner).get(name, NOTHING)
        if before is NOTHING or before is original:
            group = self._groups.setdefault(self.group, Group())
            group.attributes.append((owner, name, before, new))
            if group.open:
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
        """For a block with these guards."""
        count = self._open.get(groups, 0)
        self._open[groups] = count + 1
        self.before_arming()
        if not count:
            for group in self._named(groups):
                group.open += 1
                if group.open == 1:
                    group.arm()

    def disarm(self, groups: frozenset[str]) -> None:
        self._open[groups] -= 1
        if not self._open[groups]:
            for group in self._named(groups):
                group.open -= 1
                if not group.open:
                    group.disarm()
            if self._copies and not self._groups[ALWAYS].open:
                self.adopt()

    def _named(self, groups: frozenset[str]) -> list[Group]:
        return [self._groups[name] for name in groups if name in self._groups]

    def adopt(self) -> None:
        """Look after modules that were loaded meanwhile and have functions of another for their own: while a block was open these were ours."""
        for copy, owner in list(self._copies.items()):
            if copy in sys.modules and owner in self.modules:
                del self._copies[copy]
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
