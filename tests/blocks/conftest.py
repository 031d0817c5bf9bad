import pytest
from launch.environments import Environments


@pytest.fixture(scope="session")
def environments(session_directory):
    """Virtual environments by name, see environments.RECIPES."""
    return Environments(session_directory)
