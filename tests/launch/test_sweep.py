"""Dead run directories are swept, living ones and everything else are not, however the two meet."""

import fcntl
import os
import subprocess

import pytest
from launch.bare import ROOT, python

from hermetic.launch import stage
from hermetic.launch.stage import RunDirectory, sweep

FILES = {"policy": b"{}", "stub.py": b"pass\n"}
HAMMER = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from hermetic.launch.stage import RunDirectory, sweep
until = time.monotonic() + 1.5
while time.monotonic() < until:
    with RunDirectory.create({"file": b"content"}, os.environ) as run:
        for _ in sweep(os.environ):
            pass
        assert sorted(os.listdir(run.path)) == ["__pycache__", "events", "file", "manifest", "run", "scratch", "unix"]
"""

MORTAL = """
import os, sys
sys.path.insert(0, sys.argv[1])
from hermetic.launch.stage import RunDirectory
from hermetic.launch import removal
left = int(sys.argv[2])
def step(event, arguments):
    global left
    if event == "open" or event.startswith("os."):
        left -= 1
        if not left:
            os._exit(1)
sys.addaudithook(step)
RunDirectory.create({"file": b"content", "__pycache__/file.pyc": b"compiled"}, os.environ).remove()
"""


@pytest.fixture
def place(tmp_path):
    """A directory of ours."""
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


def environ(place):
    return {"TMPDIR": str(place)}


def swept(place):
    for _ in sweep(environ(place)):
        pass
    return sorted(path.name for path in place.iterdir())


def abandon(run):
    """What becomes of a run directory when its launcher is killed: the kernel closes its descriptors."""
    run._close()


def test_sweep_removes_the_dead_and_spares_the_living(place):
    abandon(RunDirectory.create(FILES, environ(place)))
    abandon(RunDirectory.create(FILES, environ(place)))
    with RunDirectory.create(FILES, environ(place)) as living:
        assert swept(place) == [os.path.basename(living.path)]
        assert len(os.listdir(living.path)) == 8


def test_sweep_removes_what_was_abandoned_at_any_moment(place):
    """Each time the launcher is killed one step later, until it has come through making and removing."""
    (place / "hermetic-0123456789ab").mkdir()
    left = set()
    for step in range(1, 200):
        done = subprocess.run(python(MORTAL, ROOT, step), env=environ(place), check=False)
        left |= {tuple(sorted(os.listdir(path))) for path in place.iterdir()}
        assert swept(place) == []
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert len(left) > 15


def test_sweep_that_was_broken_off_is_finished_by_the_next(place):
    run = RunDirectory.create(FILES, environ(place))
    for number in range(50):
        (place / run.path / "scratch" / str(number)).touch()
    abandon(run)
    for steps in range(5, 60, 5):
        broken_off = sweep(environ(place))
        for _ in range(steps):
            next(broken_off, None)
        broken_off.close()
    assert swept(place) == []


def test_sweep_removes_one_that_cannot_be_read(place, as_nobody):
    run = RunDirectory.create(FILES, environ(as_nobody))
    os.chmod(f"{run.path}/scratch", 0)
    os.chmod(run.path, 0)
    abandon(run)
    assert swept(as_nobody) == []


def test_sweep_leaves_what_is_not_a_run_directory(place):
    checkout = place / "hermetic-0123456789ab"
    (checkout / "src").mkdir(parents=True)
    (checkout / "__pycache__").mkdir()
    (checkout / "run").mkdir()
    (place / "hermetic-notes").mkdir()
    (place / "hermetic-0123456789ac").write_text("a file")
    (place / "hermetic-0123456789ad").symlink_to(place / "target")
    (place / "target").mkdir()
    (place / "target" / "run").touch()
    before = sorted(place.rglob("*"))
    swept(place)
    assert sorted(place.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's")
def test_sweep_leaves_that_of_another_user(place):
    run = RunDirectory.create(FILES, environ(place))
    os.chown(run.path, 12345, 12345)
    abandon(run)
    assert swept(place) == [os.path.basename(run.path)]


@pytest.mark.parametrize("replaced", [False, True])
def test_directory_swept_before_it_was_locked_is_made_anew(place, monkeypatch, replaced):
    taken = []
    lock = stage._lock

    def sweep_first(descriptor):
        if not taken:
            taken.extend(place.iterdir())
            taken[0].rmdir()
            if replaced:
                taken[0].mkdir()
        return lock(descriptor)

    monkeypatch.setattr(stage, "_lock", sweep_first)
    with RunDirectory.create(FILES, environ(place)) as run:
        assert run.path != str(taken[0])
        assert os.path.dirname(run.path) == str(place)
        assert len(os.listdir(run.path)) == 8


def test_directory_locked_by_a_sweep_is_left_to_it(place, monkeypatch):
    mkdir = os.mkdir
    sweeping = []

    def lock_first(path, *arguments, **more):
        mkdir(path, *arguments, **more)
        if not sweeping:
            sweeping.append(os.open(path, os.O_RDONLY))
            fcntl.flock(sweeping[0], fcntl.LOCK_EX)

    monkeypatch.setattr(os, "mkdir", lock_first)
    with RunDirectory.create(FILES, environ(place)) as run:
        assert len(list(place.iterdir())) == 2
        assert len(os.listdir(run.path)) == 8
    os.close(sweeping[0])
    assert swept(place) == []


def test_makers_and_sweepers_at_once(place):
    command = python(HAMMER, ROOT)
    started = [subprocess.Popen(command, env=environ(place), stderr=subprocess.PIPE) for _ in range(6)]
    assert [process.communicate()[1] for process in started] == [b""] * 6
    assert list(place.iterdir()) == []


def test_removing_can_be_broken_off(place):
    run = RunDirectory.create(FILES, environ(place))
    for number, _ in enumerate(run.removing()):
        if number == 2:
            break
    run.remove()  # nothing: the lock is given up, so it is the next start's
    assert swept(place) == []
