"""Whether methods of built-in types are what they were: all that judges calls them.

`str.__dict__ == other` hands the dict behind the proxy to the other's `__eq__`, with no audit event (Objects/descrobject.c, mappingproxy_richcompare;
until 3.14 also where that is asked directly), and what is put there is called in the place of `str.startswith` once the caches are empty.
"""

import sys
from _operator import is_, itemgetter

METHODS = {
    str: "__add__ __str__ encode endswith find index isalnum isdigit isprintable join lower lstrip partition replace rpartition rstrip split "
    "splitlines startswith strip upper",
    bytes: "__getitem__ decode endswith find index isalnum isdigit join lower lstrip partition replace rpartition rstrip split splitlines "
    "startswith strip upper",
    int: "__add__",
    dict: "clear fromkeys get items pop setdefault update values",
    list: "append clear extend index insert pop remove",
    tuple: "index",
    set: "add clear discard intersection isdisjoint issuperset pop remove union update",
    frozenset: "intersection isdisjoint issuperset union",
    memoryview: "tobytes",
}  # type: dict[type, str]
"""Those that the guard's modules name."""

if sys.implementation.name != "cpython":
    METHODS = {}


def make_intact():
    """intact(): False where one of them has been replaced. The interpreter runs none of its own code in between, and none of the target's."""
    same, no, known = is_, False, []
    for kind, names in METHODS.items():
        words = names.split()
        pick = itemgetter(*words, words[0])  # of one name alone it would give no tuple
        known.append((pick, vars(kind), pick(vars(kind))))
    tables = tuple(known)

    def intact():
        return not [pick for pick, table, before in tables if no in map(same, pick(table), before)]

    return intact


def make_sure():
    """sure(): raises where one has been replaced."""
    intact, refusal = make_intact(), PermissionError

    def sure():
        if not intact():
            raise refusal("methods of built-in types were replaced")

    return sure


def looking_itself(make, sure, *bound):
    """A handler of an event that looks by itself, with `sure`, before it calls any: what it knows it answers without. See observers.py.

    make: makes it of `bound` and of what it looks with
    """
    handler = make(*bound, sure)
    handler.looks = True
    return handler
