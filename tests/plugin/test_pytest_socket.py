"""pytest-socket's own test suite, from its source distribution, with our plugin in the place of it; and what stands beside a suite that knows it."""

import shutil
import subprocess
import tarfile

import pytest
from launch.environments import ROOT, inherited
from launch.installers import locked
from plugin.suites import LINE

VERSION = "0.8.1"
REQUIREMENT = f"pytest-socket=={VERSION}"
OURS, THEIRS = "hermetic.pytest_socket_compat", "pytest_socket"
FILES = ("async", "combinations", "dns", "doctest", "precedence", "restrict_hosts", "socket")
AT_LEAST = 80

DIFFERS = {"test_single_cli_arg_127_0_0_1_hostname_localhost_connect_disabled"}
"""What passes with it and fails with ours. docs/pytest.md says why."""

LEFT_OUT = {"test_benchmarks.py"}
"""Measures functions inside of pytest-socket that there are none of here."""

OUTWARD = (
    "test_urllib_succeeds_by_default",
    "test_enabled_urllib_succeeds",
    "test_parametrize_with_socket_enabled_and_allow_hosts",
    "test_single_cli_arg_connect_enabled_hostname_unresolvable",
    "test_global_disable_and_allow_host",
    "test_single_cli_arg_connect_disabled_hostname_resolved",
)
"""Tests that reach a server elsewhere, or ask a name server; the last wants `localhost` to have two addresses."""


@pytest.fixture
def source(installed, session_directory, tmp_path):
    """The tests of pytest-socket."""
    place = session_directory / "pytest-socket"
    with locked(place):
        if not place.exists():
            pip = str(installed("plugin 3.11").bin / "pip")
            options = ("--quiet", "--no-deps", "--no-binary", "pytest-socket", "--dest", str(place))
            subprocess.run([pip, "download", *options, REQUIREMENT], check=True, capture_output=True, env=inherited())
    [archive] = place.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "source", filter="data")
    [found] = (tmp_path / "source").iterdir()
    return found / "tests"


@pytest.fixture
def with_pytest_socket(installed, session_directory):
    """A directory that has pytest-socket installed, as PYTHONPATH takes it."""
    place = session_directory / "with-pytest-socket"
    with locked(place):
        if not place.exists():
            pip = str(installed("plugin 3.11").bin / "pip")
            command = [pip, "install", "--quiet", "--no-deps", "--target", str(place), REQUIREMENT]
            subprocess.run(command, check=True, capture_output=True, env=inherited())
    return str(place)


def results(suite, source, plugin, **more):
    """Outcomes by name, with no other plugin than that and anyio's, which one of the tests is about; those have sessions of their own."""
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": f"anyio.pytest_plugin,{plugin}"}
    shutil.copytree(source, suite.path / "tests", dirs_exist_ok=True)
    files = [f"tests/test_{name}.py" for name in FILES]
    known = {path.name for path in source.glob("test_*.py")}
    assert known == {path.rpartition("/")[2] for path in files} | LEFT_OUT
    names = " and ".join(f"not {name}" for name in OUTWARD)
    done = suite.run(*files, "-p", "no:cacheprovider", "--tb=line", "-k", names, **plugins, **more)
    outcomes = {}
    for outcome, _, name in LINE.findall(done.out.rpartition("short test summary info")[2]):
        outcomes.setdefault(name, set()).add(outcome.lower())
    return outcomes, done.out


def test_its_own_suite(suite, source):
    outcomes, out = results(suite, source, OURS)
    assert len(outcomes) > AT_LEAST, out
    assert {name for name, found in outcomes.items() if found != {"passed"}} == DIFFERS, out


def test_what_is_said_of_it():
    text = (ROOT / "docs/pytest.md").read_text()
    assert f"({VERSION}) passes, but for one test" in text
    assert [name for name in (*DIFFERS, *LEFT_OUT) if f"`{name}`" not in text] == []
    assert len(DIFFERS) == 1


@pytest.mark.soak
def test_its_own_suite_with_itself(suite, source, with_pytest_socket):
    """The control: what we say differs passes there."""
    outcomes, out = results(suite, source, THEIRS, PYTHONPATH=f"{suite.path}:{with_pytest_socket}")
    assert len(outcomes) > AT_LEAST, out
    assert {name for name, found in outcomes.items() if found != {"passed"}} == set(), out
    assert outcomes.keys() >= DIFFERS


# A suite that knows pytest-socket.

KNOWS = """
import _socket, subprocess, sys
import pytest
import pytest_socket
from pytest_socket import SocketBlockedError, SocketConnectBlockedError
from acts import *

def test_blocked():
    with pytest.raises(SocketBlockedError): reach()
def test_not_expected(): reach()
@pytest.mark.enable_socket
def test_enabled(): reach()
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_hosts(): reach()
@pytest.mark.allow_hosts(["192.0.2.1"])
def test_other_hosts():
    with pytest.raises(SocketConnectBlockedError): reach()
def test_fixture(socket_enabled): reach()
"""
KNOWN = {f"test_{name}": {"passed"} for name in ("blocked", "enabled", "hosts", "other_hosts", "fixture")} | {
    "test_not_expected": {"failed"}
}

BEYOND = """
import _socket, subprocess, sys
from acts import *

def test_below():
    _socket.socket().connect(("127.0.0.1", PORT))
def test_child():
    code = f"import socket; socket.create_connection(('127.0.0.1', {PORT}))"
    subprocess.run([sys.executable, "-c", code], check=True)
def test_early():
    early("127.0.0.1", PORT)
"""
EARLY = """
import socket
from acts import *
def early(host, port, connect=socket.socket.connect, made=socket.socket):
    connect(made(), (host, port))
import builtins
builtins.early = early
"""


def test_a_suite_changes_one_line(suite, with_pytest_socket):
    """In `addopts`: whether pytest-socket is still installed does not matter, nor whether it was loaded first."""
    suite.write(test_knows=KNOWS, test_beyond=BEYOND, conftest=EARLY)
    both = f"{suite.path}:{with_pytest_socket}"
    theirs = suite.run("--disable-socket", PYTHONPATH=both)
    beyond = {"test_below", "test_child", "test_early"}
    assert theirs.outcomes == KNOWN | {name: {"passed"} for name in beyond}, theirs.out
    visitors = len(suite.server.visitors)
    suite.ini(addopts="-p hermetic.pytest_socket_compat")
    for more in ({}, {"PYTHONPATH": both}):
        ours = suite.run("--disable-socket", **more)
        assert ours.outcomes == KNOWN | {name: {"failed"} for name in beyond}, ours.out
        assert "socket-" not in ours.out.partition("plugins: ")[2].partition("\n")[0] or more
    assert visitors - 3 == (len(suite.server.visitors) - visitors) // 2 == 3  # enabled, hosts, fixture


@pytest.mark.soak
def test_with_xdist(suite, with_pytest_socket):
    suite.write(test_knows=KNOWS)
    suite.ini(addopts="-p hermetic.pytest_socket_compat")
    ours = suite.run("--disable-socket", "-n", "2", PYTHONPATH=f"{suite.path}:{with_pytest_socket}")
    assert ours.outcomes == KNOWN, ours.out


def test_both_are_installed(suite, with_pytest_socket):
    """Neither is in the way of the other where ours is not asked for; and of `--hermetic` both hold."""
    suite.write(
        test_both="from acts import *\nimport pytest\n@pytest.mark.enable_socket\ndef test_reach(): reach()\ndef test_made(): socket.socket()\n"
    )
    done = suite.run("--disable-socket", "--hermetic=strict", PYTHONPATH=f"{suite.path}:{with_pytest_socket}")
    assert done.outcomes == {"test_reach": {"failed"}, "test_made": {"failed"}}, done.out
    suite.ini(hermetic_policy="policy.toml", addopts="-p hermetic.pytest_socket_compat")
    done = suite.run("--disable-socket", "--hermetic=strict")
    assert done.outcomes == {"test_reach": {"failed"}, "test_made": {"failed"}}, done.out
    assert not suite.server.visitors


def test_programs(suite):
    """One that is not Python would not be held, so it is listed."""
    suite.write(test_programs="from acts import *\ndef test_start(): start()\n")
    suite.ini(addopts="-p hermetic.pytest_socket_compat --disable-socket")
    assert suite.run().outcomes == {"test_start": {"failed"}}
    suite.ini(addopts="-p hermetic.pytest_socket_compat --disable-socket", hermetic_allow_run="true")
    assert suite.run().outcomes == {"test_start": {"passed"}}
