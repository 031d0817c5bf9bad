"""What the tests share: interpreters to run in, hermetic's own command, a server on the loopback interface.

A test that takes the fixture `python` runs once for each interpreter of the full matrix; a mark chooses others:

    @pytest.mark.pythons("smoke", "2.7")
    def test_refuses(python): ...
"""

import functools
import http.server
import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest
from launch.staged import make_venv

ROOT = Path(__file__).resolve().parent.parent

FULL = ("3.6", "3.8", "3.11", "3.13", "3.15", "pypy3.9")
SMOKE = ("3.7", "3.9", "3.10", "3.12", "3.14")
SHARES = 3
WHOLE = ("3.6", "3.15")
BETWEEN = tuple(name for name in FULL if name not in WHOLE)
GROUPS = {"full": FULL, "smoke": SMOKE, "all": FULL + SMOKE, "between": BETWEEN + SMOKE}


class Python(NamedTuple):
    """An interpreter to run tests in."""

    name: str
    path: str

    @property
    def implementation(self):
        return "pypy" if self.name.startswith("pypy") else "cpython"

    @property
    def version(self):
        return tuple(int(part) for part in self.name.removeprefix("pypy").split("."))


def share(python, rows):
    """All rows of a table in the oldest and the newest; of the others each has its share, and scripts/soak tries the rest there."""
    rows = list(rows)
    return rows if python.name in WHOLE else rows[(BETWEEN + SMOKE).index(python.name) % SHARES :: SHARES]


@functools.cache
def admitted_text():
    return flat((ROOT / "README.md").read_text())


def flat(text):
    return " ".join(text.replace("*", "").replace("`", "").lower().split())


def pytest_runtest_teardown(item):
    """A test may be expected to fail only for what the README admits, whose words its reason repeats."""
    for mark in item.iter_markers("xfail"):
        named, _, words = mark.kwargs.get("reason", "").partition(": ")
        assert named == "README", f"the reason is no `README: words of it`: {mark}"
        assert flat(words) in admitted_text(), f"the README does not say so: {words}"


@functools.cache
def find_python(name):
    """The interpreter of this name; a missing one is a failure, never a skip."""
    command = [sys.executable, "-IS", ROOT / "scripts/pythons", "--required", name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"scripts/pythons has no {name}: {done.stderr.strip()}", pytrace=False)
    return Python(name, done.stdout.partition(" ")[2].rstrip("\n"))


def pytest_generate_tests(metafunc):
    if "python" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("pythons")
        later = SMOKE if mark and "all" in mark.args else ()
        params = [pytest.param(name, marks=[pytest.mark.soak] if name in later else []) for name in interpreters(mark)]
        metafunc.parametrize("python", params, indirect=True)


def interpreters(mark):
    return [name for which in (mark.args if mark else ("full",)) for name in GROUPS.get(which, (which,))]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of a test that is `shared` each row runs in one of SHARES of its interpreters, another row in others; scripts/soak runs the rest."""
    for item in items:
        if item.get_closest_marker("shared") and hasattr(item, "callspec"):
            name = item.callspec.params["python"]
            mark = item.get_closest_marker("pythons")
            turn = interpreters(mark).index(name) + zlib.crc32(item.nodeid.replace(name, "").encode())
            if turn % SHARES:
                item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def session_directory(tmp_path_factory):
    """A directory that all workers of this session share."""
    own = tmp_path_factory.getbasetemp()
    directory = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def cache(session_directory):
    """The user's cache directory of a session, in which hermetic keeps what interpreters have answered."""
    return session_directory / "home/.cache"


@pytest.fixture
def python(request, session_directory):
    """Each interpreter that the test's `pythons` mark asks for.

    In a virtual environment without packages: what a machine's own interpreters have in their .pth files may take longer than all the rest.
    """
    found = find_python(request.param)
    return found if found.version < (3, 6) else found._replace(path=make_venv(session_directory / "bare" / found.name, found))


@pytest.fixture(scope="session")
def hermetic_command():
    """The path of hermetic's command, from the environment the tests run in."""
    command = Path(sys.executable).with_name("hermetic")
    assert command.exists(), f"{command} is missing: start the tests with scripts/test"
    return str(command)


class LoopbackServer(http.server.ThreadingHTTPServer):
    """An HTTP server on a free port of 127.0.0.1 that knows who came, so that a test can tell whether anyone did."""

    def __init__(self, directory):
        handler = functools.partial(QuietHandler, directory=str(directory))
        super().__init__(("127.0.0.1", 0), handler)
        self.host, self.port = self.server_address
        self.url = f"http://{self.host}:{self.port}"
        self.visitors = []

    def verify_request(self, request, client_address):
        self.visitors.append(client_address)
        return True


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def loopback_server(tmp_path):
    """A `LoopbackServer` that serves the directory `tmp_path / "served"`."""
    directory = tmp_path / "served"
    directory.mkdir()
    with LoopbackServer(directory) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
