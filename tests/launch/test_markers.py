"""A run that takes away what makes a directory a project: the next one there has no more than it had."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from launch.jobs import Jobs
from launch.namespaces import private_mounts
from launch.test_clones import IN_DATABASE

PYTHON = sys.executable
ONE_LAYER = str(Path(__file__).resolve().parents[1] / "containment/one_layer.py")
NATIVELY = ("sh", "-c", "rm -rf .git pyproject.toml setup.py; true")
MOVING = (PYTHON, "-c", "import os; os.rename('setup.py', 'other')")
OUTWARDS = (PYTHON, "-c", "open('../outer.txt', 'w').close()")


class World:
    """A project in a project, in a home of which the password database knows."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.home = jobs.directory / "home"
        self.outer, self.inner = self.home / "outer", self.home / "outer/inner"
        self.inner.mkdir(parents=True)
        for marker in (self.outer / "pyproject.toml", self.inner / "setup.py"):
            marker.touch()
        jobs.acquaint(self.home, PYTHON)
        self.env = jobs.environ(HOME=self.home)
        self.before = (*private_mounts(), "sh", "-c", IN_DATABASE, "sh", self.home, jobs.directory / "passwd")

    def run(self, *words: object, cwd: Path | None = None, layers: str = "both"):
        more = {"env": self.env, "cwd": cwd or self.inner, "before": self.before}
        if layers == "both":
            return self.jobs.guarded("run", *words, **more)
        return self.jobs.native(PYTHON, "-IS", ONE_LAYER, layers, "run", *words, **more)

    @property
    def reached(self) -> bool:
        return (self.outer / "outer.txt").exists()


@pytest.fixture
def world(jobs: Jobs) -> World:
    return World(jobs)


@pytest.mark.parametrize(
    ("remove", "layers"),
    [
        pytest.param(NATIVELY, "both", id="natively"),
        pytest.param(MOVING, "python", id="python"),
        pytest.param(MOVING, "kernel", id="kernel"),
    ],
)
def test_the_next_run_has_no_wider_project(world: World, remove: tuple[str, ...], layers: str) -> None:
    assert world.run("-q", "--", *remove, layers=layers).code == 0
    assert not (world.inner / "setup.py").exists()
    done = world.run("--", *OUTWARDS, layers=layers)
    assert (done.code != 0, world.reached) == (True, False), done
    assert f"hermetic: {world.inner} has no pyproject.toml, setup.py or .git any more, and is a project still" in done.err
    [entry] = (world.home / ".cache/hermetic/projects").iterdir()
    assert str(entry) in done.err
    entry.unlink()
    assert world.run("-q", "--", *OUTWARDS, layers=layers).code == 0
    assert world.reached


def test_below_it(world: World) -> None:
    """From a directory in it, of a run that was interrupted, or goes on."""
    (world.inner / "below").mkdir()
    script = "import os, signal; os.remove('setup.py'); os.kill(os.getppid(), signal.SIGKILL)"
    world.run("-q", "--", PYTHON, "-c", script)
    outwards = (PYTHON, "-c", "open('../../outer.txt', 'w').close()")
    assert world.run("-q", "--", *outwards, cwd=world.inner / "below").code != 0
    assert not world.reached


def test_what_is_rewritten(world: World) -> None:
    """As editors and installers write a file anew; and nothing is said of a project that is one."""
    replace = "import os; open('new', 'w').close(); os.replace('new', 'setup.py'); os.remove('setup.py'); open('setup.py', 'w').close()"
    for _ in range(2):
        done = world.run("--", PYTHON, "-c", replace)
        assert (done.code, done.refused, "is a project still" in done.err) == (0, [], False), done
    assert world.run("-q", "--", "sh", "-c", "touch new && mv new setup.py && rm setup.py && touch setup.py").code == 0
    outer = world.run("-q", "--", PYTHON, "-c", "open('outer.txt', 'w').close()", cwd=world.outer)
    assert (outer.code, world.reached) == (0, True)


def test_nothing_is_kept_that_changes_nothing(world: World) -> None:
    """Of one that lies in no other, and of one that the run may not write."""
    world.run("-q", "--", *NATIVELY, cwd=world.outer)
    world.run("-q", "--fs-readonly", "--", *NATIVELY)
    assert not (world.home / ".cache/hermetic/projects").exists()


LAY = """
import os, sys
os.makedirs(".own/hermetic")
open(".own/hermetic/hermetic.toml", "w").write("version = 1\\n[profile.default]\\nsummary = 'nothing is forbidden'")
if len(sys.argv) > 1:
    os.remove("pyproject.toml")
"""


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "XDG_CONFIG_HOME"])
def test_what_was_laid_into_it(world: World, variable: str) -> None:
    """What lies in a project is not hermetic's own, nor does it become that."""
    place = world.outer / ".own/hermetic"
    world.env[variable] = str(place.parent)
    assert world.run("-q", "--", PYTHON, "-c", LAY, "and remove", cwd=world.outer).code == 0
    done = world.run("--", PYTHON, "-c", "open('../new', 'w')", cwd=world.outer)
    assert (done.code, (world.home / "new").exists()) == (77 if variable == "XDG_CACHE_HOME" else 125, False), done
    assert os.listdir(place) == ["hermetic.toml"]


def test_what_cannot_be_kept_is_said(world: World) -> None:
    (world.home / ".cache/hermetic").mkdir(parents=True, exist_ok=True)
    (world.home / ".cache/hermetic/projects").touch()
    done = world.run("--", PYTHON, "-c", "pass")
    assert (done.code, f"hermetic: that {world.inner} is a project cannot be kept in mind" in done.err) == (0, True), done


def test_no_run_forgets_it(world: World) -> None:
    """Which may write what it likes, natively or not."""
    known = world.home / ".cache/hermetic/projects"
    assert world.run("-q", "--", *NATIVELY).code == 0
    for remove in (("rm", "-r", known), (PYTHON, "-c", "import shutil, sys; shutil.rmtree(sys.argv[1])", known)):
        assert world.run("-q", "--fs-readonly", "--allow-write=/", "--", *remove).code != 0
        assert len(os.listdir(known)) == 1
    assert world.jobs.native("rm", "-r", known, env=world.env, before=world.before).code == 0


def test_without_a_home(world: World) -> None:
    world.env["HOME"] = "/proc/nowhere"
    world.before = (*private_mounts(), "sh", "-c", IN_DATABASE, "sh", "/proc/nowhere", world.jobs.directory / "passwd")
    before = os.listdir("/")
    done = world.run("--", PYTHON, "-c", "pass")
    assert (done.code, "cannot be kept in mind (there is no home)" in done.err, os.listdir("/")) == (0, True, before), done
