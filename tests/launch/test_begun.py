"""A child that puts the kernel's rules on itself while its run is made ready executes nothing before it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DRIVER = f"""
import os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "bootstrap")!r}]
from hermetic import options
from hermetic.errors import HermeticError
from hermetic.launch import begin as beginning, child, stage
fill, begin = stage.RunDirectory._fill, child.Child.begin
places, begun = [], []
def filled(self, contents, but):
    places.append(self.path)
    if len(places) <= FULL:
        raise OSError(28, "No space left on device")
    fill(self, contents, but)
def began(self, *words):
    begun.append(self.pid)
    begin(self, *words)
stage.RunDirectory._fill, child.Child.begin = filled, began
FULL = int(sys.argv[1])
try:
    code = beginning.main(options.parse(sys.argv[2:]))
except HermeticError as error:
    code = type(error).__name__
print(code, [os.path.exists(path) for path in places], [os.path.exists(f"/proc/{{pid}}") for pid in begun], sep=";", flush=True)
"""
TARGET = "-q --no-subprocess -- /bin/sh -c".split()
ACTS = ": > canary; /bin/true"
"""The second is refused by the kernel alone."""


def start(place: Path, full: int) -> tuple[str, str, str, bool]:
    """The exit code, or what was raised; which run directories there were, and children with rules, and whether they are there still; and whether
    the target was executed.
    """
    command = [sys.executable, "-I", "-S", "-c", DRIVER, str(full), *TARGET, ACTS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place, timeout=60, check=True)
    code, places, begun = done.stdout.strip().split(";")
    return code, places, begun, (place / "canary").exists()


def test_the_target_is_executed_when_all_is_there(tmp_path: Path) -> None:
    code, places, begun, ran = start(tmp_path, 0)
    assert (code not in ("0", "125"), places, begun, ran) == (True, "[False]", "[False]", True)


def test_where_a_place_is_full_the_child_is_another(tmp_path: Path) -> None:
    code, places, begun, ran = start(tmp_path, 1)
    assert (code not in ("0", "125"), places, begun, ran) == (True, "[False, False]", "[False]", True)


def test_nothing_is_executed_where_there_is_no_place(tmp_path: Path) -> None:
    """The rules were put on, and that was all."""
    code, places, begun, ran = start(tmp_path, 99)
    assert (code, "True" in places, begun, ran) == ("StageError", False, "[False]", False)
