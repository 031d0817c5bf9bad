"""A run in an asyncio loop, which watches its descriptors like any others: no thread, and no watcher of children."""

from __future__ import annotations

import asyncio

from hermetic.sandboxed.exchange import Exchange
from hermetic.sandboxed.running import ENDING_S, patience

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.sandboxed.exchange import Request
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
