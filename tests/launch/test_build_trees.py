"""What a build finds beside what it is to fill, and does not get: the environment that it runs in, startup files of its own tree."""

import json
from pathlib import Path

import pytest
from launch.demo import BACKEND, metadata, write_tree

REACHING = """\
import glob, json, os, subprocess, sys
from demo_backend import project, write_wheel

def get_requires_for_build_wheel(config_settings=None):
    found = {}
    for place in json.loads(os.environ["PLACES"]):
        folder, _, name = place.format(prefix=sys.prefix).rpartition("/")
        path = glob.glob(folder or ".")[0] + "/" + name
        try:
            open(path, "a").write("python")
            found[place] = "done"
        except PermissionError:
            found[place] = "refused"
        natively = subprocess.call(["bash", "-c", "echo natively >> " + path], stderr=subprocess.DEVNULL)
        found[place + ", natively"] = "refused" if natively else "done"
    with open("outcomes.json", "w") as file:
        json.dump(found, file)
    return []

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version, metadata = project()
    return os.path.basename(write_wheel(wheel_directory, name, version, {name + ".py": ""}, metadata))
"""
"""A backend whose first hook changes PLACES and tells in its tree what came of it."""

SOURCE = {
    "PKG-INFO": metadata("reaching"),
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "reaching_backend"\nbackend-path = ["."]\n',
    "reaching_backend.py": REACHING,
    "demo_backend.py": BACKEND,
}
STARTUP = (".git/config", ".git/hooks/post-commit", ".envrc", ".vscode/tasks.json")
PREFIX = "{prefix}/lib/python3*/site-packages/by-the-build.pth"


@pytest.fixture
def tree(tmp_path):
    """A clone, with an environment in it as people have one."""
    for name in STARTUP:
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
    return write_tree(tmp_path / "clone", {**SOURCE, **dict.fromkeys(STARTUP, "as it was\n")})


def outcomes(done, tree):
    assert done.code == 0, done.out + done.err
    return json.loads((tree / "outcomes.json").read_text())


def both(places, came):
    return {place + how: came for place in places for how in ("", ", natively")}


@pytest.mark.parametrize("which", [pytest.param("3.9", marks=pytest.mark.soak), "3.13"])
def test_startup_files_of_a_local_project(environments, jobs, tree, tmp_path, which):
    """Built from outside, which is no less a project than the one that a command is run in."""
    environment = environments.copy(which, tmp_path / "env")
    env = jobs.environ(environment, PIP_NO_INDEX="1", PLACES=json.dumps([*STARTUP, "PKG-INFO"]))
    for word in ("./clone", f"{tree}[extra]"):
        done = jobs.guarded("run", "--allow-env=PLACES", "--", "pip", "install", "--force-reinstall", word, env=env)
        assert outcomes(done, tree) == both(STARTUP, "refused") | both(["PKG-INFO"], "done")
        assert {(tree / name).read_text() for name in STARTUP} == {"as it was\n"}
    assert set(outcomes(jobs.native("pip", "install", "./clone", env=env), tree).values()) == {"done"}


@pytest.mark.parametrize("which", [pytest.param("3.8", marks=pytest.mark.soak), "3.13"])
def test_environments_that_build_makes_and_finds(environments, jobs, tree, which):
    """In that which it makes for a build it runs pip afterwards, which is let onto the network; and the project's own is there tomorrow."""
    (tree / ".venv").mkdir()
    (tree / ".venv/pyvenv.cfg").touch()
    places = [PREFIX, ".venv/by-the-build", ".git/config"]
    env = jobs.environ(environments.get(which), PIP_NO_INDEX="1", PLACES=json.dumps([*places, "PKG-INFO"]))
    command = ["python", "-m", "build", "--wheel"]
    done = jobs.guarded("run", "--profile=build", "--allow-env=PLACES", "--", *command, env=env, cwd=tree)
    assert outcomes(done, tree) == both(places, "refused") | both(["PKG-INFO"], "done")
    assert [path.name for path in Path(tree / "dist").iterdir()] == ["reaching-1.0-py3-none-any.whl"]
    assert set(outcomes(jobs.native(*command, env=env, cwd=tree), tree).values()) == {"done"}


def test_a_project_that_has_the_environment_in_it(environments, jobs, tree):
    """It is installed into, so nothing can keep it as it is: the build gets the directories beside it."""
    environment = environments.copy("3.13", tree / "env")
    (tree / "src").mkdir()
    places = [PREFIX, "src/by-the-build"]
    env = jobs.environ(environment, PIP_NO_INDEX="1", PLACES=json.dumps(places))
    text = (tree / "reaching_backend.py").read_text().replace('"outcomes.json"', '"src/outcomes.json"')
    (tree / "reaching_backend.py").write_text(text)
    for job, came in ((("run", "--allow-env=PLACES", "--"), "refused"), ((), "done")):
        start = jobs.guarded if job else jobs.native
        done = start(*job, "pip", "install", "--force-reinstall", ".", env=env, cwd=tree)
        assert outcomes(done, tree / "src") == both([PREFIX], came) | both(["src/by-the-build"], "done")


LEADING = """
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    if not os.path.islink("reaching.dist-info"):
        os.symlink(glob.glob(sys.prefix + "/lib/python3*/site-packages")[0], "reaching.dist-info")
    return os.path.abspath("reaching.dist-info")

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None, rest=build_wheel):
    os.environ["PLACES"] = json.dumps([metadata_directory + "/by-the-build.pth"])
    get_requires_for_build_wheel()
    return rest(wheel_directory)
"""
"""pip joins what the first hook returns to where it wanted the metadata, and names it to the second, which has to read it."""


def test_metadata_that_lie_in_the_environment(environments, jobs, tree, tmp_path):
    environment = environments.copy("3.13", tmp_path / "env")
    site = next((tmp_path / "env").glob("lib/python3*/site-packages"))
    (site / "METADATA").write_text(SOURCE["PKG-INFO"])
    (tree / "reaching_backend.py").write_text(REACHING + LEADING)
    env = jobs.environ(environment, PIP_NO_INDEX="1", PLACES="[]")
    done = jobs.guarded("run", "--allow-env=PLACES", "--", "pip", "install", "./clone", env=env)
    assert (done.code != 0, done.refused) == (True, [f"use({tree}/reaching.dist-info)"]), done.err
    assert not (site / "by-the-build.pth").exists()
    done = jobs.native("pip", "install", "--force-reinstall", "./clone", env=env)
    assert set(outcomes(done, tree).values()) == {"done"}
    assert (site / "by-the-build.pth").exists()


MOVING = """
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    os.mkdir(metadata_directory + "/reaching-1.0.dist-info")
    with open(metadata_directory + "/reaching-1.0.dist-info/METADATA", "w") as file:
        file.write(project()[2])
    return "reaching-1.0.dist-info"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return os.environ["ANSWER"]
"""


@pytest.mark.parametrize("pip", [pytest.param("3.9", marks=pytest.mark.soak), "newest pip"])
def test_an_answer_that_leads_out_of_the_directory(environments, jobs, tree, tmp_path, pip):
    """pip moves what the answer names to where wheels are wanted: of another file nothing is left where it was."""
    environment = environments.copy(pip, tmp_path / "env")
    wanted = tmp_path / "env/bin/wanted-1.0-py3-none-any.whl"
    (tree / "reaching_backend.py").write_text(REACHING + MOVING)
    for answer in (str(wanted), "../" * 20 + str(wanted)):
        env = jobs.environ(environment, PIP_NO_INDEX="1", PLACES="[]", ANSWER=answer, PIP_NO_CACHE_DIR="1")
        wanted.write_text("wanted")
        done = jobs.guarded("run", "--allow-env=PLACES", "--allow-env=ANSWER", "--", "pip", "wheel", "-w", "out", "./clone", env=env)
        assert (done.code != 0, {*done.refused}) == (True, {f"use({answer})"}), done.err
        assert wanted.exists()
        jobs.native("pip", "wheel", "-w", "out", "./clone", env=env)
        assert not wanted.exists()
