"""The way of a request: decide, tell the launcher, raise.

Guards hand requests in here. What judges runs sealed and has everything bound when the enforcer is made: guards outlive module globals at
interpreter shutdown, and a global that is looked up late is one the target can replace.
"""

import os
import sys

from hermetic_guard import decide as judging
from hermetic_guard import errors, hosts, keywords, packages, policy, violations
from hermetic_guard.decide import Decision, Request, decide, decide_for_packages
from hermetic_guard.hook import make_ask
from hermetic_guard.keywords import as_keyword
from hermetic_guard.patching import Ledger
from hermetic_guard.scopes import Scopes
from hermetic_guard.sealing import seal
from hermetic_guard.unions import whole
from hermetic_guard.violations import make_builder

VIOLATION_EXIT = 77
ENOENT = 2
REFUSE, NARROWED, TIGHTEN, NARROW = "hermetic.refuse", "hermetic.narrowed", "hermetic.tighten", "hermetic.narrow"
"""Audit events of our own."""


class Enforcer(object):
    """scopes: the policies in force; tell: writes an event; stack: lists the asking frames; run: the run directory or None; asked: says which
    distributions ask, see attribution.py. That is asked only where a policy says something of packages, of what it refuses to all.

    check(request)          returns if it is allowed, else tells and raises. It holds the policy, so it is for handlers of audit events, as are
    allows(request)         whether it is allowed, without a word to anybody, and
    judge_file(action, path, directory, what), the filesystem guard's judge; None where that is not installed
    read_head(path)         how a program begins, also where that may not be read; None likewise
    ask_open(path, mode, flags)   raises what the filesystem guard refuses of opening a file; None likewise
    ask_variable(shown)     raises if it lets no variable be set by which a library reads files; None likewise
    closed()                whether this run may make no process at all, which cannot change any more; it holds the policy, too
    refuse(action, target)  raises for what no policy allows; may be kept in a function that the target can take apart, as may
    narrowed()              the policy in force, serialized, if it is narrower than the run's own, else None
    handlers                of the events that those two raise, and `hermetic` inside `hermetic`
    when_loaded             functions that are called with an extension module once it is loaded, by its name; see guards/loading.py
    before_loaded           functions that are called before it is
    made                    such modules, and by which names they were made
    hooked                  whether audit events can be relied on
    """

    def __init__(self, scopes: Scopes, tell, stack, run: "str | None" = None, asked=lambda: (packages.NOBODY,)) -> None:
        self.scopes = scopes
        self.run = run
        self.ledger = Ledger()
        self.when_loaded = {}  # type: dict[str, list]
        self.before_loaded = {}  # type: dict[str, list]
        self.made = []  # type: list
        self.hooked = hasattr(sys, "addaudithook") and sys.implementation.name == "cpython"
        sealed = seal(vars(hosts), vars(policy), vars(packages), vars(judging), vars(keywords), vars(violations), globals())
        sealed["DECIDERS"] = {guard: sealed[rule.__name__] for guard, rule in sealed["DECIDERS"].items()}
        judge = sealed["make_judge"](scopes, asked)
        self.check = sealed["make_check"](scopes, judge, tell, stack)
        self.allows = sealed["make_allows"](judge, scopes)
        self.judge_file = None  # type: object
        self.read_head = None  # type: object
        self.ask_open = None  # type: object
        self.ask_variable = None  # type: object
        self.handlers = sealed["make_handlers"](self.check, scopes)
        if hasattr(sys, "addaudithook"):
            self.refuse, self.narrowed = make_ask(REFUSE), make_ask(NARROWED)
        else:
            self.refuse, self.narrowed = make_refuse(self.check), scopes.narrowed
        self.closed = sealed["make_closed"](scopes)
        self.register, self.registered = make_registry(run)


def make_judge(scopes, asked):
    first, again = decide, decide_for_packages

    def judge(current, request: Request) -> judging.Decision:
        decision, views = first(current, request), scopes.packages
        return decision if decision.allowed or not views else again(current, views, request, asked())

    return judge


def make_check(scopes, judge, tell, stack):
    violation, getpid, leave, hidden = make_violation_factory(), os.getpid, os._exit, judging.HIDDEN
    worded = in_keywords if scopes.keywords else in_options

    def check(request: Request) -> None:
        current = scopes.current
        if current is scopes.outside:
            return
        decision = judge(current, request)
        if decision.allowed:
            return
        decision = worded(decision)
        if decision.rule == hidden:
            tell(look(request, getpid(), stack()))
        else:
            tell(refusal(request, decision, getpid(), stack()))
            if current.on_violation == "kill":
                leave(VIOLATION_EXIT)
        raise violation(current.on_violation, request, decision)

    return check


def make_closed(scopes):
    def closed() -> bool:
        return not decide(whole(scopes.base), Request("subprocess", "fork", "")).allowed

    return closed


def make_allows(judge, scopes):
    def allows(request: Request) -> bool:
        current = scopes.current
        return current is scopes.outside or judge(current, request).allowed

    return allows


def in_options(decision):
    return decision


def in_keywords(decision):
    """What holds was said by arguments of a block's, and so is what would allow more."""
    return Decision(False, decision.rule, as_keyword(decision.hint))


def refusal(request, decision, pid, frames) -> "dict[str, object]":
    """The event."""
    return {
        "event": "refused",
        "pid": pid,
        "guard": request.guard,
        "action": request.action,
        "target": request.target,
        "rule": decision.rule,
        "hint": decision.hint,
        "stack": frames,
    }


def look(request, pid, frames) -> "dict[str, object]":
    """The event of a look at what is to look as if it were not there, which is no violation: programs look for what is not there."""
    return {"event": "hidden", "pid": pid, "action": request.action, "target": request.target, "stack": frames}


def make_violation_factory():
    """A function that makes the exception for a refused request, in the policy's manner."""
    kinds = {guard: {manner: make_builder(kind) for manner, kind in manners.items()} for guard, manners in errors.VIOLATIONS.items()}
    unnamed, unaddressed = make_builder(errors.name_refused()), make_builder(errors.address_refused())
    hidden, not_there = judging.HIDDEN, FileNotFoundError

    def kind_of(manner, request):
        if manner != "refuse" or request.action != "DNS":
            return kinds[request.guard][manner]
        return unaddressed if request.facts.get("reverse") else unnamed

    def violation(manner, request, decision):
        given = request.facts.get("given")
        if decision.rule == hidden:
            return not_there(ENOENT, "No such file or directory", given)
        return kind_of(manner, request)(request.guard, request.action, request.target, decision.rule, decision.hint, given)

    return violation


def make_refuse(check):
    def refuse(action, target):
        check(Request("integrity", action, target))

    return refuse


def make_handlers(check, scopes):
    """Anybody can raise these events, and wins nothing by it: a refusal, what the policy is, or a narrower one for what is started.

    `tighten` is for what is started, since `hermetic` inside `hermetic` becomes its target by a start that the narrower one may forbid; `narrow` is
    for this process, which a warm interpreter has forked off.
    """
    refuse = make_refuse(check)

    def on_refuse(_, action, target):
        if type(action) is type(target) is str:
            refuse(action, target)

    def on_narrowed(answer):
        if type(answer) is list:
            answer.append(scopes.narrowed())

    def on_tighten(answer, serialized):
        if type(answer) is list and type(serialized) is bytes:
            answer.append(scopes.hand_on(serialized))

    def on_narrow(serialized):
        if type(serialized) is bytes:
            scopes.tighten(serialized)

    return {REFUSE: on_refuse, NARROWED: on_narrowed, TIGHTEN: on_tighten, NARROW: on_narrow}


def make_registry(run):
    """Which AF_UNIX addresses were bound inside this run, by any of its processes.

    One FIFO per address in the run directory's `unix/`: making a FIFO is the one way to create a name for which CPython raises no audit
    event, so the guard can do it while the target, whose every other way is refused there, cannot. Nothing but a FIFO counts.
    """
    mkfifo, lstat, os_error, exists, name = os.mkfifo, os.lstat, OSError, FileExistsError, registry_name
    fifo, kind, here = 0o010000, 0o170000, set()  # type: int, int, set[bytes]

    def path(address: bytes) -> str:
        return "%s/unix/%s" % (run, name(address))

    def register(address: bytes) -> None:
        here.add(address)
        if run is not None:
            try:
                mkfifo(path(address), 0o600)
            except exists:
                return

    def registered(address: bytes) -> bool:
        if address in here:
            return True
        if run is None:
            return False
        try:
            return lstat(path(address)).st_mode & kind == fifo
        except os_error:
            return False

    return register, registered


def registry_name(address: bytes) -> str:
    """A file name for an address; sun_path holds at most 108 bytes, so its hexadecimal form fits."""
    return "".join(["%02x" % byte for byte in bytearray(address)])
