"""What the unit tests share."""

import shutil
import signal

import pytest

from hermetic import places
from hermetic.policy import load


@pytest.fixture(autouse=True, scope="session")
def nobodys_configuration(tmp_path_factory):
    """Whoever runs the tests may have a policy file of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setattr(places, "account", str)  # and another home than tests say
        yield


ACCOUNT = places.account


@pytest.fixture
def own_account(monkeypatch):
    """For tests of what the password database says."""
    monkeypatch.setattr(places, "account", ACCOUNT)


@pytest.fixture
def plain_default(tmp_path_factory, monkeypatch):
    """A profile `default` that is a guard on the network alone, for tests of what becomes of profiles, whatever is in them."""
    profiles = shutil.copytree(load.DIRECTORY, tmp_path_factory.mktemp("profiles") / "profiles")
    (profiles / "default.toml").write_text("version = 1\n[network]\n")
    monkeypatch.setattr(load, "DIRECTORY", profiles)


@pytest.fixture
def patience():
    """Ends what would otherwise go on for ever."""
    signal.alarm(60)
    yield
    signal.alarm(0)
