"""What a program needs to read, found by reading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from hermetic.target import needs
from hermetic.target.resolve import Target


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an interpreter, a virtual environment and a project in it, and secrets beside each."""
    for name in (
        "python/bin/python3.11",
        "python/lib/python3.11/os.py",
        "project/venv/bin/",
        "project/venv/lib/python3.11/site-packages/package/__init__.py",
        "project/venv/lib/python3.11/site-packages/demo-1.dist-info/",
        "project/script.py",
        "project/helper.py",
        "project/package/__init__.py",
        "project/package/data.txt",
        "project/spread/part.py",
        "project/spread/data.txt",
        "project/data/secret",
        "project/.env",
        "project/secret.txt",
        "editable/src/demo/__init__.py",
        "editable/secret.txt",
        "developed/other.py",
        "developed/secret.txt",
        ".ssh/id",
        "Documents/note.py",
        "Documents/secret.txt",
    ):
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("")
    venv = tmp_path / "project/venv"
    (venv / "bin/python").symlink_to(tmp_path / "python/bin/python3.11")
    (venv / "pyvenv.cfg").write_text(f"home = {tmp_path}/python/bin\n")
    site = venv / "lib/python3.11/site-packages"
    (site / "it.pth").write_text(f"import os; os.mkdir({str(tmp_path / 'ran')!r})\n# a comment\n{tmp_path}/developed\n")
    url = {"url": f"file://{tmp_path}/editable", "dir_info": {"editable": True}}
    (site / "demo-1.dist-info/direct_url.json").write_text(json.dumps(url))
    return tmp_path


def found(home: Path, *words: str, python: str = "project/venv/bin/python", cwd: str = "project", **environ: str) -> needs.Needs:
    path = str(home / python)
    return needs.Needs(Target(path, [path, *words], {"HOME": str(home), **environ}, []), str(home / cwd))


def may_read(needed: needs.Needs, path: Path) -> bool:
    return any(str(path) == place or str(path).startswith(place + "/") for place in needed.read)


def test_the_interpreter_and_what_is_installed(home: Path) -> None:
    needed = found(home, "-I", "-c", "pass")
    for name in ("python/lib/python3.11/os.py", "project/venv/lib/python3.11/site-packages/package/__init__.py", "project/venv/pyvenv.cfg"):
        assert may_read(needed, home / name)
    for name in ("project/script.py", "project/helper.py", "project/secret.txt", ".ssh/id"):
        assert not may_read(needed, home / name)


def test_a_script_and_what_it_can_import(home: Path) -> None:
    needed = found(home, "script.py")
    for name in ("script.py", "helper.py", "package/data.txt", "spread/part.py"):
        assert may_read(needed, home / "project" / name), name
    for name in ("secret.txt", ".env", "data/secret", "spread/data.txt"):
        assert not may_read(needed, home / "project" / name), name
    assert {str(home / "project"), str(home / "project/spread")} <= set(needed.names)
    assert str(home / "project/data") not in needed.names


@pytest.mark.parametrize(
    ("words", "imports"), [(("-m", "helper"), True), (("-c", ""), True), (("-I", "-c", ""), False), (("-P", "-c", ""), False)]
)
def test_without_a_script_it_is_the_working_directory(home: Path, words: tuple[str, ...], imports: bool) -> None:
    assert may_read(found(home, *words), home / "project/helper.py") is imports


def test_a_script_in_the_home_does_not_open_it(home: Path) -> None:
    (home / "script.py").write_text("")
    needed = found(home, "script.py", cwd=".")
    assert may_read(needed, home / "script.py")
    for name in (".ssh/id", "Documents/secret.txt", "Documents/note.py", "project/secret.txt"):
        assert not may_read(needed, home / name), name


def test_editable_installs_are_read_not_run(home: Path) -> None:
    needed = found(home, "-I", "-c", "pass")
    assert may_read(needed, home / "editable/src/demo/__init__.py")
    assert may_read(needed, home / "developed/other.py")
    assert not may_read(needed, home / "editable/secret.txt")
    assert not may_read(needed, home / "developed/secret.txt")
    assert not (home / "ran").exists()


def test_an_interpreter_in_a_shared_prefix(home: Path) -> None:
    """~/.local has Python in it, and other people's keys."""
    for name in (".local/bin/python3", ".local/lib/python3.11/os.py", ".local/share/keyrings/login"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("")
    needed = found(home, "script.py", python=".local/bin/python3")
    assert may_read(needed, home / ".local/lib/python3.11/os.py")
    assert not may_read(needed, home / ".local/share/keyrings/login")


def test_pythonpath(home: Path) -> None:
    place = str(home / "developed")
    assert may_read(found(home, "-c", "", python="python/bin/python3.11", PYTHONPATH=place), home / "developed/other.py")
    assert not may_read(found(home, "-E", "-c", "", python="python/bin/python3.11", PYTHONPATH=place), home / "developed/other.py")


def test_the_system_is_no_secret(home: Path) -> None:
    needed = found(home, "script.py")
    assert may_read(needed, Path(os.path.realpath("/usr/share/zoneinfo/UTC")))
    for path in ("/etc/passwd", "/etc/shadow", "/root/.ssh", "/home", "/var/log", "/proc/1/environ", "/etc/ssl/private"):
        assert not may_read(needed, Path(path))


URLS = [
    "file:///a/b",
    "file://localhost/a%20b",
    "FILE:///a%2fb?query#part",
    "file:/a/b;c",
    "file:///a%zz/%4/%",
    "file:///%c3%a9/é",
    "file:///a% 4",
    "https://example.com/a",
    "a/b",
    "",
]


@pytest.mark.parametrize("url", URLS)
def test_the_path_of_a_url(url: str) -> None:
    """As the standard library has it, which takes long to load."""
    found = urlsplit(url)
    assert needs.path_of(url) == (unquote(found.path) if found.scheme == "file" else "")


@pytest.mark.parametrize(
    "text",
    [
        '{"url": "file:///x", "dir_info": {"editable": false}}',
        '{"url": "file:///x", "dir_info": {"editable": true}} x',
        '{"url": "file:///x%00", "dir_info": {"editable": true}}',
        '{"url": "https://example.com/x", "dir_info": {"editable": true}}',
        '{"url": 3, "dir_info": {"editable": true}}',
        '["editable"]',
        '"editable',
        "",
    ],
)
def test_what_is_no_editable_install(text: str, tmp_path: Path) -> None:
    path = tmp_path / "direct_url.json"
    path.write_text('\n {"url": "file:///x%20y", "dir_info": {"editable": true}}\n')
    assert needs.editable_project(str(path)) == "/x y"
    path.write_text(text)
    assert needs.editable_project(str(path)) is None
