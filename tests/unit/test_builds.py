"""Command lines that build packages, as installers write them, and what those may write."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hermetic_guard import builds
from hermetic_guard.decide import Request, decide
from hermetic_guard.policy import ALIKE, BUILD, CONFINED, Filesystem, Network, Policy
from hermetic_guard.scopes import Scopes

UV = """import sys

if sys.path[0] == "":
    sys.path.pop(0)

sys.path = [__import__("os").fsdecode(b"/project/backend")] + sys.path

import demo as backend

wheel_filename = backend.build_wheel(__import__("os").fsdecode(b"/cache/builds/.tmp1"), {}, None)
with open(__import__("os").fsdecode(b"/cache/builds/.tmp2/build_wheel.txt"), "w") as fp:
    fp.write(wheel_filename)
"""
FORGED = UV.replace("import demo as", 'import x as backend\nwith open("/environment/x") as backend\nimport demo as')
SETUP = "import sys, setuptools, tokenize; sys.argv[0] = '/s/setup.py'; __file__='/s/setup.py'; exec(compile(open(__file__).read(), __file__, 'exec'))"


@pytest.mark.parametrize(
    ("words", "tree"),
    [
        (["/v/pip/_vendor/pyproject_hooks/_in_process/_in_process.py", "build_wheel", "/tmp/c"], ["/tmp/c"]),
        (["/v/pip/_vendor/pep517/_in_process.py", "build_wheel", "/tmp/c"], ["/tmp/c"]),
        (["_in_process.py"], None),
        (["-c", UV], ["/cache/builds/.tmp1", "/cache/builds/.tmp2/build_wheel.txt"]),
        (["-c", FORGED], ["/cache/builds/.tmp1", "/cache/builds/.tmp2/build_wheel.txt"]),
        (["-u", "-c", SETUP, "bdist_wheel", "-d", "/tmp/w"], ["/tmp/w"]),
        (["-c", "import this"], None),
        (["-m", "pip", "install", "setup.py"], None),
        (["/v/bin/pip", "install", "x"], None),
        ([], None),
    ],
)
def test_which_are_builds(words: list[str], tree: list[str] | None) -> None:
    assert builds.tree_of(["python", *words]) == tree


def test_installing_the_old_way_writes_into_the_environment() -> None:
    for command in ("install", "develop"):
        found = builds.tree_of(["python", "-c", SETUP, command, "--record", "/tmp/r/record.txt"])
        assert found == ["/tmp/r/record.txt", os.path.dirname(os.path.dirname(sys.executable)), sys.prefix]


def test_what_pip_leaves_for_the_hook(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(json.dumps({"kwargs": {"wheel_directory": "/tmp/w", "config_settings": None}}))
    assert builds.tree_of(["python", "_in_process.py", "build_wheel", str(tmp_path)]) == [str(tmp_path), "/tmp/w"]


def test_directories(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    paths = [f"{tmp_path}/link", f"{tmp_path}/new.txt", "/new", "/", "/nowhere/at/all"]
    assert builds.directories(paths) == [str(tmp_path)]


RUN = Policy(network=Network(localhost=((80, 80),)), filesystem=Filesystem(write=("/tmp", "/env")), builds=CONFINED)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    found: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", lambda path, words, environment: found.append([path, *words]))
    return found


def test_a_build_is_started_anew_once(started: list[list[str]], tmp_path: Path) -> None:
    words = ["python", "-I", "_in_process.py", "hook", str(tmp_path)]
    scopes = Scopes(RUN, "/run/scratch")
    builds.confine(scopes, words, ["/hermetic", "-I"])
    options = ["exec", "--no-policy", "--quiet", "--builds=build", "--no-network", "--fs-readonly", f"--allow-write={tmp_path}"]
    assert started == [["/hermetic", "/hermetic", "-I", *options, f"--python={sys.executable}", "--", *words[1:]]]
    scopes.push(Policy(builds=BUILD))
    builds.confine(scopes, words, ["/hermetic", "-I"])
    assert len(started) == 1


@pytest.mark.parametrize("words", [["python", "-c", "pass"], ["python", "-m", "pip"]])
def test_nothing_else_is(started: list[list[str]], words: list[str]) -> None:
    builds.confine(Scopes(RUN), words, ["/hermetic"])
    assert started == []


def test_nor_where_builds_are_let_alone(started: list[list[str]]) -> None:
    builds.confine(Scopes(RUN.replaced(builds=ALIKE)), ["python", "_in_process.py", "hook", "/tmp"], ["/hermetic"])
    assert started == []


def test_variables() -> None:
    """What leads to indexes goes, whatever else there is stays."""
    kept = {"PATH": "/bin", "CFLAGS": "-O", "PIPX": "x", "MINE": "x", "UV": "/bin/uv"}
    gone = {"PIP_INDEX_URL": "x", "UV_INDEX_A_PASSWORD": "x", "HTTPS_PROXY": "x", "no_proxy": "x", "NETRC": "x", "KEYRING_SERVICE": "x"}
    assert builds.environment_of(kept | gone) == kept


def test_a_hint_says_what_would_have_to_be_allowed_first() -> None:
    """Nothing else helps: what is allowed to the installer is not to its builds."""
    request = Request("network", "DNS", "x.example", host="x.example")
    assert decide(Policy(network=Network()), request).hint == "--allow-domain x.example"
    assert decide(Policy(network=Network(), builds=BUILD), request).hint == "--builds alike"
