"""A console script, put in place by the installers that people use."""

import fcntl
import os
import shutil
import sys
import zipfile
from pathlib import Path

from launch.environments import UV, call, find_python

PIPX = "pipx==1.18.4"

DEMO = """\
import json, sys

def main():
    flags = {name: getattr(sys.flags, name) for name in ("isolated", "ignore_environment", "no_user_site", "no_site")}
    print(json.dumps([sys.executable, sys.prefix, sys.argv, sys.orig_argv, flags, sys.path]))
"""
"""A program that tells how it was started."""


def write_wheel(directory):
    """A wheel with the console script `demo`; its path."""
    metadata = "demo-1.0.dist-info"
    files = {
        "demo.py": DEMO,
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


def with_uv_relocatable(folder, wheel):
    return with_uv(folder, wheel, "--relocatable")


def with_uv_tool(folder, wheel):
    places = f"UV_TOOL_DIR={folder}/tools", f"UV_TOOL_BIN_DIR={folder}/bin"
    call("env", *places, UV, "tool", "install", "--quiet", "--no-index", "--python", find_python("3.11"), str(wheel))
    return folder / "bin/demo"


def with_pipx(folder, wheel):
    """pipx with uv behind it, which needs no index; pipx itself comes from one, once for the user."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hermetic-test-tools"
    tool = cache / PIPX
    with locked(tool):
        if not tool.exists():
            call(sys.executable, "-I", "-m", "pip", "install", "--quiet", "--target", f"{tool}.new", "--upgrade", PIPX)
            Path(f"{tool}.new").rename(tool)
    places = f"PIPX_HOME={folder}/home", f"PIPX_BIN_DIR={folder}/bin", f"PATH={Path(UV).parent}:/usr/bin:/bin"
    python = find_python("3.11")
    call("env", *places, f"PYTHONPATH={tool}", python, "-m", "pipx", "install", "--backend", "uv", "--python", python, str(wheel))
    return folder / "bin/demo"


FORMS = {
    "pip": (with_pip, "venv", b"#!/"),
    "pip, space": (with_pip, "a venv", b"#!/bin/sh\n'''exec' \"/"),
    "pip, long": (with_pip, "/".join(["d" * 50] * 3), b"#!/bin/sh\n'''exec' /"),
    "uv": (with_uv, "venv", b"#!/"),
    "uv, space": (with_uv, "it's a venv", b"#!/bin/sh\n'''exec' '/"),
    "uv, relocatable": (with_uv_relocatable, "venv", b"#!/bin/sh\n'''exec' \"$(dirname"),
    "uv tool": (with_uv_tool, "uv", b"#!/"),
    "pipx": (with_pipx, "pipx", b"#!/"),
}
"""How, in which directory, and how the script then has to begin, so that no form is tested by the name alone."""


def installed(session_directory, form):
    """The path of `demo` as installed in this form, made once for all workers of a session."""
    make, folder, begin = FORMS[form]
    place = session_directory / "installed" / form.replace(", ", "-").replace(" ", "-")
    with locked(place):
        if not (place / "script").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            script = make(place / folder, write_wheel(place))
            assert script.read_bytes().startswith(begin)
            (place / "script").write_text(str(script))
    return Path((place / "script").read_text())


def locked(path):
    """An open file, locked until it is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = open(f"{path}.lock", "a")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
