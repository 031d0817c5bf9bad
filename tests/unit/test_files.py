"""What is read from others' directories cannot hold up or fill whoever reads it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hermetic_guard import distributions as metadata
from hermetic_guard import files, programs, pyenv

from hermetic import distributions
from hermetic.linux import essentials
from hermetic.target import needs, packages, windows


def fifo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


def endless(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/zero")
    return path


def directory(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def sparse(path: Path) -> Path:
    """Ten gigabytes that take no place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, 10 << 30)
    return path


TRAPS = [fifo, endless, directory, sparse]


@pytest.fixture(autouse=True)
def soon():
    """No test here may wait for anybody."""
    before = time.monotonic()
    yield
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("trap", [fifo, endless, directory], ids=lambda trap: trap.__name__)
def test_regular_files_alone(tmp_path: Path, trap) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        files.read_file(str(trap(tmp_path / "x")), 100)
    assert files.lines_of(str(tmp_path / "x")) == []


def test_no_more_than_asked_for(tmp_path: Path) -> None:
    assert len(files.read_file(str(sparse(tmp_path / "x")), 3 << 20)) == 3 << 20
    (tmp_path / "y").write_bytes(b"abc")
    assert [files.read_file(str(tmp_path / "y"), most) for most in (0, 2, 3, 9)] == [b"", b"ab", b"abc", b"abc"]


def test_lines(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a\r\nb\x0cb\xff\rc\nd\0d\n\n")
    assert files.lines_of(str(tmp_path / "x")) == ["a", "b\x0cb\udcff", "c", "", ""]


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    assert sorted(files.names_in(str(tmp_path))) == ["a", "b", "c"]
    assert files.names_in(str(tmp_path / "a")) == files.names_in(str(tmp_path / "nothing")) == []
    monkeypatch.setattr(files, "MOST_NAMES", 2)
    assert len(files.names_in(str(tmp_path))) == 2


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_nobody_falls_into_a_trap(tmp_path: Path, trap) -> None:
    """Every reader of what a target could have prepared."""
    site = tmp_path / "lib/python3.11/site-packages"
    trap(site / "a-1.dist-info/RECORD")
    trap(site / "a-1.dist-info/direct_url.json")
    trap(site / "b.pth")
    trap(tmp_path / "pyvenv.cfg")
    trap(tmp_path / ".python-version")
    trap(tmp_path / "tool.exe")
    assert distributions.origin(f"{site}/a/b.py").distribution == ""
    assert metadata.claimed_by(f"{site}/a/b.so") == ""
    assert list(packages.in_site(str(site), {"a"})) == []
    assert packages.path_lines(str(site)) == []
    assert needs.editable_project(f"{site}/a-1.dist-info/direct_url.json") is None
    assert list(needs.prefixes(f"{tmp_path}/bin/python"))[:1] == [str(tmp_path)]
    assert str(tmp_path / "bin/python") in essentials.essentials(f"{tmp_path}/bin/python")
    assert pyenv.selected(str(tmp_path), {}, str(tmp_path)) == ["system"]
    assert windows.launcher(f"{tmp_path}/tool.exe") is None
    for read in (programs.read_head, lambda path: essentials.executables([path])):
        try:
            read(str(tmp_path / "tool.exe"))
        except OSError:
            continue


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_metadata_that_is_a_trap(tmp_path: Path, trap) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    (site / "a-1.dist-info").mkdir(parents=True)
    (site / "a-1.dist-info/RECORD").write_text("a/b.py,,\n")
    trap(site / "a-1.dist-info/METADATA")
    assert distributions.origin(f"{site}/a/b.py").distribution == ""


def test_many_distributions_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame of a stack may have metadata of its own, with a RECORD as long as is read."""
    monkeypatch.setattr(distributions, "patience", distributions.Patience(200 << 20))
    site = tmp_path / "lib/python3.11/site-packages"
    for number in range(100):
        sparse(site / f"d{number}-1.dist-info/RECORD")
    for number in range(400):
        assert distributions.origin(f"{site}/x{number}/b.py").distribution == ""
    assert distributions.patience.left <= 0


def test_many_names_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributions, "patience", distributions.Patience(10 << 20))
    asked: list[str] = []
    monkeypatch.setattr(distributions, "names_in", lambda folder: asked.append(folder) or ["name"] * 5000)
    for number in range(400):
        distributions.origin(f"/many/site-packages/x{number}.py")
    assert len(asked) == 3


@pytest.mark.parametrize("path", ["/a\0b", "/a\ud800b"])
def test_what_cannot_be_a_path(path: str) -> None:
    with pytest.raises(OSError, match=r"null byte|surrogates"):
        files.read_file(path, 1)
    assert files.names_in(path) == files.lines_of(path) == []
    assert distributions.origin(f"{path}/site-packages/m.py").distribution == ""


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributions, "REMEMBERED", 10)
    for number in range(100):
        distributions.origin(f"/nowhere/site-packages/{number}.py")
    assert len(distributions._owners) <= 10
