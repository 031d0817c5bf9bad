"""Which layer holds what, in words, and when that is too little to start."""

from __future__ import annotations

import pytest

from hermetic.linux.layers import FULL, NONE, PARTIAL, Standing, shortfall, shortly

HELD = Standing("network", True, FULL)
PART = Standing("filesystem", True, PARTIAL, "a gap")
PYTHON = Standing("native", True, NONE, "no kernel")
NOBODY = Standing("subprocess", False, NONE, "no kernel")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([HELD], "held in Python and the kernel"),
        ([HELD, PART], "held in Python and the kernel (there in part for filesystem)"),
        ([HELD, PART, PYTHON], "held in Python and the kernel (there in part for filesystem, not for native)"),
        ([PYTHON], "held in Python"),
        ([Standing("network", False, FULL)], "held in the kernel"),
    ],
)
def test_shortly(found: list[Standing], text: str) -> None:
    assert shortly(found) == text
    assert shortly(found, "more") == (f"{text[:-1]}; more)" if text.endswith(")") else f"{text} (more)")


def test_a_policy_that_needs_the_kernel() -> None:
    """A part is enough, none is not, and best effort does not make up for it."""
    assert shortfall([HELD, PART], require=None, best_effort=False, needed=True) == ""
    for best_effort in (False, True):
        why = shortfall([HELD, PYTHON], require=None, best_effort=best_effort, needed=True)
        assert why == "the native guard cannot stand as required: the kernel does not hold it (no kernel)"
    assert shortfall([HELD, PYTHON], require=None, best_effort=False) == ""
    assert "the target cannot carry it, and the kernel" in shortfall([NOBODY], require=None, best_effort=False)
    assert shortfall([NOBODY], require=None, best_effort=True) == ""
