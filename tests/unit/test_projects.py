"""What is known of projects is forgotten with their directories."""

from __future__ import annotations

import os
from pathlib import Path

from hermetic import places
from hermetic.launch import projects


def test_directories_that_are_gone(tmp_path: Path) -> None:
    known = str(tmp_path / "new/projects")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert [*projects.keep([str(tmp_path / name)], known)] == []
    (tmp_path / "a").rmdir()
    (tmp_path / "new/projects/other").mkdir()
    assert [*projects.keep([str(tmp_path / "new")], known)] == []
    found = [places.is_known(str(tmp_path / name), known) for name in ("a", "b", "new", "never")]
    assert (found, len(os.listdir(known))) == ([False, True, True, False], 3)


def test_what_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for known, why in (("", "there is no home"), (f"{tmp_path}/file", "File exists")):
        [line] = projects.keep(["/x"], known)
        assert line.startswith("that /x is a project cannot be kept in mind")
        assert why in line
