"""An index with a wheel, a source distribution whose build tries what it has no right to, and one with an extension in C."""

import functools
import http.server
import threading
from pathlib import Path

from launch import demo_backend
from launch.demo import BACKEND, VERSION, metadata
from launch.environments import UV, call

PROBE = (Path(__file__).parent / "probe_backend.py").read_text()
IN_TREE = '[build-system]\nrequires = []\nbuild-backend = "probe_backend"\nbackend-path = ["."]\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools", "wheel"]\nbuild-backend = "setuptools.build_meta"\n'
EXTENSION = """\
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "compiled", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_compiled(void) { return PyModule_Create(&module); }
"""
SETUP = (
    "from setuptools import Extension, setup\nsetup(name='compiled', version='1.0', ext_modules=[Extension('compiled', ['compiled.c'])])\n"
)
LEGACY = """\
import sys
sys.path.insert(0, '')
import probe_backend
from setuptools import Extension, setup
open('outcomes.py', 'w').write('found = ' + repr(probe_backend.outcomes()) + chr(10))
setup(name='legacy', version='1.0', py_modules=['outcomes'], ext_modules=[Extension('compiled', ['compiled.c'])])
"""
SENDING = """\
import setuptools, setuptools.command.build_py, socket
try:
    socket.getaddrinfo("collector.example", 443)
except OSError:
    pass
class Build(setuptools.command.build_py.build_py):
    def run(self):
        super().run()
        self.copy_file("something.pth", self.build_lib)
setuptools.setup(name="something", version="1.0", py_modules=["_something"], cmdclass={"build_py": Build})
"""
"""Tells somebody that it is installed, and has a module run from then on."""
PTH = "import os\n"

SOURCES = {
    "probing": {
        "PKG-INFO": metadata("probing"),
        "pyproject.toml": IN_TREE,
        "probe_backend.py": PROBE,
        "demo_backend.py": BACKEND,
    },
    "something": {
        "PKG-INFO": metadata("something"),
        "pyproject.toml": SETUPTOOLS,
        "setup.py": SENDING,
        "_something.py": "",
        "something.pth": "import _something\n",
    },
    "legacy": {"setup.py": LEGACY, "compiled.c": EXTENSION, "probe_backend.py": PROBE, "demo_backend.py": BACKEND},
    "compiled": {"PKG-INFO": metadata("compiled"), "pyproject.toml": SETUPTOOLS, "setup.py": SETUP, "compiled.c": EXTENSION},
}
WHEELS = {
    "plain": {"plain.py": ""},
    "starting": {"starting.py": "", "starting.pth": PTH, "sitecustomize.py": "", "only-path.pth": "starting\n"},
    "configuring": {"configuring.py": "", "configuring-1.0.data/data/pyvenv.cfg": "home = /nowhere\n"},
    "activating": {"activating.py": "", "activating-1.0.data/data/bin/activate": "#!/bin/sh\n"},
    "adding": {"adding.pth": "_adding\n", "_adding/sitecustomize.py": "", "adding-1.0.data/data/pip.conf": "[global]\n"},
    "replacing": {"replacing.py": "", "replacing-1.0.data/data/bin/python": "#!/bin/sh\n"},
}


def write_packages(directory, tools):
    """`directory/simple` as an index. tools: a directory with the wheels of what builds the extension"""
    for name, files in SOURCES.items():
        demo_backend.write_sdist(str(folder(directory, name)), name, VERSION, files)
    for name, modules in WHEELS.items():
        demo_backend.write_wheel(str(folder(directory, name)), name, VERSION, modules, metadata(name))
    for wheel in tools.glob("*.whl"):
        (folder(directory, wheel.name.partition("-")[0].replace("_", "-")) / wheel.name).symlink_to(wheel)


def folder(directory, name):
    found = directory / "simple" / name
    found.mkdir(parents=True, exist_ok=True)
    return found


def fetch_tools(directory, python):
    """What builds the extension, once for all tests of a session."""
    if not directory.is_dir():
        call(UV, "venv", "--quiet", "--seed", "--python", python, f"{directory}-env")
        call(
            f"{directory}-env/bin/pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            f"{directory}.new",
            "setuptools<78",
            "wheel<0.46",
            "flit_core<4",
        )
        Path(f"{directory}.new").rename(directory)
    return directory


class Index(http.server.ThreadingHTTPServer):
    """Serves a directory on a port of this machine, and knows which of its files were asked for."""

    def __init__(self, directory):
        self.asked = []
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(directory)))
        self.port = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/simple"
        self.calls = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def verify_request(self, request, client_address):
        self.calls += 1
        return True


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        self.server.asked.append(self.path)
