"""Where policy files are looked for, and which are followed."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import platformdirs
import pytest

from hermetic import kept, places
from hermetic.errors import PolicyFileError
from hermetic.policy import discover

PYPROJECTS = {
    "[tool.hermetic]\nversion = 1": True,
    "[tool.hermetic.network]": True,
    "[ tool . hermetic ]": True,
    '[tool."hermetic"]': True,
    "['tool'.'hermetic']": True,
    "[tool]\nhermetic = {version = 1}": True,
    "[tool]\nhermetic.version = 1": True,
    "tool.hermetic.version = 1": True,
    "tool = {hermetic = {version = 1}}": True,
    "tool = {x = 1, hermetic.version = 1}": True,
    "[tool]\r\n hermetic = {}": True,
    "[project]\nname = 'hermetic'\ndependencies = ['hermetic']": False,
    "[tool.other]\nhermetically = 1": False,
    "": False,
}


@pytest.mark.parametrize(("text", "counts"), PYPROJECTS.items())
def test_which_pyproject_is_read(tmp_path: Path, text: str, counts: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert (f"{tmp_path}/pyproject.toml" in discover.project_files(str(tmp_path))[0]) is counts


def test_upwards(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    for name in ("hermetic.toml", "a/hermetic.toml", "a/b/c/hermetic.toml"):
        (tmp_path / name).touch()
    (tmp_path / "a/pyproject.toml").write_text("[tool.hermetic]")
    (tmp_path / "a/b/hermetic.toml").mkdir()
    found, ignored = discover.project_files(f"{tmp_path}/a/b/c")
    mine = [path.removeprefix(f"{tmp_path}/") for path in found if path.startswith(f"{tmp_path}/")]
    assert mine == ["a/b/c/hermetic.toml", "a/hermetic.toml", "a/pyproject.toml", "hermetic.toml"]
    assert ignored == []
    assert discover.project_files(None) == ([], [])
    assert [path for path in discover.project_files("/")[0] if path.startswith("//")] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can give files away")
def test_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "hermetic.toml").touch()
    os.chown(tmp_path / "hermetic.toml", 12345, -1)
    assert f"{tmp_path}/hermetic.toml" in discover.project_files(str(tmp_path))[1]


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "hermetic.toml").symlink_to("real")
    assert f"{tmp_path}/hermetic.toml" in discover.project_files(str(tmp_path))[0]
    with pytest.raises(PolicyFileError, match="cannot be a link"):
        discover.Found(f"{tmp_path}/hermetic.toml").read()
    assert discover.Found(f"{tmp_path}/hermetic.toml", own=True).read() == b""


def test_what_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hermetic.toml")
    with pytest.raises(PolicyFileError, match="cannot be read: not a regular file"):
        discover.Found(f"{tmp_path}/hermetic.toml").read()
    (tmp_path / "large").write_bytes(b"#" * (discover.LONGEST + 1))
    with pytest.raises(PolicyFileError, match="cannot be read: it has more than 1048576 bytes"):
        discover.read(f"{tmp_path}/large")
    with pytest.raises(PolicyFileError, match="cannot be read: No such file"):
        discover.read(f"{tmp_path}/none")


def test_a_pyproject_that_is_too_large_is_not_passed_over(tmp_path: Path) -> None:
    """Its table may be anywhere."""
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"#" * (discover.LONGEST - 30) + b"\n[project]\n")
    assert discover.project_files(str(tmp_path)) == ([], [])
    path.write_bytes(b"#" * discover.LONGEST + b"\n[tool.hermetic]\nversion = 1\n")
    assert discover.project_files(str(tmp_path)) == ([str(path)], [])
    with pytest.raises(PolicyFileError, match="more than 1048576 bytes"):
        discover.Found(str(path)).read()


def test_the_users_own(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert discover.user_file(environ) is None
    (tmp_path / "hermetic").mkdir()
    path = tmp_path / "hermetic/hermetic.toml"
    path.write_text("x")
    found = discover.user_file(environ)
    assert found is not None
    assert (found.path, found.own, found.read()) == (str(path), True, b"x")
    path.chmod(0o666)
    with pytest.raises(PolicyFileError, match="others may write it"):
        discover.user_file(environ)


@pytest.mark.parametrize(
    "environ", [{}, {"XDG_CONFIG_HOME": "/tmp/x"}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": " "}, {"HOME": "/tmp/h"}]
)
def test_where_platformdirs_says(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    monkeypatch.setattr(places, "account", lambda: pwd.getpwuid(os.geteuid()).pw_dir)
    for name in ("XDG_CONFIG_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert discover.config_directory(os.environ) == platformdirs.user_config_dir("hermetic", appauthor=False)


def test_kept_where_there_is_a_home(tmp_path: Path) -> None:
    """For none is made. What XDG_CONFIG_HOME names is, lest somebody else makes it."""
    (tmp_path / "home").mkdir()
    assert discover.kept_directory({"XDG_CONFIG_HOME": str(tmp_path)}) == f"{tmp_path}/hermetic"
    assert discover.kept_directory({"XDG_CONFIG_HOME": f"{tmp_path}/none"}) == f"{tmp_path}/none/hermetic"
    with pytest.MonkeyPatch.context() as patch:
        for home, kept in ((f"{tmp_path}/home", f"{tmp_path}/home/.config/hermetic"), (f"{tmp_path}/none", "")):
            patch.setenv("HOME", home)
            assert discover.kept_directory({"HOME": home}) == kept


def test_what_a_project_has_is_not_the_users_own(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": f"{tmp_path}/project/.config"}
    (tmp_path / "project/.config/hermetic").mkdir(parents=True)
    (tmp_path / "project/setup.py").touch()
    assert discover.kept_directory(environ) == ""
    assert discover.user_file(environ) is None
    (tmp_path / "project/.config/hermetic/hermetic.toml").write_text("version = 1")
    with pytest.raises(PolicyFileError, match="lies in a project"):
        discover.user_file(environ)


def test_a_home_in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME may be a project's word as well. The user's own home is the user's, whatever is in it: many keep theirs with git."""
    environ = {"HOME": f"{tmp_path}/project/home"}
    path = tmp_path / "project/home/.config/hermetic/hermetic.toml"
    path.parent.mkdir(parents=True)
    path.write_text("version = 1")
    assert discover.user_file(environ) is not None
    assert discover.kept_directory(environ) == str(path.parent)
    assert kept.directory(environ) == f"{tmp_path}/project/home/.cache/hermetic"
    (tmp_path / "project/.git").mkdir()
    assert (discover.kept_directory(environ), kept.directory(environ)) == ("", "")
    with pytest.raises(PolicyFileError, match="lies in a project"):
        discover.user_file(environ)
    for own in ("project/home", "project"):
        monkeypatch.setattr(places, "account", lambda own=own: f"{tmp_path}/{own}")
        if own == "project/home":
            assert discover.user_file(environ) is not None
        else:
            assert discover.kept_directory({"HOME": f"{tmp_path}/project"}) == f"{tmp_path}/project/.config/hermetic"


def test_a_project_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """It may have a policy, which takes away. What is not there has none."""
    os.mkfifo(tmp_path / "pyproject.toml")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/pyproject.toml").symlink_to(tmp_path / "nothing")
    [path] = [path for path in discover.project_files(f"{tmp_path}/below")[0] if path.startswith(f"{tmp_path}/")]
    assert path == f"{tmp_path}/pyproject.toml"
    with pytest.raises(PolicyFileError, match="cannot be read"):
        discover.Found(path).read()
