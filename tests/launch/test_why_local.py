"""What `hermetic why` says of random policies and files, programs and native code is what happens: under both layers, and under each alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hermetic_guard.policy import is_within_any
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from launch.environments import Environment, Environments
from launch.jobs import Jobs
from launch.namespaces import private_mounts
from launch.test_network_rules import LAYERS, ONE_LAYER

from hermetic import explain, options
from hermetic.errors import HermeticError
from hermetic.policy import combine, paths

DIRECTORIES = ["", "a", "a/b", "a/b/c", "ab", "d"]
FILES = [os.path.join(name, "file") for name in DIRECTORIES]
LINKS = {"d/to-file": "../a/file", "d/to-directory": "../a/b", "d/to-new": "../ab/new"}
PROGRAMS = ["/bin/true", "/bin/echo", "/bin/sh"]
MODULES = {"markupsafe": "markupsafe._speedups", "simplejson": "simplejson._speedups", "ctypes": "ctypes"}
"""Of distributions, what of them is native."""

PROBE = """
import errno, importlib, json, os, subprocess, sys
def read(path):
    if os.path.isdir(path):
        assert "file" in os.listdir(path), path
    else:
        assert open(path).read() == "text", path
def write(path):
    if os.path.lexists(path) and not os.path.islink(path) or os.path.exists(path):
        os.close(os.open(path, os.O_WRONLY))
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
        os.remove(os.path.realpath(path))
def run(path): assert subprocess.call([path, "-c", ":"], stdout=subprocess.DEVNULL) == 0
def native(module): importlib.import_module(module)
for action, what in json.loads(sys.argv[1]):
    try:
        globals()[action](what)
        print(True, flush=True)
    except (PermissionError, FileNotFoundError, ImportError, AssertionError):
        print(False, flush=True)
    except OSError as error:
        print(error if error.errno != errno.EROFS else False, flush=True)
"""
"""Does what is asked for and prints whether that went. What is hidden is not there, or an empty directory is in its place."""

there = st.sampled_from([*DIRECTORIES, *FILES, "d/to-file", "d/to-directory"])
"""A name that is not there yet the Python layer alone can hide or protect."""
ROOTS = st.sampled_from(["--fs-readonly", "--fs-readonly=PLACE/a", "--fs-readonly=PLACE/a/b --allow-read=PLACE/ab"])
FILE_WORDS = [there.map(f"--{word}=PLACE/{{}}".format) for word in ("allow-write", "allow-write", "hide", "protect")]
files = st.tuples(ROOTS, st.lists(st.one_of(FILE_WORDS), max_size=4).map(" ".join)).map(" ".join)
processes = st.lists(st.sampled_from(PROGRAMS), max_size=2).map(
    lambda found: " ".join(["--no-subprocess", *map("--allow-run={}".format, found)])
)
natives = st.lists(st.sampled_from([*MODULES]), max_size=2).map(
    lambda found: " ".join(["--block-native", *map("--allow-native={}".format, found)])
)
lines = st.tuples(*(st.just("") | words for words in (processes, natives)), st.one_of(files, files, files, st.just(""))).map(" ".join)

asked = st.one_of(
    st.tuples(st.just("read"), st.sampled_from([*DIRECTORIES, *FILES, "d/to-file", "d/to-directory/file"])),
    st.tuples(
        st.just("write"),
        st.sampled_from([*FILES, *LINKS, *(f"{name}/new" for name in DIRECTORIES if name)]).filter(lambda name: name != "d/to-directory"),
    ),
    st.tuples(st.just("run"), st.sampled_from(PROGRAMS)),
    st.tuples(st.just("native"), st.sampled_from([*MODULES])),
)


class World(NamedTuple):
    place: str
    jobs: Jobs
    environment: Environment
    command: dict[str, list[str]]


@pytest.fixture
def world(jobs: Jobs, environments: Environments, hermetic_command: str) -> Iterator[World]:
    """A tree where no program needs anything: /var is not read by them. And how hermetic is started, by layers."""
    private_mounts()
    environment = environments.get("compiled 3.11")
    one = [environment.base, "-IS", ONE_LAYER]
    with tempfile.TemporaryDirectory(dir="/var/lib") as place:
        for name in DIRECTORIES:
            Path(place, name).mkdir(exist_ok=True)
            Path(place, name, "file").write_text("text")
        for name, leads in LINKS.items():
            Path(place, name).symlink_to(leads)
        yield World(
            os.path.realpath(place), jobs, environment, {"both": [hermetic_command], **{layer: [*one, layer] for layer in LAYERS[1:]}}
        )


def said(world: World, words: list[str], what: list[tuple[str, str]]) -> list[bool] | None:
    """None where there is no such policy."""
    invocation = options.parse([*words, "--", "x"], {})
    assert invocation is not None
    try:
        policy = combine.resolve(invocation, world.place).policy
    except HermeticError:
        return None
    return [all(answer.decision.allowed for answer in explain.answers(policy, *one)) for one in what]


def is_unseen(action: str, name: str) -> bool:
    """What the kernel has no part in: it cannot tell a library from data, and lists all directories or none."""
    return action == "native" or (action == "read" and Path(name).is_dir())


@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines, st.lists(asked, min_size=20, max_size=30, unique=True))
def test_what_why_says_happens(world: World, line: str, names: list[tuple[str, str]]) -> None:
    words = ["--no-network", "--no-policy", *line.replace("PLACE", world.place).split()]
    what = [(action, f"{world.place}/{name}" if action in ("read", "write") else name) for action, name in names]
    expected = said(world, words, what)
    if expected is None:
        return
    hidden = tuple(os.path.realpath(word.removeprefix("--hide=")) for word in words if word.startswith("--hide="))
    asked_of = [path for action, path in what if action in ("read", "write")]
    by_hidden_links = {path for path in asked_of if any(is_within_any(link, hidden) for link in paths.places(path, "/")[:-1])}
    """Python's layer judges what links lead to, wherever they lie."""
    tries = json.dumps([(action, MODULES.get(name, name)) for action, name in what])
    env = world.jobs.environ(world.environment)
    for layer, start in world.command.items():
        done = world.jobs.native(*start, *words, "--", "python", "-B", "-c", PROBE, tries, env=env, cwd="/")
        happened = done.out.splitlines()
        assert len(happened) == len(what), (layer, line, *done)
        wrong = [
            (one, allowed, came)
            for one, allowed, came in zip(what, expected, happened, strict=True)
            if came != str(allowed)
            and not (layer == "kernel" and is_unseen(*one))
            and not (layer == "python" and one[1] in by_hidden_links)
        ]
        assert not wrong, (layer, line, wrong)
