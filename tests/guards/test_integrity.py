"""What would take the guards away, or walk around them, is refused in every policy; without a guard the same succeeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Python
from guards.integrity_rows import ALLOWED, CHANGED, MEMORY, OPEN_HOLES, OPENED, SILENT
from launch.staged import Staged, native

PROBE = Path(__file__).with_name("integrity_probe.py")
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def lay(directory: Path) -> Path:
    (directory / "inner").mkdir(parents=True)
    (directory / "file").write_text("content")
    return directory


def contents(directory: Path) -> list[Any]:
    found = [(path, path.lstat().st_mode, path.lstat().st_mtime_ns) for path in sorted(directory.rglob("*"))]
    return [*found, directory.stat().st_mode, directory.joinpath("file").read_bytes()]


class Place:
    """A directory that must not be changed, one beside, and a run directory that protects the first."""

    def __init__(self, python: Python, cache: Path, tmp_path: Path, protected: str = "") -> None:
        self.python = python
        self.directory = lay(tmp_path / "guarded/above/place")
        self.free = tmp_path / "guarded/free"
        self.tmp_path = tmp_path
        self.staged = Staged(python.path, cache, protected=[f"{self.directory}{protected}"])

    def outcomes(self, snippets: dict[str, str], place: Path | None = None) -> dict[str, str]:
        self.free.mkdir(exist_ok=True)
        names = {"place": str(place or self.directory), "free": str(self.free)}
        words = {"input": json.dumps({"names": names, "snippets": self.separated(snippets)}).encode()}
        done = self.staged.start(str(PROBE), env=ENV, **words)
        assert done.code == 0, done
        return dict(json.loads(done.out))

    def separated(self, snippets: dict[str, str]) -> dict[str, str]:
        """Each with a free directory of its own."""
        return {name: f"import tempfile; free = tempfile.mkdtemp(dir={str(self.free)!r})\n{code}" for name, code in snippets.items()}

    def unguarded(self, snippets: dict[str, str]) -> dict[str, str]:
        """Each in directories of its own."""
        results = {}
        for number, (name, code) in enumerate(snippets.items()):
            place = lay(self.tmp_path / f"control-{number}/above/place")
            free = self.tmp_path / f"control-{number}/free"
            free.mkdir()
            results[name] = f"place, free = {str(place)!r}, {str(free)!r}\n{code}"
        task = json.dumps({"names": {}, "snippets": results}).encode()
        return dict(json.loads(native(self.python.path, str(PROBE), env=ENV, input=task).out))


@pytest.fixture
def place(python: Python, cache: Path, tmp_path: Path):
    place = Place(python, cache, tmp_path)
    yield place
    place.staged.run.remove()


def all_refused(outcomes: dict[str, str]) -> bool:
    assert {name: text for name, text in outcomes.items() if not text.startswith("refused: guards stay in place: ")} == {}
    return True


TYPED = """
import fcntl, os, select, termios, tty
if os.fork():
    os.wait()
else:
    os.setsid()
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    tty.setraw(theirs)
    try: fcntl.ioctl(theirs, termios.TIOCSTI, b'x')
    except OSError as error: print(error)
    print(bool(select.select([theirs], [], [], 0)[0]), flush=True)
    os._exit(0)
"""


@pytest.mark.pythons("3.8", "3.11", "3.15")
def test_nothing_is_typed_at_a_terminal(place: Place) -> None:
    if native(place.python.path, "-c", TYPED, env=ENV).out != b"True\n":
        pytest.skip("this kernel lets nobody type at a terminal")
    assert place.staged.start("-c", TYPED, env=ENV).out == b"guards stay in place: use(TIOCSTI)\nFalse\n"


@pytest.mark.pythons("all")
@pytest.mark.parametrize("snippets", [OPENED, CHANGED], ids=["opened", "changed"])
def test_what_is_protected_cannot_be_changed(place: Place, snippets: dict[str, str]) -> None:
    assert set(place.unguarded(snippets).values()) == {"done"}
    before = contents(place.directory)
    assert all_refused(place.outcomes(snippets))
    assert contents(place.directory) == before


def test_what_raises_no_event_is_refused_everywhere(place: Place) -> None:
    assert set(place.unguarded(SILENT).values()) == {"done"}
    before = contents(place.directory)
    assert all_refused(place.outcomes(SILENT))
    assert contents(place.directory) == before


def test_a_file_is_protected(python: Python, cache: Path, tmp_path: Path) -> None:
    """As policy files are, in directories where all else may be changed."""
    rows = {name: code for name, code in {**OPENED, **CHANGED, **SILENT}.items() if "place + '/file'" in code or "os.rename of the" in name}
    beside = "open(place + '/inner/new', 'w'); os.mkdir(place + '/new')"
    place = Place(python, cache, tmp_path, "/file")
    try:
        before = contents(place.directory)
        assert len(rows) > 15
        assert all_refused(place.outcomes(rows))
        assert contents(place.directory) == before
        assert place.outcomes({"beside": beside}) == {"beside": "done"}
    finally:
        place.staged.run.remove()


def test_the_run_directory_is_protected(place: Place) -> None:
    """Of its names only `policy` and `unix` are used: those of `file` and `inner` are not there."""
    run = Path(place.staged.path)
    snippets = {name: code.replace("/file", "/policy").replace("/inner", "/unix") for name, code in {**OPENED, **SILENT}.items()}
    assert all_refused(place.outcomes(snippets, run))


@pytest.mark.pythons("all")
def test_memory_is_not_written(place: Place) -> None:
    assert set(place.unguarded(MEMORY).values()) == {"done"}
    assert all_refused(place.outcomes(MEMORY))


def test_what_changes_nothing_is_let_be(place: Place) -> None:
    assert set(place.outcomes(ALLOWED).values()) == {"done"}


@pytest.mark.xfail(reason="README: native code")
@pytest.mark.parametrize("name", OPEN_HOLES)
def test_open_holes(place: Place, name: str) -> None:
    assert all_refused(place.outcomes({name: OPEN_HOLES[name]}))
