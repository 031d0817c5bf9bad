"""tox, nox, hatch and poetry: one command makes environments, and another runs in them what the project says; a line tells who wants both at once."""

import json
import re
import sys
from pathlib import Path

import pytest
from launch import demo_backend
from launch.demo import VERSION, write_tree
from launch.packages import SOURCES, Index, folder
from launch.project_tools import DEVELOPED, PROJECT, TOOLS

from hermetic.policy import load

pytestmark = pytest.mark.soak
COULD = re.compile(r"could: (\w+)")
BUILT = re.compile(r"built: (\{.*\})")
OWN = ("tree", "scratch")
ONE_LAYER = str(Path(__file__).resolve().parents[1] / "containment/one_layer.py")


@pytest.fixture
def index(tmp_path, tools):
    for wheel in tools.glob("flit_core-*.whl"):
        (folder(tmp_path / "served", "flit-core") / wheel.name).symlink_to(wheel)
    demo_backend.write_sdist(str(folder(tmp_path / "served", "probing")), "probing", VERSION, SOURCES["probing"])
    with Index(tmp_path / "served") as index:
        yield index
        index.shutdown()


class Place:
    """A home, and a project in it."""

    def __init__(self, directory, jobs, index, environment, project=PROJECT):
        home = directory / "home"
        for name, text in {".ssh/id_rsa": "a key", ".config/hatch/config.toml": "", ".cache/other/a": ""}.items():
            (home / name).parent.mkdir(parents=True)
            (home / name).write_text(text)
        files = {name: text.replace("PORT", str(index.port)) for name, text in project.items()}
        self.cwd = write_tree(home / "project", files)
        probe = {"port": index.port, "environment": str(self.cwd), "home": str(home), "cache": str(home / ".cache/other")}
        in_project = {"HATCH_ENV_TYPE_VIRTUAL_PATH": ".hatch", "POETRY_VIRTUALENVS_IN_PROJECT": "1"}
        login = {"PIP_INDEX_URL": index.url, "PIP_LOGIN": "name:password"}
        self.env = jobs.environ(environment, HOME=home, PYTHON_PROBE=json.dumps(probe), **login, **in_project)
        del self.env["VIRTUAL_ENV"]  # which poetry would install into


@pytest.fixture(params=["3.9", "3.13"])
def place(request, tmp_path, jobs, index, environments):
    environment = environments.get(f"project tools {request.param}")
    return lambda name, *project: Place(tmp_path / name, jobs, index, environment, *project)


@pytest.mark.parametrize("name", TOOLS)
def test_one_after_the_other(place, jobs, name):
    """By the names of the commands alone. Builds have their own tree, and what runs has no network and no secret."""
    tool = TOOLS[name]
    bare = place("bare")
    for command in [tool.at_once] if tool.at_once else [tool.install, tool.run]:
        native = jobs.native(*command.split(), env=bare.env, cwd=bare.cwd)
        assert native.code == 0, native.out + native.err
    assert COULD.findall(native.out + native.err) == ["internet", "secret", "environment", "project"]
    assert {*json.loads(BUILT.search(native.out + native.err)[1]).values()} == {"done"}
    made = place("made")
    installed = jobs.guarded("run", "--", *tool.install.split(), env=made.env, cwd=made.cwd)
    assert installed.code == 0, installed.out + installed.err
    assert f"so profile {tool.profile} stands" in installed.err
    assert "could: " not in installed.out + installed.err
    done = jobs.guarded("run", "--", *tool.run.split(), env=made.env, cwd=made.cwd)
    assert done.code == 0, done.out + done.err
    assert {"internet", "secret", "project"} & {*COULD.findall(done.out + done.err)} == {"project"}
    outcomes = json.loads(BUILT.search(done.out + done.err)[1])
    assert outcomes == {what: "done" if what.partition(",")[0] in OWN else "refused" for what in outcomes}


@pytest.mark.parametrize("name", [name for name, tool in TOOLS.items() if tool.at_once])
def test_both_at_once(place, jobs, name):
    """Nothing is installed, nothing runs, and a line says how to do it."""
    made = place("made")
    done = jobs.guarded("run", "--", *TOOLS[name].at_once.split(), env=made.env, cwd=made.cwd)
    assert (done.code != 0, COULD.findall(done.out + done.err)) == (True, [])
    assert f"hermetic: {load.built_in('project-install-and-run').top['notice']}\n" in done.err


def in_layers(jobs, layers, *words, place):
    if layers == "both":
        return jobs.guarded("run", "--", *words, env=place.env, cwd=place.cwd)
    return jobs.native(sys.executable, "-IS", ONE_LAYER, layers, "run", "--", *words, env=place.env, cwd=place.cwd)


@pytest.mark.parametrize("layers", ["both", "python", "kernel"])
def test_hatch_in_development_mode(place, jobs, layers):
    """Its environment, which lies in the project, has the project itself; what is built for that has no more than other builds have."""
    bare, made = place("bare", DEVELOPED), place("made", DEVELOPED)
    native = jobs.native("hatch", "run", "python", "use.py", env=bare.env, cwd=bare.cwd)
    assert {*json.loads(BUILT.search(native.out + native.err)[1]).values()} == {"done"}, native
    done = in_layers(jobs, layers, "hatch", "env", "create", place=made)
    assert done.code == 0, done.out + done.err
    said = in_layers(jobs, layers, "hatch", "run", "say", place=made)
    assert (said.code, f"{made.cwd}/demo.py\n" in said.out) == (0, True), said
    done = in_layers(jobs, layers, "hatch", "run", "python", "use.py", place=made)
    assert {"internet", "secret", "project"} & {*COULD.findall(done.out + done.err)} == {"project"}, done
    outcomes = json.loads(BUILT.search(done.out + done.err)[1])
    assert {outcomes["home"], outcomes["home, natively"]} == {"refused"}, outcomes
    if layers == "both":
        assert outcomes == {what: "done" if what.partition(",")[0] in OWN else "refused" for what in outcomes}
