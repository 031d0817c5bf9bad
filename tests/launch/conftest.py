"""Fixtures of the tests that start something."""

import pytest
from launch.bare import Bare


@pytest.fixture
def bare(tmp_path):
    """Launchers without a guard."""
    launchers = Bare(tmp_path)
    yield launchers
    launchers.close()
