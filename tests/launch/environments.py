"""Virtual environments with real tools, made once for all workers of a session from the machine's own package configuration."""

import contextlib
import fcntl
import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))


class Recipe(NamedTuple):
    """python: as find_python names it; pip: a requirement, "" for the version its Python brings; packages: what else is installed.

    large: so much that programs had better compile what they import of it.
    """

    python: str
    pip: str
    packages: tuple[str, ...]
    large: bool = False


SUITES = "attrs click cloudpickle flit_core freezegun hatchling hatch-fancy-pypi-readme hatch-vcs hypothesis pretend pytest tomli_w".split()
EVERYDAY = "celery coverage debugpy flask gunicorn numpy pandas pytest pytest-xdist uvicorn".split()
CLIENTS = "aiohttp dnspython grpcio httpx[http2] hypercorn psycopg[binary] proxy.py pycares pypiserver requests trustme urllib3 uv websockets".split()
PROFILES = "black build flake8 flit_core freezegun httpie ipykernel isort mypy nbconvert pylint pytest ruff setuptools".split()
PROJECT_TOOLS = ("hatch", "nox", "poetry", "tox", "virtualenv<21")  # the last hatch for 3.9 knows no later one
BLOCKS = "anyio black cloudpickle distributed pyright requests trio".split()
RUNTIME = ("click", "packaging", "platformdirs", "virtualenv")
"""What hermetic needs itself."""

PLUGIN = ("anyio", "httpx", "pytest-asyncio", "pytest-cov", "pytest-xdist", "starlette", *RUNTIME)
COMPILED = ("black", "markupsafe", "simplejson")
"""Packages whose wheels have extension modules: the first has each of its modules in Python as well, the others have code for when they are not
there."""

RECIPES = {
    "3.8": Recipe("3.8", "", ("build", "pytest")),
    "3.11": Recipe("3.11", "", ("httpie", "pytest", "tox", "virtualenv")),
    "3.13": Recipe("3.13", "", ("build", "pytest", "pytest-xdist")),
    "3.9": Recipe("3.9", "", ()),
    "pypy3.9": Recipe("pypy3.9", "", ()),
    "compiled 3.8": Recipe("3.8", "", COMPILED),
    "compiled 3.11": Recipe("3.11", "", COMPILED),
    "compiled 3.13": Recipe("3.13", "", COMPILED),
    "oldest pip": Recipe("3.8", "pip==20.3.4", ("setuptools<60",)),
    "newest pip": Recipe("3.13", "pip>=26.3", ()),
    **{f"everyday {version}": Recipe(version, "", tuple(EVERYDAY), large=True) for version in ("3.8", "3.11", "3.13")},
    **{f"jupyter {version}": Recipe(version, "", ("jupyter-console",), large=True) for version in ("3.11", "3.13")},
    **{f"suites {version}": Recipe(version, "", tuple(SUITES), large=True) for version in ("3.11", "3.13")},
    "jupyter server": Recipe("3.11", "", ("jupyter-server",), large=True),
    "clients": Recipe("3.11", "", tuple(CLIENTS)),
    **{f"profiles {version}": Recipe(version, "", tuple(PROFILES), large=True) for version in ("3.9", "3.13")},
    **{f"project tools {version}": Recipe(version, "", PROJECT_TOOLS, large=True) for version in ("3.9", "3.13")},
    **{f"blocks {version}": Recipe(version, "", tuple(BLOCKS), large=True) for version in ("3.11", "3.13")},
    **{f"plugin {version}": Recipe(version, "", ("pytest", *PLUGIN)) for version in ("3.11", "3.13")},
    "plugin oldest": Recipe("3.11", "", ("pytest==8.0.*", "pytest-xdist==3.6.*", *RUNTIME)),
    "archives": Recipe("3.11", "", ("pex==2.105.2", "shiv")),
}


class Environment(NamedTuple):
    """A virtual environment: its directory, and the interpreter it was made with."""

    path: Path
    base: str

    @property
    def bin(self):
        return self.path / "bin"

    @property
    def python(self):
        return str(self.bin / "python")

    def ask(self, code):
        """What a line of Python prints in it."""
        done = subprocess.run([self.python, "-I", "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.rstrip("\n")

    def version(self, distribution):
        """`Name version`, as metadata has it."""
        return f"{distribution} " + self.ask(f"import {distribution}; print({distribution}.__version__)")

    def title(self, distribution):
        """The same, with the name as it is written there."""
        return self.ask(f"from importlib.metadata import metadata; m = metadata({distribution!r}); print(m['Name'], m['Version'])")


class Environments:
    """Makes each environment when it is first wanted. `directory` is shared by all workers."""

    def __init__(self, directory):
        self.directory = directory

    def copy(self, name, path):
        """One that a test may change, at `path`: pip and its bytecode are there already."""
        made = self.get(name)
        return copied(made, Environment(Path(path), made.base))

    def get(self, name):
        recipe = RECIPES[name]
        environment = Environment(self.directory / name.replace(" ", "-"), find_python(recipe.python))
        with open(f"{environment.path}.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (environment.path / "made").exists():
                make(environment, recipe)
                (environment.path / "made").touch()
        return environment


@contextlib.contextmanager
def locked_tools(directory):
    """What all workers make once is made by one."""
    with open(directory / "tools.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def find_python(name):
    """The path of the interpreter that scripts/pythons knows by this name."""
    return call(sys.executable, "-IS", str(ROOT / "scripts/pythons"), "--required", name).partition(" ")[2].rstrip("\n")


def make(environment, recipe):
    call(UV, "venv", "--quiet", "--python", environment.base, str(environment.path))
    pip = recipe.pip or "pip==" + environment.ask("import ensurepip; print(ensurepip.version())")
    compiled = [] if recipe.large else ["--compile-bytecode"]
    call(UV, "pip", "install", "--quiet", *compiled, "--python", environment.python, pip, *recipe.packages)


def copied(made, new):
    """A second one like it, for a test to change. The library is linked to: installers take files away and put others there, and write into none."""
    new.path.mkdir(parents=True)
    for path in made.path.rglob("*"):
        place = path.relative_to(made.path)
        if path.is_symlink():
            (new.path / place).symlink_to(path.readlink())
        elif path.is_dir():
            (new.path / place).mkdir()
        elif place.parts[0] == "lib":
            (new.path / place).hardlink_to(path)
        else:
            (new.path / place).write_bytes(path.read_bytes().replace(bytes(made.path), bytes(new.path)))
            (new.path / place).chmod(path.stat().st_mode)
    return new


def call(*command):
    """Run a command that has to succeed, with the configuration the machine has for installers."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=inherited())
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def inherited():
    """Our environment without what an interpreter or a venv is told by it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "PYENV"))}
