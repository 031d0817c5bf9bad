"""The one place that replaces attributes of modules and types, and puts them back.

A replacement is needed only where CPython raises no audit event, raises it too late, or where a call must be rewritten. Every one goes
through the ledger, so that what is patched can be listed, and so that a scoped block in one's own code can restore it.
"""

import gc


class CannotReplace(RuntimeError):
    """An attribute that must be replaced did not take it. The caller must not go on: the guard would have a hole."""


class Ledger(object):
    """What was replaced, in order."""

    def __init__(self) -> None:
        self._entries = []  # type: list[tuple[object, str, object]]

    def replace(self, owner, name, new):
        """Make `owner.name` be `new`; owner is a module, a class, or a type of a C module.

        Returns what stood in its place (for a type: the descriptor, not yet bound).
        Raises CannotReplace if the change is not seen by a look-up afterwards.
        """
        original = vars(owner)[name]
        _assign(owner, name, new)
        self._entries.append((owner, name, original))
        return original

    def restore(self) -> None:
        """Put everything back, last first."""
        while self._entries:
            _assign(*self._entries.pop())


def _assign(owner, name, value):
    try:
        setattr(owner, name, value)
    except TypeError:
        _static_dict(owner)[name] = value
    if getattr(owner, name) is not getattr(value, "__get__", lambda *_: value)(None, owner):
        raise CannotReplace("%s.%s could not be replaced" % (getattr(owner, "__name__", owner), name))


def _static_dict(owner):
    """The dict behind the read-only `__dict__` of a C type.

    Such a type refuses setattr, but its mappingproxy refers to the real dict, and gc tells what an object refers to (CPython 3.6-3.15).
    A look-up made earlier may sit in the type's method cache (Objects/typeobject.c): that is why `_assign` looks again.
    """
    found = [item for item in gc.get_referents(owner.__dict__) if type(item) is dict]
    if len(found) != 1:
        raise CannotReplace("%s keeps its attributes where they cannot be reached" % owner.__name__)
    return found[0]
