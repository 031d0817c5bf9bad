"""Paths given on the command line."""

import os
import pwd

import pytest

from hermetic.policy import WrongValue, paths


def test_absolute_and_without_links(tmp_path):
    (tmp_path / "link").symlink_to("real")
    assert paths.read("link/x", str(tmp_path)) == f"{tmp_path}/real/x"
    assert paths.read(str(tmp_path), None) == str(tmp_path)


@pytest.mark.parametrize("value", ["~", "~/x", "~/x/../y"])
def test_home(tmp_path, monkeypatch, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.read(value, "/") == os.path.normpath(f"{tmp_path}/{value[2:]}")


@pytest.mark.parametrize("value", ["~x", "./~/x", "a~/x"])
def test_not_home(tmp_path, value):
    assert paths.read(value, str(tmp_path)) == os.path.normpath(f"{tmp_path}/{value}")


def test_no_home(tmp_path, monkeypatch, own_account):
    """As shells have it; of a user whom nobody knows it is a name as any."""
    monkeypatch.delenv("HOME")
    assert paths.read("~/x", str(tmp_path)) == os.path.realpath(f"{pwd.getpwuid(os.geteuid()).pw_dir}/x")
    monkeypatch.setattr(os, "geteuid", lambda: 12345678)
    assert paths.read("~/x", str(tmp_path)) == f"{tmp_path}/~/x"


def test_no_working_directory():
    with pytest.raises(WrongValue, match="the working directory is gone"):
        paths.read("x", None)


def test_what_is_there(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    there = {name: paths.is_there(f"{tmp_path}/{name}") for name in ("", "file", "dangling", "no", "no/more", "file/below", "x" * 300)}
    assert list(there.values()) == [True, True, True, False, False, False, True]
    assert paths.nearest(f"{tmp_path}/a/b/c") == paths.nearest(f"{tmp_path}/a") == str(tmp_path)
    assert paths.nearest("/a") == paths.nearest("/") == "/"


def test_what_leads_to_a_place(tmp_path):
    """Whoever replaces one of these has the path lead elsewhere."""
    (tmp_path / "real/site").mkdir(parents=True)
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to(tmp_path / "real")
    (tmp_path / "real/file").symlink_to("../target")
    (tmp_path / "real/up").symlink_to("site/..")
    base = str(tmp_path)
    for value, expected in (
        ("real/site", ["real/site"]),
        ("real/./absent/../site/*.pth", ["real/site/*.pth"]),
        ("one/site/*.pth", ["one", "two", "real/site/*.pth"]),
        ("real/file", ["real/file", "target"]),
        ("real/up/site", ["real/up", "real/site"]),
        ("real/file/below", ["real/file", "target/below"]),
        ("two/..", ["two", ""]),
    ):
        assert [path.removeprefix(base).lstrip("/") for path in paths.places(value, base)] == expected
    assert paths.places("/", None) == ["/"]


@pytest.mark.parametrize(("value", "why"), [("loop", "too many links"), ("a\0b", "null byte"), ("x/loop", "too many links")])
def test_what_leads_nowhere(tmp_path, value, why):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "x").symlink_to(".")
    with pytest.raises(WrongValue, match=why):
        paths.places(value, str(tmp_path))
