"""Methods of built-in types: all that the guard's modules name are looked at, and what is put in their place is seen."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import hermetic_guard
import pytest
from hermetic_guard.intact import METHODS

from hermetic.launch.payload import FIRST

FOLDER = Path(hermetic_guard.__file__).parent
NEVER_CALLED = {"__doc__", "__init__", "__new__", "__reduce__", "__len__", "__getitem__", "__add__", "__str__"}
"""Named for what is no method of a built-in type's; those that are called all the same stand in the table besides."""

REPLACED = """
import sys
sys.path.insert(0, {folder!r})
from hermetic_guard.intact import make_intact
intact = make_intact()
class Taker:
    __hash__ = None
    def __eq__(self, other): self.taken = other; return True
taker = Taker()
{kind}.__dict__ == taker
assert intact()
before = taker.taken[{name!r}]
taker.taken[{name!r}] = lambda *_: True
found = intact()
taker.taken[{name!r}] = before
print(found, intact())
"""


def named() -> set[str]:
    files = [FOLDER.joinpath(*name.split(".")) for name in FIRST]
    sources = [(path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py").read_text() for path in files]
    return {node.attr for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)
def test_all_that_are_named(kind: type) -> None:
    assert (named() & set(vars(kind))) - NEVER_CALLED <= set(METHODS[kind].split())
    assert set(METHODS[kind].split()) <= set(vars(kind))


@pytest.mark.parametrize(("kind", "name"), [("str", "startswith"), ("dict", "get"), ("int", "__add__")])
def test_what_is_put_there_is_seen(kind: str, name: str) -> None:
    program = REPLACED.format(folder=str(FOLDER.parent), kind=kind, name=name)
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
