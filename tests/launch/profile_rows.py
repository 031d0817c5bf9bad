"""Built-in profiles: what each lets a program do, and the real tools that each is for."""

from __future__ import annotations

from typing import NamedTuple

ATTEMPT = """
import os, socket, subprocess, sys
home, here = os.path.expanduser("~"), os.path.dirname(os.path.abspath(__file__))
def localhost(): socket.create_connection(("127.0.0.1", 8000), 5).close()
def internet(): socket.create_connection(("8.8.4.4", 443), 5).close()
def project(): open(here + "/new.txt", "w").close()
def cache(): open(here + "/.pytest_cache/new.txt", "w").close()
def hook(): open(here + "/.git/hooks/new", "w").close()
def startup(): open(home + "/.bashrc", "a").close()
def outside(): open(home + "/new.txt", "w").close()
def secret(): open(home + "/.ssh/id_rsa").close()
def elsewhere(): open(home + "/notes.txt").close()
def process(): subprocess.run([sys.executable, "-c", ""], check=True)
def variable(): os.environ["SERVICE_TOKEN"]
def native(): import ctypes
for attempt in (localhost, internet, project, cache, hook, startup, outside, secret, elsewhere, process, variable, native):
    try:
        attempt()
        print("could:", attempt.__name__, flush=True)
    except (OSError, KeyError, ImportError, subprocess.CalledProcessError):
        pass

def plugin(version):
    from mypy.plugin import Plugin
    return Plugin
"""
"""Prints what it could do, in a network of attempt_world.py. Also a plug-in of mypy's."""

SETUP = "import setuptools\n__file__ = __import__('os').path.abspath('attempt.py')\nexec(open(__file__).read())\nsetuptools.setup()\n"


class Inside(NamedTuple):
    """How a tool is made to run the attempt by itself, as it runs what comes with a project.

    command: as typed there
    files:   by which the tool is led to it
    """

    command: str
    files: dict[str, str]


INSIDE = {
    "pytest": Inside("pytest -q -s -p no:randomly", {"conftest.py": "import attempt\n"}),
    "lint": Inside("mypy demo.py", {"mypy.ini": "[mypy]\nplugins = ./attempt.py\n"}),
    "build": Inside("python -m build --no-isolation --wheel", {"setup.py": SETUP}),
    "notebook": Inside("python kernel.py import attempt", {}),
}
"""By profile; of others it is a program."""

EVERYTHING = frozenset("localhost internet project cache hook startup outside secret elsewhere process variable native".split())
DEFAULT = frozenset("project cache elsewhere process native".split())
ALLOWED = {
    "default": DEFAULT,
    "pytest": DEFAULT - {"project"} | {"localhost"},
    "lint": DEFAULT - {"project", "cache"},
    "format": DEFAULT,
    "build": DEFAULT,
    "pip-install": DEFAULT - {"project", "cache"},
    "tool-install": DEFAULT - {"project", "cache"},
    "install-and-run": DEFAULT,
    "project-install": DEFAULT,
    "managed-install": DEFAULT,
    "project-run": DEFAULT,
    "project-install-and-run": DEFAULT,
    "notebook": DEFAULT | {"localhost"},
    "http-client": DEFAULT | {"localhost"},
    "llm-code": frozenset({"project", "cache", "native"}),
    "grader": frozenset({"native"}),
    "net-hermetic": EVERYTHING - {"internet"},
    "exec-deny": EVERYTHING - {"process"},
    "fs-readonly": EVERYTHING - {"project", "cache", "hook", "startup", "outside"},
    "block-native": EVERYTHING - {"native"},
    "block-all": frozenset({"secret", "elsewhere", "variable"}),
}
"""By profile, what of this it allows. `http-client` reaches names, which have no addresses there."""

FOR_PYTHON_ALONE = frozenset({"native"})
"""What the kernel has no part in."""

PROJECT = {
    "pyproject.toml": "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    "[project]\nname = 'demo'\nversion = '1.0'\n[tool.setuptools]\npy-modules = ['demo']\n",
    "demo.py": "import os\nimport sys\n\ndef double( x ):\n    return  x*2\n\nprint(double(21))\n",
    "test_demo.py": "import demo\n\ndef test_double(tmp_path):\n    (tmp_path / 'x').write_text('x')\n    assert demo.double(2) == 4\n",
    "data.csv": "name,value\na,2\nb,4\n",
    "analyse.py": """
import argparse, collections, concurrent.futures, csv, datetime, decimal, json, logging, statistics, tempfile
parser = argparse.ArgumentParser()
parser.add_argument("--input")
with open(parser.parse_args().input, newline="") as file:
    rows = list(csv.DictReader(file))
with concurrent.futures.ThreadPoolExecutor() as pool:
    values = list(pool.map(lambda row: int(row["value"]), rows))
with tempfile.NamedTemporaryFile("w") as file:
    file.write("temporary")
print(json.dumps({"mean": statistics.mean(values), "names": collections.Counter(row["name"] for row in rows)}))
""",
    "note.ipynb": """{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [],
 "source": ["print('product', 6 * 7); open('made.txt', 'w').write('made')"]}],
 "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}""",
    "kernel.py": """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3")
try:
    code = " ".join(sys.argv[1:]) or "print('product', 6 * 7)"
    client.execute_interactive(code, timeout=60, output_hook=lambda message: print(message["content"].get("text", "")))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
""",
}
"""A project that there is something to do with."""


class Row(NamedTuple):
    """A tool at work.

    command: as typed in the project; PORT is a server's, UV the path of uv
    prints:  what stands in its output
    options: what it is run with, where its name does not choose the profile
    changes: the file that is another one afterwards, or is there; the directory in which there is something
    refused: what it asks for and does without, in both layers
    """

    profile: str
    command: str
    prints: str = ""
    options: tuple[str, ...] = ()
    changes: str = ""
    refused: frozenset[str] = frozenset()


ROWS = [
    Row("pytest", "pytest -q -p no:randomly", "1 passed", changes=".pytest_cache/v/cache/nodeids"),
    Row("pytest", "python -m unittest demo", "Ran 0 tests"),
    Row("lint", "ruff check demo.py", "F401", changes=".ruff_cache/CACHEDIR.TAG"),
    Row("lint", "black --check demo.py", "1 file would be reformatted"),
    Row("lint", "ruff format --check demo.py", "1 file would be reformatted"),
    Row("lint", "mypy demo.py", "Success: no issues found", changes=".mypy_cache"),
    Row("lint", "flake8 demo.py", "F401"),
    Row("lint", "pylint demo.py", "unused-import"),
    Row("format", "black -q demo.py", changes="demo.py"),
    Row("format", "isort --fss demo.py test_demo.py"),
    Row("format", "ruff format demo.py", "1 file reformatted", changes="demo.py"),
    Row("format", "ruff check --fix demo.py", "2 fixed", changes="demo.py"),
    Row("build", "python -m build --no-isolation", "Successfully built", changes="dist/demo-1.0.tar.gz"),
    Row("build", "python -m build --wheel", "Successfully built", changes="dist/demo-1.0-py3-none-any.whl"),
    Row("build", "UV build", "Successfully built", changes="dist/demo-1.0.tar.gz"),
    Row("pip-install", "UV venv made", "Creating virtual environment", changes="made/pyvenv.cfg"),
    Row(
        "pip-install",
        "python -m pip wheel --no-deps --no-build-isolation .",
        "Successfully built demo",
        changes="demo-1.0-py3-none-any.whl",
    ),
    Row("notebook", "jupyter execute note.ipynb", changes="made.txt"),
    Row("notebook", "jupyter-nbconvert --to notebook --stdout --execute note.ipynb", "product 42", changes="made.txt"),
    Row("notebook", "python kernel.py", "product 42", options=("--profile=notebook",)),
    Row("http-client", "http --ignore-stdin --print=b --session=s :PORT/data.csv", "name,value"),
    Row("net-hermetic", "http --ignore-stdin --print=b :PORT/data.csv", "name,value", options=("--profile=net-hermetic",)),
    Row("exec-deny", "mypy demo.py", "Success: no issues found", options=("--profile=exec-deny",), changes=".mypy_cache"),
    Row("fs-readonly", "flake8 -j1 demo.py", "F401", options=("--profile=fs-readonly",)),
    Row("block-native", "black -q demo.py", options=("--profile=block-native",), changes="demo.py"),
    Row("default", "python analyse.py --input data.csv", '"mean": 3'),
    *(
        Row(profile, "python analyse.py --input data.csv", '"mean": 3', options=(f"--profile={profile}",))
        for profile in ("block-all", "llm-code", "grader")
    ),
]
