"""What installers log in to indexes with: no build gets to know it, nor what a wheel brings that was installed a moment ago."""

import json
from pathlib import Path

import pytest
from launch import demo_backend
from launch.demo import ATTEMPT, BACKEND, metadata, write_tree
from launch.environments import ROOT, UV
from launch.packages import IN_TREE

READING = (ROOT / "tests/launch/reading_backend.py").read_text()
LOGINS = (".netrc", ".config/pip/pip.conf", ".pip/pip.conf", ".local/share/python_keyring/x", ".local/share/uv/credentials/x", "mine.netrc")
URL = "http://name:token-of-the-index@127.0.0.1:9/simple"
WAYS = ("3.9", "3.13", "newest pip", "uv 3.13", "a wheel of pip", "a wheel of pip, by path")
ALIKE = ("3.9", "newest pip", "a wheel of pip, by path")
"""Builds of these are started and recognized as those of another are; they take their time."""


class Place:
    """An environment, a home directory with what logs in, and a project whose build looks for that."""

    def __init__(self, which, directory, jobs, environments):
        self.which, self.jobs, self.directory = which, jobs, directory
        self.environment = environments.copy(which.removeprefix("uv ") if which in WAYS[:4] else "3.13", directory / "env")
        self.home = directory / "home"
        for name in LOGINS:
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text("")
        files = {"PKG-INFO": metadata("reading"), "pyproject.toml": IN_TREE.replace("probe", "reading")}
        write_tree(directory / "project", files | {"reading_backend.py": READING, "demo_backend.py": BACKEND})

    def command(self, *words):
        options = ["-i", URL, "--no-cache-dir"]
        if self.which.startswith("uv "):
            return [UV, "pip", "install", "-i", URL, "--no-cache", "--reinstall", *words]
        if self.which.startswith("a wheel"):
            [wheel] = Path(self.environment.base).parents[1].glob("lib/python*/ensurepip/_bundled/pip-*.whl")
            return ["python", f"{wheel}/pip", "install", *options, "--force-reinstall", *words]
        return ["pip", "install", *options, "--force-reinstall", *words]

    def installed(self, *words, guarded, options=()):
        more = {
            "HOME": self.home,
            "NETRC": f"{self.home}/mine.netrc",
            "PYTHON_READING": json.dumps([f"{self.home}/{one}" for one in LOGINS]),
        }
        env = self.jobs.environ(self.environment, **more, UV_OFFLINE="1")
        if self.which == "a wheel of pip":
            [_, program, *rest] = self.command(*words)
            command, env["PYTHONPATH"] = ["python", "-m", "pip", *rest], program.rpartition("/")[0]
        else:
            command = self.command(*words)
        start = (
            (lambda *c, **e: self.jobs.guarded("run", "--profile=pip-install", *options, "--", *c, **e)) if guarded else self.jobs.native
        )
        done = start(*command, env=env)
        assert done.code == 0, done.out + done.err
        return done

    def outcomes(self):
        [file] = self.environment.path.glob("lib/py*3.*/site-packages/reading_outcomes.json")
        found = json.loads(file.read_text())
        assert [found.pop(what) for what in ("own", "process", "pool", "program")] == [True, 9, [9, 4], 9]
        return found


@pytest.mark.parametrize("which", [pytest.param(way, marks=[pytest.mark.soak] if way in ALIKE else []) for way in WAYS])
def test_what_logs_in(which, tmp_path, jobs, environments):
    """Files, and the words of a command line, which pip hands on to what it starts. Processes that a build makes go on working."""
    made = Place(which, tmp_path, jobs, environments)
    made.installed("./project", guarded=False)
    assert set(made.outcomes().values()) == {"done"}
    made.installed("./project", guarded=True)
    assert set(made.outcomes().values()) == {"refused"}, made.outcomes()


STARTING = (
    ATTEMPT
    + """\
import json, os, sys
found = {
    "variable": "done" if "UV_DEFAULT_INDEX" in os.environ else "refused",
    "file": attempt(lambda: open(os.path.expanduser("~/.netrc")).close()),
    "cache": attempt(lambda: open(os.environ["PYTHON_CACHE"] + "/by-the-wheel", "w").close()),
}
with open(os.path.join(os.path.dirname(__file__), "told"), "a") as file:
    file.write(json.dumps(found) + chr(10))
"""
)
"""Of a module that a `.pth` line of a wheel imports: what it can do where it runs, told beside it if that can be written."""


@pytest.mark.parametrize("option", ["--compile-bytecode", "UV_COMPILE_BYTECODE"])
def test_what_a_wheel_brings_while_uv_compiles(tmp_path, jobs, environments, option):
    """uv starts the interpreter of the environment, with all that has just been put there. It does not run."""
    made = Place("uv 3.13", tmp_path, jobs, environments)
    demo_backend.write_wheel(
        str(tmp_path), "starting", "1.0", {"started.py": STARTING, "starting.pth": "import started\n"}, metadata("starting")
    )
    cache = tmp_path / "cache"
    env = {"HOME": made.home, "UV_DEFAULT_INDEX": URL, "UV_CACHE_DIR": cache, "PYTHON_CACHE": cache, "UV_OFFLINE": "1"}
    env = jobs.environ(made.environment, **env, **({} if option.startswith("--") else {option: "1"}))
    [site] = made.environment.path.glob("lib/py*3.*/site-packages")
    words = [UV, "pip", "install", "--reinstall", *([option] if option.startswith("--") else []), "./starting-1.0-py3-none-any.whl"]
    assert jobs.native(*words, env=env).code == 0
    found = [json.loads(line) for line in (site / "told").read_text().splitlines()]
    assert found[-1] == dict.fromkeys(("variable", "file", "cache"), "done")
    for name in ("told", "started.py", "starting.pth"):
        (site / name).unlink()
    jobs.native("sh", "-c", f"rm -r {site}/__pycache__ {site}/starting-*.dist-info {cache}/by-the-wheel", env=env)
    done = jobs.guarded("run", "--profile=pip-install", "--", *words, env=env)
    assert done.code == 0, done.out + done.err
    assert list((site / "__pycache__").glob("started.*.pyc")), "it is compiled all the same"
    assert not (site / "told").exists()
    assert not (cache / "by-the-wheel").exists()
