"""Takes classes out of what `__subclasses__` lists, which leads anybody from `object` to all there are, with no audit event.

A type keeps weak references to the classes below it in a dict, by their addresses (Objects/typeobject.c, add_subclass), and the collector tells
what refers to such a reference. Nothing but that listing is lost: changes of a class are handed on by it to those below, and ours do not change.
"""


def unlist(classes):
    """classes: none of them may be made, or get other bases, afterwards"""
    import gc
    from _weakref import getweakrefs

    addresses = frozenset(map(id, classes))
    bases = {id(base): base for kind in classes for base in kind.__bases__ if id(base) not in addresses}
    ones = [next(kind for kind in classes if base in kind.__bases__) for base in bases.values()]
    for listing in gc.get_referrers(*[reference for kind in ones for reference in getweakrefs(kind)]):
        if type(listing) is dict:
            for address in addresses.intersection(listing):
                del listing[address]
    left = [kind for base in bases.values() for kind in base.__subclasses__() if id(kind) in addresses]
    if left:
        raise RuntimeError("%s is listed by its base" % left[0].__name__)
