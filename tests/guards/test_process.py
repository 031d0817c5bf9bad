"""The subprocess guard, in every interpreter: the table of `process/`, judged by the files that a started program leaves, or does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import find_python, share
from guards.attempts import BARE, Attempts, Row, changed, complaints, real_path
from guards.process import tampering
from guards.process.table import ROWS
from launch.jobs import Jobs

NO = "--no-subprocess"
FORKS = ("off", "true", "touch", "env", "tool", "git", "python")
"""Policies under which something may be started, so that each row may have a process of its own."""


@pytest.fixture
def world(tmp_path: Path, hermetic_command: str, session_directory: Path):
    home = session_directory / "home"
    home.mkdir(exist_ok=True)
    return World(tmp_path, Jobs(hermetic_command, tmp_path, home))


class World:
    """Programs to start, and what may be started under each policy."""

    def __init__(self, directory: Path, jobs: Jobs) -> None:
        self.directory, self.jobs = directory, jobs
        self.names = {name: real_path(name.lower()) for name in ("TOUCH", "TRUE", "ENV")}
        self.names["SHELL"] = str(Path("/bin/sh").resolve())
        self.names["STRANGE"] = self.program("strange", "no program at all")
        self.names["GIT"] = self.program("git", f'#!/bin/sh\n{self.names["TOUCH"]} "$@"\n')

    def program(self, name: str, content: str) -> str:
        path = self.directory / name
        path.write_text(content)
        path.chmod(0o755)
        return str(path)

    def run(self, python, rows: list[Row], policies: set[str]):
        """The outcomes under each of these policies."""
        self.names["TOOL"] = self.program("tool", f"#!{python.path}\nimport sys\nopen(sys.argv[1], 'w').close()\n")
        options = {
            "none": [NO],
            "raise": [NO, "--on-violation=raise"],
            "off": ["--no-network", "--allow-localhost"],
            "python": [NO, f"--allow-run={python.path}"],
            **{name: [NO, f"--allow-run={self.names[name.upper()]}"] for name in ("true", "touch", "env", "tool", "git")},
        }
        attempts = Attempts(self.jobs, self.directory / "rows", options, FORKS)
        attempts.directory.mkdir()
        under = {policy: [row for row in rows if policy in (*row.under, "off", BARE)] for policy in sorted({*policies, BARE})}
        return {policy: attempts.run(python.path, chosen, policy, self.names) for policy, chosen in under.items()}


def filled(row: Row, names: dict[str, str]) -> Row:
    return row if row.refused is None else replace(row, refused=row.refused.format(**names))


@pytest.mark.pythons("all")
def test_process(python, world: World) -> None:
    try_rows(python, world, share(python, fitting(python)))


@pytest.mark.soak
@pytest.mark.pythons("between")
def test_whole(python, world: World) -> None:
    try_rows(python, world, fitting(python))


def fitting(python) -> list[Row]:
    return [row for row in ROWS if row.applies(python)]


def try_rows(python, world: World, rows: list[Row]) -> None:
    """Every row, under each of its policies, and its control: one start of the interpreter for each policy."""
    runs = world.run(python, rows, {"off", *(policy for row in rows for policy in row.under)})
    rows = [filled(row, world.names) for row in rows]
    found = [one for row in rows for policy in row.under for one in complaints(row, policy, runs[policy], runs[BARE])]
    found += changed(rows, runs["off"], runs[BARE])
    assert not found, "\n".join(found)


def test_raised(python, world: World) -> None:
    """What a violation can be caught as."""
    row = Row("call", "subprocess.call(touch)", ("none", "raise"))
    runs = world.run(python, [row], {"none", "raise"})
    refused, raised = (set(runs[policy].outcomes["call"]["kinds"]) for policy in ("none", "raise"))
    assert {"ProcessRefused", "PolicyViolation", "PermissionError"} <= refused
    assert {"ProcessViolation", "PolicyViolation"} <= raised
    assert "OSError" not in raised
    assert runs["none"].outcomes["call"]["error"].endswith(f"start({world.names['TOUCH']}) (allow it: --allow-run {world.names['TOUCH']})")


@pytest.mark.parametrize(("hole", "name"), [(hole, name) for hole, (_, names) in tampering.HOLES.items() for name in names])
def test_what_the_kernel_holds(world: World, hole: str, name: str) -> None:
    """An original function taken out of its replacement: the Python layer does not see it."""
    row = Row(hole, tampering.HOLES[hole][0], ("true",))
    assert hole not in world.run(find_python(name), [row], {"true"})["true"].marked


@pytest.mark.parametrize("name", ["3.6", "pypy3.9"])
def test_what_the_kernel_holds_without_events(world: World, name: str) -> None:
    row = Row("posix, loaded again", tampering.AGAIN, ("none",))
    assert not world.run(find_python(name), [row], {"none"})["none"].marked


LATE = """
import codecs, os
class Late:
    fork = os.fork
    exit, write = os._exit, os.write
    def __call__(self, error): raise error
    def __del__(self):
        if not self.fork():
            self.write(1, b"late")
            self.exit(0)
codecs.register_error("late", Late())
"""


def test_shutdown(python, world: World) -> None:
    """Hooks are dropped while objects live on."""
    env = world.jobs.environ()
    done = world.jobs.guarded(NO, "--", python.path, "-c", LATE, env=env)
    assert "late" not in done.out
    if python.implementation == "cpython":
        assert "late" in world.jobs.native(python.path, "-c", LATE, env=env).out or python.version >= (3, 13)
