"""The audit hook (PEP 578): the veto that cannot be taken out again.

CPython calls it for every event with the arguments of the operation; a handler that raises stops the operation. Handlers come from the
guards; an event without one costs a dict look-up. A hook added in Python does not see events of sub-interpreters (guards/integrity.py refuses
to make those), and hooks are dropped at shutdown while objects still live, see shutdown.py.

Nothing in the target refers to the hook, so what judges is best kept behind it: replaced functions, which the target can take apart, ask by
raising an event of our own (`make_ask`). What remains in view are frames: those that an exception has passed, and those below any code of the
target's that is called from here. Neither may hold the handlers.
"""

import sys

from hermetic_guard.errors import Unanswered
from hermetic_guard.sealing import seal

OWN = "hermetic."
"""How audit events of our own begin."""

PREFIX = [""]
"""What goes before those besides. Blocks in a program's own code put something there (hermetic/blocks), for a run's guard may stand in the same
process and answers to its own."""


def install(tables, standing=(True,), others=(), watch=lambda *_: None):
    """Add the hook, which cannot be undone. tables: of each guard, functions by event, which are given the event's arguments.

    All guards that look at an event are asked, in their order. None may run code of the target's, whose caller it would be.
    standing: while it is empty nothing is asked but what our own replacements ask
    others: handlers of events of another guard's, by their whole names; its hook was there before, and has been called
    watch: see observers.py
    """
    sealed = seal(globals())
    handlers = {}  # type: dict[str, list]
    for event, handler in [item for table in tables for item in table.items()]:
        handlers.setdefault(named(event), []).append(handler)
    single = {event: found[0] if len(found) == 1 else sealed["make_chain"](tuple(found)) for event, found in handlers.items()}
    single.update(others)
    watch(single, sealed)
    find = single.get if standing == (True,) else sealed["make_find"](single, standing)
    sys.addaudithook(sealed["make_hook"](find))  # novm


def named(event):
    return PREFIX[0] + event if event.startswith(OWN) else event


def make_find(handlers, standing):
    """The look-up of a handler, where guards do not stand all the time."""
    own = {event: handler for event, handler in handlers.items() if event.startswith(PREFIX[0])}

    def find(event, any_time=own.get, now=handlers.get):
        return now(event) if standing else any_time(event)

    return find


def make_chain(handlers):
    def chain(*arguments):
        for handler in handlers:
            handler(*arguments)

    return chain


def make_hook(look_up):
    with_traceback, anything = BaseException.with_traceback, BaseException

    def hook(event, arguments, find=look_up, shed=with_traceback):
        handler = find(event)
        if handler is None:
            return
        find = None  # no frame's f_locals leads to the other handlers
        try:
            handler(*arguments)
            return
        except anything as error:
            refusal = error
        handler = arguments = None
        raise shed(refusal, None)

    return hook


def make_ask(event):
    """A function that hands its arguments to the handler of `event`, behind a list for what it answers; returns that, or raises.

    Without a hook, as when the interpreter shuts down, it raises `Unanswered`.
    """
    audit, event = sys.audit, named(event)  # novm

    def ask(*request):
        answer = []  # type: list[object]
        audit(event, answer, *request)
        if not answer:
            raise Unanswered("no guard is left at interpreter shutdown")
        return answer[0]

    return ask
