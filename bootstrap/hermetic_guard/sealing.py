"""Functions that keep working as written, whatever is done to the modules they came from.

A function looks up names in its module's dict and in `builtins` at every call. Both are in the target's reach (`function.__globals__`,
`import builtins`), and both are emptied at interpreter shutdown while objects still live. What judges the target's calls must not depend on
either, so it runs from a copy with a namespace of its own.

Classes cannot be copied so, and whoever has one can have its instances say what he likes, or be called by them beneath the frames of what judges.
So in a run all modules are executed twice (_loader.py): what is sealed comes from the twins, and what stands in the target's reach knows the others.
"""

import builtins

FunctionType = type(lambda: None)
NAMESPACES = None  # type: list[dict] | None
"""Those of the guard while it is put in place; whoever needs them keeps the list. Not afterwards: this module is in the target's reach."""
TWINS = {}  # type: dict[int, dict]
"""In a run, by the identity of a module's dict: that of its twin. Emptied likewise."""


def seal(*namespaces):
    """The functions of some modules once more, from their twins if they have any; see `copied`."""
    return copied(*[TWINS.get(id(namespace), namespace) for namespace in namespaces])


def copied(*namespaces):
    """The functions of some modules once more, in one new namespace that holds all they look up; returns that namespace.

    namespaces: the modules' dicts, those of a name's importers after that of its owner. Functions made inside a sealed function are sealed
    too; methods of classes are not. The copies know each other only, so who gets hold of one can reach all of this copy, but of no other.
    """
    sealed, inner = dict(vars(builtins)), {}  # type: dict, dict
    if NAMESPACES is not None:
        NAMESPACES.append(sealed)
    for namespace in namespaces:
        for name in frozenset(inner).intersection(namespace):
            if inner[name] is not namespace[name] and name[:2] != "__":
                raise RuntimeError("two modules that are sealed together mean different things by %s" % name)
        inner, before = dict(namespace), inner
        inner.update(before)
    sealed.update(inner)
    owners = frozenset(map(id, namespaces))
    for name, value in inner.items():
        if type(value) is FunctionType and id(value.__globals__) in owners:
            sealed[name] = FunctionType(value.__code__, sealed, value.__name__, value.__defaults__)
    return sealed
