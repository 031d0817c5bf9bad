"""Submodules in an index, as git writes it, in each of its formats."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from hermetic.policy import git_index, repositories

SOME = ("lib/outer", "lib/outer2", "ä b")


@pytest.fixture(params=[(version, kind) for version in (2, 3, 4) for kind in ("sha1", "sha256")], ids=str)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    """With files before, between and behind; a version 3 has an entry that is to be added."""
    version, kind = request.param

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", f"--object-format={kind}")
    for name in ("a", "lib/outer-file", "z" * 200, "later"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    git("add", "a", "lib", "z" * 200)
    name = "1" * {"sha1": 40, "sha256": 64}[kind]
    for path in SOME:
        git("update-index", "--add", "--cacheinfo", f"160000,{name},{path}")
    if version == 3:
        git("add", "--intent-to-add", "later")
    git("update-index", f"--index-version={max(version, 2)}")
    data = (tmp_path / ".git/index").read_bytes()
    assert data[7] == version
    return data


def test_submodules(index: bytes) -> None:
    assert sorted(git_index.submodules(index)) == sorted(SOME)
    assert repositories.SUBMODULE in index


def test_what_does_not_hold_together(index: bytes) -> None:
    """Nothing is raised, and nothing that leads elsewhere is found."""
    chance = random.Random(1)
    for _ in range(300):
        data = bytearray(index)
        for _ in range(chance.randrange(1, 20)):
            data[chance.randrange(len(data))] = chance.choice(b"\0\xe0/.\xff")
        found = git_index.submodules(bytes(data[: chance.randrange(len(data))]))
        assert not any(path.startswith("../") or "/../" in path for path in found)
    assert git_index.submodules(b"") == git_index.submodules(b"DIRC") == []
