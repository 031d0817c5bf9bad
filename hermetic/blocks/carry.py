"""What is started inside of a block of the scope `context` is inside as well: threads, jobs of pools, tasks.

A thread that serves many, as those of pools do, is not: of what it does, that is inside which was handed to it from inside.
"""

from __future__ import annotations

import _thread
import functools
import sys
import threading

from hermetic_guard import serialized

from hermetic.blocks.dormant import ALWAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from hermetic.blocks.dormant import Dormant
    from hermetic.blocks.inside import Inside

    Rows = list[tuple[str, str, Callable[..., Any]]]

STARTERS = ("start_new_thread", "start_new", "start_joinable_thread")
WORKERS = (
    ("concurrent.futures.thread", "_worker"),
    ("trio._core._thread_cache", "WorkerThread"),
    ("anyio._backends._asyncio", "WorkerThread"),
)
"""What threads run that serve many, by module: the function, the class of the thread, or that of the object which has the method. They run each
job in a context that comes with it, but for the first, whose jobs are carried."""


def install(ledger: Dormant, inside: Inside) -> None:
    import concurrent.futures.thread  # noqa: F401 - loaded inside of a block it could not be told from what stands for it

    for name in STARTERS:
        original = getattr(_thread, name, None)
        if original is not None:
            wrapper = _starter(original, inside)
            ledger.replace(_thread, name, wrapper)
            if getattr(threading, f"_{name}", None) is original:
                ledger.replace(threading, f"_{name}", wrapper)
    look = ledger.look = Looker(ledger, inside)
    ledger.awaited = frozenset(METHODS)
    look()


class Looker:
    """Replaces methods of modules that this process may load, or not, when a block opens and they are there."""

    def __init__(self, ledger: Dormant, inside: Inside) -> None:
        self._ledger, self._inside = ledger, inside

    def __call__(self) -> None:
        for module in self._ledger.awaited:
            if module in sys.modules and all(hasattr(sys.modules[module], kind) for kind, _, _ in METHODS[module]):
                self._ledger.awaited -= {module}
                self._replace(sys.modules[module], METHODS[module])

    def _replace(self, module: ModuleType, rows: Rows) -> None:
        for kind, name, make in rows:
            self._ledger.group = ALWAYS if make is _shipped or make is _pooled else "context"
            owner = getattr(module, kind)
            self._ledger.replace(owner, name, make(vars(owner)[name], self._inside))


# Threads.


def _starter(original: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(function: Any, *arguments: Any, **named: Any) -> Any:
        if inside.held and not is_worker(function):
            function = inside.carried(function)
        return original(function, *arguments, **named)

    return start


def is_worker(function: Any) -> bool:
    """Whether a thread is about to be started that serves many."""
    thread = getattr(function, "__self__", None)
    if not isinstance(thread, threading.Thread):
        return False
    target = getattr(thread, "_target", None)
    kinds = (type(thread), type(getattr(target, "__self__", None)))
    for name, attribute in WORKERS:
        found = vars(sys.modules[name]).get(attribute) if name in sys.modules else None
        if found is not None and (target is found or found in kinds):
            return not _initializer(getattr(thread, "_args", ()))
    return False


def _initializer(arguments: tuple[Any, ...]) -> object:
    """What a worker of ThreadPoolExecutor does first, for whoever made the pool: (weak reference, queue, initializer, arguments) until 3.13, then
    (weak reference, context, queue)."""
    if len(arguments) == 4:
        return arguments[2]
    return getattr(arguments[1], "initializer", None) if len(arguments) == 3 else None


# Jobs and tasks.


def _job(original: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(self: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
        return original(self, inside.carried(function), *arguments, **named)

    return submit


def _shipped(original: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit(self: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
        return original(self, shipped(function, inside), *arguments, **named)

    return submit


def _pooled(original: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    """Of multiprocessing, whose pools of threads derive from those of processes. Of many items each is a call."""

    @functools.wraps(original)
    def submit(self: Any, func: Any, *arguments: Any, **named: Any) -> Any:
        pools = sys.modules["multiprocessing.pool"]
        arguments, named = _with_callbacks(inside, original.__name__, arguments, named)
        if isinstance(self, pools.ThreadPool):
            found = inside.here() if inside.held else ()
            func = Again(inside, func, found) if found else func
        else:
            func = shipped(func, inside)
        return original(self, func, *arguments, **named)

    return submit


CALLBACKS = {"apply_async": (2, 3), "_map_async": (3, 4)}
"""Which arguments behind the function are called with what came of it, in a thread of the pool's: `callback` and `error_callback`."""


def _with_callbacks(inside: Inside, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not inside.held:
        return arguments, named
    at = CALLBACKS.get(name, ())
    given = [inside.carried(one) if place in at and one is not None else one for place, one in enumerate(arguments)]
    words = ("callback", "error_callback")
    return tuple(given), {word: inside.carried(one) if word in words and one is not None else one for word, one in named.items()}


def _callback(original: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    """Called by the thread that has done the job."""

    @functools.wraps(original)
    def add_done_callback(self: Any, fn: Any) -> Any:
        return original(self, inside.carried(fn))

    return add_done_callback


class Again:
    """A function that is called inside of some blocks, any number of times."""

    def __init__(self, inside: Inside, function: Callable[..., Any], openings: tuple[Any, ...]) -> None:
        self._inside, self._function, self._openings = inside, function, openings

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        leave = self._inside.take(self._openings)
        try:
            return self._function(*arguments, **named)
        finally:
            leave()


def shipped(function: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    """`function` for a process that was there before, under what holds here."""
    found = inside.find()
    return Shipped(function, serialized.dumps(found.rules.policy)) if found.rules.policy.guards() else function


class Shipped:
    def __init__(self, function: Callable[..., Any], policy: bytes) -> None:
        self._function, self._policy = function, policy

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        from hermetic.api import Block

        with Block(serialized.loads(self._policy)):
            return self._function(*arguments, **named)


def _task(original: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    """A task that is started with another context, or empties its own, is inside all the same."""

    @functools.wraps(original)
    def create_task(self: Any, *arguments: Any, **named: Any) -> Any:
        task = original(self, *arguments, **named)
        if inside.held:
            inside.take_task(task)
        return task

    return create_task


METHODS: dict[str, Rows] = {
    "concurrent.futures._base": [("Future", "add_done_callback", _callback)],
    "concurrent.futures.thread": [("ThreadPoolExecutor", "submit", _job)],
    "concurrent.futures.process": [("ProcessPoolExecutor", "submit", _shipped)],
    "multiprocessing.pool": [("Pool", name, _pooled) for name in ("apply_async", "_map_async", "imap", "imap_unordered")],
    "asyncio.base_events": [("BaseEventLoop", "create_task", _task)],
}
"""By module: class, method, and what makes its replacement."""
