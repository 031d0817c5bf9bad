"""Frames of what judges are given to nobody, and so neither is what stands in them: the policy in force, tables, namespaces.

Code of the target's may run while the guard judges, above its frames: what the garbage collector calls, `__del__`, signal handlers, audit hooks. A
frame that it has had before, as of a generator, leads to them by `f_back`, with no audit event; a signal handler is handed one. So whatever leads
from one frame to others passes over those of the guard, and of those that an exception has passed nothing is left to be seen.

What knows the originals is behind functions of C's that show nothing of what they call.
"""

import sys

from hermetic_guard.patching import assign, builtin, dict_behind
from hermetic_guard.sealing import seal

LISTINGS = ("get_objects", "get_referents", "get_referrers")


def install(own):
    """own: the guard's namespaces, to which more may be added. Replaces for good, and is to be called when all else is in place."""
    from _functools import _lru_cache_wrapper  # type: ignore[import-not-found]

    def opaque(function):
        """Calls it, and neither lists it as an attribute nor reduces to it."""
        return _lru_cache_wrapper(function, 0, False, tuple)

    sealed = seal(globals())
    kinds = kinds_of_frames()
    frame, traceback = kinds[:2]
    globals_of, back_of, frame_of = [getter(frame, "f_globals"), getter(frame, "f_back"), getter(traceback, "tb_frame")]
    is_own = sealed["make_is_own"](own)
    beyond = sealed["make_beyond"](is_own, globals_of, back_of)
    dict_behind(traceback)["tb_frame"] = property(opaque(sealed["make_passed"](is_own, globals_of, frame_of)))
    dict_behind(frame)["f_globals"] = property(opaque(sealed["make_globals"](is_own, globals_of)))
    assign(frame, "f_back", property(opaque(sealed["make_back"](beyond, back_of))))  # and forgets look-ups of all types
    put(sys, "_getframe", lambda original: sealed["make_getframe"](original, beyond), opaque)
    replace_listings(sealed, opaque, sealed["make_is_shown"](is_own, globals_of, *kinds))
    replace_signals(sealed, opaque, beyond)
    return beyond


def kinds_of_frames():
    """The types of frames, tracebacks, generators and functions."""

    def generator():
        yield

    try:
        raise LookupError
    except LookupError as error:
        passed = error.__traceback__
    made = generator()
    return type(made.gi_frame), type(passed), type(made), type(generator)


def getter(kind, name):
    return vars(kind)[name].__get__


def put(module, name, make, opaque):
    original = getattr(module, name)
    assign(module, name, builtin(opaque(make(original)), original))


def make_is_own(own):
    known, counted, unique = set(), [0], id

    def is_own(namespace):
        if len(own) != counted[0]:
            known.update([unique(one) for one in own])
            counted[0] = len(own)
        return unique(namespace) in known

    return is_own


def make_beyond(is_own, globals_of, back_of):
    """beyond(frame): the first from there on that is none of the guard's, None for none."""

    def beyond(frame):
        while frame is not None and is_own(globals_of(frame)):
            frame = back_of(frame)
        return frame

    return beyond


def make_back(beyond, back_of):
    def f_back(frame):
        return beyond(back_of(frame))

    return f_back


def make_globals(is_own, globals_of):
    def f_globals(frame):
        found = globals_of(frame)
        return {} if is_own(found) else found

    return f_globals


def make_passed(is_own, globals_of, frame_of):
    """Of a frame that is still executing somebody has the traceback who was called in the middle of it."""
    running, refusal = RuntimeError, PermissionError

    def tb_frame(traceback):
        found = frame_of(traceback)
        if is_own(globals_of(found)):
            try:
                found.clear()
            except running:
                raise refusal("the frames of the guards are their own") from None
        return found

    return tb_frame


def make_getframe(original, beyond):
    add, deep, too_deep = int.__add__, int, ValueError

    def _getframe(*depth):
        if len(depth) == 1 and isinstance(depth[0], deep):
            depth = (max(add(depth[0], 0), 0) + 1,)
        frame = beyond(original(*depth or (1,)))
        if frame is None:
            raise too_deep("call stack is not deep enough")
        return frame

    return _getframe


# The collector.


def replace_listings(sealed, opaque, is_shown):
    import gc

    for name in LISTINGS:
        put(gc, name, lambda original: sealed["make_listing"](original, is_shown), opaque)


def make_is_shown(is_own, globals_of, frame, traceback, generator, function):
    globals_in, frame_in = getter(function, "__globals__"), getter(generator, "gi_frame")

    def is_shown(one):
        kind = type(one)
        if kind is frame:
            return not is_own(globals_of(one))
        if kind is function:
            return not is_own(globals_in(one))
        if kind is generator:
            inner = frame_in(one)
            return inner is None or not is_own(globals_of(inner))
        return True

    return is_shown


def make_listing(original, is_shown):
    def listing(*given, **named):
        return [one for one in original(*given, **named) if is_shown(one)]

    return listing


# Signals.


def replace_signals(sealed, opaque, beyond):
    """A handler is handed the frame that the signal has interrupted."""
    import _signal  # type: ignore[import-not-found]

    given = {}  # type: dict[int, tuple]
    names = [(name, getattr(_signal, name)) for name in ("signal", "getsignal")]
    made = sealed["make_signal"](opaque, beyond, given, _signal.default_int_handler, *[original for _, original in names])
    for (name, original), function in zip(names, made):
        wrapper = builtin(opaque(function), original)
        for module in (_signal, sys.modules.get("signal")):
            if module is not None and getattr(module, name) is original:
                assign(module, name, wrapper)


def make_signal(opaque, beyond, given, interrupt, set_handler, get_handler):
    callables = callable

    def signal(number, handler):
        if not callables(handler) or handler is interrupt:
            return asked_for(number, set_handler(number, handler))
        delivered = opaque(make_delivery(handler, beyond))
        before = asked_for(number, set_handler(number, delivered))
        given[int(number)] = delivered, handler
        return before

    def getsignal(number):
        return asked_for(number, get_handler(number))

    def asked_for(number, found):
        delivered, handler = given.get(int(number), (None, None))
        return handler if found is not None and found is delivered else found

    return signal, getsignal


def make_delivery(handler, beyond):
    def deliver(number, frame):
        return handler(number, beyond(frame))

    return deliver
