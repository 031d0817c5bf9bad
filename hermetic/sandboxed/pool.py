"""Warm interpreters: started, guarded and loaded ahead of need, each of which forks for every code that is run, and runs none itself.

What one has to do with another's code stands in `warm` and in _warm.py. Here is who has which: a call takes one that is idle, waits where none
is, and gives it back when nothing of its run is left. One that was interrupted or has failed is given up, and another is started in its place.
"""

from __future__ import annotations

import marshal
import os
import threading
from collections import deque

from hermetic.errors import BadArgument, BadBlock, GuardUnavailable, HermeticError
from hermetic.options import EXEC
from hermetic.policy import limits
from hermetic.sandboxed.exchange import Kept, Line, Request, Told, headed, raised, result_of, silent
from hermetic.sandboxed.running import CODE_PROFILE, ENDING_S, KEEP, LATEST_S, Turns, streams
from hermetic.sandboxed.words import Words, number, option_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from os import PathLike
    from types import TracebackType
    from typing import Self, Unpack

    from hermetic.sandboxed.result import Result

    Steps = Iterator[tuple[Callable[[], bool], float | None]]

WARMING_S = 120.0
"""Seconds in which an interpreter must be ready, with all it loads."""


class Slot(Line):
    """One warm interpreter's launcher. Raises HermeticError.

    What takes time is a row of steps, each of which says what to wait for, and how many seconds at most: who waits, and how, is the caller's.
    """

    is_warm = False
    outcome: Result

    def warming(self) -> Steps:
        """Until it can be used."""
        yield (lambda: self.told.warm or self.is_over), WARMING_S
        if not self.told.warm:
            raise self._failure()
        self.is_warm = True

    def running(self, job: Job) -> Steps:
        """Then `outcome` is what came of it."""
        if not self.is_warm:
            yield from self.warming()
        most, timeout = self.told.most, job.timeout
        self.drain()  # what it has written while it was loaded
        self.told, self.out, self.err = Told(), Kept(job.keep), Kept(job.keep)
        self.ask(headed(marshal.dumps((job.source, job.input, timeout), 2)))
        yield (lambda: self._is_done() or self._writes_too_much(most)), None if timeout is None else timeout + LATEST_S
        if self._writes_too_much(most) and not self._is_done():
            self.ask(headed(b""))
            yield self._is_done, LATEST_S
        if not self._is_done() or self.told.exit_code is None:
            raise self._failure()
        self.drain()
        self.told.most = most
        self.outcome = result_of(self, self.told.exit_code)

    def ending(self) -> Steps:
        """The end of it, and of all below it."""
        self.abandon()
        yield (lambda: self.is_over), ENDING_S
        if not self.is_over:
            self.kill()

    def _is_done(self) -> bool:
        return self.told.exit_code is not None or bool(self.told.broken) or self.is_over

    def _writes_too_much(self, most: int) -> bool:
        return bool(most) and self.out.count + self.err.count > most

    def _failure(self) -> HermeticError:
        told = self.told
        if told.error is not None:
            return raised(told.error)
        return GuardUnavailable(told.broken) if told.broken else silent(self)


def wait(slot: Slot, steps: Steps) -> None:
    """Take them, in this thread."""
    turns = Turns()
    slot.watch(turns, bool)
    try:
        for over, seconds in steps:
            turns.until(over, seconds)
    finally:
        slot.leave()


def end(slot: Slot) -> None:
    if not slot.is_over:
        wait(slot, slot.ending())


class Idle:
    """The interpreters that nobody uses; None stands for one that was given up. Threads and tasks wait for one in their order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[Slot | None] = []
        self._waiting: deque[Future[Slot | None]] = deque()

    def ask(self) -> Future[Slot | None]:
        from concurrent.futures import Future  # which brings more than all the rest of this file

        future: Future[Slot | None] = Future()
        with self._lock:
            if self._free:
                future.set_result(self._free.pop())
            else:
                self._waiting.append(future)
        return future

    def put(self, slot: Slot | None) -> None:
        with self._lock:
            while self._waiting:
                future = self._waiting.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_result(slot)
                    return
            self._free.append(slot)

    def take(self) -> Slot | None:
        future = self.ask()
        try:
            return future.result()
        except BaseException:
            self.unask(future)
            raise

    def unask(self, future: Future[Slot | None]) -> None:
        """Nobody waits for it any more. It may have come already."""
        if not future.cancel():
            self.put(future.result())


class Pool:
    """`size` warm interpreters; to be used by `with`, or `async with`, from any number of threads and tasks.

    python:  as for `run_code`; CPython from 3.8 on
    preload: names of modules that are loaded ahead, once. Whatever they do is done for all runs, so they have to be trusted as hermetic itself is
    cwd:     the working directory of all runs
    words:   as for `run_code`, for all runs; where no guard is asked for the profile llm-code stands. Not what a fork cannot be held to: the
             native guard, and single programs that may be started
    Raises HermeticError where one cannot be started.
    """

    def __init__(
        self,
        size: int = 1,
        *,
        python: str | PathLike[str] | None = None,
        preload: Iterable[str] = (),
        cwd: str | PathLike[str] | None = None,
        **words: Unpack[Words],
    ) -> None:
        if isinstance(size, bool) or not isinstance(size, int):
            raise BadArgument(f"size is a number, not {size!r}")
        if size < 1:
            raise BadBlock("a pool of less than one interpreter runs nothing")
        values = option_values(words, profile=CODE_PROFILE)
        if python is not None:
            values["python"] = os.fspath(python)
        self._request = Request(EXEC, values, ["-c", ""], **streams(None, cwd, KEEP))
        self._request.preload = modules(preload)
        self._idle = Idle()
        self._size = size
        self._open = False

    def __enter__(self) -> Self:
        """Starts all of them."""
        slots: list[Slot] = []
        try:
            slots += (Slot(self._request) for _ in range(self._size))
            for slot in slots:
                wait(slot, slot.warming())
        except BaseException:
            for slot in slots:
                end(slot)
            raise
        self._begin(slots)
        return self

    async def __aenter__(self) -> Self:
        """The same, while the loop goes on."""
        from hermetic.sandboxed.awaiting import ended_slot, stepped

        slots: list[Slot] = []
        try:
            slots += (Slot(self._request) for _ in range(self._size))
            for slot in slots:
                await stepped(slot, slot.warming())
        except BaseException:
            for slot in slots:
                await ended_slot(slot)
            raise
        self._begin(slots)
        return self

    def _begin(self, slots: list[Slot]) -> None:
        for slot in slots:
            self._idle.put(slot)
        self._open = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Waits for what runs, and ends all of them."""
        self._open = False
        for _ in range(self._size):
            slot = self._idle.take()
            if slot is not None:
                end(slot)
        self._idle.put(None)  # for those who wait still, one after the other

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        from hermetic.sandboxed.awaiting import ended_slot, taken

        self._open = False
        for _ in range(self._size):
            slot = await taken(self._idle)
            if slot is not None:
                await ended_slot(slot)
        self._idle.put(None)

    def run_code(
        self, source: str, *, input: bytes | str | None = None, timeout: float | str | None = None, keep_output: int = KEEP
    ) -> Result:
        """As `hermetic.run_code`, in an interpreter that nothing has run in. Waits where none is idle.

        timeout: of this run, besides that of the pool
        """
        job = Job(source, input, timeout, keep_output)
        self._must_be_open()
        slot, left = self._still_open(self._idle.take()), None
        try:
            slot = slot or Slot(self._request)
            wait(slot, slot.running(job))
            left = slot
            return slot.outcome
        except BaseException:
            if slot is not None:
                end(slot)
            raise
        finally:
            self._idle.put(None if left is None or left.is_over else left)

    async def arun_code(
        self, source: str, *, input: bytes | str | None = None, timeout: float | str | None = None, keep_output: int = KEEP
    ) -> Result:
        """`run_code` for asyncio. Cancelled, it ends the run, and returns when nothing is left of that."""
        from hermetic.sandboxed.awaiting import ended_slot, stepped, taken

        job = Job(source, input, timeout, keep_output)
        self._must_be_open()
        slot, left = self._still_open(await taken(self._idle)), None
        try:
            slot = slot or Slot(self._request)
            await stepped(slot, slot.running(job))
            left = slot
            return slot.outcome
        except BaseException:
            if slot is not None:
                await ended_slot(slot)
            raise
        finally:
            self._idle.put(None if left is None or left.is_over else left)

    def _must_be_open(self) -> None:
        if not self._open:
            raise BadBlock("this pool is not open")

    def _still_open(self, slot: Slot | None) -> Slot | None:
        """It may have been closed while somebody waited for this one."""
        if not self._open:
            self._idle.put(slot)
        self._must_be_open()
        return slot


class Job:
    """Code and what it is run with. Raises BadArgument, BadBlock."""

    def __init__(self, source: str, input: bytes | str | None, timeout: float | str | None, keep_output: int) -> None:
        if not isinstance(source, str):
            raise BadArgument(f"code is a str, not {source!r}")
        if "\0" in source:
            raise BadBlock("there is a null character in the code")
        given = streams(input, None, keep_output)
        self.source, self.input, self.keep = source, given["input"], given["keep"]
        self.timeout = None if timeout is None else duration(timeout)


def duration(timeout: object) -> float:
    """Raises BadArgument, BadBlock."""
    try:
        return limits.duration(number("timeout", timeout))
    except limits.LimitError as error:
        raise BadBlock(f"timeout={timeout!r}: {error}", f"as in {error.like}") from None


def modules(preload: Iterable[str]) -> list[str]:
    if isinstance(preload, str):
        raise BadArgument(f"preload is a list of names, not {preload!r}")
    names = list(preload)
    if not all(isinstance(name, str) for name in names):
        raise BadArgument(f"preload is a list of names, not {preload!r}")
    return names
