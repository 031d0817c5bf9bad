"""The one place that replaces attributes of modules and types, and puts them back.

A replacement is needed only where CPython raises no audit event, raises it too late, or where a call must be rewritten. Every one goes
through the ledger, so that what is patched can be listed, and so that a scoped block in one's own code can restore it.
"""

import sys


class CannotReplace(RuntimeError):
    """An attribute that must be replaced did not take it. The caller must not go on: the guard would have a hole."""


class Ledger(object):
    """What was replaced, in order.

    modules: by name, those in which something is replaced, or whose types are; loading one again would bring the originals back
    """

    def __init__(self) -> None:
        self.modules = {}  # type: dict[str, object]
        self._entries = []  # type: list[tuple[object, str, object]]

    def replace(self, owner, name, new):
        """Make `owner.name` be `new`; owner is a module, a class, a type of a C module, or an object.

        Returns what stood in its place (for a type: the descriptor, not yet bound).
        Raises CannotReplace if the change is not seen by a look-up afterwards.
        """
        original = vars(owner)[name]
        assign(owner, name, new)
        self._entries.append((owner, name, original))
        if isinstance(owner, type):
            self.modules[owner.__module__] = sys.modules.get(owner.__module__)
        elif type(owner) is type(sys):
            self.modules[owner.__name__] = owner
        _replace_among_supported(original, new)
        return original

    def replace_methods(self, kind, methods) -> None:
        """The same for several of a type's, by name. What was looked up before is forgotten once for all, which takes longer than all else."""
        self._entries.extend([(kind, name, vars(kind)[name]) for name in methods])
        stale = [put(kind, name, new) for name, new in methods.items()]
        if True in stale:
            _forget_lookups()
        for name, new in methods.items():
            verify(kind, name, new)
        self.modules[kind.__module__] = sys.modules.get(kind.__module__)

    def standing(self, owner, name):
        """What stands there now, None for nothing."""
        return getattr(owner, name, None)

    def later(self):
        """A function (owner, name, new) that replaces something once all else is in place; it does not lead back here."""
        return assign

    def original(self, owner, name):
        """What stood there before anything was replaced."""
        return next(original for entry, named, original in self._entries if entry is owner and named == name)

    def restore(self) -> None:
        """Put everything back, last first."""
        while self._entries:
            owner, name, original = self._entries.pop()
            _replace_among_supported(vars(owner)[name], original)
            assign(owner, name, original)
        self.modules.clear()


class _Builtin(object):
    """What `builtin` makes: calling one calls what is in the slot. To make a class for each would take as long as to compile its module."""

    __slots__ = ("__call__", "__dict__")

    def __reduce__(self):
        return vars(self)["__name__"]

    def __repr__(self):
        return "<built-in function %s>" % vars(self)["__name__"]


_Builtin.__name__ = _Builtin.__qualname__ = "builtin_function_or_method"


def builtin(function, original):
    """`function` as a builtin is: it is not bound where a class has it as an attribute (pathlib's accessors), and is pickled by its name."""
    name = original.__name__  # type: str
    made = _Builtin()
    made.__call__ = function  # type: ignore[operator]
    vars(made).update(__name__=name, __qualname__=name, __doc__=original.__doc__, __module__=original.__module__)
    return made


def assign(owner, name, value):
    if put(owner, name, value):
        _forget_lookups()
    verify(owner, name, value)


def put(owner, name, value):
    """Returns whether what was looked up before may be found still."""
    try:
        setattr(owner, name, value)
    except TypeError:
        dict_behind(owner)[name] = value
        return True
    return False


def verify(owner, name, value):
    if getattr(owner, name) is not getattr(value, "__get__", lambda *_: value)(None, owner):
        raise CannotReplace("%s.%s could not be replaced" % (getattr(owner, "__name__", owner), name))


def dict_behind(owner):
    """The dict behind the read-only `__dict__` of a class.

    A C type refuses setattr, but its mappingproxy refers to the real dict, and gc tells what an object refers to (CPython 3.6-3.15).
    """
    import gc

    found = [item for item in gc.get_referents(owner.__dict__) if type(item) is dict]
    if len(found) != 1:
        raise CannotReplace("%s keeps its attributes where they cannot be reached" % owner.__name__)
    return found[0]


def _forget_lookups():
    """Empty the method cache (Objects/typeobject.c), where look-ups of the type's attributes made earlier stay; deprecated since 3.13."""
    clear = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache", None)
    if clear is not None:
        clear()


def _replace_among_supported(original, new):
    """`os` lists what takes a descriptor, a directory's descriptor or a link by the functions themselves (`os.mkfifo in os.supports_dir_fd`)."""
    import os

    for name in ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks"):
        functions = getattr(os, name, set())  # type: set[object]
        if getattr(original, "__hash__", None) and original in functions:
            functions.discard(original)
            functions.add(new)
