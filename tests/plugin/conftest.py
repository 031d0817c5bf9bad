"""Fixtures: a virtual environment in which hermetic is installed, and suites that are run there."""

import subprocess
import sys

import pytest
from launch.environments import ROOT, UV, Environments, call, locked_tools
from plugin.suites import Suite


@pytest.fixture(scope="session")
def installed(session_directory):
    """Gives an environment, see environments.RECIPES, with hermetic in it as users have it: from a wheel."""

    def installed(name):
        environment = Environments(session_directory).get(name)
        with locked_tools(session_directory):
            if not (environment.path / "plugged").exists():
                call(UV, "pip", "install", "--quiet", "--no-deps", "--python", environment.python, wheel(session_directory))
                (environment.path / "plugged").touch()
        return environment

    return installed


def wheel(directory):
    if not [*directory.glob("*.whl")]:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return str(next(directory.glob("*.whl")))


@pytest.fixture(params=["3.11", pytest.param("3.13", marks=pytest.mark.soak)])
def suite(request, installed, tmp_path, loopback_server):
    """A project to be tested, and what runs its tests."""
    return Suite(installed(f"plugin {request.param}"), tmp_path, loopback_server)
