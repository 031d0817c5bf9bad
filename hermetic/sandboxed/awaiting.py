"""A run in an asyncio loop, also by a pool, which watches its descriptors like any others: no thread, and no watcher of children."""

from __future__ import annotations

import asyncio

from hermetic.sandboxed.exchange import Exchange
from hermetic.sandboxed.running import ENDING_S, patience

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic.sandboxed.exchange import Request
    from hermetic.sandboxed.pool import Idle, Slot, Steps
    from hermetic.sandboxed.result import Result


async def awaited(request: Request) -> Result:
    """Wait for a run, in this loop."""
    over = asyncio.Event()
    exchange = Exchange(request, asyncio.get_running_loop(), over.set)
    try:
        async with asyncio.timeout(patience(request)):
            await over.wait()
    except TimeoutError:
        pass
    finally:
        await ended(exchange, over)
    return exchange.result()


async def ended(exchange: Exchange, over: asyncio.Event) -> None:
    """See to it that a run is over. Who cancels this as well waits as long."""
    cancelled = False
    if not over.is_set():
        exchange.abandon()
    until = asyncio.get_running_loop().time() + ENDING_S
    while not over.is_set():
        try:
            async with asyncio.timeout_at(until):
                await over.wait()
        except TimeoutError:
            exchange.kill()
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


# Of a pool.


class Turns:
    """As `running.Turns`, by this loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self.remove_reader, self.remove_writer = self._loop.remove_reader, self._loop.remove_writer

    def add_reader(self, fd: int, callback: Callable[[], object], /) -> None:
        self._loop.add_reader(fd, self._call, callback)

    def add_writer(self, fd: int, callback: Callable[[], object], /) -> None:
        self._loop.add_writer(fd, self._call, callback)

    def _call(self, callback: Callable[[], object]) -> None:
        self._changed.set()
        callback()

    async def until(self, over: Callable[[], bool], seconds: float | None = None) -> bool:
        """Whether it is over."""
        try:
            async with asyncio.timeout(seconds):
                while not over():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return over()


async def taken(idle: Idle) -> Slot | None:
    """The next interpreter that is idle."""
    future = idle.ask()
    try:
        return await asyncio.wrap_future(future)
    except BaseException:
        idle.unask(future)
        raise


async def stepped(slot: Slot, steps: Steps) -> None:
    turns = Turns()
    slot.watch(turns, bool)
    try:
        for over, seconds in steps:
            await turns.until(over, seconds)
    finally:
        slot.leave()


async def ended_slot(slot: Slot) -> None:
    """See to it that an interpreter is no more. Who cancels this as well waits as long."""
    if slot.is_over:
        return
    loop, cancelled = asyncio.get_running_loop(), False
    turns = Turns()
    slot.watch(turns, bool)
    try:
        for over, seconds in slot.ending():
            until = loop.time() + (seconds or 0)
            while not over() and loop.time() < until:
                try:
                    await turns.until(over, until - loop.time())
                except asyncio.CancelledError:
                    cancelled = True
    finally:
        slot.leave()
    if cancelled:
        raise asyncio.CancelledError
