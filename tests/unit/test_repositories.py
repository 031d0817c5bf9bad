"""Where git keeps what it runs by, as git makes it."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from hermetic import options
from hermetic.policy import repositories, sets
from hermetic.policy.context import Context

PROTECT = options.BY_NAME["--protect"]
KEPT = ("hooks", "config", "config.worktree", "commondir")


def git(place: Path, *words: str) -> None:
    settings = ("user.name=x", "user.email=x@example.com", "protocol.file.allow=always", "init.defaultBranch=main")
    subprocess.run(["git", *(part for one in settings for part in ("-c", one)), *words], cwd=place, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a submodule below a directory, one in that, and another working tree inside of it."""
    for name in ("inner", "outer", "project"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init")
        git(tmp_path / name, "commit", "--allow-empty", "-m", "x")
    git(tmp_path / "outer", "submodule", "add", f"{tmp_path}/inner", "deep/inner")
    git(tmp_path / "outer", "commit", "-m", "y")
    git(tmp_path / "project", "submodule", "add", f"{tmp_path}/outer", "lib/outer")
    git(tmp_path / "project", "submodule", "update", "--init", "--recursive")
    git(tmp_path / "project", "worktree", "add", "tree")
    return tmp_path / "project"


def protected(project: Path) -> set[str]:
    return {*sets.words("@startup", PROTECT, Context(str(project), {}))}


def test_of_a_repository(project: Path) -> None:
    own = [".git", ".git/modules/lib/outer", ".git/modules/lib/outer/modules/deep/inner", ".git/worktrees/tree"]
    files = {"lib/outer/.git", "lib/outer/deep/inner/.git", "tree/.git"}
    found = protected(project)
    assert {f"{project}/{place}/{name}" for place in own for name in KEPT} <= found
    assert {f"{project}/{name}" for name in (*files, "**/.git")} == {path for path in found if path.endswith("/.git")}


def test_what_git_goes_into(project: Path) -> None:
    """Whatever the index of a submodule says, too: it can be written."""
    places = ("", "lib/outer/", "lib/outer/deep/inner/")
    assert repositories.entered(str(project)) == [f"{project}/{place}.git" for place in places]
    before = repositories.find(str(project)).entered
    assert list(repositories.planted(before)) == []
    git(project / "lib/outer", "init", "planted")
    assert list(repositories.planted(before)) == []
    git(project / "lib/outer", "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},planted")
    [line] = repositories.planted(before)
    assert line.startswith(f"{project}/lib/outer/planted/.git was not there: ")
    assert f"{project}/lib/outer/planted/.git/config" in protected(project)


def test_of_another_working_tree(project: Path) -> None:
    """What its `.git` leads to, and what that shares."""
    found = protected(project / "tree")
    assert {f"{project}/tree/.git", f"{project}/.git/config", f"{project}/.git/worktrees/tree/commondir"} <= found


def test_what_says_it_is_a_repository_hides_no_other(project: Path) -> None:
    (project / ".git/modules/lib/HEAD").touch()
    assert f"{project}/.git/modules/lib/outer/config" in protected(project)


def test_where_there_is_none(tmp_path: Path) -> None:
    """A file of this name leads git anywhere."""
    (tmp_path / "setup.py").touch()
    assert f"{tmp_path}/.git" in protected(tmp_path)


def test_more_than_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git/modules/a/b/c").mkdir(parents=True)
    assert repositories.find(str(tmp_path)).files == []
    monkeypatch.setattr(repositories, "MOST", 3)
    assert repositories.find(str(tmp_path)).files == [f"{tmp_path}/.git/modules"]


@pytest.mark.parametrize("text", ["", "gitdir:", "gitdir: /nowhere", "x\0y", "gitdir: " + "x" * 5000])
def test_a_file_that_leads_nowhere(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text)
    assert f"{tmp_path}/.git" in protected(tmp_path)


def test_what_may_not_be_listed_is_kept_as_a_whole(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may have taken the right from a directory that it was not kept from, so that the next one finds nothing to protect."""
    modules, scandir = f"{project}/.git/modules", os.scandir

    def forbidding(folder: str) -> object:
        if folder == f"{modules}/lib":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
        return scandir(folder)

    assert modules not in protected(project)
    monkeypatch.setattr(os, "scandir", forbidding)
    assert modules in protected(project)
