"""What a run leaves in a project for its reader to run afterwards, without hermetic: repositories, environments, configuration of editors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from launch.jobs import Jobs

PYTHON = sys.executable


@pytest.fixture
def project(jobs: Jobs) -> Path:
    place = jobs.directory / "home/project"
    place.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    return place


@pytest.fixture
def env(jobs: Jobs, project: Path) -> dict[str, str]:
    jobs.acquaint(project.parent, PYTHON)
    return jobs.environ(HOME=project.parent)


def is_run(jobs: Jobs, project: Path, env: dict[str, str]) -> bool:
    """Whether git runs what the repository in `sub` names, when its user only looks."""
    jobs.native("git", "status", env=env, cwd=project)
    return (project / "ran").exists()


BY_GIT = """
git init -q sub && touch sub/f && git -C sub add f && git -C sub -c user.name=x -c user.email=x commit -qm x
printf '%b' '[core]\\n\\tfsmonitor = "touch {0}/ran; false"\\n' >> sub/.git/config
git update-index --add --cacheinfo 160000,$(git -C sub rev-parse HEAD),sub
"""


def test_a_planted_submodule_is_told_of(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """Of what is not Python: git itself makes it."""
    plant = ("sh", "-ec", BY_GIT.format(project))
    done = jobs.guarded("-q", "--profile=default", "--", *plant, env=env, cwd=project)
    assert (done.code, done.err) == (0, ""), done
    assert is_run(jobs, project, env)
    subprocess.run(["rm", "-rf", "sub", ".git/index"], cwd=project, check=True)
    done = jobs.guarded("--profile=default", "--", *plant, env=env, cwd=project)
    assert f"hermetic: {project}/sub/.git was not there: git runs what its configuration names" in done.err, done
    done = jobs.guarded("--profile=default", "--", "touch", "x", env=env, cwd=project)
    assert "was not there" not in done.err


def test_a_repository_that_was_not_there_is_told_of(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    subprocess.run(["rm", "-rf", ".git"], cwd=project, check=True)
    (project / "setup.py").touch()
    done = jobs.guarded("--profile=default", "--", "git", "init", "-q", env=env, cwd=project)
    assert f"hermetic: {project}/.git was not there: " in done.err


COPY = """
import os, shutil, sys
source, ways = sys.argv[1], sys.argv[2]
def bytewise():
    for folder, _, names in os.walk(f"{source}/sub"):
        os.makedirs(os.path.relpath(folder, source), exist_ok=True)
        for name in names:
            open(os.path.relpath(f"{folder}/{name}", source), "wb").write(open(f"{folder}/{name}", "rb").read())
def elsewhere():
    shutil.copytree(f"{source}/sub", "sub", ignore=lambda *_: [".git"])
    shutil.copytree(f"{source}/sub/.git", "meant")
    if ways == "renamed":
        os.rename("meant", "sub/.git")
    elif ways == "linked":
        os.symlink("../meant", "sub/.git")
    elif ways == "led to":
        open("sub/.git", "w").write("gitdir: ../meant")
bytewise() if ways == "written" else elsewhere()
open(".git/index", "wb").write(open(f"{source}/.git/index", "rb").read())
"""


@pytest.mark.parametrize(
    ("profile", "way"),
    [*(("default", way) for way in ("written", "renamed", "linked", "led to")), ("llm-code", "written"), ("http-client", "written")],
)
def test_python_plants_none(jobs: Jobs, project: Path, env: dict[str, str], profile: str, way: str) -> None:
    source = project / "made"
    source.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=source, check=True)
    assert jobs.native("sh", "-ec", BY_GIT.format(project), env=env, cwd=source).code == 0
    (project / "ran").unlink(missing_ok=True)
    run = (PYTHON, "-c", COPY, "made", way)
    done = jobs.guarded(f"--profile={profile}", "--", *run, env=env, cwd=project)
    assert (done.code, "was not there" in done.err) == (77, False), done
    assert {word for word in done.refused if "/sub/.git" in word} == set(done.refused)
    assert not is_run(jobs, project, env)
    subprocess.run(["rm", "-rf", "sub", "meant"], cwd=project, check=True)
    assert jobs.native(*run, env=env, cwd=project).code == 0
    assert is_run(jobs, project, env)


def test_submodules_with_a_repository_of_their_own(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """As `git submodule add` leaves one that was there before: of it the kernel keeps what git runs by."""
    assert jobs.native("sh", "-ec", BY_GIT.format(project), env=env, cwd=project).code == 0
    change = ("sh", "-c", "echo x >> sub/.git/config; touch sub/.git/FETCH_HEAD")
    done = jobs.guarded("--profile=default", "--", *change, env=env, cwd=project)
    assert (done.code, "Read-only file system" in done.err) == (0, True), done
    assert jobs.native(*change, env=env, cwd=project).err == ""


# Environments.

WRITERS = ["default", "llm-code", "format", "notebook", "http-client", "build"]
INTO = "import os, sys; os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True); open(sys.argv[1], 'a').write('x')"
OF_ENVIRONMENT = [
    ".venv/bin/python",
    ".venv/bin/activate",
    ".venv/pip.conf",
    ".venv/pyvenv.cfg",
    ".venv/lib/python3.13/site-packages/new.pth",
]


def lay_environment(project: Path) -> None:
    for name in OF_ENVIRONMENT[:-1]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("#\n")
    (project / OF_ENVIRONMENT[-1]).parent.mkdir(parents=True)


@pytest.mark.parametrize("profile", WRITERS)
def test_an_environment_stays_as_it_is(jobs: Jobs, project: Path, env: dict[str, str], profile: str) -> None:
    lay_environment(project)
    quiet = ("-q", f"--profile={profile}", "--")
    for name in OF_ENVIRONMENT:
        done = jobs.guarded(*quiet, PYTHON, "-c", INTO, name, env=env, cwd=project)
        assert (done.code, done.refused[0].rpartition("/")[2]) == (77, f"{Path(name).name})"), done
    done = jobs.guarded(*quiet, PYTHON, "-c", "import os; os.rename('.venv', 'moved')", env=env, cwd=project)
    assert done.code == 77, done
    if profile != "llm-code":
        assert jobs.guarded(*quiet, "sh", "-c", "echo x > .venv/bin/python", env=env, cwd=project).code != 0
        assert jobs.guarded(*quiet, "mv", ".venv", "moved", env=env, cwd=project).code != 0
    assert (project / ".venv/bin/python").read_text() == "#\n"
    for name in OF_ENVIRONMENT:
        assert jobs.native(PYTHON, "-c", INTO, name, env=env, cwd=project).code == 0


def test_an_environment_can_be_made(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """As `uv run` and `python -m venv` do."""
    done = jobs.guarded("-q", "--profile=default", "--", PYTHON, "-m", "venv", "--without-pip", ".venv", env=env, cwd=project)
    assert (done.code, done.refused, (project / ".venv/bin/python").is_symlink()) == (0, [], True), done


# Configuration that is run.

RUN_LATER = (
    ".devcontainer.json lefthook.yml .pdbrc .mise/config.toml mise.local.toml .config/mise.toml .yarnrc.yml .cargo/config.toml .npmrc CLAUDE.local.md "
    ".clinerules opencode.json .kiro/x .run/x .nvimrc .lazy.lua .github/actions/x .circleci/config.yml sub/.vscode/tasks.json sub/deep/.envrc"
).split()


EACH = """
import os, sys
for name in sys.argv[1:]:
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        open(name, "a").write("x")
    except OSError:
        pass
"""


@pytest.mark.parametrize("profile", ["default", "llm-code"])
def test_what_runs_later_is_not_written(jobs: Jobs, project: Path, env: dict[str, str], profile: str) -> None:
    done = jobs.guarded("-q", f"--profile={profile}", "--", PYTHON, "-c", EACH, *RUN_LATER, "ordinary", env=env, cwd=project)
    assert (done.code, (project / "ordinary").exists()) == (0, True), done
    assert [name for name in RUN_LATER if (project / name).exists()] == []
    assert jobs.native(PYTHON, "-c", EACH, *RUN_LATER, env=env, cwd=project).code == 0
    assert [name for name in RUN_LATER if not (project / name).exists()] == []


SITE = ".local/lib/python3.13/site-packages"
IN_HOME = (
    ".bashrc .zshrc .profile .config/fish/config.fish .config/systemd/user/x.service .config/autostart/x.desktop .ssh/rc .gitconfig .vimrc "
    ".config/nvim/init.lua .claude/settings.json .codex/config.toml .cursor/x .config/pip/pip.conf .pdbrc .cache/pre-commit/x .cache/pyright-python/x "
    f"{SITE}/a.pth {SITE}/a.start {SITE}/sitecustomize.py {SITE}/usercustomize.py"
).split()


def test_what_runs_later_in_the_home_is_not_written(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """Also where the home may be written: of shells, services, editors, agents and interpreters, what is not there yet."""
    home = project.parent
    (home / SITE).mkdir(parents=True)
    names = [home / name for name in IN_HOME]
    words = ("-q", "--profile=default", f"--allow-write={home}")
    done = jobs.guarded(*words, "--", PYTHON, "-c", EACH, *names, home / SITE / "ordinary.py", env=env, cwd=project)
    assert (done.code, os.listdir(home / SITE), [name for name in names if name.exists()]) == (0, ["ordinary.py"], []), done
    assert jobs.native(PYTHON, "-c", EACH, *names, env=env, cwd=project).code == 0
    assert [name for name in names if not name.exists()] == []


@pytest.mark.parametrize("plant", ["mkdir .git", "touch setup.py", "rm ../pyproject.toml", "rm -r ../.git"])
def test_secrets_above_stay_hidden(jobs: Jobs, project: Path, env: dict[str, str], plant: str) -> None:
    """Whatever a run has made or removed by which the next one's project begins elsewhere."""
    below = project / "sub"
    below.mkdir()
    (project / "pyproject.toml").touch()
    (project / ".env").write_text("a secret")
    read = (PYTHON, "-c", "print(open('../.env').read())")
    done = jobs.guarded("-q", "--fs-readonly", "--allow-write=/", "--", "sh", "-c", plant, env=env, cwd=below)
    assert done.code == 0, done
    done = jobs.guarded("run", "-q", "--", *read, env=env, cwd=below)
    assert (done.code, "No such file or directory" in done.err) == (1, True), done
    assert jobs.native(*read, env=env, cwd=below).out == "a secret\n"


# By what servers that start later let somebody in.


def test_the_secret_of_servers(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """One that the run knows, having made it, would be as good as the password of each server of this user's without one."""
    runtime = project.parent / ".local/share/jupyter/runtime"
    write = (PYTHON, "-c", EACH, runtime / "jupyter_cookie_secret", runtime / "kernel-1.json")
    done = jobs.guarded("--profile=notebook", "--", *write, env=env, cwd=project)
    assert ("blocked" in done.err, [path.name for path in runtime.iterdir()]) == (False, ["kernel-1.json"]), done
    assert jobs.native(*write, env=env, cwd=project).code == 0
    assert (runtime / "jupyter_cookie_secret").exists()


# Caches that tools load as pickles, whatever project they are of.


IN_EACH = 'for name; do mkdir -p "${name%/*}"; echo x > "$name"; done'


@pytest.mark.parametrize("profile", ["lint", "format"])
@pytest.mark.parametrize("is_there", [False, True])
def test_pickles_of_other_projects(jobs: Jobs, project: Path, env: dict[str, str], profile: str, is_there: bool) -> None:
    """Which code of this project would have run by the next black, pylint or yapf. Nobody is told, as these tools go on without."""
    pickles = [project.parent / ".cache" / name / "a.pickle" for name in ("black", "pylint", "YAPF")]
    before = ["as it was"] * 3 if is_there else []
    for pickle in pickles if is_there else []:
        pickle.parent.mkdir()
        pickle.write_text("as it was")
    ways = ((PYTHON, "-c", EACH, *pickles), ("sh", "-c", IN_EACH, "sh", *pickles))
    for write in ways:
        done = jobs.guarded(f"--profile={profile}", "--", *write, env=env, cwd=project)
        assert ("blocked" in done.err, [path.read_text() for path in pickles if path.exists()]) == (False, before), done
    for write in ways:
        assert jobs.native(*write, env=env, cwd=project).code == 0
        assert [path.read_text().strip() for path in pickles] != before
        subprocess.run(["rm", "-r", *(path.parent for path in pickles)], check=True)
