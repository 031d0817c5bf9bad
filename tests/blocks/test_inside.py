"""Who is inside of a block, in every interpreter that hermetic runs in: `matrix.py`, judged by this table and by its control without a block."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, Python

SCRIPT = Path(__file__).with_name("matrix.py")
PATIENCE_S = 300

AFTER = {
    "here": {"after"},
    "threads": {"before, after"},
    "executors": {"after", "after, its thread"},
    "pools": {"after"},
    "callbacks": {"after"},
    "tasks": {"itself, after", "executor, after"},
    "generators": {"closed", "decorated, between"},
    "moved": {"closed", "closed, elsewhere"},
    "async_generators": {"body, closed", "decorated, between", "decorated, closed"},
    "coroutines": {"after"},
    "nested": {"allowed", "allowed again"},
    "stacks": {"after"},
    "again": {"closed"},
}
"""What is done in either scope: the block is closed, or allows it."""

DONE = {
    "process": {"threads": {"inside, after"}, "executors": {"inside, after"}, "tasks": {"task, after"}},
    "context": {
        "threads": {"before"},
        "executors": {"from outside"},
        "tasks": {"another task", "another task's callback", "thread from before, while there are tasks"},
        "generators": {"between", "between, thread"},
        "moved": {"between, elsewhere"},
        "async_generators": {"body, between"},
        "coroutines": {"another task"},
    },
}
"""What is done in one of them: what runs on when the block is closed, and what was not started inside. All else is refused."""


def outcomes(python: Python, scope: str, place: Path) -> dict[str, dict[str, str]]:
    place.mkdir()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/bootstrap", "HOME": str(place)}
    command = [python.path, "-B", str(SCRIPT), scope, str(place)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


@pytest.mark.pythons("3.11", "3.12", "3.13", "3.14", "3.15")
def test_who_is_inside(python: Python, tmp_path: Path) -> None:
    control = outcomes(python, "none", tmp_path / "none")
    assert {what for row in control.values() for what in row.values()} == {"done"}
    for scope, more in DONE.items():
        found = outcomes(python, scope, tmp_path / scope)
        done = {name: {part for part, what in row.items() if what == "done"} for name, row in found.items()}
        assert done == {name: AFTER.get(name, set()) | more.get(name, set()) for name in control}, scope
        assert {name: {*row} for name, row in found.items()} == {name: {*row} for name, row in control.items()}
        assert {what for row in found.values() for what in row.values()} == {"done", "refused"}
