"""What a user writes, checked by mypy --strict together with hermetic itself, and run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import hermetic
from hermetic.api import BadArgument, BadBlock, Block, GuardUnavailable, Refusal, Run, Sealed, Usage


def texts(result: hermetic.Result) -> list[str]:
    first: Refusal | None = result.violations[0] if result.violations else None
    used: Usage = result.usage
    return [result.output, result.errors, first.asked_by if first else "", str(used.wall > 0), str(result.timed_out), str(result.exit_code)]


def one(source: str, where: Path) -> list[str]:
    return texts(
        hermetic.run_code(source, input="x", cwd=where, block_network=True, allow_localhost=[80, "8000-8010"], timeout=20, max_memory="1G")
    )


async def several(sources: list[str]) -> list[list[str]]:
    return [texts(result) for result in await asyncio.gather(*(hermetic.arun_code(source, block_network=True) for source in sources))]


async def in_a_pool(sources: list[str], where: Path) -> list[str]:
    async with hermetic.Pool(2, preload=["json"], cwd=where, block_network=True, max_memory="1G") as pool:
        return [result.output for result in await asyncio.gather(*(pool.arun_code(source, input=b"x", timeout=20) for source in sources))]


def in_threads(source: str, python: Path) -> hermetic.Result:
    with hermetic.Pool(1, python=python, fs_readonly=True, allow_write=[python.parent]) as pool:
        return pool.run_code(source, keep_output=100)


@hermetic.with_hermetic(fs_readonly=True, on_violation="refuse")
def guarded(block: Block, sealed: Sealed) -> int:
    try:
        with block as run:
            passed: Run = run
            return len(passed.violations) + sealed.refused
    except (BadArgument, BadBlock, GuardUnavailable) as error:
        return len(error.message)
    except hermetic.PolicyViolation as error:
        return len(f"{error.guard} {error.action} {error.target} {error.rule} {error.hint}")


def seal() -> int:
    return guarded(hermetic.hermetic_blocker(profile=["block-all"]), hermetic.seal(block_native=True, allow_native=["numpy"]))


async def command(words: list[str]) -> int:
    return (await hermetic.arun(words, clean_env=True, set_env={"NAME": "value"})).exit_code + hermetic.run(words, tmp="private").exit_code


if __name__ == "__main__":
    print(one("print(input())", Path.cwd()), asyncio.run(several(["print(1)", "print(2)"])))
