"""The subprocess guard: no new process, but of the programs listed.

Which program a start would run is read in starts.py, and only there; that asks here, before anything is started. The audit events ask once
more, behind whatever got hold of an original: not for a program, since by then a script's interpreter or a shell may stand in its place, but
whether any process may be made at all. `_posixsubprocess.fork_exec` has no such event; where nothing may be started, children.py keeps no way
to the original.
"""

import os
import sys

from hermetic_guard.decide import Request
from hermetic_guard.guards import native
from hermetic_guard.hook import make_ask
from hermetic_guard.sealing import seal

NAME = "subprocess"
JUDGE, CLOSED = "hermetic.process", "hermetic.process.closed"
"""Audit events of our own."""

MADE = {"os.exec": "start", "os.posix_spawn": "start", "os.system": "start", "os.fork": "fork", "os.forkpty": "fork"}
"""Events of a new process, or of this one becoming another program, and what they are requests for."""

TCL = "Tcl"
"""The language of `_tkinter` starts programs by itself (`exec`, `open "|..."`), and raises no event."""

SEMAPHORES = "SC_SEM_NSEMS_MAX"


class Questions(object):
    """What a start asks the policy's side. The target can take this out of the functions that hold it: it leads to nothing else.

    judge(action, shown, path)   raises if a process may not be made; path as in decide.py
    closed()                     whether none may be made at all
    set_variable(name, value)    raises if a Python may not be started with this variable
    refuse(action, target), narrowed()   see enforce.py
    """

    __slots__ = ("closed", "judge", "narrowed", "refuse", "set_variable")

    def __init__(self, enforcer, judge, closed) -> None:
        self.refuse = enforcer.refuse
        self.narrowed = enforcer.narrowed
        self.judge = judge
        self.closed = closed
        self.set_variable = native.asker(enforcer)


def questions(enforcer):
    if hasattr(sys, "audit"):
        return Questions(enforcer, make_ask(JUDGE), make_ask(CLOSED))
    return Questions(enforcer, make_judge(enforcer.check), make_closed(enforcer.allows))


def install(enforcer):
    """Replace what makes a process without an audit event, but for the starts of programs; returns the handlers of the events."""
    asked = questions(enforcer)
    closed = enforcer.closed()
    if not enforcer.hooked:
        replace_forks(enforcer.ledger, asked.judge, closed)
    replace_sysconf(enforcer.ledger, asked.closed)
    enforcer.when_loaded("_tkinter", make_hide_tcl(asked.judge, closed))
    return seal(globals())["make_handlers"](enforcer.check, enforcer.allows)


# Judging.


def make_judge(check):
    def judge(action, shown, path=None):
        check(Request(NAME, action, shown, path=path))
        return True

    return judge


def make_closed(allows):
    def closed():
        return not allows(Request(NAME, "fork", ""))

    return closed


def make_handlers(check, allows):
    judge, closed = make_judge(check), make_closed(allows)
    handlers = {event: make_on_made(judge, event, action) for event, action in MADE.items()}
    return dict(handlers, **{JUDGE: make_on_judge(judge), CLOSED: make_on_closed(closed)})


def make_on_made(judge, event, action):
    def on_made(path="", *_):
        judge(action, path if action == "start" and type(path) is str else event)

    return on_made


def make_on_judge(judge):
    """Anybody can raise this event. What comes with it is used only if it is what we send."""

    def on_judge(answer, action, shown, path=None):
        if type(answer) is list and type(action) is type(shown) is str and (path is None or type(path) is str):
            answer.append(judge(action, shown, path))

    return on_judge


def make_on_closed(closed):
    def on_closed(answer):
        if type(answer) is list:
            answer.append(closed())

    return on_closed


# Replacing.


def replace_forks(ledger, judge, closed):
    """Where no event tells of a fork (3.6, 3.7, PyPy). What may not be called anyhow is not kept, for it could be taken out."""

    def guarded(original, name):
        def fork():
            judge("fork", "os." + name)
            return original()

        return fork

    for name in ("fork", "forkpty"):
        original = getattr(os, name)
        wrapper = dress(guarded(None if closed else original, name), original)
        for module in (os, sys.modules["posix"]):
            ledger.replace(module, name, wrapper)


def replace_sysconf(ledger, closed):
    """A pool of processes is refused when it is made, as where there are no semaphores for it (concurrent/futures/process.py,
    _check_system_limits): programs know that, and use threads. Refused later, at its first process, it is none of theirs to catch.
    """
    original = os.sysconf

    def sysconf(name):
        return 0 if type(name) is str and name == SEMAPHORES and closed() else original(name)

    wrapper = dress(sysconf, original)
    for module in (os, sys.modules["posix"]):
        ledger.replace(module, "sysconf", wrapper)


def make_hide_tcl(judge, closed):
    """A function that is given `_tkinter` when it is loaded. A program of that language is none of those that can be allowed."""

    def hide_tcl(module):
        original = module.create
        held = None if closed else original

        def create(*arguments):
            judge("start", TCL, "")
            return held(*arguments)  # type: ignore[misc]

        module.create = dress(create, original)

    return hide_tcl


def dress(wrapper, original):
    """Give a wrapper the name and documentation of what it stands for."""
    wrapper.__name__ = wrapper.__qualname__ = original.__name__
    wrapper.__module__ = original.__module__
    wrapper.__doc__ = original.__doc__
    return wrapper
