"""Who is inside of a block: rows that are run in one interpreter, for `test_inside.py`. Prints what became of each as JSON.

    matrix.py SCOPE DIRECTORY      SCOPE: process, context, or none for the control, where nothing is refused

A row returns what `act` said, by the names that the table has for its parts: "refused" or "done".
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import itertools
import json
import multiprocessing.pool
import os
import sys
import threading
import types

from hermetic import PolicyViolation, hermetic_blocker, with_hermetic

SCOPE, PLACE = sys.argv[1:]
NUMBERS = itertools.count()
PATIENCE_S = 60


def act():
    try:
        os.mkdir(f"{PLACE}/{next(NUMBERS)}")
    except PolicyViolation:
        return "refused"
    return "done"


def block(**more):
    return contextlib.nullcontext() if SCOPE == "none" else hermetic_blocker(fs_readonly=True, scope=SCOPE, **more)


def decorated(function):
    return function if SCOPE == "none" else with_hermetic(fs_readonly=True, scope=SCOPE)(function)


class Thread(threading.Thread):
    """Acts whenever it is told to."""

    def __init__(self):
        super().__init__(daemon=True)
        self.go, self.gone, self.found = threading.Semaphore(0), threading.Semaphore(0), ""
        self.start()

    def run(self):
        while self.go.acquire():
            self.found = act()
            self.gone.release()

    def ask(self):
        self.go.release()
        assert self.gone.acquire(timeout=PATIENCE_S)
        return self.found


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join(PATIENCE_S)
    return found[0]


def here():
    with block():
        inside = act()
    return {"inside": inside, "after": act()}


def threads():
    before = Thread()
    with block():
        inside = Thread()
        found = {"before": before.ask(), "inside": inside.ask(), "timer": timer(), "below": in_thread(lambda: in_thread(act))}
    return dict(found, **{"before, after": before.ask(), "inside, after": inside.ask()})


def timer():
    found, done = [], threading.Event()
    threading.Timer(0, lambda: (found.append(act()), done.set())).start()
    assert done.wait(PATIENCE_S)
    return found[0]


def executors():
    with concurrent.futures.ThreadPoolExecutor(1) as idle, concurrent.futures.ThreadPoolExecutor(1) as fresh:
        idle.submit(act).result()
        go = threading.Event()
        with block():
            inside = idle.submit(act).result()
            first = fresh.submit(act).result()  # by a thread that is made here
            waits = idle.submit(lambda: go.wait(PATIENCE_S) and act())
            outside = in_outer(lambda: fresh.submit(act).result())
        go.set()
        return {
            "inside": inside,
            "inside, new thread": first,
            "inside, after": waits.result(),
            "from outside": outside,
            "after": idle.submit(act).result(),
            "after, its thread": fresh.submit(act).result(),
        }


OUTER = concurrent.futures.ThreadPoolExecutor(1)
OUTER_JOBS, OUTER_RESULTS = [], []
OUTER_GO, OUTER_DONE = threading.Semaphore(0), threading.Semaphore(0)


def serve():
    while OUTER_GO.acquire():
        OUTER_RESULTS.append(OUTER_JOBS.pop()())
        OUTER_DONE.release()


threading.Thread(target=serve, daemon=True).start()


def in_outer(function):
    """Called by a thread that was there before."""
    OUTER_JOBS.append(function)
    OUTER_GO.release()
    assert OUTER_DONE.acquire(timeout=PATIENCE_S)
    return OUTER_RESULTS.pop()


def pools():
    with multiprocessing.pool.ThreadPool(1) as pool:
        pool.apply(act)
        with block():
            found = {"apply": pool.apply(act), "map": pool.map(lambda _: act(), [0])[0], "imap": next(pool.imap(lambda _: act(), [0]))}
        return dict(found, after=pool.apply(act))


def callbacks():
    """Of what the threads of pools have done that were there before."""
    found, go, done = {}, threading.Event(), threading.Semaphore(0)

    def callback(name):
        return lambda _: (found.update({name: act()}), done.release())

    with concurrent.futures.ThreadPoolExecutor(1) as executor, multiprocessing.pool.ThreadPool(1) as pool:
        executor.submit(int).result()
        pool.apply(int)
        with block():
            executor.submit(go.wait, PATIENCE_S).add_done_callback(callback("future"))
            pool.apply_async(int, callback=callback("pool"))
            pool.map_async(int, [0], 1, callback("pool, map"))
            pool.apply_async(int, ("x",), {}, None, callback("pool, error"))
            go.set()
            for _ in range(4):
                assert done.acquire(timeout=PATIENCE_S)
        executor.submit(int).add_done_callback(callback("after"))
        assert done.acquire(timeout=PATIENCE_S)
    return found


def initializer():
    found = []
    with block():
        pool = concurrent.futures.ThreadPoolExecutor(1, initializer=lambda: found.append(act()))
        pool.submit(int).result()
    pool.shutdown()
    return {"inside": found[0]}


def contexts():
    outside = contextvars.copy_context()
    with block():
        found = {"emptied": contextvars.Context().run(act), "from before": outside.run(act)}
        for variable in contextvars.copy_context():
            variable.set(())
        return dict(found, forged=act())


def tasks():
    return asyncio.run(tasks_in_loop())


async def tasks_in_loop():
    loop, entered, leave = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    async def enter():
        async with block():
            found["itself"] = act()
            entered.set()
            await asyncio.sleep(0)
            found["itself, later"] = act()
            found["emptied"] = contextvars.Context().run(act)
            found["to_thread"] = await asyncio.to_thread(act)
            found["run_in_executor"] = await loop.run_in_executor(None, act)
            found["task"] = await asyncio.create_task(acting())
            found["task, empty context"] = await asyncio.create_task(acting(), context=contextvars.Context())
            found["task, emptied"] = await asyncio.create_task(emptied())
            found["group"] = (await asyncio.gather(acting(), acting()))[1]
            done = loop.create_future()
            loop.call_soon(lambda: done.set_result(act()))
            found["call_soon"] = await done
            late = asyncio.create_task(waiting(leave))
            found["thread from before, while there are tasks"] = in_outer(act)
            helper = plain_block_in_a_coroutine()
            found["plain function"] = helper
        found["itself, after"] = act()
        leave.set()
        found["task, after"] = await late

    async def other():
        await entered.wait()
        found["another task"] = act()
        found["another task's callback"] = await callback(loop)

    async def warm():
        return await asyncio.to_thread(act)

    found = {}
    await warm()
    await asyncio.gather(enter(), other())
    found["executor, after"] = await warm()
    return found


def plain_block_in_a_coroutine():
    with block():
        return act()


async def acting():
    await asyncio.sleep(0)
    return act()


async def emptied():
    for variable in contextvars.copy_context():
        variable.set(())
    await asyncio.sleep(0)
    return contextvars.Context().run(act)


async def waiting(event):
    await event.wait()
    return act()


async def callback(loop):
    done = loop.create_future()
    loop.call_soon(lambda: done.set_result(act()))
    return await done


def loops():
    """A loop that runs inside."""
    with block():
        return {"inside": asyncio.run(acting())}


def generators():
    def body():
        with block():
            yield act()
            yield act()

    @decorated
    def whole():
        sent = yield act()
        yield sent, act()
        try:
            yield act()
        finally:
            found["closing"] = act()

    found = {}
    one = body()
    found["body"] = next(one)
    found["between"] = act()
    found["between, thread"] = in_thread(act)
    found["body, emptied"] = contextvars.Context().run(next, one)
    one.close()
    found["closed"] = act()
    two = whole()
    found["decorated"] = next(two)
    found["decorated, between"] = act()
    sent, found["decorated, sent"] = two.send("sent")
    assert sent == "sent"
    next(two)
    two.close()
    return found


def moved():
    """A generator that another thread goes on with."""

    def body():
        with block():
            yield act()
            yield act()
            try:
                yield
            finally:
                found["closing"] = act()

    one = body()
    found = {"here": next(one), "elsewhere": in_thread(lambda: next(one))}
    next(one)
    found["between, elsewhere"] = in_outer(act)
    in_thread(one.close)
    return dict(found, **{"closed": act(), "closed, elsewhere": in_outer(act)})


def async_generators():
    return asyncio.run(async_generators_in_loop())


async def async_generators_in_loop():
    async def body():
        async with block():
            yield act()
            await asyncio.sleep(0)
            yield act()

    @decorated
    async def whole():
        yield act()
        await asyncio.sleep(0)
        yield act()

    found = {}
    for name, make in (("body", body), ("decorated", whole)):
        made = make()
        found[name] = await made.__anext__()
        found[name + ", between"] = act()
        found[name + ", later"] = await made.__anext__()
        await made.aclose()
        found[name + ", closed"] = act()
    return found


def coroutines():
    return asyncio.run(coroutines_in_loop())


async def coroutines_in_loop():
    entered, leave = asyncio.Event(), asyncio.Event()

    @decorated
    async def whole():
        entered.set()
        await leave.wait()
        return act()

    async def other():
        await entered.wait()
        found["another task"] = act()
        leave.set()

    found = {}
    found["decorated"], _ = await asyncio.gather(whole(), other())
    found["after"] = act()
    return found


def nested():
    with block():
        with block(allow_write=[PLACE]):
            inner = act()
        between = act()
    with block(allow_write=[PLACE]):
        allowed = act()
        with block():
            narrower = act()
        again = act()
    return {"looser inside": inner, "after it": between, "allowed": allowed, "narrower inside": narrower, "allowed again": again}


def methods():
    class Thing:
        @decorated
        def method(self):
            return act()

        @staticmethod
        @decorated
        def static():
            return act()

        @decorated
        @classmethod
        def of_class(cls):
            return act()

    return {"method": Thing().method(), "static": Thing.static(), "class": Thing.of_class()}


def returned():
    """What a function returns, and still has to run."""

    async def coroutine():
        return act()

    async def items():
        yield act()

    class Callable:
        async def __call__(self):
            return act()

    @types.coroutine
    def old():
        yield
        return act()

    async def every():
        return {
            "coroutine": await decorated(lambda: coroutine())(),
            "of an object": await decorated(Callable())(),
            "generator": next(decorated(lambda: (act() for _ in [0]))()),
            "asynchronous generator": await anext(decorated(lambda: items())()),
            "types.coroutine": await decorated(old)(),
            "types.coroutine, returned": await decorated(lambda: old())(),
        }

    return asyncio.run(every())


def stacks():
    with contextlib.ExitStack() as stack:
        stack.enter_context(block())
        inside = act()
    return {"inside": inside, "after": act()}


def again():
    """One block, open several times at once and closed in another order."""
    one = block()
    one.__enter__()
    with one:
        twice = act()
    once = act()
    one.__exit__(None, None, None)
    return {"twice": twice, "once": once, "closed": act()}


ROWS = (
    here,
    threads,
    executors,
    pools,
    callbacks,
    initializer,
    contexts,
    tasks,
    loops,
    generators,
    moved,
    async_generators,
    coroutines,
    nested,
    methods,
    returned,
    stacks,
    again,
)

if __name__ == "__main__":
    print(json.dumps({row.__name__: row() for row in ROWS}))
