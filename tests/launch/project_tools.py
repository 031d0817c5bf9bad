"""Tools that make environments for a project and run it there, and a project that all of them know."""

from __future__ import annotations

from typing import NamedTuple


class Tool(NamedTuple):
    """Commands, as typed in the project.

    at_once: installs what is missing, and runs the project
    install: the first alone
    run:     the second alone
    profile: that stands for the first
    """

    at_once: str
    install: str
    run: str
    profile: str = "project-install"


TOOLS = {
    "tox": Tool("tox", "tox run --notest", "tox run --skip-pkg-install"),
    "nox": Tool("nox", "nox --install-only", "nox -R"),
    "hatch": Tool("hatch run python use.py", "hatch env create", "hatch run python use.py", "managed-install"),
    "poetry": Tool("", "poetry install", "poetry run python use.py", "managed-install"),
}

USE = """\
import glob, json, os, socket, sys
[file] = glob.glob(sys.prefix + "/lib/python*/site-packages/probe_outcomes.json")
def internet(): socket.create_connection(("127.0.0.1", PORT), 5).close()
def secret(): open(os.path.expanduser("~/.ssh/id_rsa")).close()
def environment(): open(sys.prefix + "/by-the-project", "w").close()
def project(): open("by-the-project", "w").close()
for attempt in (internet, secret, environment, project):
    try:
        attempt()
        print("could:", attempt.__name__)
    except OSError:
        pass
print("built:", open(file).read())
"""
"""Says what it could do, and what the build of the package that it needs could."""

PROJECT = {
    "pyproject.toml": """\
[project]
name = "demo"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["probing"]
[tool.hatch.envs.default]
skip-install = true
dependencies = ["probing"]
[tool.poetry]
package-mode = false
[[tool.poetry.source]]
name = "here"
url = "http://127.0.0.1:PORT/simple/"
""",
    "tox.ini": "[tox]\nskipsdist = true\nenv_list = py\n[testenv]\ndeps = probing\npass_env = PYTHON_PROBE\ncommands = python use.py\n",
    "noxfile.py": """\
import nox

@nox.session
def tests(session):
    session.install("probing")
    session.run("python", "use.py")
""",
    "use.py": USE,
}

DEVELOPED = {
    "pyproject.toml": """\
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
[project]
name = "demo"
version = "1.0"
description = "imported from where it lies"
requires-python = ">=3.9"
dependencies = ["probing"]
[project.scripts]
say = "demo:main"
""",
    "demo.py": "def main():\n    print(__file__)\n",
    "use.py": USE,
}
"""One that its own environment has, in development mode."""
