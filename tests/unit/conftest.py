"""What the unit tests share."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def nobodys_configuration(tmp_path_factory):
    """Whoever runs the tests may have a policy file of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield
