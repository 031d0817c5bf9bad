"""What is loaded ahead is what the import system would have loaded."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hermetic import ahead

NAMES = ("made_up", "made_up.inner", "made_up.inner.one")
WORDS = ["made_up.inner.__init__", "made_up.inner.one"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that can be imported, with a package in it; its modules have bytecode, which says that it is."""
    inner = tmp_path / "made_up/inner"
    inner.mkdir(parents=True)
    for file in (inner.parent / "__init__.py", inner / "__init__.py", inner / "one.py"):
        file.write_text('"""A module."""\nFROM = "bytecode"\n')
        py_compile.compile(str(file))
        status = file.stat()
        file.write_text('"""A module."""\nFROM = "source__"\n')
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield inner
    for name in NAMES:
        sys.modules.pop(name, None)


def loaded(package: Path) -> tuple[str, str]:
    """Where a package and a module of it come from."""
    ahead.load(WORDS)
    return tuple(sys.modules[name].FROM for name in NAMES[1:])


def test_from_bytecode_without_the_import_system(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    __import__("made_up")
    monkeypatch.setattr(sys, "meta_path", [])
    assert loaded(package) == ("bytecode", "bytecode")


def described(name: str) -> dict[str, object]:
    module = sys.modules[name]
    spec = module.__spec__
    of_spec = {key: getattr(spec, key) for key in ("name", "origin", "cached", "parent", "has_location", "submodule_search_locations")}
    of_module = {key: getattr(module, key, None) for key in ("__name__", "__file__", "__cached__", "__package__", "__path__", "__doc__")}
    above, _, tail = name.rpartition(".")
    return {
        **of_spec,
        **of_module,
        "loader": type(spec.loader),
        "same": spec.loader is module.__loader__,
        "there": getattr(sys.modules[above], tail) is module,
    }


def test_as_the_import_system_would_have_it(package: Path) -> None:
    ahead.load(WORDS)
    ours = [described(name) for name in NAMES[1:]]
    for name in NAMES[1:]:
        del sys.modules[name]
    __import__(NAMES[-1])
    assert ours == [described(name) for name in NAMES[1:]]


def later(file: Path) -> None:
    os.utime(file, (1, 1))


def longer(file: Path) -> None:
    status = file.stat()
    file.write_text(file.read_text() + "\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def by_hash(file: Path) -> None:
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def of_another_version(file: Path) -> None:
    kept = Path(importlib.util.cache_from_source(str(file)))
    kept.write_bytes(b"\0\0\r\n" + kept.read_bytes()[4:])


def cut_off(file: Path) -> None:
    kept = Path(importlib.util.cache_from_source(str(file)))
    kept.write_bytes(kept.read_bytes()[:10])


def gone(file: Path) -> None:
    Path(importlib.util.cache_from_source(str(file))).unlink()


@pytest.mark.parametrize("change", [later, longer, by_hash, of_another_version, cut_off, gone])
def test_bytecode_that_is_not_of_the_source(package: Path, change: Callable[[Path], None]) -> None:
    change(package / "one.py")
    assert loaded(package) == ("bytecode", "source__")


def test_what_has_been_changed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (package / "one.py").write_text('FROM = "a longer source"\n')
    assert loaded(package) == ("bytecode", "a longer source")
    kept = Path(importlib.util.cache_from_source(str(package / "one.py")))
    assert b"a longer source" in kept.read_bytes()


def test_what_fails_is_not_there(package: Path) -> None:
    (package / "one.py").write_text("raise LookupError\n")
    py_compile.compile(str(package / "one.py"))
    with pytest.raises(LookupError):
        ahead.load(WORDS)
    assert NAMES[-1] not in sys.modules


def test_what_is_there_stays(package: Path) -> None:
    __import__(NAMES[-1])
    before = sys.modules[NAMES[-1]]
    ahead.load(WORDS)
    assert sys.modules[NAMES[-1]] is before


@pytest.mark.parametrize(("where", "value"), [("pycache_prefix", "/nowhere"), ("_xoptions", {"importtime": True})])
def test_where_bytecode_is_elsewhere_nothing_is_loaded(package: Path, monkeypatch: pytest.MonkeyPatch, where: str, value: object) -> None:
    monkeypatch.setattr(sys, where, value)
    ahead.load(WORDS)
    assert NAMES[-1] not in sys.modules
