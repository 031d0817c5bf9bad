"""Every Python that a guarded one starts is guarded as well: start_rows.py is the table.

Whether a child is held is told from outside, by a listener on this machine that it tries to reach while the policy says no network. Each
row is also run without hermetic, where it has to reach it. All rows of one interpreter share two runs. What the Python layer cannot hold
the kernel refuses, which is an ordinary PermissionError.
"""

import pytest
from conftest import find_python
from launch import start_rows, world

BY_KERNEL = "PermissionError"


def cases():
    for name in world.PYTHONS:
        version, pypy = world.interpreter_of(name)
        for number, row in enumerate(start_rows.ROWS):
            if start_rows.applies(row, version, pypy):
                marks = [pytest.mark.soak] if name in world.SELDOM else []
                yield pytest.param(name, number, start_rows.expected(row, pypy), marks=marks, id=f"{name}-{row.name}")


@pytest.mark.parametrize(("name", "number", "expected"), list(cases()))
def test_child(session_directory, hermetic_command, name, number, expected):
    guarded, native = world.both(session_directory, find_python(name), "start_rows", hermetic_command)
    told = "\n".join(f"{kind}: {one.of(number, kind)}" for one in (native, guarded) for kind in ("error", "log"))
    if str(number) not in native.reached:
        raise RuntimeError(f"without hermetic the listener was not reached either:\n{told}")
    assert str(number) not in guarded.reached, told
    outcomes = {start_rows.HELD: ["NetworkRefused"], start_rows.STOPPED: [None]}
    assert guarded.of(number) in outcomes.get(expected, [BY_KERNEL]), told
