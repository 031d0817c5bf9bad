"""Installers of tools: what installs alone gets what that takes, and what installs and runs in one go is told what to do instead."""

import json
from pathlib import Path

import pytest
from launch import demo_backend
from launch.demo import BACKEND, VERSION, metadata, write_tree
from launch.environments import UV, find_python
from launch.installers import fetched_pipx
from launch.packages import IN_TREE, PROBE, Index, folder

from hermetic.policy import load

TOOL = """\
import probe_backend
from demo_backend import *

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version, metadata = project()
    modules = {
        "tool.py": "def main():\\n    print('the tool')\\n",
        "probe_outcomes.json": probe_backend.json.dumps(probe_backend.outcomes()),
        f"tool-{version}.dist-info/entry_points.txt": "[console_scripts]\\ntool = tool:main\\n",
    }
    return os.path.basename(write_wheel(wheel_directory, name, version, modules, metadata))
"""
SOURCE = {
    "PKG-INFO": metadata("tool"),
    "pyproject.toml": IN_TREE.replace("probe_backend", "tool_backend"),
    "tool_backend.py": TOOL,
    "probe_backend.py": PROBE,
    "demo_backend.py": BACKEND,
}
OWN = ("tree", "scratch")


class Place:
    """A home directory to install into, and an index that has the tool."""

    def __init__(self, directory, jobs, index, which):
        self.jobs, self.which, self.home = jobs, which, directory / "home"
        self.commands = self.home / ".local/bin"
        self.tools = self.home / (".local/share/uv/tools" if which == "uv" else ".local/share/pipx")
        for place in (self.commands, self.tools, self.home / ".cache"):
            place.mkdir(parents=True)
        probe = {"port": index.port, "environment": str(self.commands), "home": str(self.home), "cache": str(self.tools)}
        self.env = jobs.environ(
            HOME=self.home,
            PATH=f"{Path(UV).parent}:{Path(find_python('3.11')).parent}:/usr/bin:/bin",
            PIP_INDEX_URL=index.url,
            UV_DEFAULT_INDEX=index.url,
            PYTHON_PROBE=json.dumps(probe),
            PIP_LOGIN="name:password",
            UV_PYTHON_DOWNLOADS="never",
            PIPX_DISABLE_SHARED_LIBS_AUTO_UPGRADE="1",
            **({} if which == "uv" else {"PYTHONPATH": fetched_pipx()}),
        )

    @property
    def command(self):
        if self.which == "uv":
            return [UV, "tool", "install", "--python", find_python("3.11"), "--force"]
        return [find_python("3.11"), "-m", "pipx", "install", "--backend", self.which.split()[1], "--force"]

    def outcomes(self):
        [file] = self.tools.glob("**/site-packages/probe_outcomes.json")
        return json.loads(file.read_text())


@pytest.fixture
def index(tmp_path):
    demo_backend.write_sdist(str(folder(tmp_path / "served", "tool")), "tool", VERSION, SOURCE)
    with Index(tmp_path / "served") as index:
        yield index
        index.shutdown()


@pytest.mark.parametrize("which", ["uv", "pipx pip", pytest.param("pipx uv", marks=pytest.mark.soak)])
def test_tools(tmp_path, jobs, index, which):
    """By their name alone: the tool is there and runs, and its build has had its own tree and nothing else."""
    bare = Place(tmp_path / "bare", jobs, index, which)
    native = jobs.native(*bare.command, "tool", env=bare.env)
    assert native.code == 0, native.out + native.err
    assert set(bare.outcomes().values()) == {"done"}
    made = Place(tmp_path / "made", jobs, index, which)
    done = jobs.guarded("run", "--", *made.command, "tool", env=made.env)
    assert done.code == 0, done.out + done.err
    assert "so profile tool-install stands" in done.err
    outcomes = made.outcomes()
    assert outcomes == {what: "done" if what.partition(",")[0] in OWN else "refused" for what in outcomes}
    assert jobs.native(made.commands / "tool", env=made.env).out == "the tool\n"


def test_a_command_of_other_origin(tmp_path, jobs, index):
    """What has the name of a tool's and is none stays as it is; a tool's own is replaced."""
    made = Place(tmp_path, jobs, index, "uv")
    (made.commands / "tool").write_text("mine")
    done = jobs.guarded("run", "--", *made.command, "tool", env=made.env)
    assert done.code != 0
    assert (made.commands / "tool").read_text() == "mine", done.err
    assert jobs.native(*made.command, "tool", env=made.env).code == 0
    assert (made.commands / "tool").read_text() != "mine"
    done = jobs.guarded("run", "--", *made.command, "--reinstall", "tool", env=made.env)
    assert done.code == 0, done.err
    assert jobs.native(made.commands / "tool", env=made.env).out == "the tool\n"


def test_a_local_project(tmp_path, jobs, index):
    """It is built where it is."""
    made = Place(tmp_path, jobs, index, "uv")
    project = write_tree(tmp_path / "project", SOURCE)
    done = jobs.guarded("run", "--", *made.command, ".", env=made.env, cwd=project)
    assert done.code == 0, done.err
    assert (made.outcomes()["tree"], made.outcomes()["home"]) == ("done", "refused")


IN_ONE_GO = {"uvx": ("uvx", "tool"), "uv tool run": ("uv", "tool", "run", "tool"), "uv run": ("uv", "run", "--with", "tool", "tool")}


@pytest.mark.parametrize("which", ["uvx", pytest.param("uv tool run", marks=pytest.mark.soak), "uv run", "pipx run"])
def test_what_installs_and_runs_in_one_go(tmp_path, jobs, index, which):
    """It has what stands for any command, so it installs nothing; a line says what does."""
    made = Place(tmp_path / "made", jobs, index, "pipx uv" if which == "pipx run" else "uv")
    if which == "pipx run":
        command = [find_python("3.11"), "-m", "pipx", "run", "tool"]
    else:
        program, *words = IN_ONE_GO[which]
        command = [str(Path(UV).with_name(program)), *words]
    done = jobs.guarded("run", "--", *command, env=made.env)
    assert (done.code != 0, "the tool" in done.out) == (True, False), done.out
    told = [line for line in done.err.splitlines() if "in one go" in line]
    assert told == [f"hermetic: {load.built_in('install-and-run').top['notice']}"]
    assert jobs.native(*command, env=made.env).out == "the tool\n"
    instead = jobs.guarded("run", "--with", "tool", "--", "tool", env=made.env, log=False)
    assert (instead.code, instead.out) == (0, "the tool\n"), instead.err
