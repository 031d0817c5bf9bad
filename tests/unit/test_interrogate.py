"""What is kept of an interpreter's answer is read back as it was, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermetic import kept
from hermetic.digest import Content
from hermetic.errors import NotPython
from hermetic.launch import payload
from hermetic.target import interrogate
from hermetic.target.interrogate import Interpreter

COMPILED = {name: Content(b"") for name in (*payload.COMPILED, *payload.PARTS)} | {
    "loader": Content(b"L" * 10),
    "payload": Content(b"p\n q" * 5),
}
PARTS = " ".join(f"{name}:0" for name in COMPILED if name != "payload").encode()
FACTS = Interpreter("/usr/bin/python3.11", (3, 11, 7), "cpython", "a70d0d0a", COMPILED)


def fields(facts: Interpreter | None) -> list[object]:
    """Everything that is known, to be compared."""
    found = {name: getattr(facts, name) for name in Interpreter.__slots__}
    compiled = found.pop("compiled")
    return [*found.values(), [(name, part.data, part.digest) for name, part in compiled.items()]]


def test_names() -> None:
    assert FACTS.name == "CPython 3.11.7"
    assert Interpreter("x", (3, 9, 16), "pypy", "", {}).name == "PyPy 3.9.16"
    assert Interpreter("x", (3, 9, 0), "graalpy", "", {}).name == "graalpy 3.9.0"


@pytest.mark.parametrize("jit", [True, False])
def test_an_answer_is_read_back(jit: bool) -> None:
    facts = Interpreter(FACTS.path, FACTS.version, FACTS.implementation, FACTS.magic, COMPILED)
    facts.jit = jit
    assert fields(interrogate.parse(interrogate.serialized(facts), facts.path)) == fields(facts)


OTHERS = [
    b"",
    b"\n",
    b"Python 3.11.7\n",
    b"hermetic-facts 3 11 7 cpython a70d0d0a\n",
    b"hermetic-facts 3 11 7 cpython\n",
    b"hermetic-facts 3 11 x cpython a70d0d0a " + PARTS + b" payload:0\n",
    b"hermetic-facts 3 11 7 cpython a70d0d0a " + PARTS + b" payload:5\nfour",
    b"hermetic-facts 3 11 7 cpython a70d0d0a " + PARTS + b" payload:1\nfour",
    b"hermetic-facts 3 11 7 cpython a70d0d0a loader:0 payload:0\n",
    b"other-facts 3 11 7 cpython a70d0d0a " + PARTS + b" payload:0\n",
    b"\xff\xfe\n",
]


@pytest.mark.parametrize("answer", OTHERS, ids=lambda answer: repr(answer[:40]))
def test_anything_else_is_no_answer(answer: bytes) -> None:
    found = interrogate.parse(answer, "x")
    assert found is None


def test_an_old_one_names_no_parts() -> None:
    found = interrogate.parse(b"hermetic-facts 2 7 18 cpython -\n", "x")
    assert found is not None
    assert (found.version, found.compiled) == ((2, 7, 18), {})


@pytest.mark.parametrize("proved", [True, False])
def test_the_cache(tmp_path: Path, proved: bool) -> None:
    entry = str(tmp_path / "new/interpreters/entry")
    FACTS.proved = proved
    interrogate.write(entry, FACTS, "key")
    assert fields(interrogate.read(entry, FACTS.path, "key")) == fields(FACTS)
    assert interrogate.read(entry, FACTS.path, "another") is None


def test_digests_are_kept(tmp_path: Path) -> None:
    """They are not made again: who loads what is kept compares."""
    entry = tmp_path / "entry"
    interrogate.write(str(entry), FACTS, "key")
    entry.write_bytes(entry.read_bytes().replace(b"LLLL", b"MMMM"))
    found = interrogate.read(str(entry), FACTS.path, "key")
    assert found is not None
    assert found.compiled["loader"].data != COMPILED["loader"].data
    assert found.compiled["loader"].digest == COMPILED["loader"].digest


def test_an_entry_without_words(tmp_path: Path) -> None:
    kept.write(str(tmp_path / "entry"), "key", [], interrogate.serialized(FACTS))
    assert interrogate.read(str(tmp_path / "entry"), FACTS.path, "key") is None


def test_the_key_knows_the_binary_and_the_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "python"
    binary.write_text("one")
    first = interrogate.identity(str(binary))
    assert interrogate.identity(str(binary)) == first
    binary.write_text("other")
    second = interrogate.identity(str(binary))
    monkeypatch.setattr(payload, "identity", lambda: "another")
    assert len({first, second, interrogate.identity(str(binary))}) == 3
    with pytest.raises(NotPython, match="No such file"):
        interrogate.identity(str(tmp_path / "gone"))
