"""Which of pyenv's versions is selected, by its environment variable and files."""

import os

import pytest
from hermetic_guard import files, pyenv

INSTALLED = """
    3.6.15 3.9.2 3.9.18 3.10.13 3.12.0 3.12.1 3.13.0 3.13.1t 3.13.0t 3.14-dev 3.14.0rc2 3.14.0a1 pypy3.9-7.3.9 pypy3.9-7.3.16
    pypy3.10-7.3.12 miniconda3-4.7.12 miniconda3-latest miniconda3-24.1.2-0 venv-of-mine
""".split()


@pytest.fixture
def root(tmp_path):
    for version in INSTALLED:
        (tmp_path / "root/versions" / version).mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def cwd(tmp_path):
    folder = tmp_path / "work/project/sub"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("prefix", "version"),
    [
        ("3.9", "3.9.18"),
        ("3.9.2", "3.9.2"),
        ("3.12", "3.12.1"),
        ("3.13", "3.13.0"),
        ("3.13t", "3.13.1t"),
        ("3", "3.13.0"),
        ("3.14", None),
        ("3.14-dev", "3.14-dev"),
        ("3.1", None),
        ("3.9.1", None),
        ("pypy3.9", "pypy3.9-7.3.16"),
        ("pypy3.10", "pypy3.10-7.3.12"),
        ("miniconda3", "miniconda3-24.1.2-0"),
        ("venv-of-mine", "venv-of-mine"),
        ("2.7", None),
        ("", None),
    ],
)
def test_latest(root, prefix, version):
    assert pyenv.latest(str(root), prefix) == version


def test_latest_of_no_root(tmp_path):
    assert pyenv.latest(str(tmp_path / "missing"), "3.9") is None


@pytest.mark.parametrize(
    ("value", "versions"),
    [
        ("3.9.2", ["3.9.2"]),
        ("3.9", ["3.9.18"]),
        ("python-3.9", ["3.9.18"]),
        ("python-3.9.2", ["3.9.2"]),
        ("3.12.1:3.9:system", ["3.12.1", "3.9.18", "system"]),
        ("system", ["system"]),
        ("2.7", ["2.7"]),
        ("python-2.7:3.9", ["2.7", "3.9.18"]),
        ("venv-of-mine", ["venv-of-mine"]),
    ],
)
def test_variable(root, cwd, value, versions):
    (cwd / ".python-version").write_text("3.6.15\n")
    assert pyenv.selected(str(root), {"PYENV_VERSION": value}, str(cwd)) == versions


def test_nothing_selected(root, cwd):
    assert pyenv.selected(str(root), {}, str(cwd)) == ["system"]


def test_global(root, cwd):
    (root / "version").write_text("3.12.1\n")
    assert pyenv.selected(str(root), {}, str(cwd)) == ["3.12.1"]
    assert pyenv.selected(str(root), {"PYENV_VERSION": ""}, str(cwd)) == ["3.12.1"]


def test_the_nearest_file_upwards(root, cwd, monkeypatch):
    (root / "version").write_text("3.12.1\n")
    (cwd.parent.parent / ".python-version").write_text("3.6\n")
    assert pyenv.selected(str(root), {}, str(cwd)) == ["3.6.15"]
    (cwd.parent / ".python-version").write_text("3.9\n")
    assert pyenv.selected(str(root), {}, str(cwd)) == ["3.9.18"]
    (cwd / ".python-version").mkdir()
    assert pyenv.selected(str(root), {}, str(cwd)) == ["3.9.18"]
    monkeypatch.chdir(cwd)
    assert pyenv.selected(str(root), {}, "") == ["3.9.18"]


def test_a_directory_named_by_the_environment_comes_first(root, cwd, tmp_path):
    (cwd / ".python-version").write_text("3.6\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environ = {"PYENV_DIR": str(elsewhere)}
    assert pyenv.selected(str(root), environ, str(cwd)) == ["3.6.15"]
    (elsewhere / ".python-version").write_text("3.9\n")
    assert pyenv.selected(str(root), environ, str(cwd)) == ["3.9.18"]


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("3.9\n3.12.1\n", ["3.9.18", "3.12.1"]),
        ("# comment\n\n  3.9 and more\r\n", ["3.9.18"]),
        ("3.9", ["3.9.18"]),
        ("", ["system"]),
        ("#\n", ["system"]),
        ("../../work\n3.9\n", ["3.9.18"]),
        ("..\n", ["system"]),
        ("/etc\n", ["system"]),
        ("3.9.18/envs/x\n", ["3.9.18/envs/x"]),
        ("\udcff\n", ["\udcff"]),
    ],
)
def test_what_a_file_says(root, cwd, text, versions):
    (cwd / ".python-version").write_bytes(os.fsencode(text))
    (root / "version").write_text("3.12.1\n")
    assert pyenv.selected(str(root), {}, str(cwd)) == versions


def test_an_unreadable_file(root, cwd, monkeypatch):
    (cwd / ".python-version").write_text("3.9\n")

    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr(files, "read_file", refuse)
    assert pyenv.selected(str(root), {}, str(cwd)) == ["system"]


def test_no_working_directory(root, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    (root / "version").write_text("3.12.1\n")
    assert pyenv.selected(str(root), {}, "") == ["3.12.1"]
