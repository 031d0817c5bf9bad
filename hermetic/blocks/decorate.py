"""Functions of every kind, so that their bodies run inside of a block.

A generator's body is inside whenever it runs, and nobody else is while it is suspended. Each pass through a function is a block of its own.
"""

from __future__ import annotations

import functools
import inspect

from hermetic.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from hermetic.api import Block


def guarded(function: Any, block: Block) -> Any:
    """Raises BadArgument for what is not a function."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(guarded(function.__func__, block))
    if isinstance(function, type) or not callable(function):
        raise BadArgument(f"a block decorates functions and methods, not {function!r}")
    for fits, make in KINDS:
        if fits(function):
            return functools.wraps(function)(make(function, block))
    return functools.wraps(function)(plain(function, block))


def plain(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        with block:
            return function(*arguments, **named)

    return call


def coroutine(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        with block:
            return await function(*arguments, **named)

    return call


def generator(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Generator[Any, Any, Any]:
        with block:
            body = function(*arguments, **named)
        step, argument = body.send, None
        while True:
            try:
                with block:
                    item = step(argument)
            except StopIteration as stop:
                return stop.value
            try:
                argument = yield item
                step = body.send
            except GeneratorExit:
                with block:
                    body.close()
                raise
            except BaseException as error:
                step, argument = body.throw, error

    return call


def async_generator(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        with block:
            body = function(*arguments, **named)
        step, argument = body.asend, None
        while True:
            try:
                with block:
                    item = await step(argument)
            except StopAsyncIteration:
                return
            try:
                argument = yield item
                step = body.asend
            except GeneratorExit:
                with block:
                    await body.aclose()
                raise
            except BaseException as error:
                step, argument = body.athrow, error

    return call


KINDS: list[tuple[Callable[[Any], bool], Callable[..., Any]]] = [
    (inspect.isasyncgenfunction, async_generator),
    (inspect.iscoroutinefunction, coroutine),
    (inspect.isgeneratorfunction, generator),
]
