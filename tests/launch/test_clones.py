"""What a clone brings along to get more from a profile than it gives: links where tools keep their caches, and in the place of secrets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from launch.jobs import Jobs
from launch.namespaces import private_mounts

PYTHON = sys.executable
WRITE = "import sys; open(sys.argv[1], 'w').write('x')"


@pytest.fixture
def project(jobs: Jobs) -> Path:
    place = jobs.directory / "home/project"
    (place / ".git").mkdir(parents=True)
    (place / "pyproject.toml").touch()
    return place


@pytest.fixture
def env(jobs: Jobs, project: Path) -> dict[str, str]:
    jobs.acquaint(project.parent, PYTHON)
    return jobs.environ(HOME=project.parent)


CACHES = [("notebook", "matplotlib"), ("build", "pip"), ("build", "uv")]


@pytest.mark.parametrize(("profile", "name"), CACHES)
@pytest.mark.parametrize("link", ["name", "cache", "home", "repository", "name of a repository"])
def test_a_cache_in_a_clone_that_is_a_link(jobs: Jobs, project: Path, env: dict[str, str], profile: str, name: str, link: str) -> None:
    """The variable is the user's, the link is not."""
    victim = project.parent if link == "home" else jobs.directory / "victim"
    (victim / name).mkdir(parents=True)
    if "repository" in link:
        (victim / ".git").mkdir()
        (victim / name / ".git").mkdir()
    if link in ("cache", "home", "repository"):
        (project / ".cache").symlink_to(victim)
    else:
        (project / ".cache").mkdir()
        (project / ".cache" / name).symlink_to(victim / name)
    run = ("-q", f"--profile={profile}", "--", PYTHON, "-c", WRITE)
    target = victim / name / "x"
    assert jobs.guarded(*run, target, env={**env, "XDG_CACHE_HOME": f"{project}/.cache"}, cwd=project).code == 77
    assert not target.exists()
    own = project.parent / ".cache"
    own.mkdir(exist_ok=True)
    (own / name).symlink_to(victim / name)
    assert jobs.guarded(*run, target, env=env, cwd=project).code == 0, "control: a link of the user's"


@pytest.mark.parametrize("layer", ["sh", "python"])
@pytest.mark.parametrize(("cache", "leads"), [(".hypothesis", ".git"), (".pytest_cache", "src"), (".pytest_cache", "src/deep")])
def test_a_cache_that_leads_to_the_project(jobs: Jobs, project: Path, env: dict[str, str], cache: str, leads: str, layer: str) -> None:
    (project / leads).mkdir(parents=True, exist_ok=True)
    (project / cache).symlink_to(leads)
    command = ("sh", "-c", f"echo x > {cache}/x") if layer == "sh" else (PYTHON, "-c", WRITE, f"{cache}/x")
    assert jobs.guarded("-q", "--profile=pytest", "--", *command, env=env, cwd=project).code != 0
    assert not (project / leads / "x").exists()
    (project / cache).unlink()
    (project / cache).mkdir()
    assert jobs.guarded("-q", "--profile=pytest", "--", *command, env=env, cwd=project).code == 0


@pytest.mark.parametrize("name", [".env", ".envrc", ".vscode"])
@pytest.mark.parametrize("leads", ["/proc", "/", "/tmp", ".", "/dev/null", "/usr/bin/sh"])
def test_a_link_in_the_place_of_a_secret(jobs: Jobs, project: Path, env: dict[str, str], name: str, leads: str) -> None:
    """Every run goes on, and what is not hidden is told."""
    (project / name).symlink_to(leads)
    code = "import os, tempfile; tempfile.TemporaryFile(); open('new', 'w'); print(len(os.listdir('/proc')) > 5)"
    done = jobs.guarded("--profile=default", "--", PYTHON, "-c", code, env=env, cwd=project)
    assert (done.code, done.out) == (0, "True\n"), done
    assert (f"hermetic: {project}/{name} is a link to " in done.err) is (name != ".vscode")
    done = jobs.guarded("-q", "--profile=default", "--", "sh", "-c", "echo x > new2; echo ran", env=env, cwd=project)
    assert (done.code, done.out) == (0, "ran\n"), done


def test_a_link_to_a_secret(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    (project / ".env").symlink_to("../elsewhere")
    (project.parent / "elsewhere").write_text("a secret")
    for name in (".env", "../elsewhere"):
        show = (PYTHON, "-c", f"print(open({name!r}).read())")
        assert "a secret" not in jobs.guarded("--profile=default", "--", *show, env=env, cwd=project).out
        assert jobs.native(*show, env=env, cwd=project).out == "a secret\n"


HOMES = {"none": "", "relative": "home", "of the working directory": "."}


IN_DATABASE = 'echo "x:x:$(id -u):0::$1:/bin/sh" > $2 && mount --bind $2 /etc/passwd && shift 2 && exec "$@"'


@pytest.mark.parametrize("home", HOMES)
def test_secrets_without_a_home(jobs: Jobs, env: dict[str, str], home: str) -> None:
    """They are where the password database says; and that directory is no project."""
    place = jobs.directory / "user"
    (place / ".ssh").mkdir(parents=True)
    (place / ".ssh/id_rsa").write_text("a key")
    env = {name: value for name, value in env.items() if name != "HOME"} | ({"HOME": HOMES[home]} if HOMES[home] else {})
    world = (*private_mounts(), "sh", "-ec", IN_DATABASE, "sh", place, jobs.directory / "passwd")
    show = (PYTHON, "-c", "print(open('.ssh/id_rsa').read())")
    write = (PYTHON, "-c", WRITE, ".bashrc")
    for command in (show, write):
        done = jobs.guarded("-q", "--profile=default", "--", *command, env=env, cwd=place, before=world)
        assert (done.code, done.out) in ((77, ""), (1, "")), done
    assert jobs.native(*show, env=env, cwd=place, before=world).out == "a key\n"
    assert jobs.native(*write, env=env, cwd=place, before=world).code == 0


def installs(jobs: Jobs, project: Path, env: dict[str, str], program: Path, target: Path) -> bool:
    """Whether what answers to pip's name writes there, as pip-install has it."""
    done = jobs.guarded("-q", "--profile=pip-install", "--", program, "install", "x", target, env=env, cwd=project)
    assert done.code in (0, 77), done
    return done.code == 0


@pytest.mark.parametrize("part", ["site-packages", "include"])
def test_an_environment_with_links_in_it(jobs: Jobs, project: Path, env: dict[str, str], part: str) -> None:
    """A clone brings one, with a pip of its own: it writes that environment, not what links in it lead to."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    venv, victim = project / ".venv", jobs.directory / "victim"
    place = venv / {"site-packages": f"lib/{version}/site-packages"}.get(part, part)
    for folder in (venv / "bin", place, victim):
        folder.mkdir(parents=True)
    (venv / "bin/python").symlink_to(PYTHON)
    (venv / "pyvenv.cfg").write_text(f"home = {Path(PYTHON).parent}\n")
    pip = venv / "bin/pip"
    pip.write_text(f"#!{venv}/bin/python\nimport sys; open(sys.argv[3] + '/x', 'w')\n")
    pip.chmod(0o755)
    assert installs(jobs, project, env, pip, place)
    assert not installs(jobs, project, env, pip, victim)
    (place / "x").unlink()
    place.rmdir()
    for leads in (victim, project.parent):
        place.symlink_to(leads)
        assert not installs(jobs, project, env, pip, place)
        assert not (leads / "x").exists()
        place.unlink()
    place.symlink_to(victim)
    assert jobs.native(pip, "install", "x", place, env=env, cwd=project).code == 0
    assert (victim / "x").exists()


WRITING = "#!{python}\nimport sys; open(sys.argv[3] + '/x', 'w')\n"


def test_a_link_in_the_place_of_what_is_named(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """By the command line: a directory that is the clone's own may be written, where it is."""
    pip = jobs.directory / "pip"
    pip.write_text(WRITING.format(python=PYTHON))
    pip.chmod(0o755)
    words = ("-q", "--profile=pip-install", "--", pip, "install", "--target", "vendor", "x")
    (project / "vendor").mkdir()
    assert jobs.guarded(*words, env=env, cwd=project).code == 0
    (project / "vendor/x").unlink()
    (project / "vendor").rmdir()
    (jobs.directory / "repository/.git").mkdir(parents=True)
    (jobs.directory / "victim").mkdir()
    for victim in (jobs.directory / "victim", jobs.directory / "repository", project.parent):
        (project / "vendor").symlink_to(victim)
        done = jobs.guarded("-q", "--profile=pip-install", "--", pip, "install", "--target", "vendor", "x", env=env, cwd=project)
        assert (done.code, (victim / "x").exists()) == (77, False), done
        assert jobs.native(pip, "install", "vendor", "vendor", env=env, cwd=project).code == 0
        (victim / "x").unlink()
        (project / "vendor").unlink()


TRUSTED = "version = 1\n[profile.p]\n[profile.p.filesystem]\nallow-write = ['out', '{absolute}', 'new/../out2']\n"


@pytest.mark.parametrize("name", ["out", "absolute", "out2"])
def test_a_link_that_comes_after_the_trust(jobs: Jobs, project: Path, env: dict[str, str], name: str) -> None:
    """The file says the same as when it was read, and its words would mean another place."""
    (project / "hermetic.toml").write_text(TRUSTED.format(absolute=project / "absolute"))
    assert jobs.guarded("policy", "trust", env=env, cwd=project, log=False).code == 0
    write = ("-q", "--profile=p", "--", PYTHON, "-c", WRITE, f"{name}/x")
    (project / name).mkdir()
    assert jobs.guarded(*write, env=env, cwd=project).code == 0
    (project / name / "x").unlink()
    (project / name).rmdir()
    (project / "src").mkdir()
    (jobs.directory / "victim").mkdir()
    for leads, code in ((project.parent, 77), (jobs.directory / "victim", 77), (project / "src", 0)):
        (project / name).symlink_to(leads)
        done = jobs.guarded(*write, env=env, cwd=project)
        assert (done.code, (project / name / "x").exists()) == (code, code == 0), done
        (project / name).unlink()
