"""A console script, put in place by the installers that people use."""

import fcntl
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from launch.environments import UV, call, find_python

PIPX = "pipx==1.18.4"

DEMO = """\
import json, os, sys

def main():
    outcome = "done"
    try:
        exec(os.environ.get("DEMO_TRY", ""), {"WHO": "demo"})
    except Exception as error:
        outcome = type(error).__name__
    file = getattr(sys.modules["__main__"], "__file__", None)
    print(json.dumps([sys.executable, sys.prefix, sys.argv, sys.orig_argv, repr(sys.flags), sys.path, file, outcome]))
"""
"""A program that tells how it was started, and what came of something that it is given to try."""

PTH = "import os; exec(os.environ.get('DEMO_TRY', ''), {'WHO': 'pth'})\n"
"""A line that tries the same before it, in each environment that has the program."""


def write_wheel(directory):
    """A wheel with the console script `demo`; its path."""
    metadata = "demo-1.0.dist-info"
    files = {
        "demo.py": DEMO,
        "demo.pth": PTH,
        f"{metadata}/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{metadata}/entry_points.txt": "[console_scripts]\ndemo = demo:main\n",
    }
    files[f"{metadata}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{metadata}/RECORD"])
    path = directory / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


def with_pip(folder, wheel):
    call(UV, "venv", "--quiet", "--python", find_python("3.11"), str(folder))
    call(sys.executable, "-I", "-m", "pip", "--python", str(folder), "install", "--quiet", "--no-index", str(wheel))
    return folder / "bin/demo"


def with_uv(folder, wheel, *options):
    call(UV, "venv", "--quiet", *options, "--python", find_python("3.11"), str(folder))
    call(UV, "pip", "install", "--quiet", "--no-index", "--python", str(folder), str(wheel))
    return folder / "bin/demo"


def with_uv_beside(folder, wheel):
    """And uv itself, for the scripts that it runs."""
    script = with_uv(folder, wheel)
    script.with_name("uv").symlink_to(UV)
    return script


def with_uv_relocatable(folder, wheel):
    return with_uv(folder, wheel, "--relocatable")


def with_uv_tool(folder, wheel):
    places = f"UV_TOOL_DIR={folder}/tools", f"UV_TOOL_BIN_DIR={folder}/bin"
    call("env", *places, UV, "tool", "install", "--quiet", "--no-index", "--python", find_python("3.11"), str(wheel))
    return folder / "bin/demo"


def fetched_pipx():
    """A directory with pipx in it; it comes from an index, once for the user."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hermetic-test-tools"
    tool = cache / PIPX
    with locked(tool):
        if not tool.exists():
            call(sys.executable, "-I", "-m", "pip", "install", "--quiet", "--target", f"{tool}.new", "--upgrade", PIPX)
            Path(f"{tool}.new").rename(tool)
    return tool


def with_pipx(folder, wheel):
    """pipx with uv behind it, which needs no index."""
    tool = fetched_pipx()
    places = f"PIPX_HOME={folder}/home", f"PIPX_BIN_DIR={folder}/bin", f"PATH={Path(UV).parent}:/usr/bin:/bin"
    python = find_python("3.11")
    call("env", *places, f"PYTHONPATH={tool}", python, "-m", "pipx", "install", "--backend", "uv", "--python", python, str(wheel))
    return folder / "bin/demo"


SETUP = """\
from setuptools import setup
setup(name="demo", version="1.0", py_modules=["demo"], scripts=["demo-script"], entry_points={"console_scripts": ["demo = demo:main"]})
"""


def with_develop(folder, wheel):
    """An editable install of the old kind, by `setup.py develop`: pip had it until 25.2, setuptools wrote such scripts until 64."""
    call(UV, "venv", "--quiet", "--python", find_python("3.11"), str(folder))
    call(UV, "pip", "install", "--quiet", "--python", str(folder), "pip==23.2.1", "setuptools==59.8.0", "wheel")
    source = folder / "source"
    source.mkdir()
    for name, text in (("setup.py", SETUP), ("demo.py", DEMO), ("demo-script", "#!python\nimport demo\ndemo.main()\n")):
        (source / name).write_text(text)
    call(str(folder / "bin/pip"), "install", "--quiet", "--no-index", "--no-build-isolation", "--no-use-pep517", "--editable", str(source))
    next(folder.glob("lib/python3.*/site-packages")).joinpath("demo.pth").write_text(PTH)
    return folder / "bin/demo"


def with_pyenv(folder, wheel):
    """A shim, of a version that is an environment."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        pytest.skip("pyenv is not installed")
    with_uv(folder / "versions/mine", wheel)
    (folder / "version").write_text("mine\n")
    call("env", f"PYENV_ROOT={folder}", pyenv, "rehash")
    return folder / "shims/demo"


def locked(path):
    """An open file, locked until it is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = open(f"{path}.lock", "a")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
