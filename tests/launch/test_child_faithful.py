"""What a guarded Python starts gets what it would get otherwise: faithful_rows.py is the table."""

import ast

import pytest
from conftest import find_python
from launch import faithful_rows, world


def cases():
    for name in world.PYTHONS:
        version, pypy = world.interpreter_of(name)
        for number, row in enumerate(faithful_rows.ROWS):
            if faithful_rows.applies(row, version, pypy):
                words = faithful_rows.DIFFERS.get(row.name)
                marks = [pytest.mark.xfail(reason=f"README: {words}")] if words else []
                marks += [pytest.mark.soak] if name in world.SELDOM else []
                yield pytest.param(name, number, marks=marks, id=f"{name}-{row.name}")


@pytest.mark.parametrize(("name", "number"), list(cases()))
def test_as_without_hermetic(session_directory, hermetic_command, name, number):
    guarded, native = world.both(session_directory, find_python(name), "faithful_rows", hermetic_command)
    for kind in ("error", "result", "log"):
        assert guarded.of(number, kind) == native.of(number, kind)
    assert told(guarded, number) == told(native, number)


def told(outcome, number):
    text = outcome.of(number, "told")
    return ast.literal_eval(text) if text else None
