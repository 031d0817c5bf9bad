"""Warm interpreters: started, guarded and loaded ahead of need, each of which forks for every code that is run, and runs none itself.

What one has to do with another's code stands in `warm` and in _warm.py. Here is who has which: a call takes one that is idle, waits where none
is, and gives it back when nothing of its run is left. One that was interrupted or has failed is given up, and another is started in its place.
"""

from __future__ import annotations

import marshal
import os
import queue

from hermetic.errors import BadArgument, BadBlock, GuardUnavailable, HermeticError
from hermetic.options import EXEC
from hermetic.policy import limits
from hermetic.sandboxed.exchange import Kept, Line, Request, Told, headed, raised, result_of, silent
from hermetic.sandboxed.running import CODE_PROFILE, ENDING_S, KEEP, LATEST_S, Turns, streams
from hermetic.sandboxed.words import Words, number, option_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from types import TracebackType
    from typing import Self, Unpack

    from hermetic.sandboxed.result import Result

WARMING_S = 120.0
"""Seconds in which an interpreter must be ready, with all it loads."""


class Slot(Line):
    """One warm interpreter's launcher. Raises HermeticError."""

    def await_warm(self) -> None:
        """Until it can be used."""
        turns = Turns()
        self.watch(turns, bool)
        try:
            turns.until(lambda: self.told.warm or self.is_over, WARMING_S)
        finally:
            self.leave()
        if not self.told.warm:
            self.give_up()
            raise self._failure()

    def run(self, source: str, given: bytes, timeout: float | None, keep: int) -> Result:
        most = self.told.most
        self.drain()  # what it has written while it was loaded
        self.told, self.out, self.err = Told(), Kept(keep), Kept(keep)
        turns = Turns()
        self.watch(turns, bool)
        self.ask(headed(marshal.dumps((source, given, timeout), 2)))
        try:
            turns.until(lambda: self._is_done() or self._writes_too_much(most), None if timeout is None else timeout + LATEST_S)
            if self._writes_too_much(most) and not self._is_done():
                self.ask(headed(b""))
                turns.until(self._is_done, LATEST_S)
        finally:
            self.leave()
        if not self._is_done() or self.told.exit_code is None:
            raise self._failure()
        self.drain()
        self.told.most = most
        return result_of(self, self.told.exit_code)

    def _is_done(self) -> bool:
        return self.told.exit_code is not None or bool(self.told.broken) or self.is_over

    def _writes_too_much(self, most: int) -> bool:
        return bool(most) and self.out.count + self.err.count > most

    def _failure(self) -> HermeticError:
        told = self.told
        if told.error is not None:
            return raised(told.error)
        return GuardUnavailable(told.broken) if told.broken else silent(self)

    def give_up(self) -> None:
        """The end of it, and of all below it."""
        if self.is_over:
            return
        turns = Turns()
        self.watch(turns, bool)
        self.abandon()
        if not turns.until(lambda: self.is_over, ENDING_S):
            self.kill()


class Pool:
    """`size` warm interpreters; to be used by `with`, from any number of threads.

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
        self._idle: queue.LifoQueue[Slot | None] = queue.LifoQueue()
        self._size = size
        self._open = False

    def __enter__(self) -> Self:
        """Starts all of them."""
        slots: list[Slot] = []
        try:
            slots += (Slot(self._request) for _ in range(self._size))
            for slot in slots:
                slot.await_warm()
        except BaseException:
            for slot in slots:
                slot.give_up()
            raise
        for slot in slots:
            self._idle.put(slot)
        self._open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Waits for what runs, and ends all of them."""
        self._open = False
        for _ in range(self._size):
            slot = self._idle.get()
            if slot is not None:
                slot.give_up()
        self._idle.put(None)  # for those who wait still, one after the other

    def run_code(
        self, source: str, *, input: bytes | str | None = None, timeout: float | str | None = None, keep_output: int = KEEP
    ) -> Result:
        """As `hermetic.run_code`, in an interpreter that nothing has run in. Waits where none is idle.

        timeout: of this run, besides that of the pool
        """
        if not isinstance(source, str):
            raise BadArgument(f"code is a str, not {source!r}")
        if "\0" in source:
            raise BadBlock("there is a null character in the code")
        given = streams(input, None, keep_output)
        seconds = None if timeout is None else duration(timeout)
        slot = self._take()
        try:
            slot = slot or self._another()
            return slot.run(source, given["input"], seconds, given["keep"])
        except BaseException:
            if slot is not None:
                slot.give_up()
            slot = None
            raise
        finally:
            self._idle.put(slot if slot is None or not slot.is_over else None)

    def _take(self) -> Slot | None:
        slot = self._idle.get() if self._open else None
        if not self._open:
            self._idle.put(slot)
            raise BadBlock("this pool is not open")
        return slot

    def _another(self) -> Slot:
        """In the place of one that was given up."""
        slot = Slot(self._request)
        slot.await_warm()
        return slot


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
