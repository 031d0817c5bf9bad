"""Takes classes out of what `__subclasses__` lists, which leads anybody from `object` to all there are, with no audit event.

A type keeps weak references to the classes below it in a dict, by their addresses (Objects/typeobject.c, add_subclass), and the collector tells
what refers to such a reference. Nothing but that listing is lost: changes of a class are handed on by it to those below, and ours do not change.

Until 3.10 the numbers of types begin anew when the interpreter forgets what it has looked up, and a class that does not hear of it comes to have
another's number (PyType_ClearCache). There it is the method that lists which leaves them out.
"""

import sys

from hermetic_guard.hook import make_ask
from hermetic_guard.sealing import seal

LIST = "hermetic.subclasses"
"""An audit event of our own."""
NUMBERED_ANEW = sys.version_info < (3, 11)


def hide(ledger, classes, listings):
    """Returns the handlers of audit events.

    classes: none of them may be made, or get other bases, afterwards; listings: the dicts of their bases, as _loader.py finds them
    """
    if NUMBERED_ANEW:
        original = ledger.replace(type, "__subclasses__", make_subclasses(make_ask(LIST)))
        return {LIST: seal(globals())["make_on_list"](original, frozenset(map(id, classes)))}
    unlist(classes, listings)
    return {}


def make_subclasses(ask):
    def __subclasses__(self):
        """Return a list of immediate subclasses."""
        return ask(self)

    return __subclasses__


def make_on_list(original, hidden):
    unique = id

    def on_list(answer, kind):
        if type(answer) is list:
            answer.append([one for one in original(kind) if unique(one) not in hidden])

    return on_list


def unlist(classes, listings):
    """classes: none of them may be made, or get other bases, afterwards"""
    addresses = frozenset(map(id, classes))
    for listing in listings:
        for address in addresses.intersection(listing):
            del listing[address]
    bases = {id(base): base for kind in classes for base in kind.__bases__ if id(base) not in addresses}
    left = [kind for base in bases.values() for kind in base.__subclasses__() if id(kind) in addresses]
    if left:
        raise RuntimeError("%s is listed by its base" % left[0].__name__)
