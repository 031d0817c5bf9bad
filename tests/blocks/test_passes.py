"""Several passes through one block at once: each is told what was refused while it lasted, and is closed by who has opened it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from blocks.running import lines

PASSES = """
import asyncio, itertools
block = hermetic_blocker(fs_readonly=True)
def more(runs):
    before = [run.refused for run in runs]
    said(os.chmod, __file__, 0o644)
    return [run.refused - count for run, count in zip(runs, before)]
"""


def test_generators_that_end_in_any_order(tmp_path: Path) -> None:
    code = """
    def body():
        with block as run:
            yield run
    wrong = 0
    for order in itertools.permutations(range(4)):
        bodies = [body() for _ in range(4)]
        runs = [next(one) for one in bodies]
        wrong += more(runs) != [1, 1, 1, 1]
        for count, at in enumerate(order, 1):
            bodies[at].close()
            wrong += more(runs) != [int(index not in order[:count]) for index in range(4)]
    print(wrong, said(os.chmod, __file__, 0o644))
    """
    assert lines(PASSES + textwrap.dedent(code), tmp_path) == ["0 done"]


def test_tasks_and_threads_that_end_in_any_order(tmp_path: Path) -> None:
    code = """
    async def task(opened, ends):
        async with block as run:
            opened.append(run)
            await ends.wait()
    async def tasks(order):
        opened, ends = [], [asyncio.Event() for _ in order]
        started = []
        for event in ends:
            started.append(asyncio.create_task(task(opened, event)))
            await asyncio.sleep(0)
        found = []
        for at in order:
            ends[at].set()
            await started[at]
            found.append(more(opened))
        return found
    def thread(opened, ready, ends):
        with block as run:
            opened.append(run)
            ready.set()
            ends.wait()
    def threads(order):
        opened, ends, started = [], [threading.Event() for _ in order], []
        for event in ends:
            ready = threading.Event()
            started.append(threading.Thread(target=thread, args=(opened, ready, event)))
            started[-1].start()
            ready.wait()
        found = []
        for at in order:
            ends[at].set()
            started[at].join()
            found.append(more(opened))
        return found
    def expected(order):
        return [[int(index not in order[:count]) for index in range(3)] for count in range(1, 4)]
    orders = list(itertools.permutations(range(3)))
    print([asyncio.run(tasks(order)) == threads(order) == expected(order) for order in orders].count(True), len(orders))
    """
    assert lines(PASSES + textwrap.dedent(code), tmp_path) == ["6 6"]


def test_stacks_and_frames_that_enter_twice(tmp_path: Path) -> None:
    code = """
    def enter():
        with contextlib.ExitStack() as stack:
            one = stack.enter_context(block)
            with block as other, block as third:
                print(more([one, other, third]))
            print(more([one, other, third]))
        print(more([one]))
    enter()
    by_hand = block.__enter__()
    def close():
        block.__exit__(None, None, None)
    print(more([by_hand]))
    close()
    print(more([by_hand]), said(close))
    """
    found = lines(PASSES + textwrap.dedent(code), tmp_path)
    assert found == ["[1, 1, 1]", "[1, 0, 0]", "[0]", "[1]", "[0] RuntimeError: this block is not open"]
