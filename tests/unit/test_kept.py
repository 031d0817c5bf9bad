"""What is kept between runs is read back as it was, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hermetic import kept, places
from hermetic.digest import Content

CONTENT = b"one\ntwo\n"


def read(entry: Path, key: str) -> tuple[list[str], bytes] | None:
    found = kept.read(str(entry), key)
    return found and (found[0], bytes(found[1]))


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    found = tmp_path / "new/deep/entry"
    kept.write(str(found), "key", ["a", "b"], CONTENT)
    return found


def test_it_is_read_back(entry: Path) -> None:
    assert read(entry, "key") == (["a", "b"], CONTENT)
    assert os.stat(entry).st_mode & 0o777 == 0o600
    assert os.listdir(entry.parent) == ["entry"]


def test_no_words_and_no_content(tmp_path: Path) -> None:
    kept.write(str(tmp_path / "entry"), "key", [], b"")
    assert read(tmp_path / "entry", "key") == ([], b"")


def test_parts_are_as_those_of_bytes(entry: Path, tmp_path: Path) -> None:
    """Read, and written to another file, in which something stands already."""
    found = kept.read(str(entry), "key")
    assert found
    for sizes in ([3, 5], [0, 8, 0], [8]):
        parts, expected = kept.parts(found[1], sizes), kept.parts(CONTENT, sizes)
        assert parts
        assert expected
        assert [*map(bytes, parts)] == [*map(bytes, expected)]
        with (tmp_path / "other").open("w+b") as other:
            other.write(b"before")
            other.flush()
            for part in parts:
                Content(part, "digest").write_to(other.fileno())
            other.seek(0)
            assert other.read() == b"before" + CONTENT
    for sizes in ([3], [9], [3, 6], []):
        assert kept.parts(found[1], sizes) is kept.parts(CONTENT, sizes) is None


def test_what_was_cut_off_meanwhile_is_an_error(entry: Path, tmp_path: Path) -> None:
    found = kept.read(str(entry), "key")
    assert found
    os.truncate(entry, entry.stat().st_size - 1)
    with pytest.raises(OSError, match="Input/output error"):
        bytes(found[1])
    with (tmp_path / "other").open("wb") as other, pytest.raises(OSError, match="Input/output error"):
        found[1].copy_to(other.fileno())


def test_of_another_key(entry: Path) -> None:
    assert kept.read(str(entry), "another") is None


@pytest.mark.parametrize("damage", [CONTENT[:-1], CONTENT + b"x", b""])
def test_cut_off_or_grown(entry: Path, damage: bytes) -> None:
    entry.write_bytes(entry.read_bytes().replace(CONTENT, damage))
    assert kept.read(str(entry), "key") is None


@pytest.mark.parametrize("content", [b"", b"\n", b"key", b"\xff\xfe\n"])
def test_anything_else(entry: Path, content: bytes) -> None:
    entry.write_bytes(content)
    assert kept.read(str(entry), "key") is None


def test_others_may_not_write_it(entry: Path) -> None:
    entry.chmod(0o620)
    assert kept.read(str(entry), "key") is None


def test_no_link_is_followed(entry: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(entry)
    assert kept.read(str(tmp_path / "link"), "key") is None


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "entry").mkdir()
    kept.write(str(tmp_path / "entry"), "key", [], CONTENT)
    kept.write("/dev/null/entry", "key", [], CONTENT)
    assert os.listdir(tmp_path) == ["entry"]
    assert kept.read(str(tmp_path / "entry"), "key") is None


def test_where_it_is(tmp_path: Path) -> None:
    """No home is made where there is none. What XDG_CACHE_HOME names is, lest somebody else makes it."""
    home, named = str(tmp_path), str(tmp_path / "named")
    assert kept.directory({"HOME": home}) == f"{home}/.cache/hermetic"
    assert kept.directory({"HOME": home, "XDG_CACHE_HOME": named}) == f"{named}/hermetic"
    assert kept.directory({"HOME": home, "XDG_CACHE_HOME": ""}) == f"{home}/.cache/hermetic"
    nowhere = [{}, {"HOME": "relative"}, {"HOME": f"{home}/gone"}, {"XDG_CACHE_HOME": "relative"}]
    assert [kept.directory(environ) for environ in nowhere] == [""] * len(nowhere)


@pytest.mark.parametrize("marker", places.MARKERS)
def test_none_in_a_project(tmp_path: Path, marker: str) -> None:
    """Whoever made it may have laid something there."""
    home, project = tmp_path / "home", tmp_path / "home/project"
    project.mkdir(parents=True)
    environ = {"HOME": str(home), "XDG_CACHE_HOME": f"{project}/.cache"}
    assert kept.directory(environ) == f"{project}/.cache/hermetic"
    (project / marker).touch()
    assert kept.directory(environ) == ""
    (home / marker).touch()
    assert kept.directory({**environ, "XDG_CACHE_HOME": f"{home}/cache"}) == f"{home}/cache/hermetic"
