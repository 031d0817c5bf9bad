"""Everything but what is hidden, as paths."""

import os
from pathlib import Path

import pytest

from hermetic.linux import surroundings
from hermetic.linux.surroundings import without


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/secret/deep", "a/b", "c"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("a/file", "a/b/key", "a/b/other", "c/file"):
        (tmp_path / name).touch()
    (tmp_path / "a/link").symlink_to("secret")
    return tmp_path


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        ([], [""]),
        (["elsewhere"], ["a", "c"]),
        (["a/secret"], ["a/b", "a/file", "c"]),
        (["a/secret", "a/b/key"], ["a/b/other", "a/file", "c"]),
        (["a/b/key", "c"], ["a/b/other", "a/file", "a/secret"]),
        (["a"], ["c"]),
        ([""], []),
    ],
)
def test_what_is_left(tree: Path, hidden: list[str], left: list[str]) -> None:
    places = tuple(os.path.normpath(tree / path) for path in hidden)
    found = [os.path.relpath(path, tree) for path in without(str(tree), places)]
    assert [path for path in found if path != "elsewhere"] == [path or "." for path in left]


def test_devices_as_proc_has_them():
    for device in (os.makedev(136, 3), os.makedev(4, 1), os.makedev(143, 255), os.makedev(136, 0x12345), 0):
        major, minor = os.major(device), os.minor(device)
        encoded = minor & 0xFF | major << 8 | (minor & ~0xFF) << 12
        signed = encoded - (1 << 32) if encoded >> 31 else encoded
        assert surroundings.as_device(signed) == device


def test_terminals_that_are_given_are_no_others():
    ends = os.openpty()
    path = os.ttyname(ends[1])
    try:
        assert path not in surroundings.terminals(root=False)
        os.close(ends[1])
        assert path in surroundings.terminals(root=False)
    finally:
        os.close(ends[0])
    assert path not in surroundings.terminals(root=False)
