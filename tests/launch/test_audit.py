"""`hermetic audit`, of real environments: what pip and uv make is accounted for, what somebody planted is not, and none of it is run."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Python, find_python
from launch.environments import UV, call, inherited
from launch.jobs import Jobs
from launch.staged import make_venv

SETUP = "from setuptools import setup; setup(name='demo', version='1', packages=['demo'], package_dir={'': 'src'})"
PLANTED = "open({!r}, 'w').close()"
SINCE_START_FILES = (3, 15)


@pytest.fixture
def env(jobs: Jobs) -> dict[str, str]:
    return jobs.environ()


@pytest.fixture
def place(python: Python, tmp_path: Path) -> Path:
    """A virtual environment with nothing in it."""
    make_venv(tmp_path / "env", python)
    return tmp_path / "env"


def audited(jobs: Jobs, env: dict[str, str], place: Path | str) -> tuple[int, list[tuple[str, str, str, str, bool]]]:
    """The exit code, and kind, file, owner, status of each row, and whether it runs."""
    done = jobs.native(jobs.hermetic, "audit", "--json", "--python", place, env=env)
    assert done.err == ""
    rows = json.loads(done.out)["rows"]
    return done.code, [(row["kind"], os.path.basename(row["path"]), row["owner"], row["status"], row["runs"]) for row in rows]


def site_of(place: Path) -> Path:
    return next(path for path in place.rglob("site-packages") if path.is_dir() and "lib64" not in path.parts)


def started(place: Path, env: dict[str, str]) -> None:
    subprocess.run([place / "bin/python", "-c", "pass"], env=env, check=True)


@pytest.mark.pythons("all")
def test_nothing_starts_with_a_new_environment(jobs: Jobs, env: dict[str, str], python: Python, tmp_path: Path) -> None:
    """As the standard library makes them."""
    place = tmp_path / "env"
    call(python.path, "-I", "-m", "venv", "--without-pip", str(place))
    assert audited(jobs, env, place) == (0, [])
    assert jobs.native(jobs.hermetic, "audit", "--python", place, env=env).out.endswith("nothing starts with it\n")


@pytest.mark.pythons("all")
@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "kind", "line"),
    [
        ("planted.pth", "code", "import os; "),
        ("sitecustomize.py", "sitecustomize", ""),
        ("sitecustomize/__init__.py", "sitecustomize", ""),
        ("nested.pth", "module", "import planted_module"),
    ],
)
def test_what_is_planted(jobs: Jobs, env: dict[str, str], place: Path, name: str, kind: str, line: str) -> None:
    """It runs when the interpreter starts, and not when it is audited."""
    marker = jobs.directory / "ran"
    file = site_of(place) / name
    file.parent.mkdir(exist_ok=True)
    code = PLANTED.format(str(marker))
    file.write_text(line + ("" if kind == "module" else code) + "\n")
    if kind == "module":
        file = site_of(place) / "planted_module.py"
        file.write_text(code)
    code_of_exit, rows = audited(jobs, env, place)
    assert (kind, file.name, "", "unowned", True) in rows
    assert code_of_exit == 1
    assert not marker.exists()
    started(place, env)
    assert marker.exists()
    printed = jobs.native(jobs.hermetic, "audit", "--python", place, env=env)
    assert (printed.code, printed.out.splitlines()[-1].endswith("not accounted for")) == (1, True)


@pytest.mark.pythons("3.14", "3.15")
def test_entry_points(jobs: Jobs, env: dict[str, str], place: Path, python: Python) -> None:
    """They run from 3.15 on, and then instead of the lines of code beside them; which is what the audit says."""
    marks = {name: jobs.directory / name for name in ("start", "line")}
    (site_of(place) / "a.start").write_text("planted_module:run\n")
    (site_of(place) / "planted_module.py").write_text(f"def run(): {PLANTED.format(str(marks['start']))}\n")
    (site_of(place) / "a.pth").write_text(f"import os; {PLANTED.format(str(marks['line']))}\n")
    code, rows = audited(jobs, env, place)
    new = python.version >= SINCE_START_FILES
    assert (code, {row[0]: row[4] for row in rows}) == (1, {"start": new, "code": not new, "module": new})
    assert not any(mark.exists() for mark in marks.values())
    started(place, env)
    assert {name: mark.exists() for name, mark in marks.items()} == {"start": new, "line": not new}


@pytest.mark.pythons("3.6", "3.11", "3.15")
@pytest.mark.parametrize("content", ["  import os; {}", "\ufeffimport os; {}", "# a\x0cimport os; {}", "# a\rimport os; {}"])
def test_a_line_that_runs_is_found(jobs: Jobs, env: dict[str, str], place: Path, content: str) -> None:
    """Versions differ in what they take for one; no line that any of them runs is passed over."""
    marker = jobs.directory / "ran"
    (site_of(place) / ".hidden.pth").write_bytes(content.format(PLANTED.format(str(marker))).encode())
    started(place, env)
    code, rows = audited(jobs, env, place)
    assert (code, rows) == (1, [("code", ".hidden.pth", "", "unowned", True)])


def project(directory: Path, *, legacy: bool = False) -> Path:
    (directory / "src/demo").mkdir(parents=True)
    (directory / "src/demo/__init__.py").touch()
    (directory / "setup.py").write_text(SETUP)
    if not legacy:
        (directory / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
        )
    return directory


EDITABLE = [*itertools.product(("3.8", "3.13"), ("pip", "uv"), ("plain", "strict"))]
LONG = [row for row in EDITABLE if len({*row} & {"3.13", "uv", "strict"}) % 2]
"""Each with each of the others is in the half that does not take its time."""


@pytest.mark.parametrize(
    ("name", "tool", "editable"), [pytest.param(*row, marks=[pytest.mark.soak] if row in LONG else []) for row in EDITABLE]
)
def test_editable_installs(jobs: Jobs, env: dict[str, str], tmp_path: Path, name: str, tool: str, editable: str) -> None:
    """A path, or with `strict` a finder that a line of code installs; both are the project's, and its RECORD has them."""
    place = tmp_path / "env"
    call(UV, "venv", "--quiet", "--seed", "--python", find_python(name).path, str(place))
    words = ["--config-settings", "editable_mode=strict"] if editable == "strict" else []
    installer = [str(place / "bin/python"), "-m", "pip", "install"] if tool == "pip" else [UV, "pip", "install", "--python", str(place)]
    call(*installer, "--quiet", *words, "--editable", str(project(tmp_path / "project")))
    code, rows = audited(jobs, env, place)
    assert code == 0, rows
    assert [row for row in rows if row[2:4] == ("demo 1", "accounted")]
    (file,) = site_of(place).glob("__editable__*demo*.pth")
    file.write_text(file.read_text() + "\nimport os\n")
    code, rows = audited(jobs, env, place)
    assert code == 1
    assert {row[3] for row in rows if row[1] == file.name} == {"altered"}


@pytest.mark.pythons("3.8")
def test_installs_of_old(jobs: Jobs, env: dict[str, str], tmp_path: Path, python: Python) -> None:
    """`setup.py develop` adds a line to a file that many share, and names the project in another one."""
    place = tmp_path / "env"
    call(UV, "venv", "--quiet", "--python", python.path, str(place))
    call(UV, "pip", "install", "--quiet", "--python", str(place), "pip<24", "setuptools<60", "wheel")
    installer = [str(place / "bin/python"), "-m", "pip", "install", "--no-use-pep517", "--quiet"]
    call(*installer, "--editable", str(project(tmp_path / "project", legacy=True)))
    code, rows = audited(jobs, env, place)
    assert code == 0, rows
    assert ("adds", "easy-install.pth", "demo (egg-link)", "accounted", True) in rows


@pytest.mark.pythons("3.8", "3.12")
def test_what_makers_of_environments_put_there(jobs: Jobs, env: dict[str, str], tmp_path: Path, python: Python) -> None:
    """uv and virtualenv write a `_virtualenv.pth` for older versions, into no RECORD; setuptools brings another."""
    for name, command in {
        "uv": [UV, "venv", "--quiet", "--seed"],
        "virtualenv": [sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update", "--no-seed"],
    }.items():
        call(*command, "--python", python.path, str(tmp_path / name))
        call(UV, "pip", "install", "--quiet", "--python", str(tmp_path / name), "setuptools>=60")
        code, rows = audited(jobs, env, tmp_path / name)
        assert code == 0, rows
        assert ("module", "__init__.py", "accounted") in [(kind, file, status) for kind, file, _, status, _ in rows]
        virtualenv = [file for _, file, owner, _, _ in rows if owner in ("uv", "virtualenv")]
        assert virtualenv == (["_virtualenv.pth", "_virtualenv.py"] if python.version < (3, 10) else [])


@pytest.mark.pythons("3.11")
def test_of_the_user(jobs: Jobs, tmp_path: Path, python: Python) -> None:
    """The user's own directory counts with the system's packages, and not without."""
    env = jobs.environ(HOME=tmp_path / "home")
    own = tmp_path / "home/.local/lib/python3.11/site-packages"
    own.mkdir(parents=True)
    marker = tmp_path / "ran"
    (own / "usercustomize.py").write_text(PLANTED.format(str(marker)))
    for name, words in (("alone", []), ("with", ["--system-site-packages"])):
        subprocess.run([python.path, "-I", "-m", "venv", "--without-pip", *words, tmp_path / name], env=inherited(), check=True)
        _, rows = audited(jobs, env, tmp_path / name)
        assert [row for row in rows if row[0] == "usercustomize"] == (
            [("usercustomize", "usercustomize.py", "", "unowned", True)] if words else []
        )
        started(tmp_path / name, env)
        assert marker.exists() is bool(words)


def test_refuses(jobs: Jobs, env: dict[str, str]) -> None:
    for words in (["--python", "/nowhere"], ["--python", "/bin/true"], ["more"], ["--no-network"]):
        done = jobs.native(jobs.hermetic, "audit", *words, env=env)
        assert (done.code, done.out, done.err.count("\n")) == (127 if "/nowhere" in words else 125, "", 1)
        assert done.err.startswith("hermetic: ")
