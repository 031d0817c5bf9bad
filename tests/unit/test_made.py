"""Directories that are made for a run, and taken away again if nobody used them."""

from __future__ import annotations

from pathlib import Path

from hermetic_guard.policy import Filesystem, Policy

from hermetic.launch.made import Made


def made(*paths: Path) -> Made:
    return Made(Policy(filesystem=Filesystem(write=tuple(map(str, paths)))))


def test_what_is_used_stays(tmp_path: Path) -> None:
    used, unused, there = tmp_path / ".used", tmp_path / "a/b/unused", tmp_path / "there"
    there.mkdir()
    with made(used, unused, there):
        assert used.is_dir()
        assert unused.is_dir()
        assert used.stat().st_mode & 0o777 == 0o700
        (used / "file").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".used", "there"]
    assert sorted(path.name for path in used.iterdir()) == [".gitignore", "file"]
    assert list(there.iterdir()) == []


def test_nothing_of_the_targets_is_written_over(tmp_path: Path) -> None:
    """Nor is anything written where it has put something else."""
    outside = tmp_path / "outside"
    outside.mkdir()
    cache, moved = tmp_path / ".cache", tmp_path / ".moved"
    with made(cache, moved):
        (cache / ".gitignore").symlink_to(outside / "new")
        (moved / "x").touch()
        moved.rename(tmp_path / "elsewhere")
        moved.symlink_to(outside)
    assert list(outside.iterdir()) == []
    assert (cache / ".gitignore").is_symlink()


def test_what_cannot_be_made_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with made(tmp_path / "file/x"), made(Path("/proc/nothing/x")), Made(Policy()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
