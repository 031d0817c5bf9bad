"""Whose code is inside: which blocks hold for the code that is running now.

A block of the scope `process` holds for every thread as long as it is open. One of the scope `context` holds for the code that it encloses, and for
all that this starts: threads, tasks, callbacks and jobs, for as long as they live. Three things say so, and each counts:

- the thread: it has opened the block in a plain function, which cannot be left before the block is closed, or was started inside;
- the stack: a block that was opened in a coroutine or a generator holds while the frame of that is on the stack, and not while it is suspended;
- a context variable, which tasks and callbacks inherit.

Code inside that empties its context (`contextvars.Context().run`) is held by the first two, and a task that was started inside besides by the task.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock, get_ident
from collections import deque
from contextvars import ContextVar
from weakref import WeakKeyDictionary, ref

from hermetic_guard.intersection import intersect

from hermetic.blocks.opening import COMBINED, OUTSIDE, PLAIN, Opening, Rules, Standing, Ticket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from hermetic.blocks.opening import Mark
    from hermetic.blocks.refusals import Run


class Inside:
    """Which blocks are open, and where.

    arm: called with the groups of a block before it opens; disarm: when it is gone; repair: with those of all, where either was interrupted
    standing: not empty while any block is; held: those of the scope `context`
    """

    def __init__(self, arm: Callable[[frozenset[str]], None], disarm: Callable[[frozenset[str]], None]) -> None:
        self.standing: dict[object, frozenset[str]] = {}
        self.held: dict[ref[Opening], None] = {}
        self.tasks: WeakKeyDictionary[Any, tuple[Opening, ...]] = WeakKeyDictionary()
        self.aside: set[int] = set()
        self.arm, self.disarm = arm, disarm
        self.repair: Callable[[tuple[frozenset[str], ...]], None] = lambda groups: None
        self._everywhere: tuple[Opening | Run, ...] = ()
        self._threads: dict[int, list[tuple[Opening, int]]] = {}
        self._frames: dict[int, list[Opening]] = {}
        """By the frame that can be suspended and has opened them: any thread may go on with that."""
        self._marks: ContextVar[tuple[Mark, ...]] = ContextVar("hermetic", default=())
        self._combined: dict[tuple[object, ...], Standing] = {}
        self._intersections: dict[tuple[Rules, Rules], Rules] = {}
        self._lock = RLock()
        self._released: deque[ref[Opening]] = deque()
        os.register_at_fork(after_in_child=self._in_child)

    # Opening and closing.

    def open(self, opening: Opening | Run) -> None:
        """Open one of the scope `process`.

        Raises what `arm` raises, and PolicyError where the block and those around it leave nothing.
        """
        rules = opening.rules
        try:
            with self._lock:
                self.arm(rules.groups)
                self.standing[opening] = rules.groups
                self._everywhere += (opening,)
            if self._released:
                self._settle()
        except BaseException:
            self.undo(opening)
            raise
        if rules.limits_reading:
            self._look(self.close, opening)

    def open_here(self, rules: Rules, run: Run, frame: int) -> Ticket:
        """One of the scope `context`. frame: see `frame_of`. Raises likewise."""
        opening, thread = Opening(rules, run), get_ident()
        try:
            with self._lock:
                self.arm(rules.groups)
                key = ref(opening, self._gone)
                self.standing[key] = rules.groups
                self.held[key] = None
            if self._released:
                self._settle()
            self._threads.setdefault(thread, []).append((opening, frame))
            if frame:
                self._frames.setdefault(frame, []).append(opening)
            owner = (thread, id(running_task())) if frame else (0, 0)
            marks = (*self._marks.get(), (opening, frame, owner))
            self._marks.set(marks)
            ticket = Ticket(opening, thread, frame, marks)
        except BaseException:
            self._undo_here(opening, thread, frame)
            raise
        if rules.limits_reading:
            self._look(self.close_here, ticket)
        return ticket

    def _look(self, close: Callable[[Any], None], opened: object) -> None:
        """Whether this block and those around it leave anything."""
        if len(self.standing) > 1:
            try:
                self.find()
            except ValueError:
                close(opened)
                raise

    def close(self, opening: Opening | Run) -> None:
        """To be called once, from whatever thread."""
        try:
            with self._lock:
                found = self._everywhere
                self._everywhere = found[:-1] if found[-1] is opening else tuple([one for one in found if one is not opening])
                del self.standing[opening]
                if self._combined and not self.standing:
                    self._combined.clear()
                self.disarm(opening.rules.groups)
            if self._released:
                self._settle()
        except BaseException:
            self.undo(opening)
            raise

    def undo(self, opening: Opening | Run) -> None:
        """Have one be closed that was being opened or closed when a signal handler raised an exception (Ctrl-C, or a time that was up): the `with`
        statement is left then, and nothing of its block may stay."""
        with self._lock:
            self._everywhere = tuple([one for one in self._everywhere if one is not opening])
            self.standing.pop(opening, None)
            self.repair(tuple(self.standing.values()))

    def close_here(self, ticket: Ticket) -> None:
        """Likewise."""
        opening, marks = ticket.opening, ticket.marks
        del ticket.opening
        try:
            self._leave(ticket.thread, ((opening, ticket.frame),))
            if ticket.frame:
                self._unframe(ticket.frame, opening)
            opening.left = ticket.thread != get_ident()
            now = self._marks.get()
            self._marks.set(marks[:-1] if now is marks else tuple([mark for mark in now if mark[0] is not opening]))
        except BaseException:
            self._undo_here(opening, ticket.thread, ticket.frame)
            raise

    def _undo_here(self, opening: Opening, thread: int, frame: int) -> None:
        """The same as `undo`. Nobody refers to it then but what was started inside."""
        here, framed = self._threads.get(thread, []), self._frames.get(frame, [])
        if (opening, frame) in here:
            self._leave(thread, ((opening, frame),))
        if opening in framed:
            self._unframe(frame, opening)
        opening.left = thread != get_ident()
        self._marks.set(tuple([mark for mark in self._marks.get() if mark[0] is not opening]))
        with self._lock:
            self.repair(tuple(self.standing.values()))

    def _forget(self, key: object) -> None:
        groups = self.standing.pop(key, None)
        if self._combined and not self.standing:
            self._combined.clear()
        if groups is not None:
            self.disarm(groups)

    def _unframe(self, frame: int, opening: Opening) -> None:
        found = self._frames[frame]
        found.remove(opening)
        if not found:
            del self._frames[frame]

    def _leave(self, thread: int, entries: tuple[tuple[Opening, int], ...]) -> None:
        found = self._threads.get(thread, [])
        for entry in entries:
            found.remove(entry)
        if not found and thread == get_ident():
            self._threads.pop(thread, None)

    def _gone(self, key: ref[Opening]) -> None:
        """Nobody refers to a block any more. It may be the collector that says so, in the midst of anything: nothing waits here for the lock.

        A signal handler may open a block while this thread opens one, so the lock can be taken again by who has it. What it closes, it has opened.
        """
        self._released.append(key)
        self._settle()

    def _settle(self) -> None:
        while self._released and not self._lock._is_owned():  # type: ignore[attr-defined]
            try:
                if not self._lock.acquire(False):
                    return
                while self._released:
                    self.held.pop(self._released[0], None)
                    self._forget(self._released[0])
                    self._released.popleft()
            except BaseException:
                self.repair(tuple(self.standing.values()))
                raise
            finally:
                try:
                    self._lock.release()
                except RuntimeError:
                    pass  # it was interrupted before it had the lock

    def _in_child(self) -> None:
        self._lock = RLock()

    # Who is inside.

    def find(self) -> Standing | Run:
        """What holds for the code that is running."""
        if self.aside and get_ident() in self.aside:
            return OUTSIDE
        found = self._everywhere
        if self.held:
            found += self.here()
        if len(found) == 1:
            return found[0]
        return self._both(found) if found else OUTSIDE

    def is_outside(self) -> bool:
        """Whether nothing holds for the code that is running."""
        return self.find() is OUTSIDE

    def _both(self, found: tuple[Opening | Run, ...]) -> Standing:
        key = tuple([one.state for one in found])
        known = self._combined.get(key)
        if known is None:
            rules = found[0].rules
            for one in found[1:]:
                rules = self._intersection(rules, one.rules)
            known = Standing(rules, tuple([run for one in found for run in one.runs]))
            if len(self._combined) >= COMBINED:
                self._combined.clear()
            self._combined[key] = known
        return known

    def _intersection(self, one: Rules, other: Rules) -> Rules:
        """Remembered: blocks are often opened, and seldom made."""
        known = self._intersections.get((one, other))
        if known is None:
            if len(self._intersections) >= COMBINED:
                self._intersections.clear()
            known = self._intersections[one, other] = Rules(intersect(one.policy, other.policy))
        return known

    def here(self) -> tuple[Opening, ...]:
        """The blocks of the scope `context` that the running code is inside of."""
        thread = get_ident()
        found: list[Opening] = []
        suspended: list[Opening] = []
        frames = on_stack() if self._frames else ()
        for opening, frame in tuple(self._threads.get(thread, ())):
            (suspended if frame and frame not in frames else found).append(opening)
        for frame in self._frames.keys() & frames:
            found += [one for one in tuple(self._frames.get(frame, ())) if one not in found]
        for mark in self._marks.get():
            opening, frame, owner = mark
            # In the context that it was opened in, a copy of which may be anywhere, the stack has the last word.
            if frame and (opening.left or opening in suspended) and owner == (thread, id(running_task())):
                if opening.left:
                    self._marks.set(tuple([one for one in self._marks.get() if one is not mark]))
            elif opening not in found:
                found.append(opening)
        task = running_task() if self.tasks else None
        if task is not None:
            found += [one for one in self.tasks.get(task, ()) if one not in found]
        return tuple(found)

    # What is started inside.

    def carried(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, to be called once, inside of the blocks of the scope `context` in which this is asked."""
        found = self.here() if self.held else ()
        return Carried(self, function, found) if found else function

    def take(self, openings: tuple[Opening, ...]) -> Callable[[], None]:
        """Have this thread be inside of these blocks; returns what ends that."""
        thread, entries = get_ident(), tuple([(one, PLAIN) for one in openings])
        self._threads.setdefault(thread, []).extend(entries)
        token = self._marks.set((*self._marks.get(), *[(one, PLAIN, (0, 0)) for one in openings]))

        def leave() -> None:
            self._leave(thread, entries)
            self._marks.reset(token)

        return leave

    def take_task(self, task: Any) -> None:
        """What a task does that is started here, is inside."""
        found = self.here() if self.held else ()
        if found and not task.done():
            self.tasks[task] = found
            task.add_done_callback(self.forget_task)

    def forget_task(self, task: Any) -> None:
        self.tasks.pop(task, None)


class Carried:
    """A function that is called inside of some blocks, once: they last until it returns, and no longer."""

    __slots__ = ("_function", "_inside", "_openings")

    def __init__(self, inside: Inside, function: Callable[..., Any], openings: tuple[Opening, ...]) -> None:
        self._inside = inside
        self._function: Callable[..., Any] | None = function
        self._openings = openings

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        function = self._function
        assert function is not None
        leave = self._inside.take(self._openings)
        self._openings, self._function = (), None
        try:
            return function(*arguments, **named)
        finally:
            leave()
            del leave, function


def on_stack() -> set[int]:
    """The identities of the frames of this thread."""
    found = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        found.add(id(frame))
        frame = frame.f_back
    return found


def running_task() -> object:
    """The task of asyncio's, or trio's, that this thread is running; None if there is none."""
    modules = sys.modules
    asyncio = modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio is not None and hasattr(asyncio, "current_task") else None
    if loop is not None:
        return asyncio.current_task(loop)  # type: ignore[union-attr]
    trio = modules.get("trio")
    try:
        return trio.lowlevel.current_task() if trio is not None else None
    except (RuntimeError, AttributeError):
        return None
