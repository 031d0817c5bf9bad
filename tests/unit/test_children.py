"""What of a child's descriptors is known to be what it is here."""

from __future__ import annotations

import os

import pytest
from hermetic_guard import children

NONE = [-1] * 6


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        (NONE, "0", True),
        ([7, -1, -1, -1, -1, -1], "0", False),
        ([7, -1, -1, -1, -1, -1], "1", True),
        ([-1, -1, -1, 7, -1, -1], "1", False),
        ([-1, -1, -1, -1, -1, 7], "2", False),
        ([-1, -1, -1, 0, -1, -1], "0", False),  # a copy of it may get the number of any that is closed
        (NONE, "open", True),
        (NONE, "closed", False),
        ([-1, "open", -1, 0, -1, -1], "open", False),
        (NONE, "x", False),
        (NONE, "", False),
    ],
)
def test_descriptors(given: list[object], name: str, expected: bool) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    numbers = {"open": reading, "closed": writing}
    try:
        same = children._make_same([numbers.get(str(one), one) for one in given], moves=True)
        assert same(str(numbers.get(name, name))) is expected
    finally:
        os.close(reading)


@pytest.mark.parametrize("moves", [True, False])
def test_the_directory(moves: bool) -> None:
    assert children._make_same(NONE, moves)("cwd") is not moves
