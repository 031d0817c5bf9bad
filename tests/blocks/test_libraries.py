"""The examples of the documentation, and other people's event loops, pools and clusters, for real."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from blocks.running import python as run
from conftest import LoopbackServer
from launch.environments import Environments

SCRIPT = Path(__file__).with_name("libraries.py")
REFUSED = {"inside", "emptied", "to_thread", "child"}


@pytest.mark.parametrize("version", [pytest.param("3.11", marks=pytest.mark.soak), "3.13"])
def test_libraries(environments: Environments, version: str, tmp_path: Path, loopback_server: LoopbackServer) -> None:
    environment = environments.get(f"blocks {version}")
    found = json.loads(run("-W", "ignore", str(SCRIPT), str(loopback_server.port), interpreter=environment.python, cwd=tmp_path)[-1])
    assert found["black"] == "a = 1\n"
    assert found["requests"] == {
        "refused": "NetworkViolation",
        "refused here": "NetworkViolation",
        "allowed": "200",
        "not allowed": "NetworkViolation",
        "after": "200",
    }
    assert len(loopback_server.visitors) == 2
    for library in ("trio", "anyio", "anyio on trio"):
        assert {name for name, what in found[library].items() if what == "refused"} == REFUSED, library
        assert {"another task", "another task's thread", "after", "thread, after"} == found[library].keys() - REFUSED
    assert found["shipped"] == {"cloudpickle": "refused", "worker": "refused", "worker, unguarded": "done"}


def test_types_for_pyright(environments: Environments, tmp_path: Path) -> None:
    from blocks.test_api import TYPED
    from conftest import ROOT

    environment = environments.get("blocks 3.13")
    (tmp_path / "program.py").write_text(TYPED)
    (tmp_path / "usage.py").write_text((ROOT / "tests/sandboxed/usage.py").read_text())
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", "extraPaths": [str(ROOT), f"{ROOT}/bootstrap"]}))
    done = subprocess.run(
        [environment.bin / "pyright", "--outputjson", "program.py", "usage.py"], cwd=tmp_path, capture_output=True, text=True
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    assert [one["message"] for one in found if one["severity"] == "error"] == [], done.stdout
