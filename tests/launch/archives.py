"""The program of installers.py as one file, made by the tools that people use for that."""

from launch.environments import Environments, call, find_python
from launch.installers import DEMO, with_uv

WINDOWS_PYTHON = r"C:\Program Files\Python311\python.exe"


def beside(folder, wheel):
    """An environment that the file is to be run in, with its interpreter first on PATH."""
    return with_uv(folder, wheel).parent


def with_zipapp(folder, wheel, *options):
    """`-m demo:main` makes a __main__.py of it, as an entry point's name does elsewhere."""
    bin = beside(folder, wheel)
    (folder / "source").mkdir()
    (folder / "source/demo.py").write_text(DEMO)
    options = [option.format(bin=bin) for option in options]
    call(find_python("3.11"), "-I", "-m", "zipapp", *options, "-m", "demo:main", "-o", str(bin / "demo.pyz"), str(folder / "source"))
    return bin / "demo.pyz"


def with_windows_launcher(folder, wheel):
    """What pip would put into an environment on Windows. distlib, which pip brings along, holds the launchers."""
    code = """
import os, sys
import pip._vendor.distlib.resources
os.name = "nt"
from pip._vendor.distlib.scripts import ScriptMaker
maker = ScriptMaker(None, sys.argv[1])
maker._is_nt = maker.add_launchers = True
maker.executable, maker.variants = sys.argv[2], {""}
print(maker.make("demo = demo:main")[0])
"""
    bin = beside(folder, wheel)
    return call(tool(folder, "python"), "-I", "-c", code, str(bin), WINDOWS_PYTHON).rstrip("\n")


def with_zipapp_for(folder, wheel):
    return with_zipapp(folder, wheel, "-p", "{bin}/python")


def with_zipapp_for_env(folder, wheel):
    return with_zipapp(folder, wheel, "-c", "-p", "/usr/bin/env python3")


def with_shiv(folder, wheel, *options):
    bin = beside(folder, wheel)
    call(tool(folder, "shiv"), "--quiet", "--no-index", "-c", "demo", "-o", str(bin / "demo.pyz"), *options, str(wheel))
    return bin / "demo.pyz"


def with_pex(folder, wheel, *options):
    bin = beside(folder, wheel)
    root = f"PEX_ROOT={folder}/pex"
    call("env", root, tool(folder, "pex"), "--no-index", "-e", "demo:main", "-o", str(bin / "demo.pex"), *options, str(wheel))
    return bin / "demo.pex"


def with_pex_sh(folder, wheel):
    return with_pex(folder, wheel, "--sh-boot")


def with_pex_venv_sh(folder, wheel):
    return with_pex(folder, wheel, "--sh-boot", "--venv=prepend")


def tool(folder, name):
    return str(Environments(folder.parents[2]).get("archives").bin / name)
