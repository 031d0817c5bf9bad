"""Who makes machine code as it runs, and where the kernel refuses to let any be made."""

from __future__ import annotations

import pytest
from hermetic_guard.policy import Native, Network, Policy, Subprocess

from hermetic.launch.environ import makes_code
from hermetic.linux.here import Here
from hermetic.linux.privileges import makes_no_code
from hermetic.target.interrogate import Interpreter
from hermetic.target.resolve import Target


def target(*flags: str, **environ: str) -> Target:
    return Target("/usr/bin/python3", ["python3", *flags, "-c", "pass"], environ, [])


CPYTHON = Interpreter("x", (3, 15, 0), "cpython", "", {})
WITH_COMPILER = Interpreter("x", (3, 15, 0), "cpython", "", {})
WITH_COMPILER.jit = True
PYPY = Interpreter("x", (3, 9, 16), "pypy", "", {})

ROWS = [
    (target(), CPYTHON, False),
    (target("-I", "-Xdev", "-W", "ignore"), CPYTHON, False),
    (target(PYTHON_JIT="0", PYTHONPERFSUPPORT="0"), CPYTHON, False),
    (target(PYTHON_JIT="1"), CPYTHON, True),
    (target(PYTHONPERFSUPPORT="1"), CPYTHON, True),
    (target("-X", "perf"), CPYTHON, True),
    (target("-IXperf_jit"), CPYTHON, True),
    (target(), WITH_COMPILER, True),
    (target(), PYPY, True),
    (target(), None, True),
]


@pytest.mark.parametrize(("target", "facts", "expected"), ROWS)
def test_who(target: Target, facts: Interpreter | None, expected: bool) -> None:
    assert makes_code(target, facts) is expected


BOTH = Policy(native=Native(), subprocess=Subprocess())


@pytest.mark.parametrize(
    ("policy", "compiles", "expected"),
    [
        (BOTH, False, True),
        (BOTH.replaced(network=Network()), False, True),
        (BOTH, True, False),
        (BOTH.replaced(native=Native(distributions=("numba",))), False, False),
        (BOTH.replaced(subprocess=Subprocess(run=("/usr/bin/git",))), False, False),
        (Policy(native=Native()), False, False),
        (Policy(subprocess=Subprocess()), False, False),
    ],
)
def test_where(policy: Policy, compiles: bool, expected: bool) -> None:
    assert makes_no_code(policy, Here(machine="x86_64", root=False, compiles=compiles)) is expected
