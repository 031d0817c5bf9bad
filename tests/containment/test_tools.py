"""Programs at work behind mounts and domain: an installer that may write its environment, and numpy where reads are limited."""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from containment.places import PYTHON, USERS, as_user, places, run

NUMPY = """
import numpy, sys
matrix = numpy.arange(250000.0).reshape(500, 500) + numpy.eye(500)
print(numpy.isfinite((matrix @ matrix).sum()))
try:
    open(sys.argv[1])
except PermissionError:
    print("refused")
"""


pytestmark = pytest.mark.xdist_group("tools")


@pytest.fixture(scope="module", params=USERS)
def tree(request):
    """With a virtual environment of the owner's in `out/env`, and a wheel in `data`."""
    with places(request.param) as tree:
        if subprocess.run([PYTHON, "-Ic", "import ensurepip"], capture_output=True).returncode:
            pytest.skip(f"{PYTHON} cannot make environments: its ensurepip is missing")
        subprocess.run([*as_user(tree.user), PYTHON, "-Im", "venv", tree / "out/env"], check=True, cwd=tree / "out")
        with zipfile.ZipFile(tree / "data/demo-1.0-py3-none-any.whl", "w") as wheel:
            info = "demo-1.0.dist-info"
            wheel.writestr("demo.py", "where = __file__\n")
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", f"demo.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
        yield tree


@pytest.fixture(params=[True, False], ids=["mounts", "alone"])
def namespaced(request):
    return request.param


def pip(tree, namespaced, writable, *arguments):
    rules = {"write": [*writable, tree / "run/scratch"]}
    env = {"PATH": "/usr/bin:/bin", "HOME": tree / "out", "TMPDIR": tree / "run/scratch"}
    described = {"policy": {"filesystem": rules}, "run": tree / "run", "namespaced": namespaced}
    return run(
        tree, described, tree / "out/env/bin/python", "-Im", "pip", "--disable-pip-version-check", "--no-cache-dir", *arguments, env=env
    )


def test_install_into_a_writable_environment(tree, namespaced):
    install = ["install", "--no-index", "--force-reinstall", tree / "data/demo-1.0-py3-none-any.whl"]
    done = pip(tree, namespaced, [tree / "out/env"], *install)
    assert "Successfully installed demo-1.0" in done.stdout, done.stderr
    assert list(Path(tree / "out/env").rglob("demo.py"))
    done = pip(tree, namespaced, [tree / "out/env"], "uninstall", "-y", "demo")
    assert "Successfully uninstalled demo-1.0" in done.stdout, done.stderr
    done = pip(tree, namespaced, [], *install)
    assert done.returncode != 0
    assert not list(Path(tree / "out/env").rglob("demo.py"))


@pytest.fixture(scope="module")
def numpy(tree):
    """An environment with numpy, from the package index."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", "-q", "--python", tree / "out/env/bin/python", "numpy"], check=True)
    subprocess.run(["chown", "-R", str(tree.user), tree / "out/env"], check=True)
    return tree / "out/env/bin/python"


def test_numpy_where_reads_are_limited(tree, numpy, namespaced):
    described = {"policy": {"filesystem": {"read": [tree / "data"]}}, "run": tree / "run", "namespaced": namespaced}
    done = run(tree, described, numpy, "-Ic", NUMPY, tree / "secret")
    assert done.stdout == "True\nrefused\n", done.stderr


EXTENSION = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "compiled", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_compiled(void) { return PyModule_Create(&module); }
"""
SETUP = (
    "import setuptools; setuptools.setup(name='native', version='1.0', ext_modules=[setuptools.Extension('compiled', ['compiled.c'])])\n"
)


@pytest.fixture(scope="module")
def sdist(tree):
    """Of a project whose only module is to be compiled, and what it takes to build it in that environment."""
    path = tree / "data/native-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {
            "setup.py": SETUP,
            "compiled.c": EXTENSION,
            "PKG-INFO": "Metadata-Version: 2.1\nName: native\nVersion: 1.0\n",
        }.items():
            entry = tarfile.TarInfo(f"native-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", "-q", "--python", tree / "out/env/bin/python", "setuptools", "wheel"], check=True)
    subprocess.run(["chown", "-R", str(tree.user), tree / "out/env"], check=True)
    return path


def test_an_extension_is_compiled_and_installed(tree, sdist, hermetic_command):
    """With no network, and nothing written but the environment; not without that, nor where the compiler cannot be started."""
    python = tree / "out/env/bin/python"
    install = [
        python,
        "-m",
        "pip",
        "--isolated",
        "install",
        "--no-cache-dir",
        "--no-index",
        "--no-build-isolation",
        "--force-reinstall",
        sdist,
    ]
    env = {"PATH": "/usr/bin:/bin", "HOME": "/proc/nowhere", "TMPDIR": "/tmp"}

    def installed(*flags, command=install):
        guard = [hermetic_command, "--no-network", *flags, "--"]
        done = subprocess.run([*as_user(tree.user), *guard, *command], capture_output=True, text=True, env=env, cwd=tree / "out")
        return done.returncode == 0, bool(list(Path(tree / "out/env").rglob("compiled*.so"))), done

    for flags in (["--fs-readonly"], ["--no-subprocess", f"--allow-write={tree}/out/env"]):
        assert installed("--fs-readonly", *flags)[:2] == (False, False)
    found = installed("--fs-readonly", f"--allow-write={tree}/out/env")
    assert found[:2] == (True, True), found
    used = installed("--fs-readonly", "--no-subprocess", command=[python, "-c", "import compiled; print(compiled.__file__)"])[2]
    assert used.stdout.startswith(tree / "out/env/"), used.stderr
