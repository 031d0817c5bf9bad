"""Tools that start other Pythons to build packages and environments: all of those are guarded, and the work gets done."""

import json

import pytest
from launch.demo import source, write_tree
from launch.environments import UV, find_python

TOX = """\
[tox]
envlist = py
[testenv]
package = wheel
commands = python -I -c "import demo; print('tested', demo.where)"
"""


@pytest.fixture
def tree(tmp_path, port):
    """A source tree with its own backend."""
    return write_tree(tmp_path / "tree", source(port, "demo", "in-tree") | {"tox.ini": TOX})


def twice(jobs, environment, command, tree):
    """Run a command natively and guarded, in the tree. `command` gets a word that tells the two apart."""
    env = jobs.environ(environment, PIP_NO_INDEX="1")
    native = jobs.native(*command("native"), env=env, cwd=tree)
    assert native.code == 0, native.err
    return native, lambda: jobs.guarded("run", "--no-network", "--", *command("guarded"), env=env, cwd=tree)


def check_traces(port, native_traces, done):
    """The guarded build called the port just as the other did, in guarded processes, and did not get through."""
    calls, traces = port.take()
    assert calls == 0
    assert [trace["hook"] for trace in traces] == [trace["hook"] for trace in native_traces] != []
    assert {trace["outcome"] for trace in native_traces} == {"connected"}
    assert {trace["outcome"] for trace in traces} == {"refused"}
    assert {trace["pid"] for trace in traces} <= done.guarded_pids
    assert done.refused == [f"connect(127.0.0.1:{port.number})"] * len(traces)
    assert "  asked by  demo_backend.py:" in done.err or "/demo_backend.py:" in done.err
    assert f"  allow it  --allow-localhost={port.number}\n" in done.err


@pytest.mark.parametrize("which", ["3.8", "3.13"])
def test_build(environments, jobs, port, tree, tmp_path, which):
    environment = environments.get(which)
    _, guarded = twice(jobs, environment, lambda word: ("python", "-m", "build", "--outdir", tmp_path / word), tree)
    calls, traces = port.take()
    assert calls == len(traces)
    done = guarded()
    assert done.code == 0, done.err
    assert names(tmp_path / "guarded") == names(tmp_path / "native") == ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]
    check_traces(port, traces, done)


@pytest.mark.soak
def test_tox(environments, jobs, port, tree, tmp_path):
    environment = environments.get("3.11")
    native, guarded = twice(jobs, environment, lambda word: ("tox", "--workdir", tmp_path / word), tree)
    calls, traces = port.take()
    assert calls == len(traces)
    done = guarded()
    assert done.code == 0, done.err
    assert done.out.count("tested demo\n") == native.out.count("tested demo\n") == 1
    check_traces(port, traces, done)


def test_uv(environments, jobs, port, tree, tmp_path):
    """uv is no Python, and makes an environment for each build. The guard gets there through its environment variables."""
    environment = environments.get("3.13")
    start = f"import subprocess, sys; sys.exit(subprocess.call([{UV!r}, 'pip', 'install', *sys.argv[1:]]))"
    options = ("--offline", "--no-index", "--no-cache", "--python", environment.python)
    _, guarded = twice(jobs, environment, lambda word: ("python", "-c", start, *options, "--target", tmp_path / word, tree), tree)
    calls, traces = port.take()
    assert calls == len(traces)
    done = guarded()
    assert done.code == 0, done.err
    assert files(tmp_path / "guarded") == files(tmp_path / "native") != []
    check_traces(port, traces, done)


@pytest.mark.parametrize("which", ["3.8", pytest.param("3.13", marks=pytest.mark.soak)])
def test_venv_with_ensurepip(environments, jobs, tmp_path, which):
    """Its pip comes from ensurepip, which venv starts with -I (up to 3.8 as `-Im`), in an environment without PYTHONPATH."""
    environment = environments.get(which)
    done = jobs.guarded("run", "--no-network", "--", "python", "-m", "venv", "made", env=jobs.environ(environment))
    assert done.code == 0, done.err
    assert done.refused == []
    assert {event["way"] for event in done.of("ready")} == {"early", "stub"} if which == "3.8" else {"early"}
    assert len(done.guarded_pids) == 3
    pip = jobs.native(tmp_path / "made/bin/pip", "--version", env=jobs.environ())
    assert pip.out.startswith(f"pip {bundled(environment)} from {tmp_path}/made/")


def bundled(environment):
    return environment.ask("import ensurepip; print(ensurepip.version())")


def test_virtualenv(environments, jobs, tmp_path):
    """It asks another interpreter what that is, which makes a child; the environment is the same as one made natively."""
    environment, other = environments.get("3.11"), find_python("3.13")
    _, guarded = twice(jobs, environment, lambda word: ("virtualenv", "--python", other, tmp_path / word), tmp_path)
    done = guarded()
    assert done.code == 0, done.err
    assert done.refused == []
    assert files(tmp_path / "guarded") == files(tmp_path / "native") != []
    installed = jobs.native(tmp_path / "guarded/bin/python", "-m", "pip", "list", "--format=json", env=jobs.environ())
    assert "pip" in [one["name"] for one in json.loads(installed.out)]


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def files(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.suffix != ".pyc")
