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
from hermetic_guard.guards.loading import replacer, when_loaded
from hermetic_guard.guards.operations import OPEN
from hermetic_guard.hook import make_ask
from hermetic_guard.sealing import seal

NAME = "subprocess"
JUDGE, ALLOWS = "hermetic.process", "hermetic.process.allows"
"""Audit events of our own."""

MADE = {"os.exec": "start", "os.posix_spawn": "start", "os.system": "start", "os.fork": "fork", "os.forkpty": "fork"}
"""Events of a new process, or of this one becoming another program, and what they are requests for."""

TCL = "Tcl"
"""The language of `_tkinter` starts programs by itself (`exec`, `open "|..."`), and raises no event."""

SEMAPHORES = "SC_SEM_NSEMS_MAX"


class Questions(object):
    """What a start asks the policy's side. The target can take this out of the functions that hold it: it leads to nothing else.

    judge(action, shown, path)   raises if a process may not be made; path as in decide.py
    allows(action, path)         whether it may, without a word to anybody
    set_variable(name, value)    raises if a Python may not be started with this variable
    judge_reading(path)          raises if a file may not be read
    refuse(action, target), narrowed()   see enforce.py
    """

    __slots__ = ("allows", "judge", "judge_reading", "narrowed", "refuse", "set_variable")

    def __init__(self, enforcer, judge, allows, ask_open) -> None:
        self.judge_reading = make_judge_reading(ask_open)
        self.refuse = enforcer.refuse
        self.narrowed = enforcer.narrowed
        self.judge = judge
        self.allows = allows
        self.set_variable = native.asker(enforcer)


def questions(enforcer):
    if hasattr(sys, "audit"):
        return Questions(enforcer, make_ask(JUDGE), make_ask(ALLOWS), make_ask(OPEN))
    return Questions(enforcer, make_judge(enforcer.check), make_allows(enforcer.allows), enforcer.ask_open)


def install(enforcer):
    """Replace what makes a process without an audit event, but for the starts of programs; returns the handlers of the events."""
    asked = questions(enforcer)
    closed = enforcer.closed()
    if closed or not enforcer.hooked:
        replace_forks(enforcer.ledger, asked.judge, closed)
    replace_sysconf(enforcer.ledger, asked.allows)
    when_loaded(enforcer, "_tkinter", replacer(enforcer, "create", make_tcl(asked.judge, closed)))
    if sys.version_info >= (3, 14):
        semaphores = make_semaphores(asked.allows, os.path.realpath(sys.executable or "python"))
        when_loaded(enforcer, "_multiprocessing", replacer(enforcer, "SemLock", semaphores))
    return seal(globals())["make_handlers"](enforcer.check, enforcer.allows)


# Judging.


def make_judge(check):
    def judge(action, shown, path=None):
        check(Request(NAME, action, shown, path=path))
        return True

    return judge


def make_judge_reading(ask_open):
    reading = os.O_RDONLY

    def judge_reading(path):
        ask_open(path, None, reading)

    return judge_reading


def make_allows(quietly):
    def allows(action, path=None):
        return quietly(Request(NAME, action, "", path=path))

    return allows


def make_handlers(check, quietly):
    judge = make_judge(check)
    handlers = {event: make_on_made(judge, event, action) for event, action in MADE.items()}
    return dict(handlers, **{JUDGE: make_on_ask(judge), ALLOWS: make_on_ask(make_allows(quietly))})


def make_on_made(judge, event, action):
    def on_made(path="", *_):
        judge(action, path if action == "start" and type(path) is str else event)

    return on_made


def make_on_ask(function):
    """Anybody can raise these events. What comes with them is used only if it is what we send."""

    def on_ask(answer, *words):
        if type(answer) is list and all(word is None or type(word) is str for word in words):
            answer.append(function(*words))

    return on_ask


# Replacing.


def replace_forks(ledger, judge, closed):
    """Where no event tells of a fork (3.6, 3.7, PyPy); and where none is allowed, so that none is when the hook is gone, at shutdown. What will
    not be called anyhow is not kept, for it could be taken out.
    """

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


def replace_sysconf(ledger, allows):
    """A pool of processes is refused when it is made, as where there are no semaphores for it (concurrent/futures/process.py,
    _check_system_limits): programs know that, and use threads. Refused later, at its first process, it is none of theirs to catch.
    """
    original = os.sysconf

    def sysconf(name):
        return 0 if type(name) is str and name == SEMAPHORES and not allows("fork") else original(name)

    wrapper = dress(sysconf, original)
    for module in (os, sys.modules["posix"]):
        ledger.replace(module, "sysconf", wrapper)


def make_tcl(judge, closed):
    """For the function that makes an interpreter of that language: a program in it is none of those that can be allowed."""

    def tcl(original):
        kept = None if closed else original

        def create(*arguments):
            judge("start", TCL, "")
            return kept(*arguments)  # type: ignore[misc]

        return dress(create, original)

    return tcl


def make_semaphores(allows, interpreter):
    """For the type of semaphores.

    One with a name has a process started that removes the name in the end: children open it by that, if they are interpreters. Where there
    will be none it needs no name. Else pools of threads were refused, which have such a semaphore since children are not forked by default (3.14).
    """

    def semaphores(original):
        def __new__(cls, *arguments):
            if len(arguments) == 5 and not allows("start", interpreter):
                arguments = arguments[:4] + (True,)
            return original.__new__(cls, *arguments)

        described = {"__new__": __new__, "__slots__": (), "__doc__": original.__doc__, "__module__": original.__module__}
        return type(original.__name__, (original,), described)

    return semaphores


def dress(wrapper, original):
    """Give a wrapper the name and documentation of what it stands for."""
    wrapper.__name__ = wrapper.__qualname__ = original.__name__
    wrapper.__module__ = original.__module__
    wrapper.__doc__ = original.__doc__
    return wrapper
