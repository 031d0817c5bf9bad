"""Which listed socket is which, whatever the names lead to meanwhile."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hermetic.linux.local_sockets import Listed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in "one", "other":
        (tmp_path / name).mkdir()
    return tmp_path


def listening(path: object) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    return made


def is_meant(listed: Listed, path: Path) -> bool:
    return listed.is_meant(str(path), os.stat(path))


@pytest.mark.parametrize("form", ["absolute", "relative"])
def test_another_whose_name_leads_there(place: Path, form: str) -> None:
    path, name = place / "one/socket", place / "other/socket"
    listed = Listed((str(path),))
    bound = name if form == "absolute" else name.relative_to(place)
    with listening(bound):
        name.rename(path)
        name.symlink_to(path)
        assert os.path.realpath(bound) == str(path)
        assert not is_meant(listed, path)


def test_started_anew(place: Path) -> None:
    path = place / "one/socket"
    with listening(path):
        listed = Listed((str(path),))
    path.unlink()
    with listening(path):
        assert is_meant(listed, path)


def test_a_name_relative_to_the_launcher(place: Path) -> None:
    """What a server of another directory calls by the same name was not meant."""
    path = place / "one/socket"
    listed = Listed((str(path),))
    with listening("one/socket"):
        assert not is_meant(listed, path)


def test_in_a_directory(place: Path) -> None:
    (place / "link").symlink_to(place / "one")
    with listening(place / "link/there"):
        listed = Listed((str(place / "one"),))
        assert is_meant(listed, place / "one/there")
    (place / "one/there").unlink()
    with listening(place / "link/there"), listening(place / "one/new"), listening(place / "other/put"):
        (place / "other/put").rename(place / "one/put")
        assert [is_meant(listed, place / "one" / name) for name in ("there", "new", "put")] == [True, True, False]
