"""The guards of this process: made when its first block opens, and then as good as not there whenever no block is open.

The audit hook stays, as hooks do: without an open block it does nothing but look whether there is one.
"""

from __future__ import annotations

import functools
import os
import socket
import sys

from hermetic_guard import attribution, hook
from hermetic_guard.enforce import NARROWED, Enforcer
from hermetic_guard.guards import filesystem, integrity, libraries, loading, native, network, process
from hermetic_guard.policy import GUARDS, Policy
from hermetic_guard.scopes import Scopes
from hermetic_guard.sealing import seal

from hermetic.blocks import carry, settings, starts
from hermetic.blocks.dormant import ALWAYS, Dormant
from hermetic.blocks.inside import Inside
from hermetic.blocks.opening import OUTSIDE
from hermetic.blocks.post import Post
from hermetic.blocks.refusals import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Table = dict[str, Callable[..., Any]]
    Listed = tuple[dict[str, str], dict[str, str]]

EVENTS = "blocks."
"""Begins the audit events of ours: a run's guard may stand in the same process and answers to its own."""

ALL = frozenset([ALWAYS, *GUARDS, "context"])
"""The groups of replacements."""

INTERPRETERS = ("call", "create", "exec", "run_func", "run_string")
"""Functions of the modules of sub-interpreters, in which no hook of ours sees what code does. Those of before a block are there in it."""

OWN = tuple(
    f"{os.path.dirname(os.path.dirname(path))}/" for path in (__file__, hook.__file__.replace("hermetic_guard", "hermetic_guard/."))
)


class BlockScopes(Scopes):
    """What holds where guards ask: that of the blocks around the code that is running."""

    outside = OUTSIDE.rules.policy
    base = OUTSIDE.rules.policy
    packages = ()
    """What is said of single packages allows nothing here."""

    keywords = True
    scratch = None
    handed_on = None

    def __init__(self, inside: Inside) -> None:
        self._find = inside.find

    @property
    def current(self) -> Policy:  # type: ignore[override]
        return self._find().rules.policy

    @property
    def limits_reading(self) -> bool:  # type: ignore[override]
        return self._find().rules.limits_reading

    @property
    def state(self) -> object:  # type: ignore[override]
        return self._find().state

    def narrowed(self) -> None:
        """The run directory of what is started has the policy of its block, and nothing is to be added."""
        return None


class Guards:
    """inside: which blocks are open; listed: files of distributions that blocks allow, as native.read_listed gives them

    post: by which children tell; children: sees to starts, once anything stands; sealed: those that are told of what is refused for good

    Making one replaces nothing and adds no hook.
    """

    def __init__(self) -> None:
        self.inside = Inside(self._arm_first, lambda groups: None)
        self.post = Post()
        os.register_at_fork(before=self._before_fork, after_in_child=self.post.in_child)
        self.listed: Listed = ({}, {})
        self.children: starts.Children | None = None
        self.sealed: tuple[Run, ...] = ()
        self._ledger: Dormant | None = None

    def allow_native(self, policy: Policy) -> None:
        """Before a block with this policy opens: what its distributions have compiled is looked up once."""
        for name, path in settings.native_files(policy):
            self.listed[path.endswith("/")][path] = name

    def _arm_first(self, groups: frozenset[str]) -> None:
        """With the lock of those that open blocks."""
        if self._ledger is None:
            self._ledger = self._install()
            self.inside.arm, self.inside.disarm, self.inside.repair = self._ledger.arm, self._ledger.disarm, self._ledger.repair
        self._ledger.arm(groups)

    def _install(self) -> Dormant:
        """As activate.py does, but for what is about the whole life of a process: core files, the collector, the end of the interpreter."""
        stack = make_stack()
        hook.PREFIX[0] = EVENTS
        enforcer = Enforcer(BlockScopes(self.inside), self._tell, stack)
        self.children = starts.Children(self.inside, self.post, stack)
        tables, ledger = put_in_place(enforcer, self.listed, self.children.install, outside=self.inside.is_outside)
        ledger.group = "context"
        carry.install(ledger, self.inside)
        hook.install(tables, self.inside.standing, {NARROWED: self.children.narrow} if self.children.within else ())
        return ledger

    def stay(self) -> Callable[[Any, str], Any]:
        """Have the replacements of all guards stand for good, beneath those of a guard that is about to be put in place and stays. Blocks that open
        later have to find theirs there. Returns what gives the originals."""
        self.inside.arm(ALL)
        assert self._ledger is not None
        self._ledger.kept += (ALL,)
        return self._ledger.original

    def go(self) -> None:
        """That guard did not come to be."""
        assert self._ledger is not None
        self._ledger.kept = self._ledger.kept[:-1]
        self.inside.disarm(ALL)

    def _tell(self, event: dict[str, Any]) -> None:
        if event["event"] == "refused":
            self.post.tell(event, self.inside.find().runs)

    def _before_fork(self) -> None:
        runs = (*self.sealed, *(self.inside.find().runs if self.inside.standing else ()))
        if runs:
            self.post.before_fork(runs)


def put_in_place(
    enforcer: Enforcer,
    listed: Listed,
    guard_starts: Callable[[Enforcer], Table],
    protected: tuple[str, ...] = (),
    outside: Callable[[], bool] = lambda: False,
) -> tuple[list[Table], Dormant]:
    """Replace what has no audit event, though nothing stands yet but in the ledger; returns that, and the handlers of events for the hook.

    enforcer: made with the prefix of its own events in place; listed: see Guards; guard_starts: replaces the spawn points; protected: what nobody may
    write, besides hermetic's own files; outside: whether nothing holds for who asks
    """
    ledger = enforcer.ledger = Dormant(stand_ins())
    handlers, protect = integrity.install(enforcer, (*OWN, *protected))
    for module in ("_interpreters", "_xxsubinterpreters"):
        for name in INTERPRETERS:
            loading.when_loaded(enforcer, module, loading.replacer(enforcer, name, refused_inside(enforcer.refuse, outside)))
    on_files, replace = filesystem.prepare(enforcer, protect, "", libraries.install)
    on_files["open"] = but_for(on_files["open"], channel_of_run())
    tables = [enforcer.handlers, handlers, on_files, guard_starts(enforcer)]
    for guard in (network, process):
        ledger.group = guard.NAME
        tables.append(guard.install(enforcer))
    ledger.group = filesystem.NAME
    replace()
    ledger.group = native.NAME
    tables.append(native.install(enforcer, listed))
    for name, acts in enforcer.when_loaded.items():
        for act in acts if name in sys.modules else ():
            act(sys.modules[name])
    ledger.adopt()
    return tables, ledger


def refused_inside(refuse: Callable[..., None], outside: Callable[[], bool]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **named: Any) -> Any:
            if not outside():
                refuse("use", "a sub-interpreter")
            return original(*arguments, **named)

        return act

    return make


def stand_ins() -> dict[type, type]:
    """The classes that stand for C types whose methods cannot be replaced."""
    import _socket

    found: dict[type, type] = {_socket.socket: socket.socket}
    try:
        import _ssl
        import ssl
    except ImportError:
        return found  # this Python has no TLS
    found[_ssl._SSLContext] = ssl.SSLContext
    return found


def but_for(on_open: Callable[..., None], channel: str) -> Callable[..., None]:
    """Whether others than the run's guard open its FIFO is for that to judge."""
    if not channel:
        return on_open

    def on_other_open(path: object, *rest: object) -> None:
        if type(path) is not str or path != channel:
            on_open(path, *rest)

    return on_other_open


def channel_of_run() -> str:
    """The FIFO by which a run's guard tells what it refuses, also while a block lets nothing be written; "" where there is no run."""
    from hermetic.launch import nested

    outer = nested.tighten(Policy()) if nested.is_inside() else None
    return f"{outer[2]}/events" if outer else ""


def make_stack(*watched: Any) -> Any:
    return seal(vars(attribution))["make_stack"](lambda name: name.startswith(OWN), *watched)


@functools.cache
def guards() -> Guards:
    """Those of this process."""
    return Guards()
