"""What a test is told by that goes on after a refusal, where `hermetic_swallowed = warn`."""

import pytest


class HermeticWarning(pytest.PytestWarning):
    """Something was refused, and the test went on as if nothing had been."""
