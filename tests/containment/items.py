"""Tests made of the tables: each attempt in one interpreter, under both layers or under one of them alone.

Which interpreter, and which layer, says its place in the table: every one has its share, and the whole is `scripts/containment`. A hole that the README admits is
an expected failure, in its words.
"""

from __future__ import annotations

import pytest
from conftest import find_python
from containment.attempt import LAYERS
from containment.judging import ABSENT, CONTAINED, ESCAPED, KEPT, Trials
from containment.ordinary.programs import PROGRAMS
from containment.table import SURFACES
from containment.worlds import Asked

EVERY = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.6", "3.7", "pypy3.9")
PYTHONS = ("3.8", "3.11", "3.13", "3.15", "3.6", "pypy3.9")
"""Those that share the rows here."""
ORDINARY = "ordinary"
WITHOUT_EVENTS = ("3.6", "3.7", "pypy3.9")
"""Where the Python layer alone is not measured: see the README, what it cannot stop."""


class Escape(AssertionError):
    """Something got out. Nothing else is expected of a hole."""


class Name(str):
    """An interpreter's name, with what a row wants to know of it: the interpreter itself is looked for when the test runs."""

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.removeprefix("pypy").split("."))

    @property
    def implementation(self) -> str:
        return "pypy" if self.startswith("pypy") else "cpython"


def share(row, index: int) -> str | None:
    """The interpreter for a row, None if it runs in none of these."""
    able = [name for name in PYTHONS if row.runs_in(Name(name)) and name in (getattr(row, "only", None) or PYTHONS)]
    return able[index % len(able)] if able else None


def layer_of(surface: str, index: int) -> str:
    """What tampers with the guards is tried where nothing else holds it."""
    return "python" if surface == "tampering" else LAYERS[index // len(PYTHONS) % len(LAYERS)]


def attempts(surface: str) -> list:
    found = []
    for index, row in enumerate(SURFACES[surface]):
        python = share(row, index)
        layer = next((one for one in (layer_of(surface, index), *LAYERS) if python and is_tried(row, one, python)), None)
        if layer:
            hole = row.hole(layer, python)
            marks = [pytest.mark.xfail(reason=f"README: {hole.line}", raises=Escape)] if hole else []
            found.append(pytest.param(row, python, layer, marks=marks, id=f"{row.name}-{python}-{layer}"))
    return found


def is_tried(row, layer: str, python: str) -> bool:
    return row.held_by(layer) and not (layer == "python" and python in WITHOUT_EVENTS)


def programs() -> list:
    shares = [(row, share(row, index), layer_of(ORDINARY, index)) for index, row in enumerate(PROGRAMS)]
    return [pytest.param(row, python, layer, id=f"{row.name}-{python}-{layer}") for row, python, layer in shares if python]


@pytest.fixture(scope="module")
def trials(cache):
    """One world for all tests of a module."""
    found = Trials(Asked(cache))
    yield found
    found.close()


def contained(surface: str):
    """The test of a surface."""

    @pytest.mark.parametrize(("attempt", "name", "layer"), attempts(surface))
    def test(trials, attempt, name: str, layer: str) -> None:
        verdict = trials.attempt(attempt, find_python(name), layer)
        if verdict.kind == ABSENT:
            pytest.skip(verdict.why)
        if verdict.kind == ESCAPED:
            raise Escape(str(verdict))
        assert verdict.kind == CONTAINED, str(verdict)

    return test


def kept():
    """The test of ordinary programs."""

    @pytest.mark.parametrize(("program", "name", "layer"), programs())
    def test(trials, program, name: str, layer: str) -> None:
        verdict = trials.program(program, find_python(name), layer)
        if verdict.kind == ABSENT:
            pytest.skip(verdict.why)
        assert verdict.kind == KEPT, str(verdict)

    return test
