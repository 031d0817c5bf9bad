"""The same in an asyncio loop."""

import asyncio
import subprocess
import sys

import pytest
from sandboxed.conftest import running

import hermetic
from hermetic import errors


def test_several_at_once(traces):
    async def several():
        codes = [f"import sys; print({number}, sys.stdin.read())" for number in range(4)]
        return await asyncio.gather(*(hermetic.arun_code(code, input="x", block_network=True) for code in codes))

    before = traces.now()
    results = asyncio.run(several())
    assert [result.output for result in results] == [f"{number} x\n" for number in range(4)]
    assert traces.now() == before


def test_the_time_is_limited_and_a_program_is_run():
    result = asyncio.run(hermetic.arun(["sleep", "60"], block_network=True, timeout=0.3))
    assert (result.exit_code, result.timed_out) == (124, True)


def test_errors_are_raised():
    with pytest.raises(errors.TargetNotFound):
        asyncio.run(hermetic.arun(["no-such-program-here"], block_network=True))


@pytest.mark.parametrize(("how", "marker"), [("timeout", "4715.25"), ("cancel", "4716.25"), ("twice", "4717.25")])
def test_one_that_is_cancelled_leaves_nothing(traces, how, marker):
    async def begin():
        async with asyncio.timeout(1.5 if how == "timeout" else None):
            await hermetic.arun(["sh", "-c", f"trap '' TERM; sleep {marker} & sleep {marker}"], block_network=True)

    async def cancelled():
        task = asyncio.ensure_future(begin())
        if how != "timeout":
            await asyncio.sleep(1.5)
            assert running(marker)
            task.cancel()
        if how == "twice":
            await asyncio.sleep(0)
            task.cancel()
        await task

    before = traces.now()
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        asyncio.run(cancelled())
    assert not running(marker)
    assert traces.now() == before


def test_a_user_can_write_this():
    from sandboxed import usage

    done = subprocess.run([sys.executable, usage.__file__], capture_output=True, text=True, check=True)
    first, second, third = ([f"{word}\n", "", "", "True", "False", "0"] for word in "x12")
    assert done.stdout == f"{first} {[second, third]}\n"
