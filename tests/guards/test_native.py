"""The native guard, in every interpreter: the table of `native/`, judged by the mark that a library leaves when it is loaded."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, find_python, share
from guards.attempts import BARE, Attempts, Row, changed, complaints
from guards.native import calls
from guards.native.imports import PRELUDE
from guards.native.table import ROWS
from launch.jobs import Jobs
from launch.staged import make_venv, site_packages

SOURCE = Path(__file__).with_name("native") / "marking.c"
BLOCK = "--block-native"
POLICIES = {
    "none": [BLOCK],
    "raise": [BLOCK, "--on-violation=raise"],
    "demo": [BLOCK, "--allow-native=demo-dist", "--allow-native=Demo.Edited", "--allow-native=older"],
    "ctypes": [BLOCK, "--allow-native=ctypes"],
    "off": ["--no-network", "--allow-localhost"],
}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no compiler to make native code with")
    path = tmp_path_factory.mktemp("native") / "marking.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, SOURCE], check=True)
    return str(path)


@pytest.fixture
def world(tmp_path: Path, hermetic_command: str, session_directory: Path, library: str):
    home = session_directory / "home"
    home.mkdir(exist_ok=True)
    return World(tmp_path, Jobs(hermetic_command, tmp_path, home), library)


class World:
    """A virtual environment with three distributions that have native code, and a module that is no distribution's."""

    def __init__(self, directory: Path, jobs: Jobs, library: str) -> None:
        self.directory, self.jobs, self.library = directory, jobs, library
        self.attempts = Attempts(jobs, directory / "rows", POLICIES, tuple(POLICIES))

    def environment(self, python) -> str:
        """The path of its interpreter."""
        venv = self.directory / "venv"
        path = make_venv(venv, python)
        suffix = subprocess.run([path, "-c", SUFFIX], capture_output=True, text=True, check=True).stdout
        site, project = site_packages(venv, python), self.directory / "project"
        for file in (site / f"demo{suffix}", site / f"unlisted{suffix}", site / f"older/demo{suffix}", project / f"edited{suffix}"):
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.library, file)
        metadata = {
            "demo_dist-1.0.dist-info/RECORD": f"demo{suffix},sha256=x,1\nlicense,,\n",
            "demo_edited-1.dist-info/RECORD": "demo_edited.pth,,\n",
            "demo_edited-1.dist-info/direct_url.json": f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}',
            "older-0.9.egg-info/top_level.txt": "older\n",
            "demo_edited.pth": f"{project}\n",
        }
        for name, text in metadata.items():
            (site / name).parent.mkdir(exist_ok=True)
            (site / name).write_text(text)
        return path

    def run(self, python, rows: list[Row], policies: set[str]):
        """The outcomes under each of these policies."""
        path = self.environment(python)
        self.attempts.directory.mkdir()
        names = {"LIBRARY": self.library, "TOUCH": "/bin/touch"}
        under = {policy: [row for row in rows if policy in (*row.under, "off", BARE)] for policy in sorted({*policies, BARE})}
        return {policy: self.attempts.run(path, chosen, policy, names) for policy, chosen in under.items()}


SUFFIX = "import importlib.machinery, sys; sys.stdout.write(importlib.machinery.EXTENSION_SUFFIXES[-1])"


@pytest.mark.pythons("all")
def test_native(python, world: World) -> None:
    try_rows(python, world, share(python, fitting(python)))


@pytest.mark.soak
@pytest.mark.pythons("between")
def test_whole(python, world: World) -> None:
    try_rows(python, world, fitting(python))


def fitting(python) -> list[Row]:
    rows = [row for row in ROWS if row.applies(python)]
    return [row for row in rows if "sqlite3" not in row.name] if python.implementation == "pypy" else rows


def try_rows(python, world: World, rows: list[Row]) -> None:
    """Every row, under each of its policies, and its control: one start of the interpreter for each policy."""
    runs = world.run(python, rows, {"off", *(policy for row in rows for policy in row.under)})
    found = [one for row in rows for policy in row.under for one in complaints(row, policy, runs[policy], runs[BARE])]
    found += changed(rows, runs["off"], runs[BARE])
    assert not found, "\n".join(found)


def test_raised(python, world: World) -> None:
    """In either manner it is an ImportError, by which packages fall back to what they have in Python."""
    code = PRELUDE + "place('demo')\nresult = []\ntry: import demo\nexcept ImportError as e: result = e.name, e.msg, str(e)"
    runs = world.run(python, [Row("import", code, ("none", "raise"))], {"none", "raise"})
    text = "native code disabled: import(demo)"
    assert runs["none"].outcomes["import"]["result"] == runs["raise"].outcomes["import"]["result"] == repr(("demo", text, text))


HOLES = [(hole, name) for hole, (_, names) in calls.HOLES.items() for name in names]


@pytest.mark.xfail(strict=True, reason="README: where there are no audit events")
@pytest.mark.parametrize(("hole", "name"), HOLES)
def test_hole(world: World, hole: str, name: str) -> None:
    run = world.run(find_python(name), [Row(hole, PRELUDE + calls.HOLES[hole][0], ("none",))], {"none"})["none"]
    assert hole not in run.marked


LOADED_BEFORE = """
import ctypes, sys
sys.path[:0] = [sys.argv[1]]
from hermetic_guard import hook
from hermetic_guard.enforce import Enforcer
from hermetic_guard.guards import loading, native
from hermetic_guard.policy import Native, Policy
from hermetic_guard.scopes import Scopes
told = []
enforcer = Enforcer(Scopes(Policy(native=Native())), told.append, list)
loading.install(enforcer)
hook.install([native.install(enforcer)])
failed = []
word = ctypes.create_string_buffer(b'x')
for call in (lambda: ctypes.CDLL(None), lambda: ctypes.pythonapi.Py_IsInitialized, lambda: ctypes.c_char.from_address(ctypes.addressof(word)),
             lambda: ctypes.string_at(ctypes.addressof(word))):
    try: call()
    except ImportError as error: failed.append(type(error).__name__)
print(failed, sorted({event['action'] for event in told}))
"""


@pytest.mark.pythons("3.8", "3.11", "3.13", "3.15")
def test_ctypes_that_was_loaded_before(python) -> None:
    done = subprocess.run([python.path, "-c", LOADED_BEFORE, ROOT / "bootstrap"], capture_output=True, text=True)
    assert done.stdout == f"{['NativeRefused'] * 4} ['call', 'load']\n", done.stderr
