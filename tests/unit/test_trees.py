"""Which directories a build gets to write."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hermetic_guard.policy import Filesystem
from hermetic_guard.trees import Trees

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """What the run may write, with a source tree and an environment in it."""
    place = tmp_path / "scratch"
    for folder in (
        "tree/dist",
        "tree/package",
        "env/lib/python3.13/site-packages",
        "env/src/other",
        "env/metadata_directory",
        "pip-build-env-x/overlay",
    ):
        (place / folder).mkdir(parents=True)
    (place / "tree/pyproject.toml").touch()
    (place / "env/src/other/setup.py").touch()
    (place / "env/pyvenv.cfg").touch()
    return place


def trees(scratch: Path, *protected: Path) -> Trees:
    return Trees(Filesystem(write=(str(scratch),), protect=tuple(map(str, protected))), ["/", "/usr/local"])


def test_a_source_tree(scratch: Path) -> None:
    for tree in ("tree", "env/src/other"):
        assert trees(scratch).source(f"{scratch}/{tree}") == [f"{scratch}/{tree}"]


def test_what_is_none(scratch: Path) -> None:
    """That with a project's file as well which lies in an environment."""
    for other in ("tree/dist", "env/lib/python3.13/site-packages", "env", "pip-build-env-x/overlay"):
        assert trees(scratch).source(f"{scratch}/{other}") == []
        if other != "tree/dist":
            (scratch / other / "setup.py").touch()
            assert trees(scratch).source(f"{scratch}/{other}") == []
    (scratch / "tree/dist/pyproject.toml").symlink_to("../pyproject.toml")
    assert trees(scratch).source(f"{scratch}/tree/dist") == []


@pytest.mark.parametrize("name", [".venv", "env", ".tox/py"])
def test_an_environment_in_the_tree(scratch: Path, name: str) -> None:
    """What is beside it can be written, and all where the run keeps the environment as it is."""
    tree = scratch / "tree"
    (tree / name).mkdir(parents=True)
    (tree / name / "pyvenv.cfg").touch()
    (tree / "pyproject.toml").write_text('[build-system]\nbuild-backend = "flit_core.buildapi"\n')
    assert trees(scratch).source(str(tree)) == [f"{tree}/dist", f"{tree}/package"]
    assert trees(scratch).directories([str(tree), str(scratch)]) == []
    (tree / "pyproject.toml").write_text('[project]\nname = "it"\n')
    assert trees(scratch).source(str(tree)) == [f"{tree}/{made}" for made in ("build", "dist", "it.egg-info", "package")]
    (tree / "build").rmdir()
    (tree / "build").symlink_to(tree / name)
    assert trees(scratch).source(str(tree)) == [f"{tree}/{made}" for made in ("dist", "it.egg-info", "package")]
    (tree / "build").unlink()
    assert trees(scratch, tree / name).source(str(tree)) == [str(tree)]


def test_what_the_run_installs_into(scratch: Path) -> None:
    found = Trees(Filesystem(write=(f"{scratch}/tree/a/b/lib/python3/site-packages",)), [])
    assert f"{scratch}/tree" not in found.source(f"{scratch}/tree")
    assert f"{scratch}/tree" not in Trees(None, [f"{scratch}/tree/package"]).source(f"{scratch}/tree")


@pytest.mark.parametrize("name", ["env", "env/lib", "env/lib/python3.13/site-packages", "pip-build-env-x/overlay", "pip-build-env-x", ""])
def test_environments_are_not_filled(scratch: Path, name: str) -> None:
    place = f"{scratch}/{name}".rstrip("/")
    assert trees(scratch).directories([place, "/usr/local/lib", "/", "/nowhere/at/all", f"{scratch}/tree/dist"]) == [f"{scratch}/tree/dist"]


def test_what_uv_has_in_an_environment(scratch: Path) -> None:
    place = f"{scratch}/env/metadata_directory"
    assert trees(scratch).directories([place]) == [place]
    file = scratch / "env/build_wheel.txt"
    assert trees(scratch).files([str(file), f"{scratch}/nowhere/x"]) == [str(file)]
    assert file.read_text() == ""


def test_links(scratch: Path, tmp_path: Path) -> None:
    """One that was there before the run leads where it leads; one that can have been made in it nowhere, wherever it is on the way."""
    for above in (tmp_path, scratch, scratch / "tree"):
        (above / "link").symlink_to(scratch)
    assert trees(scratch).directories([f"{tmp_path}/link/tree"]) == [f"{scratch}/tree"]
    (scratch / "tree/file").symlink_to("pyproject.toml")
    for link in (f"{scratch}/link/tree", f"{scratch}/tree/link/tree/dist", f"{tmp_path}/link/link/tree"):
        assert trees(scratch).directories([link]) == []
    assert trees(scratch).files([f"{scratch}/tree/file", f"{scratch}/link/x"]) == []
    assert not (scratch / "x").exists()


def test_what_may_not_be_listed_may_hold_an_environment(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(folder: str) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)

    monkeypatch.setattr(os, "listdir", forbidden)
    assert trees(scratch).source(f"{scratch}/tree") == []
    assert trees(scratch).directories([f"{scratch}/tree/dist"]) == []
