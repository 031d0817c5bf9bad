"""What the garbage collector shows: it would list the tables of the guards, and cells of functions, which could be filled anew.

gc.freeze() puts all there is out of its sight: it looks at every generation but the permanent one (Modules/gcmodule.c). That holds for the
namespace of `__main__` too, and an interpreter that ends has what stands in there released by the collector: by `__del__`, or as a file that still
has something to write. In a fresh interpreter there is nothing in it yet, so the target gets another one. The modules that were there before are in
the hands of the guard, which outlives them, and are cleared one by one (Python/pylifecycle.c, finalize_modules_clear_weaklist).

In a program that seals itself, everything is given back at the very end, after all that `atexit` calls; whoever asks for objects from then on is
refused. To walk through the guard's objects takes a tenth of what the guard costs.
"""

import sys

from hermetic_guard.decide import Request
from hermetic_guard.hook import named
from hermetic_guard.patching import builtin
from hermetic_guard.sealing import seal

ENDING = "hermetic.ending"
"""An audit event of our own. Who raises it early has the collector refuse early."""

CLEARED = "cpython.PyInterpreterState_Clear"
"""The last event."""

LISTING = ("gc.get_objects", "gc.get_referents", "gc.get_referrers")


def install(enforcer, fresh=False):
    """Returns the handlers of audit events, and the function to be called when all is in place, with which the hiding begins.

    fresh: whether nothing of the target's has run, and `__main__` is empty
    """
    import gc

    freeze = getattr(gc, "freeze", None)
    if freeze is None:
        return {}, bool  # 3.6, PyPy
    unfreeze = enforcer.ledger.replace(gc, "unfreeze", builtin(lambda: None, gc.unfreeze))  # novm
    if fresh and enforcer.hooked:
        return {CLEARED: seal(globals())["make_keep"](tuple(sys.modules.values()))}, make_freeze(freeze)
    import atexit  # which calls what came first last

    if not enforcer.hooked:
        atexit.register(unfreeze)
        return {}, freeze
    atexit.register(sys.audit, named(ENDING))  # novm
    return seal(globals())["make_handlers"](enforcer.check, unfreeze), freeze


def make_keep(modules):
    """A handler that does nothing: the hook keeps what it keeps."""

    def keep(*_):
        return modules

    return keep


def make_freeze(freeze):
    """Puts aside what there is. The target's `__main__` is none of that."""

    def freeze_all():
        freeze()
        standing = sys.modules["__main__"]
        sys.modules["__main__"] = main = type(sys)("__main__")
        vars(main).update(vars(standing))

    return freeze_all


def make_handlers(check, unfreeze):
    over = []  # type: list[bool]

    def on_ending(*_):
        if not over:
            over.append(True)
            unfreeze()

    def make_on_listing(event):
        def on_listing(*_):
            if over:
                check(Request("integrity", "use", event))

        return on_listing

    return dict([(event, make_on_listing(event)) for event in LISTING], **{ENDING: on_ending})
