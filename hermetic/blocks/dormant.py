"""Replacements that stand while a block is open, and leave nothing behind.

The guards make them once, by way of the ledger here. From then on they are put in place when the first block of the process opens and taken out
when the last is gone, a module at a time, by one operation on its dict: that is what keeps a block cheap. What somebody else has put there
meanwhile stays, both ways.

Methods of C types are not replaced: a change of their dict is seen only after all caches of the interpreter are emptied. The class in Python that
stands for the type takes its replacements.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

from hermetic_guard.patching import CannotReplace, Ledger

from hermetic.blocks.swap import NOTHING, Group, Module, one_by_one, replacements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Steps: TypeAlias = dict[frozenset[str], tuple[Callable[[], None], ...]]

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

NONE: frozenset[str] = frozenset()
SUPPORTED = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


class Dormant(Ledger):
    """group: the name of that which replacements are added to now; awaited: modules that are looked for when a block opens; look: called if one of
    them is loaded; kept: what stands besides what blocks need"""

    def __init__(self, stand_ins: dict[type, type]) -> None:
        super().__init__()
        self.group = ALWAYS
        self.look: Callable[[], None] = lambda: None
        self.awaited = NONE
        self.kept: tuple[frozenset[str], ...] = ()
        self._stand_ins = stand_ins
        self._open: dict[frozenset[str], int] = {}
        self._standing = NONE
        self._groups: dict[str, Group] = {}
        self._puts: Steps = {}
        self._takes: Steps = {}
        self._copies = dict(COPIED)
        self._loaded = sys.modules.keys()

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
        self._forget_steps()
        if group.name in self._standing:
            one_by_one(found.names, found.off, found.on)
        return original

    def replace_methods(self, kind: Any, methods: dict[str, Any]) -> None:
        for name, new in methods.items():
            self.replace(kind, name, new)

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
            self._forget_steps()
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
        if not self._loaded.isdisjoint(self.awaited):
            self.look()
        if groups in self._open:  # nothing is called between a look and a change: a signal handler would run there, and count as well
            self._open[groups] += 1
        else:
            self._open[groups] = 1
        standing = self._standing
        if standing is not groups and not standing >= groups:
            self._put(groups)

    def _put(self, groups: frozenset[str]) -> None:
        missing = groups - self._standing if self._standing else groups
        for put in self._puts[missing] if missing in self._puts else self._those_of(missing, self._puts):
            put()
        self._standing = self._standing | missing if self._standing else missing

    def disarm(self, groups: frozenset[str]) -> None:
        count = self._open[groups] - 1
        if count:
            self._open[groups] = count
            return
        del self._open[groups]
        if not self._open:
            self._take(groups, NONE)
        elif gone := self._standing.difference(*self._open):
            self._take(gone, self._standing - gone)
        if self._open:
            for still in tuple(self._open):
                if not self._standing >= still:
                    self._put(still)  # a signal handler has opened that meanwhile

    def _take(self, groups: frozenset[str], left: frozenset[str]) -> None:
        self._standing = left
        for take in self._takes[groups] if groups in self._takes else self._those_of(groups, self._takes):
            take()
        if self._standing is not left:  # a signal handler has opened a block that is open still, and this has taken what it had put
            self._standing = left
        if not self._loaded.isdisjoint(self._copies) and ALWAYS in groups:
            self.adopt()

    def repair(self, needed: tuple[frozenset[str], ...]) -> None:
        """Have that stand which blocks with these guards need, and nothing else, whatever was interrupted. What stands there already stays."""
        counts: dict[frozenset[str], int] = {}
        for groups in (*needed, *self.kept):
            counts[groups] = counts.get(groups, 0) + 1
        self._open = counts
        self._standing = NONE.union(*counts)
        for groups, which in ((frozenset(self._groups) - self._standing, self._takes), (self._standing, self._puts)):
            for step in which[groups] if groups in which else self._those_of(groups, which):
                step()
        self.adopt()

    def _those_of(self, groups: frozenset[str], which: Steps) -> tuple[Callable[[], None], ...]:
        found = [self._groups[name] for name in groups if name in self._groups]
        self._puts[groups], self._takes[groups] = replacements(found)
        return which[groups]

    def _forget_steps(self) -> None:
        self._puts.clear()
        self._takes.clear()

    def adopt(self) -> None:
        """Look after modules that were loaded meanwhile and have functions of another for their own: while a block was open these were ours."""
        for copy, owner in list(self._copies.items()):
            if copy in sys.modules and owner in self.modules:
                del self._copies[copy]
                self._forget_steps()
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
