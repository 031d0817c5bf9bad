"""What native code tries so that an allowed name takes it to this machine: the kernel's layer holds, and without a guard all of it works."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import find_python
from launch.names_world import OUTSIDE
from launch.namespaces import in_world
from launch.wired import BESIDES, INNER

TRIED = str(Path(__file__).with_name("names_tried.py"))
ONE_LAYER = str(Path(__file__).resolve().parent.parent / "containment/one_layer.py")
LOOPBACK = "127.0.0.1"
OPTIONS = ["--quiet", "--no-network", *(f"--allow-domain={name}.test" for name in ("app", "own", "besides"))]


@pytest.fixture(scope="module")
def outcomes(session_directory, hermetic_command) -> dict[str, dict[str, str]]:
    """By who guards: whom each act reached."""
    python = str(find_python("3.11").path)
    program = [python, TRIED, OUTSIDE, INNER, BESIDES, LOOPBACK]
    guards = {"nobody": [], "both": [hermetic_command, *OPTIONS, "--"], "kernel": [python, "-IS", ONE_LAYER, "kernel", *OPTIONS, "--"]}
    found = in_world("names_world.py", session_directory / "home/.cache", {name: [*guard, *program] for name, guard in guards.items()})
    return {
        name: {act: who for act, _, who in (line.rpartition(" ") for line in out.splitlines())} for name, (code, out, _) in found.items()
    }


def test_without_a_guard(outcomes) -> None:
    assert outcomes["nobody"].pop("allowed") == OUTSIDE
    assert {act for act, who in outcomes["nobody"].items() if who not in act} <= {f"anew {INNER}", f"anew {LOOPBACK}"}
    assert len(outcomes["nobody"]) == 18


@pytest.mark.parametrize("layers", ["both", "kernel"])
def test_only_what_is_allowed_is_reached(outcomes, layers) -> None:
    found = dict(outcomes[layers])
    assert found.pop("allowed") == OUTSIDE
    assert len(found) == 18
    assert {act: who for act, who in found.items() if who not in ("nobody", OUTSIDE)} == {}
