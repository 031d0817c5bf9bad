"""Variables of a policy, and values that begin with one."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from hermetic import options
from hermetic.policy import WrongValue, context
from hermetic.policy.context import Context, Known
from hermetic.policy.reader import Reader

HIDE, ROOT, DOMAIN = (options.BY_NAME[name] for name in ("--hide", "--fs-readonly", "--allow-domain"))


def tree(place: Path, *names: str) -> None:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).mkdir() if name.endswith("/") else (place / name).touch()


@pytest.mark.parametrize(
    ("cwd", "project"),
    [
        ("home/a/b/c", "home/a"),
        ("home/a", "home/a"),
        ("home/git/x", "home/git"),
        ("home/old/x/y", "home/old"),
        ("home/plain/x", "home/plain/x"),
        ("home", None),
        ("", None),
        ("srv/x", ""),
        ("srv/own/x", "srv/own"),
    ],
)
def test_project(tmp_path: Path, cwd: str, project: str | None) -> None:
    """The directory above the home directory has markers too, and so has the home directory: they do not count there."""
    tree(tmp_path, "home/a/pyproject.toml", "home/a/b/c/", "home/git/.git/", "home/git/x/", "home/old/setup.py", "home/old/x/y/")
    tree(tmp_path, "home/plain/x/", "home/.git/", "pyproject.toml", "srv/x/", "srv/own/setup.py", "srv/own/x/")
    made = Context(str(tmp_path / cwd).rstrip("/"), {"HOME": f"{tmp_path}/home"})
    expected = {None: None, "": str(tmp_path / cwd)}.get(project, f"{tmp_path}/{project}")
    assert made.value("PROJECT") == expected


def test_no_project(tmp_path: Path) -> None:
    assert Context(None, {}).value("PROJECT") is None
    assert Context("/", {}).value("PROJECT") is None
    assert Context(str(tmp_path), {}).value("PROJECT") == str(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "home")
    (tmp_path / "home").mkdir()
    assert Context(f"{tmp_path}/home", {"HOME": f"{tmp_path}/link"}).value("PROJECT") is None


def test_of_the_interpreter(tmp_path: Path) -> None:
    tree(tmp_path, "venv/bin/", "venv/pyvenv.cfg", "base/bin/python3", "flat/python.exe", "flat/pyvenv.cfg")
    (tmp_path / "venv/bin/python").symlink_to(tmp_path / "base/bin/python3")
    places = {
        "venv/bin/python": ("venv", "venv"),
        "base/bin/python3": (None, "base"),
        "flat/python.exe": ("flat", "flat"),
    }
    for interpreter, (venv, prefix) in places.items():
        made = Context("/", {}, Known(f"{tmp_path}/{interpreter}"))
        assert made.value("VENV") == (venv and f"{tmp_path}/{venv}")
        assert made.value("PREFIX") == f"{tmp_path}/{prefix}"
    assert (Context("/", {}).value("VENV"), Context("/", {}).value("PREFIX")) == (None, None)


@pytest.mark.usefixtures("own_account")
def test_of_the_environment() -> None:
    assert Context("/", {"HOME": "/h"}).value("CACHE") == "/h/.cache"
    assert Context("/", {"HOME": "/h", "XDG_CACHE_HOME": "/c"}).value("CACHE") == "/c"
    assert Context("/", {"HOME": "/h", "XDG_CACHE_HOME": "c"}).value("CACHE") == "/h/.cache"
    user = pwd.getpwuid(os.geteuid()).pw_dir
    assert [Context("/", environ).value(name) for environ in ({}, {"HOME": "h"}) for name in ("HOME", "CACHE")] == [
        user,
        f"{user}/.cache",
    ] * 2
    assert Context("/", {"HOME": "/h"}).value("SCRATCH") is None


def reader(**more: object) -> Reader:
    return Reader("/base", Context("/", {"HOME": "/h"}), **more)  # type: ignore[arg-type]


def test_begins_a_path() -> None:
    found = reader().expanded(HIDE, ("$HOME", "$HOME/x", "a/$HOME", "./$HOME", "$HOME/$HOME"))
    assert found == ("/h", "/h/x", "a/$HOME", "./$HOME", "/h/$HOME")
    assert reader().expanded(DOMAIN, ("$HOME",)) == ("$HOME",)  # which is no name of a host


def test_stands_for_nothing_here() -> None:
    made = reader()
    assert made.expanded(HIDE, ("$VENV/x", "a", "$SCRATCH/b")) == ("a",)
    assert made.notes == ["--hide $VENV/x: there is no $VENV here"]
    with pytest.raises(WrongValue, match=r"there is no \$VENV here"):
        made.expanded(ROOT, ("$VENV",))


def test_every_variable_is_named_in_its_description() -> None:
    assert context.__doc__ is not None
    assert all(f"`${name}`" in context.__doc__ for name in context.VARIABLES)
