"""What children of a block are refused its pass is told, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from blocks.running import python as run
from conftest import Python

SCRIPT = Path(__file__).with_name("refused_children.py")
HINT = "allow_localhost="


@pytest.mark.pythons("3.13", "3.15")
def test_passes_are_told(python: Python, tmp_path: Path) -> None:
    scope = "context" if python.version == (3, 13) else "process"
    (line,) = run(str(SCRIPT), scope, interpreter=python.path, cwd=tmp_path, TMPDIR=str(tmp_path))
    found = json.loads(line)
    both = ["1", "2", "3", "4", "5", "6", "7"]
    assert sorted(port for _, port, _ in found["first"]) == both
    assert found["inner"] == found["first"]
    assert sorted(port for _, port, _ in found["second"]) == ["8", "9"]
    assert [port for _, port, _ in found["nothing"]] == ["10"]
    for guard, port, hint in (*found["first"], *found["second"], *found["nothing"]):
        assert (guard, hint) == ("network", HINT + port)
    assert found["many"] == 200
    assert found["hint"].startswith(HINT)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
