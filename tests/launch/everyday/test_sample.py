"""Tests for pytest-xdist to spread."""

import pytest


@pytest.mark.parametrize("number", range(6))
def test_number(number, tmp_path):
    (tmp_path / "file").write_text(str(number))
    assert (tmp_path / "file").read_text() == str(number)
