"""Whatever is written into the run's FIFO, the launcher goes on, within bounds, and what it prints and logs is its own."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hermetic_guard.policy import Network, Policy

from hermetic.events import FIELDS
from hermetic.launch.speaker import Speaker
from hermetic.launch.told import Told
from hermetic.log import Log
from hermetic.options import Invocation

OWN = {"v", "event", "run", "time"}
REFUSED = {
    "v": 1,
    "event": "refused",
    "pid": 7,
    "guard": "network",
    "action": "DNS",
    "target": "a.test",
    "rule": "network disabled",
    "hint": "",
    "stack": [["/site-packages/m.py", 3, "f"]],
}
GOOD: list[dict[str, Any]] = [
    REFUSED,
    {"v": 1, "event": "uncaught", "pid": 7},
    {"v": 1, "event": "failed", "pid": 7, "why": "w"},
    {"v": 1, "event": "ready", "pid": 7, "way": "early", "python": "3.11.7", "implementation": "cpython"},
]
NAMES = ["v", "event", "pid", "self", "run", "time", "program", "guard", "stack", "fields", "lost", "blocked", "\x1b[31m", ""]

PIECES = ["a", "\x1b", "\n", '"', "\\", "\udcff", "\ud800", "😀", "\0", "/site-packages/", "/", "lib/python3/", ".."]


class Quiet(Speaker):
    """Keeps what was written."""

    def __init__(self, invocation: Invocation) -> None:
        super().__init__(invocation)
        self.written: list[str] = []
        self.write = self.written.append  # type: ignore[method-assign]


@pytest.fixture
def run(tmp_path: Path) -> Told:
    invocation = Invocation("run", {}, ["x"])
    made = Told(invocation, Policy(network=Network()), Quiet(invocation), carries=False)
    made.log = Log(str(tmp_path / "log"), "the-run", print)
    return made


def anything(rng: random.Random, depth: int = 3) -> Any:
    """A JSON value."""
    kind = rng.randrange(9 if depth else 6)
    if kind == 0:
        return rng.choice([None, True, False, 0.5, 1e300, float("nan")])
    if kind in (1, 2):
        return rng.choice([0, 1, 7, -1, 1 << 31, 10**400])
    if kind in (3, 4, 5):
        return "".join(rng.choice(PIECES) for _ in range(rng.choice([0, 3, 30])))
    if kind == 6:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): anything(rng, depth - 1) for _ in range(rng.randrange(6))}


def line(rng: random.Random) -> bytes:
    """An event with some of its parts changed, or something else; sometimes cut off."""
    value: Any = dict(rng.choice(GOOD)) if rng.random() < 0.8 else anything(rng)
    if isinstance(value, dict):
        for _ in range(rng.randrange(3)):
            value[rng.choice([*NAMES, *value])] = anything(rng)
        if "stack" in value and rng.random() < 0.5:
            value["stack"] = [[anything(rng, 0), rng.randrange(9), ""] for _ in range(rng.randrange(5))]
        if value and rng.random() < 0.1:
            del value[rng.choice(list(value))]
    data = json.dumps(value).encode()
    return (data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data) + b"\n"


@pytest.mark.parametrize("seed", range(5))
def test_anything_at_all(run: Told, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    data = b"".join(line(rng) for _ in range(1000))
    while data:
        size = rng.randrange(1, 5000)
        run.take(data[:size])
        data = data[size:]
    run.report.finish(run.reader.foreign)
    logged = [json.loads(text) for text in (tmp_path / "log").read_text().splitlines()]
    assert len(logged) + run.reader.foreign == pytest.approx(1000, abs=1)
    for event in logged:
        assert event.keys() - OWN - {"lost"} == FIELDS[event["event"]].keys()
        assert event["run"] == "the-run"
        assert event["time"] > 1e9
    assert all(text.replace("\n", "").isprintable() for text in run.say.written)  # type: ignore[attr-defined]
    assert len(run.say.written) < 50  # type: ignore[attr-defined]


def test_a_flood_does_not_fill_the_memory(run: Told) -> None:
    run.log = None
    tracemalloc.start()
    try:
        for number in range(5000):
            stack = [[f"/{number}/site-packages/m.py", number, "f"]]
            for event in ({**REFUSED, "target": f"{number}" + "x" * 3000, "stack": stack}, *GOOD[1:]):
                run.take(json.dumps({**event, "pid": number + 1}).encode() + b"\n")
            run.take(json.dumps({**GOOD[2], "why": f"{number}"}).encode() + b"\n")
            run.take(json.dumps({**REFUSED, "guard": f"{number}"}).encode() + b"\n")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    run.report.finish(run.reader.foreign)
    assert held < 1 << 20
    assert max(map(len, run.say.written)) < 10000  # type: ignore[attr-defined]
    assert run.report.blocked == {"network": 5000}
    assert run.reader.foreign == 5000
