"""Audit hooks of the target's own: they see what the guard does while it judges, and below them are the frames of what judges.

Such a hook is called for every event after ours, also for those that we raise ourselves, as by opening the channel to the launcher. From there
`sys._getframe`, a traceback, or the frame in the arguments of `object.__getattr__` would lead to the policy in force. Hooks are rare, so nothing is
done until there is one. From then on threads that judge are marked, and what leads to frames is refused in them to all but ourselves.

PyPy raises no event for that. There no other hook is added, and nobody is told, as PEP 578 has it.
"""

import sys
import time
from _thread import get_ident

from hermetic_guard.sealing import seal

ADDED = "sys.addaudithook"
HEARD = sys.implementation.name == "cpython"
WAIT_S, TRIES = 0.001, 200
LOOKS = (
    "object.__getattr__",  # f_code of frames, tb_frame, gi_frame
    "sys._getframe",
    "sys._current_frames",
    "sys._current_exceptions",
    "gc.get_objects",
    "gc.get_referents",
    "gc.get_referrers",
)


def make_observers():
    """Returns two functions.

    privately(look, looked_at)   calls a function of C's that raises one of LOOKS, for the guard itself
    watch(handlers, namespace)   adds to the hook's handlers, by event, what begins to watch once the target adds a hook; the hook's namespace.
                                 Returns what stays false until then, and judge(event, handler, arguments), by which the hook calls them afterwards

    Nothing is made when that begins: what is made once the target runs the collector shows to it.
    """
    return seal(globals())["make"](set(), set(), [])


def make(judging, announced, watching):
    me, refusal, unheard, wait_for_others = get_ident, PermissionError, RuntimeError, make_wait()
    looks = frozenset(LOOKS)

    def privately(look, looked_at):
        if not watching:
            return look(looked_at)
        here = me()
        announced.add(here)
        try:
            return look(looked_at)
        finally:
            announced.discard(here)

    def judge(event, handler, arguments):
        here = me()
        if here in judging:
            if event in looks and here not in announced:
                raise refusal("the frames of the guards are their own")
            announced.discard(here)
            handler(*arguments)
            return
        judging.add(here)
        try:
            handler(*arguments)
        finally:
            judging.discard(here)

    def watch(handlers, namespace):
        more = {event: nothing for event in LOOKS if event not in handlers}

        def on_added(*_):
            if not HEARD:
                raise unheard("hooks cannot be watched here")
            if not watching:
                wait_for_others(namespace)
                handlers.update(more)
                watching.append(True)

        handlers[ADDED] = chained(on_added, handlers.get(ADDED))
        return watching, judge

    return privately, watch


def nothing(*_):
    """Handles an event that nobody but the hook looks at."""


def make_wait():
    current_frames, sleep, me, unheard = sys._current_frames, time.sleep, get_ident, RuntimeError

    def wait_for_others(namespace):
        """Until no other thread judges, as it is not marked yet. Raises RuntimeError, so that the hook is not added, where that takes too long."""
        for _ in range(TRIES):
            frames = current_frames()
            del frames[me()]
            if not any(is_below(namespace, frame) for frame in frames.values()):
                return
            sleep(WAIT_S)
        raise unheard("other threads are being judged")

    return wait_for_others


def is_below(namespace, frame):
    while frame is not None and frame.f_globals is not namespace:
        frame = frame.f_back
    return frame is not None


def chained(first, then):
    if then is None:
        return first

    def both(*arguments):
        first(*arguments)
        then(*arguments)

    return both
