"""`scripts/hermetic`, the command from a checkout: makes its own environment, once, and runs nobody else's modules."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("pyproject.toml", "README.md", "LICENSE", "hermetic", "bootstrap", "scripts")
BAIT = "import os; 'CANARY' in os.environ and open(os.environ['CANARY'], 'a').write({0!r} + ' ')\n"


def run(*command, **options):
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 600} | options
    return subprocess.run([str(word) for word in command], **options)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A checkout that was never used, in a path that needs quoting. Its extra for tests is small, for speed."""
    directory = tmp_path_factory.mktemp("copies") / "a user's checkout, 100% new"
    directory.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, directory / name)
    project = directory / "pyproject.toml"
    project.write_text(re.sub(r"^test = \[.*?^\]", "test = ['pytest>=8']", project.read_text(), flags=re.DOTALL | re.MULTILINE))
    assert "test = ['pytest>=8']" in project.read_text()
    return directory


@pytest.fixture(scope="module")
def first_use(fresh, tmp_path_factory):
    """The first use: four at once, by someone who stands among a stranger's modules and has them on PYTHONPATH, too."""
    hostile = tmp_path_factory.mktemp("hostile")
    for name in ("click", "ensurepip", "hermetic", "pip", "runpy", "sitecustomize", "tomllib", "venv"):
        (hostile / f"{name}.py").write_text(BAIT.format(name))
    canary = hostile / "canary"
    environ = os.environ | {"CANARY": str(canary), "PYTHONPATH": str(hostile), "CDPATH": str(hostile)}
    start = (fresh / "scripts/hermetic", "--version")
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(run, *start, cwd=hostile, env=environ) for _ in range(4)]
        return hostile, environ, [future.result() for future in runs]


def test_first_use(first_use, fresh):
    """It is made once, says so on stderr, and all who wait get what they asked for on stdout."""
    _, _, runs = first_use
    for done in runs:
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("hermetic ")
    told = "".join(done.stderr for done in runs)
    assert told.count("making .venv") == 1
    assert (fresh / ".venv/stamp").exists()


def test_first_use_installs_what_is_needed_to_run(first_use, fresh):
    """The checks' tools come with the first use of a script that needs them, once, and leave hermetic as it is."""
    site, note = next((fresh / ".venv").glob("lib/python3*/site-packages")), fresh / ".venv/bin/hermetic"
    assert (site / "click").is_dir()
    assert not (site / "pytest").exists()
    made = note.stat().st_mtime_ns
    with ThreadPoolExecutor() as pool:
        runs = [future.result() for future in [pool.submit(run, fresh / "scripts/test", "--version", cwd=fresh) for _ in range(3)]]
    assert {(done.returncode, done.stdout) for done in runs} == {(0, runs[0].stdout)}, runs
    assert re.fullmatch(r"pytest [\d.]+\n", runs[0].stdout)
    assert "".join(done.stderr for done in runs) == "scripts/environment: adding what the checks need, this once\n"
    assert run(fresh / "scripts/test", "--version").stderr == run(fresh / "scripts/hermetic", "--version").stderr == ""
    assert note.stat().st_mtime_ns == made


def test_nothing_of_a_stranger_is_imported(first_use, fresh):
    """Neither while the environment is made nor afterwards, nor by a .pth file in that environment."""
    hostile, environ, _ = first_use
    canary = hostile / "canary"
    assert not canary.exists(), canary.read_text()
    site = next((fresh / ".venv").glob("lib/python3*/site-packages"))
    (site / "aaa_canary.pth").write_text(BAIT.format("pth"))
    done = run(fresh / "scripts/hermetic", "--help", cwd=hostile, env=environ)
    assert "Usage: hermetic" in done.stdout
    assert not canary.exists()
    run(fresh / ".venv/bin/python", "-c", "import click, tomllib, venv", cwd=hostile, env=environ)
    assert {"pth", "sitecustomize", "click", "tomllib", "venv"} <= set(canary.read_text().split())
    canary.unlink()


def test_later_uses_are_quiet(first_use, fresh, tmp_path):
    """From anywhere, through links, by a relative path: nothing is made anew and nothing is said."""
    (tmp_path / "link").symlink_to(fresh / "scripts/hermetic")
    (tmp_path / "chain").symlink_to("link")
    (tmp_path / "tools").symlink_to(fresh / "scripts")
    starts = [
        ([tmp_path / "link"], {}),
        ([tmp_path / "chain"], {"cwd": "/"}),
        (["tools/hermetic"], {"cwd": tmp_path}),
        (["scripts/hermetic"], {"cwd": fresh}),
        (["sh", "hermetic"], {"cwd": fresh / "scripts"}),
        (["link"], {"env": os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}}),
    ]
    for start, options in starts:
        done = run(*start, "--version", **options)
        assert (done.returncode, done.stderr) == (0, ""), start
        assert done.stdout.startswith("hermetic "), start


@pytest.mark.soak
def test_changed_project_is_installed_anew(first_use, fresh):
    stamp = (fresh / ".venv/stamp").read_text()
    with open(fresh / "pyproject.toml", "a") as file:
        file.write("\n# changed\n")
    done = run(fresh / "scripts/hermetic", "--version")
    assert (done.returncode, "changed" in done.stderr) == (0, True), done.stderr
    assert (fresh / ".venv/stamp").read_text() != stamp
    assert run(fresh / "scripts/hermetic", "--version").stderr == ""


@pytest.mark.soak
def test_tools_are_looked_at_anew_by_whom_they_are_for(first_use, fresh):
    """After a change of the project hermetic itself comes first, and alone."""
    with open(fresh / "pyproject.toml", "a") as file:
        file.write("\n# changed again\n")
    told = [run(fresh / "scripts" / name, "--version").stderr for name in ("hermetic", "test", "test", "hermetic")]
    assert ["changed" in told[0], "adding" in told[0], told[1].count("adding"), *told[2:]] == [True, False, 1, "", ""], told


@pytest.mark.soak
def test_moved_checkout_is_made_anew(first_use, fresh, tmp_path):
    """What is in an environment names the directory it was made in."""
    moved = tmp_path / "moved"
    shutil.copytree(fresh, moved, symlinks=True)
    told = [run(moved / "scripts" / name, "--version").stderr for name in ("hermetic", "hermetic", "test", "test")]
    assert ["making .venv" in told[0], told[1], told[2].count("adding"), told[3]] == [True, "", 1, ""], told
    assert str(fresh) not in (moved / ".venv/bin/pytest").read_text()


@pytest.mark.soak
def test_failure_leaves_no_stamp(first_use, fresh):
    """What cannot be installed ends with 125, and the next use tries again."""
    project = (fresh / "pyproject.toml").read_text()
    (fresh / "pyproject.toml").write_text(project + "[[[\n")
    done = run(fresh / "scripts/hermetic", "--version")
    assert (done.returncode, done.stdout) == (125, "")
    assert not (fresh / ".venv/stamp").exists()
    (fresh / "pyproject.toml").write_text(project)
    assert run(fresh / "scripts/hermetic", "--version").returncode == 0


def test_no_python_to_make_it_with(fresh, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(fresh, copy, ignore=shutil.ignore_patterns(".venv*"))
    done = run(copy / "scripts/hermetic", "--version", env=os.environ | {"PYTHON": "python3.99"})
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "scripts/environment: there is no python3.99 on PATH\n"
