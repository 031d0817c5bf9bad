"""Every Python that a guarded one starts is guarded as well: start_rows.py is the table.

Whether a child is held is told from outside, by a listener on this machine that it tries to reach while the policy says no network. Each
row is also run without hermetic, where it has to reach it. All rows of one interpreter share two runs.
"""

import pytest
from conftest import find_python
from launch import start_rows, world

README = "README: "


def cases():
    for name in world.PYTHONS:
        version, pypy = world.interpreter_of(name)
        for number, row in enumerate(start_rows.ROWS):
            if start_rows.applies(row, version, pypy):
                expected = start_rows.expected(row, pypy)
                marks = [pytest.mark.xfail(reason=README + expected)] if expected in start_rows.HOLES else []
                yield pytest.param(name, number, expected, marks=marks, id=f"{name}-{row.name}")


@pytest.mark.parametrize(("name", "number", "expected"), list(cases()))
def test_child(session_directory, hermetic_command, name, number, expected):
    guarded, native = world.both(session_directory, find_python(name), "start_rows", hermetic_command)
    told = "\n".join(f"{kind}: {one.of(number, kind)}" for one in (native, guarded) for kind in ("error", "log"))
    if str(number) not in native.reached:
        raise RuntimeError(f"without hermetic the listener was not reached either:\n{told}")
    assert str(number) not in guarded.reached, told
    assert guarded.of(number) == ("NetworkRefused" if expected == start_rows.HELD else None), told
