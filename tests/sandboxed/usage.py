"""What a user writes, checked by mypy --strict together with hermetic itself, and run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import hermetic
from hermetic.api import Refusal, Usage


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


if __name__ == "__main__":
    print(one("print(input())", Path.cwd()), asyncio.run(several(["print(1)", "print(2)"])))
