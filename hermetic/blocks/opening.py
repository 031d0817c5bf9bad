"""A block that was opened: what it asks for, what holds by it, and what closes it. Where it holds is said in inside.py."""

from __future__ import annotations

from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_ITERABLE_COROUTINE

from hermetic_guard.policy import Policy

from hermetic.blocks.dormant import ALWAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from hermetic.blocks.refusals import Run

    Mark = tuple["Opening", int, tuple[int, int]]

SUSPENDED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE
"""Of the code of what can be left and entered again."""

PLAIN = 0
"""The frame of a block that was opened where nothing can be suspended."""

COMBINED = 64
"""So many combinations of open blocks are remembered."""


class Rules:
    """What a block asks for. policy: its own; limits_reading: whether that limits reading; groups: of replacements that it needs"""

    __slots__ = ("groups", "limits_reading", "policy")

    def __init__(self, policy: Policy, *, context: bool = False) -> None:
        self.policy = policy
        groups = frozenset([ALWAYS, *policy.guards(), *(["context"] if context else [])])
        self.groups = GROUPS.setdefault(groups, groups)
        files = policy.filesystem
        self.limits_reading = files is not None and (files.read is not None or bool(files.hide))


GROUPS: dict[frozenset[str], frozenset[str]] = {}
"""Equal ones are the same: they are compared whenever a block opens."""

MADE: dict[tuple[int, bool], Rules] = {}


def rules_of(policy: Policy, *, context: bool) -> Rules:
    """Those of blocks that are made anew each time they are used are the same, if their policy is."""
    found = MADE.get((id(policy), context))
    if found is None:
        if len(MADE) >= COMBINED:
            MADE.clear()
        found = MADE[id(policy), context] = Rules(policy, context=context)  # which keeps the policy, so that no other has its id
    return found


class Standing:
    """What holds for some code. state: another object for every block that is opened, see Scopes in hermetic_guard; runs: are told of refusals"""

    __slots__ = ("rules", "runs", "state")

    def __init__(self, rules: Rules, runs: tuple[Run, ...] = ()) -> None:
        self.rules = rules
        self.runs = runs
        self.state = object()


class Opening(Standing):
    """A block that was opened, by other means than a `with` of the scope `process`, whose run is one itself. One of the scope `context` holds as
    long as anybody refers to it: who opened it, or what was started inside.

    left: whether it was closed by another thread than has opened it, whose context variable has it still
    """

    __slots__ = ("__weakref__", "left")

    def __init__(self, rules: Rules, run: Run) -> None:
        self.left = False
        self.rules = rules
        self.runs = (run,)
        self.state = object()


OUTSIDE = Standing(Rules(Policy()))


class Ticket:
    """What closes a block of the scope `context`. thread: that opened it; frame: see `frame_of`; marks: what the context variable was set to"""

    __slots__ = ("frame", "marks", "opening", "thread")

    def __init__(self, opening: Opening, thread: int, frame: int, marks: tuple[Mark, ...]) -> None:
        self.opening = opening
        self.thread = thread
        self.frame = frame
        self.marks = marks


def frame_of(frame: FrameType) -> int:
    """The identity of a frame that can be suspended, else PLAIN. CPython keeps the object of a frame, once asked for, until that is left."""
    return id(frame) if frame.f_code.co_flags & SUSPENDED else PLAIN
