"""What is kept of the modules of a run is what would have been imported, or it is not used."""

from __future__ import annotations

import marshal
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hermetic_guard import policy

from hermetic import bundle, kept

PROGRAM = """
import os, sys
sys.path[:0] = [{root!r}, {bootstrap!r}]
from hermetic import bundle
modules = bundle.use({cache!r})
from hermetic.linux import steps
import hermetic_guard.files
shown = [type(one.__loader__).__module__ for one in (steps, hermetic_guard.files, sys.modules["hermetic.linux"])]
print(" ".join(shown), getattr(steps, "ADDED", "-"), steps.__file__, steps.failed.__code__.co_filename == steps.__file__)
if modules:
    modules.keep(sys.modules)
"""
ROOT = Path(bundle.__file__).parent.parent
BUNDLED, ORDINARY = "hermetic.bundle", "_frozen_importlib_external"


class Installation:
    """A copy of hermetic, and a cache."""

    def __init__(self, place: Path) -> None:
        self.root, self.cache = place / "root", place / "cache"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "hermetic", self.root / "hermetic", ignore=ignore)
        shutil.copytree(Path(policy.__file__).parent, self.root / "bootstrap/hermetic_guard", ignore=ignore)
        self.cache.mkdir()

    @property
    def file(self) -> Path:
        (found,) = self.cache.iterdir()
        return found

    def start(self) -> subprocess.Popen[str]:
        code = PROGRAM.format(root=str(self.root), bootstrap=str(self.root / "bootstrap"), cache=str(self.cache))
        return subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE, text=True)

    def run(self) -> tuple[list[str], str]:
        """Who has loaded a module, one of the guard and a package; and what the module has been given."""
        out, _ = self.start().communicate()
        *loaders, added, file, same = out.split()
        assert (file, same) == (str(self.root / "hermetic/linux/steps.py"), "True")
        return loaders, added


@pytest.fixture
def made(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_the_second_start_takes_what_the_first_has_kept(made: Installation) -> None:
    assert made.run() == ([ORDINARY] * 3, "-")
    assert made.run() == ([BUNDLED] * 3, "-")
    kept_first = made.file.read_bytes()
    assert made.run() == ([BUNDLED] * 3, "-")
    assert made.file.read_bytes() == kept_first
    assert made.file.stat().st_mode & 0o777 == 0o600


def test_a_source_that_has_changed_is_imported_as_ever(made: Installation) -> None:
    made.run()
    with open(made.root / "hermetic/linux/steps.py", "a") as file:
        file.write("\nADDED = 1\n")
    assert made.run() == ([ORDINARY, BUNDLED, BUNDLED], "1")
    assert made.run() == ([BUNDLED] * 3, "1")


def test_also_where_its_size_and_date_are_the_same(made: Installation) -> None:
    source = made.root / "hermetic/linux/steps.py"
    source.write_text(source.read_text() + "\nADDED = 1\n")
    made.run()
    before = source.stat()
    source.write_text(source.read_text().replace("ADDED = 1", "ADDED = 2"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    loaders, _ = made.run()
    assert loaders == [ORDINARY, BUNDLED, BUNDLED]


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: b"\xff" * len(content)])
def test_what_is_damaged_is_made_again(made: Installation, damage: Callable[[bytes], bytes]) -> None:
    made.run()
    made.file.write_bytes(damage(made.file.read_bytes()))
    assert made.run() == ([ORDINARY] * 3, "-")
    assert made.run() == ([BUNDLED] * 3, "-")


@pytest.mark.parametrize(
    ("words", "content"),
    [
        ([], b""),
        (["x"], b""),
        (["5"], b"abcde"),
        (["3"], marshal.dumps(1)),
        ([str(len(marshal.dumps([("a", "b", (), 9)])))], marshal.dumps([("a", "b", (), 9)]) + b"cut off"),
        ([str(len(marshal.dumps([1])))], marshal.dumps([1])),
    ],
)
def test_what_is_something_else_is_nothing(words: list[str], content: bytes) -> None:
    assert bundle.read(words, memoryview(content)) == {}


def test_it_is_read_back() -> None:
    entries: dict[str, bundle.Entry] = {"a.b": ("/a/b.py", (1, 2), b"code"), "a.c": ("/a/c.py", (), b"")}
    words, content = bundle.serialized(entries)
    assert bundle.read(words, memoryview(content)) == entries


def test_what_others_could_write_is_not_used(made: Installation) -> None:
    made.run()
    made.file.chmod(0o666)
    assert made.run() == ([ORDINARY] * 3, "-")


def test_a_cache_that_cannot_be_written(made: Installation) -> None:
    made.cache.rmdir()
    made.cache.touch()
    assert [made.run() for _ in range(2)] == [([ORDINARY] * 3, "-")] * 2
    assert made.cache.read_bytes() == b""


def test_many_first_starts_at_once(made: Installation) -> None:
    started = [made.start() for _ in range(6)]
    assert [process.wait() for process in started] == [0] * 6
    assert made.run() == ([BUNDLED] * 3, "-")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_not_of_an_installation_that_is_another_users(made: Installation) -> None:
    """Who can change this user's cache alone must not change what the launcher is."""
    made.run()
    os.chown(made.root / "hermetic", 1, 1)
    assert made.run() == ([ORDINARY] * 3, "-")


def test_of_another_bytecode(made: Installation) -> None:
    made.run()
    made.file.write_bytes(made.file.read_bytes().replace(bundle.key().encode(), b"0" * len(bundle.key()), 1))
    assert made.run() == ([ORDINARY] * 3, "-")


def test_none_without_a_home() -> None:
    assert bundle.use("") is None


def test_none_inside_another_hermetic(tmp_path: Path) -> None:
    assert "hermetic_guard" in sys.modules
    assert bundle.use(str(tmp_path)) is None
    assert not any(isinstance(finder, bundle.Bundle) for finder in sys.meta_path)


def test_a_run_keeps_what_it_has_loaded(hermetic_command: str, tmp_path: Path) -> None:
    """With what its forked child alone loads; and the next has nothing to add."""
    command = [hermetic_command, "--no-network", "--", sys.executable, "-c", "pass"]
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run(command, env=env, check=True)
    (file,) = (tmp_path / "hermetic").glob("start-*")
    found = kept.read(str(file), bundle.key())
    assert found
    assert {"hermetic.launch.run", "hermetic.linux.confine", "hermetic_guard.policy"} <= set(bundle.read(*found))
    before = file.stat()
    subprocess.run(command, env=env, check=True)
    assert file.stat().st_ino == before.st_ino
