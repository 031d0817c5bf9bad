"""Functions of every kind, so that their bodies run inside of a block.

A generator's body is inside whenever it runs, and nobody else is while it is suspended. Each pass through a function is a block of its own.

What a function returns may have to run yet: a coroutine, or a generator, as of an asynchronous function in another decorator. That is inside too.
"""

from __future__ import annotations

import functools
import inspect
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from types import coroutine as awaitable

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
            found = function(*arguments, **named)
        make = RUN_LATER.get(type(found))
        return found if make is None else make(lambda: found, block)()

    return call


def coroutine(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        with block:
            return await function(*arguments, **named)

    return call


def awaitable_generator(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    """Of types.coroutine."""
    return awaitable(generator(function, block))


def is_awaitable_generator(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) and bool(function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE)


def returned_generator(function: Callable[..., Any], block: Block) -> Callable[..., Any]:
    is_awaitable = function().gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE
    return (awaitable_generator if is_awaitable else generator)(function, block)


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
    (is_awaitable_generator, awaitable_generator),
    (inspect.isgeneratorfunction, generator),
]
RUN_LATER: dict[type, Callable[..., Any]] = {
    AsyncGeneratorType: async_generator,
    CoroutineType: coroutine,
    GeneratorType: returned_generator,
}
