"""Code of the target's that runs while the guard judges: audit hooks, what the garbage collector calls, `__del__`, classes of the library's.

Frames of the guard are in nobody's reach (frames.py), but the collector would list what stands in them. So threads that judge are marked, and are
not told. Of the frames of all threads (`sys._current_frames`) those are left out that are the guard's.

Audit hooks of the target's are called for every event after ours, also for those that we raise ourselves, as by opening the channel to the launcher.
PyPy raises no event for looks. There no other hook is added, and nobody is told, as PEP 578 has it.
"""

import sys
from _thread import get_ident

from hermetic_guard import intact as builtin_types
from hermetic_guard.hook import make_ask
from hermetic_guard.intact import make_intact
from hermetic_guard.patching import builtin
from hermetic_guard.sealing import seal

ADDED = "sys.addaudithook"
FRAMES = "hermetic.frames"
"""An audit event of our own."""
HEARD = sys.implementation.name == "cpython"
LOOKS = ("gc.get_objects", "gc.get_referents", "gc.get_referrers")


def make_observers():
    """Returns two functions.

    privately(look, looked_at)   calls a function of C's that raises one of LOOKS, for the guard itself
    watch(handlers, namespace)   has the hook's handlers, by event, mark the thread that they judge in
    """
    return seal(vars(builtin_types), globals())["make"](set(), set())


def make(judging, announced):
    me, refusal, unheard, intact = get_ident, PermissionError, RuntimeError, make_intact()
    listings = sys._current_frames, getattr(sys, "_current_exceptions", None)  # replace_listings has yet to come

    def privately(look, *looked_at):
        here = me()
        announced.add(here)
        try:
            return look(*looked_at)
        finally:
            announced.discard(here)

    def on_look(*_):
        here = me()
        if here in announced:
            announced.discard(here)
        elif here in judging:
            raise refusal("what the guards are judging is their own")

    def marked(event, handler):
        opens, looks = event == "open", not hasattr(handler, "looks")

        def judge(*arguments):
            here = me()
            if looks and not (opens and is_reading(*arguments)) and not intact():
                raise refusal("methods of built-in types were replaced")
            if here in judging:
                return handler(*arguments)
            try:  # a signal handler that raises may come anywhere
                judging.add(here)
                handler(*arguments)
            finally:
                judging.discard(here)

        return judge

    def on_added(*_):
        if not HEARD:
            raise unheard("hooks cannot be watched here")

    def watch(handlers, _):
        handlers[FRAMES] = make_on_frames(privately, judging, *listings)
        if HEARD:
            handlers.update([(event, marked(event, handler)) for event, handler in handlers.items()])
            handlers.update([(event, chained(on_look, handlers.get(event))) for event in LOOKS])
        handlers[ADDED] = chained(on_added, handlers.get(ADDED))

    return privately, watch


def is_reading(_=None, mode=None, *__):
    """Of the arguments of `open`. These are many: what judges them looks by itself, where the file is not known (filesystem.py)."""
    return type(mode) is str and mode == "r"


def make_on_frames(privately, judging, frames, exceptions):
    """What `sys._current_frames` and `sys._current_exceptions` return, without what judges."""

    def on_frames(answer, what):
        if type(answer) is not list:
            return
        if what == "_current_frames":
            answer.append({thread: above(frame) for thread, frame in privately(frames).items()})
        elif exceptions is not None:
            before = set(judging)
            found = privately(exceptions)
            answer.append({thread: None if thread in before or thread in judging else error for thread, error in found.items()})

    def above(frame):
        """The frame that is judged, if one of the guard's is the innermost: that shows no namespace, and leads out of the guard (frames.py)."""
        return frame if frame is None or frame.f_globals else frame.f_back

    return on_frames


def replace_listings(ledger):
    """What lists the frames of all threads asks the hook for them."""
    ask = make_ask(FRAMES)
    for name in ("_current_frames", "_current_exceptions"):
        original = getattr(sys, name, None)
        if original is not None:
            ledger.replace(sys, name, builtin(make_listing(ask, name), original))


def make_listing(ask, name):
    def listing():
        return ask(name)

    return listing


def chained(first, then):
    if then is None:
        return first

    def both(*arguments):
        first(*arguments)
        then(*arguments)

    return both
