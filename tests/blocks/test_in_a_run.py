"""Blocks in the target of a run, and in what a block has started: what is started out of them is under both policies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from blocks.running import python as run
from conftest import ROOT

SCRIPT = f"""
import multiprocessing, os, subprocess, sys
sys.path[:0] = [{str(ROOT)!r}, "{ROOT}/bootstrap"]
from hermetic import hermetic_blocker
MARK, SCOPE = sys.argv[1:]
TRY = '''
import os, socket, sys
def said(function, *given):
    try:
        function(*given)
    except Exception as error:
        return "refused" if "PolicyViolation" in [kind.__name__ for kind in type(error).__mro__] else "done"
    return "done"
print(said(os.mkdir, sys.argv[1]), said(socket.create_connection, ("127.0.0.1", 9)), flush=True)
'''
OTHER = '''
import subprocess
try:
    subprocess.run(["true"], check=True)
    print("done", flush=True)
except Exception as error:
    print("refused" if "PolicyViolation" in [kind.__name__ for kind in type(error).__mro__] else error, flush=True)
'''
PARENT = f"import subprocess, sys\\nsubprocess.run([sys.executable, '-I', '-c', {{TRY!r}}, sys.argv[1]], env={{{{}}}})"

def act(name):
    exec(compile(TRY.replace("sys.argv[1]", repr(name)), "act", "exec"), {{}})

def children(name):
    where = f"{{MARK}}-{{name}}"
    subprocess.run([sys.executable, "-c", TRY, where], check=True)
    subprocess.run([sys.executable, "-I", "-c", TRY, where + "I"], env={{}}, check=True)
    subprocess.run([sys.executable, "-c", PARENT, where + "P"], check=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(act, (where + "S",))
    subprocess.run([sys.executable, "-c", OTHER], check=True)

if __name__ == "__main__":
    children("before")
    with hermetic_blocker(fs_readonly=True, scope=SCOPE):
        children("inside")
        try:
            subprocess.run(["true"])
        except Exception as error:
            print(type(error).__name__, flush=True)
    children("after")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def outcomes(command: list[str], place: Path, scope: str) -> list[str]:
    done = subprocess.run([*command, str(place / "script.py"), str(place / "made"), scope], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("scope", ["process", "context"])
def test_what_is_started_is_under_both(script: Path, hermetic_command: str, scope: str) -> None:
    """Before and after the block it is under the run's alone."""
    command = [hermetic_command, "exec", "-q", "--no-network", "--no-policy", "--python", sys.executable, "--"]
    found = outcomes(command, script.parent, scope)
    ordinary, blocked = [*["done refused"] * 4, "done"], [*["refused refused"] * 4, "refused"]
    assert found == [*ordinary, *blocked, "ProcessViolation", *ordinary]
    made = sorted(path.name for path in script.parent.glob("made-*"))
    assert made == sorted(f"made-{when}{how}" for when in ("before", "after") for how in ("", "I", "P", "S"))


def test_a_block_in_what_a_block_has_started(script: Path) -> None:
    """Without any run."""
    code = f"""
import subprocess, sys
from hermetic import hermetic_blocker
with hermetic_blocker(block_network=True) as passed:
    done = subprocess.run([sys.executable, {str(script)!r}, "made", "process"], capture_output=True, text=True)
print(done.stdout + done.stderr, end="")
print(passed.refused)
"""
    *found, told = run("-c", code, cwd=script.parent, TMPDIR=str(script.parent))
    ordinary, blocked = [*["done refused"] * 4, "refused"], [*["refused refused"] * 4, "refused"]
    assert found == [*ordinary, *blocked, "ProcessViolation", *ordinary]
    assert int(told) >= 16
    assert not [path for path in script.parent.iterdir() if "hermetic" in path.name]
