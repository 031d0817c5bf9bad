"""The command starts in its own interpreter and imports its own packages only, however installed and wherever called.

Each canary has a control: the same bait, swallowed by a Python that is started as anyone would start it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "hermetic", "bootstrap")
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
LIB = f"lib/{VERSION}"

HOSTILE = ("click", "json", "runpy", "sitecustomize", "tomllib")
"""Names hermetic or CPython imports; `hermetic` itself is added where nothing of ours is to be found by `-m`."""

LAYOUTS = {
    "pip": "venv",
    "pip-editable": "a venv with spaces",
    "uv": "/".join(["longer than the 127 bytes that a kernel may take for a first line"] * 3),
    "uv-editable": "a venv's name with ünïcode, 100%",
}
"""Each way of installing, and a directory that this way must be able to live with."""


class Installation(NamedTuple):
    prefix: Path

    @property
    def command(self):
        return self.prefix / "bin/hermetic"

    @property
    def python(self):
        return self.prefix / "bin/python"

    @property
    def site(self):
        return self.prefix / LIB / "site-packages"


def run(*command, check=True, **options):
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300} | options
    done = subprocess.run([str(word) for word in command], **options)
    assert not check or done.returncode == 0, done.stderr
    return done


def copy_of_checkout(directory):
    directory.mkdir(parents=True)
    for name in SHIPPED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, directory / name)
    return directory


def uv(*arguments, **options):
    return run(Path(sys.executable).with_name("uv"), *arguments, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory, cwd=ROOT)
    return next(directory.glob("*.whl"))


def install(how, what, prefix):
    """Install hermetic into a new environment, as its user would."""
    installer, _, editable = how.partition("-")
    what = ["--editable", what] if editable else [what]
    python = prefix / "bin/python"
    uv("venv", "--quiet", "--python", sys.executable, prefix)
    if installer == "uv":
        uv("pip", "install", "--quiet", "--python", python, *what)
    else:
        if editable:  # pip would make an environment for the build each time
            uv("pip", "install", "--quiet", "--python", python, "hatchling")
            what = ["--no-build-isolation", *what]
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", *what)
    return Installation(prefix)


@pytest.fixture(scope="module", params=LAYOUTS)
def installation(request, wheel, tmp_path_factory):
    """hermetic in an environment of its own whose .pth file writes into the file named by CANARY, where that is set."""
    how = request.param
    directory = tmp_path_factory.mktemp(how)
    what = copy_of_checkout(directory / "a checkout of 100% ünïcode") if how.endswith("-editable") else wheel
    made = install(how, what, directory / LAYOUTS[how])
    (made.site / "aaa_canary.pth").write_text(f"import os; {bait('pth')}\n")
    return made


def bait(name):
    """A line of Python that leaves `name` in the file that the environment variable CANARY names."""
    return f"'CANARY' in os.environ and open(os.environ['CANARY'], 'a').write('{name} ')"


class Canary:
    """A file that bait writes into, and the environment that tells bait of it."""

    def __init__(self, path):
        self.path = path
        self.environ = os.environ | {"CANARY": str(path)}

    def sang(self):
        """What was imported since the last time."""
        names = self.path.read_text().split() if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return names


@pytest.fixture
def canary(tmp_path):
    return Canary(tmp_path / "canary")


@pytest.fixture
def hostile(tmp_path):
    """A directory with modules that are named as what a careless start would import."""
    directory = tmp_path / "hostile"
    directory.mkdir()
    for name in HOSTILE:
        (directory / f"{name}.py").write_text(f"import os\n{bait(name)}\n")
    return directory


def controlled(python, canary, hostile, **where):
    """The control: what of the bait a plain Python swallows. Frozen modules are switched off: `runpy` is one."""
    code = f"import {', '.join(name for name in HOSTILE if name != 'sitecustomize')}"
    run(python, "-X", "frozen_modules=off", "-c", code, check=False, **where)
    return canary.sang()


def places(canary, hostile):
    """Where a stranger may put modules in the way: as options for `run`."""
    return {
        "working directory": {"cwd": hostile, "env": canary.environ},
        "PYTHONPATH": {"cwd": hostile.parent, "env": canary.environ | {"PYTHONPATH": str(hostile)}},
        "PYTHONPATH, relative": {"cwd": hostile, "env": canary.environ | {"PYTHONPATH": ":."}},
    }


@pytest.mark.parametrize("place", ["working directory", "PYTHONPATH", "PYTHONPATH, relative"])
def test_command_imports_nothing_of_a_stranger(installation, canary, hostile, place):
    (hostile / "hermetic.py").write_text(f"import os\n{bait('hermetic')}\n")
    where = places(canary, hostile)[place]
    control = controlled(installation.python, canary, hostile, **where)
    assert {"pth", "click"} <= set(control)
    for start in ([installation.command], [installation.python, installation.command]):
        expected = [] if len(start) == 1 else [name for name in ("pth", "sitecustomize") if name in control]
        assert "Usage: hermetic" in run(*start, "--help", **where).stdout
        assert run(*start, "run", "--no-such-flag", check=False, **where).returncode == 125
        assert set(canary.sang()) == set(expected)


def test_control_of_every_module(installation, canary, hostile):
    assert {"pth", *HOSTILE} <= set(controlled(installation.python, canary, hostile, **places(canary, hostile)["PYTHONPATH"]))


@pytest.mark.parametrize("place", ["working directory", "PYTHONPATH"])
def test_module_imports_nothing_of_a_stranger(installation, canary, hostile, place):
    """`python -m hermetic`: what CPython itself runs before our first line runs once, and nothing foreign after it."""
    where = places(canary, hostile)[place]
    for flags in ([], ["-I"]):
        run(installation.python, *flags, "-c", "pass", **where)
        unavoidable = canary.sang()
        assert set(unavoidable) <= {"pth", "sitecustomize"}
        assert "Usage: hermetic" in run(installation.python, *flags, "-m", "hermetic", "--help", **where).stdout
        assert canary.sang() == unavoidable


def test_module_is_found_by_cpython(installation, canary, hostile):
    """Where `-m` looks is CPython's to say: a `hermetic.py` in the working directory is run instead of ours."""
    (hostile / "hermetic.py").write_text(f"import os\n{bait('hermetic')}\n")
    where = places(canary, hostile)["working directory"]
    assert run(installation.python, "-m", "hermetic", "--help", **where).stdout == ""
    assert "hermetic" in canary.sang()
    assert "Usage: hermetic" in run(installation.python, "-P", "-m", "hermetic", "--help", **where).stdout
    assert "hermetic" not in canary.sang()


@pytest.mark.pythons("3.8")
@pytest.mark.parametrize("start", ["command", "module"])
def test_launch_imports_nothing_of_a_stranger(installation, canary, hostile, python, start):
    """On the way to a run, too; the target is another interpreter, whose own .pth lines are not the question here."""
    target = ["exec", "--no-network", "--python", python.path, "-c", "print('target')"]
    command = [installation.command] if start == "command" else [installation.python, "-m", "hermetic"]
    done = run(*command, *target, **places(canary, hostile)["working directory"])
    assert done.stdout == "target\n"
    assert set(canary.sang()) == ({"pth"} if start == "module" else set())


def test_nothing_needless_is_imported(installation):
    """Between the user and the launch stand no site, no click, nothing that takes longer than hermetic itself."""
    start = [installation.python, "-I", "-S", "-X", "importtime", installation.command]
    lines = run(*start, "run", check=False).stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines}
    assert {"os", "hermetic.__main__", "hermetic.options"} <= loaded
    assert not loaded & {"site", "click", "json", "re", "typing", "pathlib", "importlib.util", "sysconfig", "tomllib"}


def links(command, directory):
    """The command, reached in every way that is not its own path: (what is called, options for `run`)."""
    directory.mkdir()
    (directory / "absolute").symlink_to(command)
    (directory / "chain").symlink_to("absolute")
    (directory / "relative name").symlink_to(os.path.relpath(command, directory))
    (directory / "venv").symlink_to(command.parent.parent)
    yield [directory / "absolute"], {}
    yield [directory / "chain"], {}
    yield [directory / "relative name"], {}
    yield ["./relative name"], {"cwd": directory}
    yield [directory / "venv/bin/hermetic"], {}
    yield ["absolute"], {"env": os.environ | {"PATH": f"{directory}:{os.environ['PATH']}"}}
    yield ["hermetic"], {"env": os.environ | {"PATH": f"bin:{os.environ['PATH']}"}, "cwd": command.parent.parent}
    yield ["sh", "hermetic"], {"cwd": command.parent}
    yield [sys.executable, directory / "chain"], {}


def test_command_reached_in_other_ways(installation, tmp_path):
    for start, options in links(installation.command, tmp_path / "links"):
        assert run(*start, "--version", **options).stdout.startswith("hermetic "), start


def test_arguments_arrive_as_they_are(installation):
    done = run(installation.command, "--no-such\n'flag' \\n $(x) *", check=False)
    assert done.returncode == 125
    assert "--no-such\\n'flag'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.pythons("3.12", "3.13", "3.14", "3.15")
def test_newer_interpreters(python, wheel, tmp_path, canary):
    """3.14 finds the layout of a virtual environment without site: nothing may be missing, or run after all."""
    uv("venv", "--quiet", "--python", python.path, tmp_path / "venv")
    made = Installation(tmp_path / "venv")
    uv("pip", "install", "--quiet", "--python", made.python, wheel)
    site = next(made.prefix.glob("lib/python3*/site-packages"))
    (site / "aaa_canary.pth").write_text(f"import os; {bait('pth')}\n")
    assert "Usage: hermetic" in run(made.command, "--help", env=canary.environ).stdout
    assert canary.sang() == []
    assert run(made.python, "-m", "hermetic", "--version", env=canary.environ).stdout.startswith("hermetic ")
    assert "pth" in canary.sang()


def test_tools_of_a_stranger_on_path(installation, tmp_path, canary):
    """Neither readlink, the only program started besides Python, nor Python is looked for on the user's PATH."""
    link = tmp_path / "hermetic"
    link.symlink_to(installation.command)
    for name in ("readlink", "dirname", "python", "python3", VERSION):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} >> "$CANARY"\n')
        program.chmod(0o755)
    environ = canary.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert run("hermetic", "--version", env=environ).stdout.startswith("hermetic ")
    assert canary.sang() == []
    run("readlink", env=environ)
    assert canary.sang() == ["readlink"]


def interpreter(prefix):
    """A Python with an empty site-packages of its own, and the standard library of the one we run on."""
    stdlib = Path(os.__file__).parent
    (prefix / LIB / "site-packages").mkdir(parents=True)
    for entry in stdlib.iterdir():
        if entry.name != "site-packages":
            (prefix / LIB / entry.name).symlink_to(entry)
    (prefix / "bin").mkdir()
    shutil.copy(sys.base_prefix + "/bin/" + VERSION, prefix / "bin")
    (prefix / "bin/python").symlink_to(VERSION)
    return Installation(prefix)


def test_dependencies_that_were_there(wheel, tmp_path, canary):
    """An installer does not bring what the interpreter has: hermetic finds click there, and still runs no .pth line."""
    base = interpreter(tmp_path / "base")
    uv("pip", "install", "--quiet", "--break-system-packages", "--python", base.python, wheel)
    (base.site / "aaa_canary.pth").write_text(f"import os; {bait('pth')}\n")
    sharing, bare = Installation(tmp_path / "sharing"), Installation(tmp_path / "bare")
    run(base.python, "-m", "venv", "--without-pip", "--system-site-packages", sharing.prefix)
    run(base.python, "-m", "venv", "--without-pip", bare.prefix)
    for made in (sharing, bare):
        uv("pip", "install", "--quiet", "--no-deps", "--python", made.python, wheel)
    for made in (base, sharing):
        run(made.python, "-c", "pass", env=canary.environ)
        assert "pth" in canary.sang()
        assert "Usage: hermetic" in run(made.command, "--help", env=canary.environ).stdout
        assert canary.sang() == []
    done = run(bare.command, "--help", check=False)
    assert (done.returncode, done.stderr) == (
        125,
        "hermetic: its installation is incomplete: No module named 'click'\n",
    )


@pytest.mark.parametrize("kind", ["site", "dist"])
def test_prefix_installation(wheel, tmp_path, kind):
    """`pip install --user` and `--prefix` put no Python beside the command; /usr/bin may have one of its version."""
    run(sys.executable, "-m", "pip", "install", "--quiet", "--prefix", tmp_path, wheel, "--ignore-installed")
    made = Installation(tmp_path)
    made.site.rename(tmp_path / LIB / f"{kind}-packages")
    found = any(os.access(f"{directory}/{VERSION}", os.X_OK) for directory in ("/usr/local/bin", "/usr/bin"))
    done = run(made.command, "--version", check=False)
    assert (done.returncode, done.stdout[:9]) == ((0, "hermetic ") if found else (125, ""))
    (tmp_path / f"bin/{VERSION}").symlink_to(sys.executable)
    assert run(made.command, "--version").stdout.startswith("hermetic ")


def test_no_python_of_that_version(tmp_path):
    """One line, and 125: never some other Python."""
    command = tmp_path / "bin/hermetic"
    command.parent.mkdir()
    shutil.copy(ROOT / "hermetic/_entry/hermetic", command)
    lost = run(command, check=False)
    (tmp_path / "lib/python3.99/site-packages/hermetic-1.dist-info").mkdir(parents=True)
    alone = run(command, check=False)
    assert (lost.returncode, alone.returncode) == (125, 125)
    assert lost.stderr == "hermetic: cannot start: it is not installed where this command is\n"
    assert alone.stderr == "hermetic: cannot start: no python3.99 beside it, in /usr/local/bin or in /usr/bin\n"


ANSWERED = [
    ["--help"],
    ["--version"],
    ["exec", "--help"],
    ["completion", "bash"],
    ["doctor"],
    ["doctor", "--json"],
    ["why", "--help"],
    ["audit", "--help"],
]


@pytest.mark.parametrize("words", ANSWERED, ids=" ".join)
def test_full_disk(hermetic_command, words):
    with open("/dev/full", "w") as full:
        done = run(hermetic_command, *words, check=False, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (125, "hermetic: the answer cannot be written: No space left on device\n")


@pytest.mark.parametrize("words", ANSWERED, ids=" ".join)
def test_reader_that_has_gone(hermetic_command, words):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(hermetic_command, *words, check=False, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode != 0, done.stderr) == (True, "")


def test_damaged_installation(wheel, tmp_path):
    made = install("uv", wheel, tmp_path / "venv")
    shutil.rmtree(made.site / "hermetic")
    done = run(made.command, "--version", check=False)
    assert (done.returncode, done.stderr) == (125, "hermetic: cannot start: No module named 'hermetic'\n")


ENDING = """
import atexit, sys
sys.path[:0] = {path!r}
from hermetic import __main__
atexit.register(print, "taken apart")
__main__.main = lambda: print("said") or 3
__main__.program()
"""


def test_the_end_takes_nothing_apart():
    """What was printed is there; where it cannot be written, the interpreter says so as ever."""
    command = [sys.executable, "-I", "-c", ENDING.format(path=[entry for entry in sys.path if entry])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "said\n", "")
    with open("/dev/full", "w") as full:
        failed = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert failed.returncode == 120
    assert "No space left on device" in failed.stderr
