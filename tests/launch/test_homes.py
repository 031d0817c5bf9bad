"""HOME that says another directory than the user's own: a project's word gives nothing, and what the user's own has in it is kept all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from launch.jobs import Jobs
from launch.namespaces import private_mounts
from launch.test_clones import IN_DATABASE

PYTHON = sys.executable
DISARMING = "version = 1\n[profile.default]\nsummary = 'nothing is forbidden'\n"


@pytest.fixture
def own(jobs: Jobs) -> Path:
    """The user's own home directory."""
    place = jobs.directory / "own"
    for file in (".ssh/id_rsa", ".bashrc", "other"):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("a key")
    return place


@pytest.fixture
def database(jobs: Jobs, own: Path) -> tuple[object, ...]:
    """What starts a command where the password database says so."""
    return (*private_mounts(), "sh", "-c", IN_DATABASE, "sh", own, jobs.directory / "passwd")


@pytest.mark.parametrize("command", ["cat {}/.ssh/id_rsa", PYTHON + " -c print(open('{}/.ssh/id_rsa').read())"])
def test_secrets(jobs: Jobs, own: Path, database: tuple[object, ...], command: str) -> None:
    """Hidden, in both layers; what is beside them is not."""
    said = jobs.directory / "said"
    said.mkdir()
    env = jobs.environ(HOME=said)
    words = command.format(own).split()
    assert jobs.native(*words, env=env, before=database).out.strip() == "a key"
    done = jobs.guarded("run", "-q", "--", *words, env=env, cwd=said, before=database)
    assert (done.code, "No such file or directory" in done.err) == (1, True), done
    words = command.format(own).replace(".ssh/id_rsa", "other").split()
    assert jobs.guarded("run", "-q", "--", *words, env=env, cwd=said, before=database).out.strip() == "a key"


def test_a_home_in_a_clone(jobs: Jobs, own: Path, database: tuple[object, ...]) -> None:
    """It has brought a policy of the user's along, which is none; outside of a clone it is one."""
    for place, code in (("clone", 125), ("said", 0)):
        policy = jobs.directory / place / ".config/hermetic/hermetic.toml"
        policy.parent.mkdir(parents=True)
        policy.write_text(DISARMING)
        if place == "clone":
            (jobs.directory / "clone/.git").mkdir()
        words = (PYTHON, "-c", f"open({str(own)!r} + '/new', 'w')")
        done = jobs.guarded("run", "--", *words, env=jobs.environ(HOME=policy.parents[2]), cwd=policy.parents[2], before=database)
        assert (done.code, f"{policy}: it lies in a project" in done.err) == (code, code == 125), done
        assert (own / "new").exists() is (code == 0)


@pytest.mark.parametrize(
    "words", [("sh", "-c", 'echo version = 1 > "$0"'), (PYTHON, "-c", "import sys; open(sys.argv[1], 'w').write('version = 1')")]
)
def test_the_next_run(jobs: Jobs, own: Path, database: tuple[object, ...], words: tuple[str, ...]) -> None:
    """Which has HOME as a login sets it, is not led by what this one has written."""
    said, policy = jobs.directory / "said", own / ".config/hermetic/hermetic.toml"
    for place in (said, policy.parent):
        place.mkdir(parents=True)
    env = jobs.environ(HOME=said)
    done = jobs.guarded("run", "-q", "--no-network", "--", *words, policy, env=env, before=database)
    assert (done.code != 0, policy.exists()) == (True, False), done
    assert jobs.native(*words, policy, env=env, before=database).code == 0
    assert policy.exists()
