"""Fixtures of the tests that start something."""

import functools
import os
import shutil
import signal
import tarfile
import tempfile
from pathlib import Path

import pytest
from launch.bare import Bare
from launch.demo import Port, write_index
from launch.environments import Environments, find_python, inherited, locked_tools
from launch.installers import locked
from launch.jobs import Jobs
from launch.namespaces import in_world
from launch.packages import fetch_tools
from launch.staged import TwoRuns
from launch.users import place_of_everybody

from hermetic.launch.signals import SET_BY_PYTHON


@pytest.fixture(autouse=True)
def default_signals():
    """What is ignored stays so in children: in those of a pytest that was started in the background, or with nohup, too."""
    ignored = [number for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN and number not in SET_BY_PYTHON]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def place():
    """A directory that everybody can pass and change."""
    with place_of_everybody() as made:
        yield made


@pytest.fixture
def env(jobs, place):
    """A home of that user's own, whoever it is."""
    return jobs.environ(HOME=place, TMPDIR="/tmp")


@pytest.fixture
def bare(tmp_path):
    """Launchers without a guard."""
    launchers = Bare(tmp_path)
    yield launchers
    launchers.close()


@pytest.fixture(scope="session")
def environments(session_directory):
    """Virtual environments by name, see environments.RECIPES."""
    return Environments(session_directory)


@pytest.fixture(scope="session")
def tools(session_directory):
    """A directory with the wheels of what builds."""
    with locked_tools(session_directory):
        return fetch_tools(session_directory / "tools", find_python("3.11"))


@pytest.fixture
def jobs(hermetic_command, tmp_path, session_directory):
    """Runs real commands, guarded and not."""
    home = session_directory / "home"
    home.mkdir(exist_ok=True)
    return Jobs(hermetic_command, tmp_path, home)


@pytest.fixture
def among_names(jobs):
    """Gives exit code, output and names asked for of commands, in the world of names_world.py."""
    return functools.partial(in_world, "names_world.py", jobs.home / ".cache")


@pytest.fixture
def source(environments, session_directory, jobs, tmp_path):
    """Gives the unpacked source distribution of a package."""

    def source(name, environment):
        place = session_directory / "sources" / name
        with locked(place):
            if not place.exists():
                options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-binary", name, "--dest", place)
                done = jobs.native(environment.bin / "pip", "download", *options, name, env=inherited())
                assert done.code == 0, done.err
        [archive] = place.glob("*.tar.gz")
        with tarfile.open(archive) as file:
            file.extractall(tmp_path, filter="data")
        return tmp_path / archive.name.removesuffix(".tar.gz")

    return source


@pytest.fixture
def port(tmp_path):
    """A port that the builds of the demo projects call."""
    port = Port(tmp_path)
    yield port
    port.close()


@pytest.fixture
def index(loopback_server, tmp_path, port):
    """An index of the demo projects on the loopback interface."""
    write_index(tmp_path / "served", port)
    return loopback_server


@pytest.fixture
def as_nobody():
    """A directory of an unprivileged user, whom the test acts as: root may read what nobody may."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    user = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(directory, user, -1)
    before = os.geteuid()
    os.seteuid(user)
    yield directory
    os.seteuid(before)
    directory.chmod(0o700)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, cache):
    """Starts interpreters as they are and guarded, to compare what comes of it."""
    runs = TwoRuns(tmp_path_factory.mktemp("runs"), cache)
    yield runs
    runs.close()
