"""Where an interpreter might find a standard library by its argv[0], and when that is another than its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hermetic_guard import files, programs, standard_library


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An installation of 3.11, a virtual environment of it, another of 3.11 and one of 3.12."""
    for name, version in (("base", "3.11"), ("other", "3.11"), ("newer", "3.12")):
        tmp_path.joinpath(name, "bin").mkdir(parents=True)
        program(tmp_path / name / "bin/python")
        tmp_path.joinpath(name, "lib/python" + version).mkdir(parents=True)
    for name in ("venv", "evil"):
        tmp_path.joinpath(name, "bin").mkdir(parents=True)
        tmp_path.joinpath(name, "bin/python").symlink_to(tmp_path / "base/bin/python")
    configure(tmp_path / "venv", tmp_path / "base/bin")
    configure(tmp_path / "evil", tmp_path / "other/bin")
    tmp_path.joinpath("empty").mkdir()
    return tmp_path


def program(path: Path) -> None:
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)


def configure(folder: Path, home: Path) -> None:
    folder.joinpath("pyvenv.cfg").write_text(f"include-system-site-packages = false\nHome = {home}\n")


@pytest.mark.parametrize(
    ("argv0", "own", "expected"),
    [
        ("{0}/base/bin/python", "base", False),
        ("{0}/venv/bin/python", "base", False),
        ("{0}/base/bin/python", "venv", False),
        ("{0}/newer/bin/python", "base", False),
        ("{0}/empty/python", "base", False),
        ("name", "base", False),
        ("python", "base", False),
        ("{0}/other/bin/python", "base", True),
        ("{0}/other/bin/nothing", "venv", True),
        ("{0}/other/nothing", "base", True),
        ("{0}/evil/bin/python", "base", True),
        ("{0}/evil/nothing", "base", True),
    ],
)
def test_paths(base: Path, argv0: str, own: str, expected: bool) -> None:
    assert standard_library.misleads(argv0.format(base), f"{base}/{own}/bin/python", f"{base}/venv/bin", str(base / "empty")) is expected


@pytest.mark.parametrize(
    ("path", "cwd", "expected"), [("other/bin", "empty", True), ("empty", "other", True), ("newer/bin", "other", False)]
)
def test_a_name_is_looked_for_on_the_path_and_else_leads_to_the_directory(base: Path, path: str, cwd: str, expected: bool) -> None:
    assert standard_library.misleads("python", f"{base}/base/bin/python", f"{base}/empty:{base}/{path}", f"{base}/{cwd}") is expected


def test_copies(base: Path) -> None:
    """venv --copies: the interpreter is no link, and its library is by its pyvenv.cfg alone."""
    base.joinpath("venv/bin/python").unlink()
    shutil.copy(base / "base/bin/python", base / "venv/bin/python")
    for argv0, expected in (("python", False), (f"{base}/base/bin/python", False), (f"{base}/other/bin/python", True)):
        assert standard_library.misleads(argv0, f"{base}/venv/bin/python", "", str(base / "empty")) is expected


@pytest.mark.parametrize("name", ["python._pth", "pybuilddir.txt", "Modules/Setup.local", "lib/python311.zip", "lib64/python3.11"])
def test_what_else_leads_to_a_library(base: Path, name: str) -> None:
    assert not standard_library.misleads(f"{base}/empty/python", f"{base}/base/bin/python", "", "")
    base.joinpath("empty", name).parent.mkdir(exist_ok=True)
    base.joinpath("empty", name).touch()
    base.joinpath("base/lib/python311.zip").touch()
    assert standard_library.misleads(f"{base}/empty/python", f"{base}/base/bin/python", "", "")


def test_without_a_library_of_its_own_every_other_is_another(base: Path) -> None:
    program(base / "empty/python")
    assert standard_library.misleads(f"{base}/newer/bin/python", f"{base}/empty/python", "", "")


def test_a_configuration_that_cannot_be_read(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leased(path: str, most: int) -> bytes:
        raise BlockingIOError(11, os.strerror(11))

    monkeypatch.setattr(files, "read_file", leased)
    with pytest.raises(programs.Unknown, match=r"pyvenv\.cfg: cannot be read"):
        standard_library.misleads(f"{base}/evil/bin/python", f"{base}/base/bin/python", "", "")


def test_a_configuration_too_long_to_be_read(base: Path) -> None:
    evil = base / "evil/pyvenv.cfg"
    evil.write_text("#" * files.CONFIGURATION + "\n" + evil.read_text())
    with pytest.raises(programs.Unknown, match="is too long"):
        standard_library.misleads(f"{base}/evil/bin/python", f"{base}/base/bin/python", "", "")
