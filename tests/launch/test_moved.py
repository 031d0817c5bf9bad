"""A program that is not Python can move a directory that hermetic's own are in: it is told, and what it has put in the cache's place is not read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import find_python
from launch.namespaces import run_with_mounts

MOVES = {
    "the cache": (".cache", "hermetic/guard", ".cache/hermetic"),
    "what is trusted": (".config", "hermetic/hermetic.toml", ".config/hermetic"),
    "the project": ("project", "hermetic.toml", "project"),
}
"""What is moved, a file that is put there, and what is told to be another."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in (".cache", ".config", "project"):
        (tmp_path / name).mkdir()
    (tmp_path / "project/hermetic.toml").write_text("version = 1\n[network]\n")
    return tmp_path


def run(hermetic: str, home: Path, *command: str) -> tuple[int, str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run([hermetic, "--no-network", "--", *command], capture_output=True, text=True, env=env, cwd=home / "project")
    return done.returncode, done.stderr


def told(home: Path, name: str) -> str:
    return f"hermetic: {home}/{name} is not what it was when the run began: look at it before the next run\n"


@pytest.mark.parametrize("what", MOVES)
def test_it_is_told(hermetic_command: str, home: Path, what: str) -> None:
    above, put, other = MOVES[what]
    script = f"cd {home} && mv {above} moved && mkdir -p {above}/hermetic && echo poison > {above}/{put}"
    code, err = run(hermetic_command, home, "sh", "-c", script)
    assert code == 0, err
    assert [line for line in err.splitlines(keepends=True) if "is not what it was" in line] == [told(home, other)]
    assert (home / above / put).exists() is (what != "the cache")


def test_what_stays_is_not_told(hermetic_command: str, home: Path) -> None:
    code, err = run(hermetic_command, home, "sh", "-c", f"cd {home} && mv .cache moved && mv moved .cache && touch .config/other")
    assert (code, "is not what it was" in err) == (0, False), err


@pytest.mark.parametrize("what", MOVES)
def test_python_cannot_move_it(hermetic_command: str, home: Path, what: str) -> None:
    above = home / MOVES[what][0]
    python = str(find_python("3.11").path)
    code, err = run(hermetic_command, home, python, "-c", f"import os; os.rename({str(above)!r}, {str(home / 'moved')!r})")
    assert code == 77, err
    assert above.is_dir()


@pytest.mark.parametrize("guarded", [False, True])
def test_another_path_to_it(hermetic_command: str, home: Path, guarded: bool) -> None:
    """A mount that shows hermetic's own files twice, as of a home directory that is kept elsewhere."""
    kept, other = home / ".cache/hermetic", home / "other"
    kept.mkdir()
    other.mkdir()
    command = [hermetic_command, "--no-network", "--"] if guarded else []
    script = f"for place in {kept} {other}; do echo poison > $place/poison; ls $place; done"
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = run_with_mounts(f"mount --bind {kept} {other}", [*command, "sh", "-c", script], env=env, cwd=home / "project")
    assert (kept / "poison").exists() != guarded, done.stderr
    assert done.stderr.count(b"Read-only file system") == 2 * guarded, done.stderr
