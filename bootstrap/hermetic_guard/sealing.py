"""Functions that keep working as written, whatever is done to the modules they came from.

A function looks up names in its module's dict and in `builtins` at every call. Both are in the target's reach (`function.__globals__`,
`import builtins`), and both are emptied at interpreter shutdown while objects still live. What judges the target's calls must not depend on
either, so it runs from a copy with a namespace of its own.
"""

import builtins

FunctionType = type(lambda: None)


def seal(*namespaces):
    """The functions of some modules once more, in one new namespace that holds all they look up; returns that namespace.

    namespaces: the modules' dicts, those of a name's importers after that of its owner. Functions made inside a sealed function are sealed
    too; methods of classes are not. The copies know each other only, so who gets hold of one can reach all of this copy, but of no other.
    """
    sealed = {}  # type: dict
    for namespace in namespaces:
        for name, value in namespace.items():
            if sealed.setdefault(name, value) is not value and name[:2] != "__":
                raise RuntimeError("two modules that are sealed together mean different things by %s" % name)
    sealed = dict(vars(builtins), **sealed)
    for name, value in sealed.items():
        if type(value) is FunctionType and any(value.__globals__ is namespace for namespace in namespaces):
            sealed[name] = FunctionType(value.__code__, sealed, value.__name__, value.__defaults__)
    return sealed
