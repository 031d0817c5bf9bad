"""What is started out of a block is in it, or does not start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from blocks.running import python as run
from conftest import Python
from launch.staged import Listener

SCRIPT = Path(__file__).with_name("children.py")
NOT_STARTED = {
    "true": "not Python, so nothing would hold it: start(",
    "system": "not Python, so nothing would hold it: start(",
    "multiprocessing forkserver": "its children would not be in this block: start(",
    "not listed": "subprocess disabled: start(",
}
ALLOWED = {"listed", "listed, by a child", "executor, after", "python, after"}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.mark.pythons("3.11", "3.14")
def test_children(python: Python, listener: Listener, tmp_path: Path) -> None:
    def outcomes(scope: str) -> tuple[dict[str, str], list[str]]:
        """TMPDIR is where run directories are made."""
        (line,) = run(str(SCRIPT), scope, str(listener.port), interpreter=python.path, cwd=tmp_path, TMPDIR=str(tmp_path))
        found = json.loads(line)
        return found["found"], found["told"]

    control, _ = outcomes("none")
    assert {name for name, what in control.items() if what != "done"} <= {"not listed"}  # `false` fails
    assert listener.visits() == len(control) - 6  # three that are not Python, and as many in the other block
    for scope in ("process", "context"):
        found, told = outcomes(scope)
        for name, what in found.items():
            if name in NOT_STARTED:
                assert NOT_STARTED[name] in what, name
            else:
                assert what == ("done" if name in ALLOWED else "refused"), name
        assert listener.visits() == 2
        assert [target.rpartition("/")[2] for target in told] == ["true", "sh"]
        assert list(tmp_path.iterdir()) == []
