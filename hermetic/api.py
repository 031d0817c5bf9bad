"""The guards in one's own code: a block that a `with` statement or a decorator puts around it.

    with hermetic_blocker(block_network=True) as run:
        ...

    @with_hermetic(block_network=True, allow_domains=["api.example.com"])
    def fetch(): ...

docs/api.md says who is inside of a block, and what it cannot hold.
"""

from __future__ import annotations

import contextlib
import sys
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from hermetic.blocks.found import find_guard

find_guard()

from hermetic_guard import serialized  # noqa: E402
from hermetic_guard.errors import PolicyViolation  # noqa: E402
from hermetic_guard.policy import Policy, PolicyError  # noqa: E402

from hermetic.blocks import decorate, settings  # noqa: E402
from hermetic.blocks.opening import Ticket, frame_of, rules_of  # noqa: E402
from hermetic.blocks.process import guards  # noqa: E402
from hermetic.blocks.refusals import Refusal, Run, begun  # noqa: E402
from hermetic.blocks.sealed import Sealed  # noqa: E402
from hermetic.blocks.sealed import seal as put_on  # noqa: E402
from hermetic.errors import BadArgument, BadBlock, GuardUnavailable  # noqa: E402
from hermetic.sandboxed.pool import Pool  # noqa: E402
from hermetic.sandboxed.result import Result, Usage  # noqa: E402
from hermetic.sandboxed.running import arun, arun_code, run, run_code  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType, TracebackType

    Path = str | PathLike[str]
    Texts = str | Iterable[str]
    Paths = Path | Iterable[Path]
    Ports = str | int | Iterable[str | int]

__all__ = [
    "BadArgument", "BadBlock", "Block", "GuardUnavailable", "PolicyViolation", "Pool", "Refusal", "Result", "Run", "Sealed", "Usage",
    "arun", "arun_code", "hermetic_blocker", "run", "run_code", "seal", "with_hermetic",
]  # fmt: skip

Function = TypeVar("Function", bound="Callable[..., Any]")
Scope = Literal["process", "context"]
Manner = Literal["raise", "refuse", "kill"]
Layer = Literal["python", "kernel", "both"]

LAYERS = ("python", "kernel", "both")
SCOPES = PROCESS, CONTEXT = ("process", "context")
TOO_LITTLE = "this block and those around it leave nothing: %s"
OWN, STACKS = globals(), vars(contextlib)
"""The modules that may enter a block for somebody else, by what a frame tells with no audit event, each of which is a call of our hook's."""


class Block:
    """What `hermetic_blocker` gives: a context manager, also an asynchronous one, and a decorator. It can be entered any number of times, also while
    it is open, and by several threads and tasks at once. It can be pickled: its policy goes with it, as it was when it was made.
    """

    def __init__(self, policy: Policy, scope: Scope = "process") -> None:
        self.policy = policy
        self.scope: Scope = scope
        self._rules = rules_of(policy, context=scope == CONTEXT)
        self._context = scope == CONTEXT
        self._alone: dict[bool, Run] = {}
        """One pass that needs no frame to be told by, as it is told from the others by theirs: of the scope `process`, and mostly the only one."""
        self._open: dict[int, list[Run | Ticket]] = {}
        """The others, by the identity of the frame that has opened them, which is nobody else's as long as it is open."""
        found = guards()
        self._inside, self._post = found.inside, found.post
        if policy.native is not None:
            found.allow_native(policy)

    def __enter__(self) -> Run:
        """Raises BadBlock where the block and those around it leave nothing."""
        if self._context:
            return self._enter(sys._getframe(1))
        run = begun(self._post, self._rules)
        try:
            self._inside.open(run)
            if self._alone.setdefault(True, run) is not run:
                self._keep(run, opener(sys._getframe(1)))
        except PolicyError as error:
            raise BadBlock(TOO_LITTLE % error) from None
        except BaseException:
            self._undo(run)
            raise
        return run

    def _enter(self, frame: FrameType) -> Run:
        run, frame = begun(self._post, self._rules), opener(frame)
        opened: Run | Ticket = run
        try:
            if self._context:
                opened = self._inside.open_here(self._rules, run, frame_of(frame))
            else:
                self._inside.open(run)
            self._keep(opened, frame)
            return run
        except BaseException as error:
            self._undo(opened)
            if isinstance(error, PolicyError):
                raise BadBlock(TOO_LITTLE % error) from None
            raise

    def _keep(self, opened: Run | Ticket, frame: FrameType) -> None:
        key = id(frame)
        if key in self._open:
            self._open[key].append(opened)
        else:
            self._open[key] = [opened]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        run = self._alone[True] if True in self._alone and not self._open else None
        if run is None:
            begun_to = [False]
            try:
                return self._leave(sys._getframe(1), begun_to)
            except BaseException:
                if not begun_to[0]:
                    self._leave(sys._getframe(1), begun_to)
                raise
        try:
            self._inside.close(run)
            del self._alone[True]
        except BaseException:
            self._undo(run)
            raise

    def _undo(self, opened: Run | Ticket) -> None:
        """Have a pass be over in the midst of whose beginning or end a signal handler has raised an exception."""
        if self._alone.get(True) is opened:
            del self._alone[True]
        for key, found in tuple(self._open.items()):
            if opened in found:
                self._forget(found, key, opened)
        if isinstance(opened, Run):
            self._inside.undo(opened)
        elif hasattr(opened, "opening"):
            self._inside.close_here(opened)

    async def __aenter__(self) -> Run:
        return self._enter(sys._getframe(1))

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._leave(sys._getframe(1), [False])

    def _leave(self, frame: FrameType, begun_to: list[bool]) -> None:
        """What a frame has opened it closes, and nobody else, whoever has the block open meanwhile. Only what was opened by hand may be closed
        elsewhere. begun_to: is told once it closes one, which nothing stops then."""
        own = id(opener(frame))
        if own in self._open:
            return self._close(self._open[own], own, begun_to)
        if True in self._alone:
            return self._close([self._alone[True]], 0, begun_to)
        for key in tuple(self._open)[::-1]:
            found = self._open.get(key)
            if found:
                return self._close(found, key, begun_to)
        begun_to[0] = True
        raise RuntimeError("this block is not open")

    def _close(self, found: list[Run | Ticket], key: int, begun_to: list[bool]) -> None:
        opened = found[-1]
        try:
            begun_to[0] = True
            if isinstance(opened, Ticket):
                self._inside.close_here(opened)
            else:
                self._inside.close(opened)
            if self._alone.get(True) is opened:
                del self._alone[True]
            self._forget(found, key, opened)
        except BaseException:
            self._undo(opened)
            raise

    def _forget(self, found: list[Run | Ticket], key: int, opened: Run | Ticket) -> None:
        if opened in found:
            found.remove(opened)
        if not found and self._open.get(key) is found:
            del self._open[key]

    def __call__(self, function: Function) -> Function:
        """`function`, whose body runs inside. Raises BadArgument for what is none."""
        found: Function = decorate.guarded(function, self)
        return found

    def __reduce__(self) -> tuple[object, ...]:
        return restored, (serialized.dumps(self.policy), self.scope)

    def __repr__(self) -> str:
        return f"<hermetic block: {', '.join(self.policy.guards())}; scope {self.scope}>"


def restored(policy: bytes, scope: Scope) -> Block:
    return Block(serialized.loads(policy), scope)


def opener(frame: FrameType) -> FrameType:
    """The frame of the `with` statement, not those between it and this file, or of what enters it for a stack of contexts."""
    while is_between(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def is_between(frame: FrameType) -> bool:
    found = frame.f_globals
    return found is OWN or found is STACKS


def hermetic_blocker(
    *,
    block_network: bool | None = None,
    allow_localhost: bool | Ports | None = None,
    allow_domains: Texts | None = None,
    allow_addresses: Texts | None = None,
    deny_addresses: Texts | None = None,
    allow_listen: Ports | None = None,
    allow_unix: Paths | None = None,
    block_subprocess: bool | None = None,
    allow_run: Paths | None = None,
    fs_readonly: bool | None = None,
    fs_root: Path | None = None,
    allow_write: Paths | None = None,
    allow_read: Paths | None = None,
    protect: Paths | None = None,
    hide: Paths | None = None,
    block_native: bool | None = None,
    allow_native: Texts | None = None,
    profile: Texts | None = None,
    policy: Path | None = None,
    on_violation: Manner | None = None,
    scope: Scope = "process",
) -> Block:
    """A block with these guards. Arguments say what the options of the command line of their names do, and several values are given as a list.

    profile:      names of profiles; of several, what all allow
    policy:       a policy file, which is followed, and the user's own besides; without it none is
    on_violation: "raise", the default here: a PolicyViolation that is no OSError; "refuse": the error that a locked-down machine gives;
                  "kill": the end of the process
    scope:        "process": the block holds for every thread as long as it is open; "context": for this thread or task and what it starts
    Raises BadBlock (a ValueError) and BadArgument (a TypeError), both HermeticError.
    """
    given = {name: value for name, value in locals().items() if value is not None and name != "scope"}
    if scope not in SCOPES:
        raise BadBlock(f"scope cannot be {scope!r}, only {' or '.join(SCOPES)}")
    return Block(settings.policy_of(given), scope)


with_hermetic = hermetic_blocker
"""The same, by the name that a decorator is called by."""


def seal(
    *,
    block_network: bool | None = None,
    allow_localhost: bool | Ports | None = None,
    allow_domains: Texts | None = None,
    allow_addresses: Texts | None = None,
    deny_addresses: Texts | None = None,
    allow_listen: Ports | None = None,
    allow_unix: Paths | None = None,
    block_subprocess: bool | None = None,
    allow_run: Paths | None = None,
    fs_readonly: bool | None = None,
    fs_root: Path | None = None,
    allow_write: Paths | None = None,
    allow_read: Paths | None = None,
    protect: Paths | None = None,
    hide: Paths | None = None,
    block_native: bool | None = None,
    allow_native: Texts | None = None,
    profile: Texts | None = None,
    policy: Path | None = None,
    on_violation: Manner | None = None,
    require: Layer | None = None,
) -> Sealed:
    """Put these guards up for the rest of this process, and for all that it will start, in Python and in the kernel: nothing lifts them.

    require: "kernel": raise GuardUnavailable, and change nothing, where the kernel does not hold every guard in full; "both", "python" likewise.
             Without it what cannot be held is said by what is returned, see Sealed.
    The other arguments are those of `hermetic_blocker`. Raises BadBlock (a ValueError) and BadArgument (a TypeError), both HermeticError.
    """
    given = {name: value for name, value in locals().items() if value is not None and name != "require"}
    if require is not None and require not in LAYERS:
        raise BadBlock(f"require cannot be {require!r}, only {' or '.join(LAYERS)}")
    return put_on(settings.policy_of(given), require)
