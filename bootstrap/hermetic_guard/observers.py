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
    watch(handlers, namespace)   adds to the hook's handlers, by event, what begins to watch once the target adds a hook; the hook's namespace
    """
    return seal(globals())["make"](set(), set(), [])


def make(judging, announced, watching):
    me, refusal, unheard, wait_for_others = get_ident, PermissionError, RuntimeError, make_wait()

    def privately(look, looked_at):
        if not watching:
            return look(looked_at)
        here = me()
        announced.add(here)
        try:
            return look(looked_at)
        finally:
            announced.discard(here)

    def on_look(*_):
        here = me()
        if here in announced:
            announced.discard(here)
        elif here in judging:
            raise refusal("the frames of the guards are their own")

    def marked(handler):
        def judge(*arguments):
            here = me()
            if here in judging:
                return handler(*arguments)
            judging.add(here)
            try:
                handler(*arguments)
            finally:
                judging.discard(here)

        return judge

    def watch(handlers, namespace):
        def on_added(*_):
            if not HEARD:
                raise unheard("hooks cannot be watched here")
            if not watching:
                wait_for_others(namespace)
                watching.append(True)
                handlers.update([(event, marked(handler)) for event, handler in handlers.items()])
                handlers.update([(event, chained(on_look, handlers.get(event))) for event in LOOKS])

        handlers[ADDED] = chained(on_added, handlers.get(ADDED))

    return privately, watch


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
