"""Projects to be built and installed, and an index of them on the loopback interface."""

import json
import socket
from pathlib import Path

from launch import demo_backend

VERSION = "1.0"
ATTEMPT = """
def attempt(function):
    try:
        function()
    except OSError:
        return "refused"
    return "done"
"""
"""What programs begin with that say of each thing they do what came of it."""

BACKEND = Path(demo_backend.__file__).read_text()
SETUP = "import demo_backend, setuptools\ndemo_backend.trace('setup.py')\nsetuptools.setup(name={0!r}, version='1.0', py_modules=[{0!r}])\n"


class Port:
    """A port of this machine, and the file in which builds tell what came of calling it."""

    def __init__(self, directory):
        self.file = directory / "trace"
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.number = self._server.getsockname()[1]

    def close(self):
        self._server.close()

    def take(self):
        """(how many have called since the last time, what the builds have told since then)."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.file.unlink(missing_ok=True)
        return self._calls(), [json.loads(line) for line in lines]

    def _calls(self):
        calls = 0
        while True:
            try:
                self._server.accept()[0].close()
                calls += 1
            except BlockingIOError:
                return calls


def metadata(name, *requirements):
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {VERSION}", *(f"Requires-Dist: {one}" for one in requirements)]
    return "\n".join(lines) + "\n"


def source(port, name, kind, *requirements):
    """The files of a source tree, names to texts.

    kind: "required" wants its backend from the index, "in-tree" has it along (PEP 517's backend-path), "setup.py" has no pyproject.toml.
    """
    files = {
        "PKG-INFO": metadata(name, *requirements),
        f"{name}.py": f"where = {name!r}\n",
        "trace.json": json.dumps({"port": port.number, "file": str(port.file)}),
    }
    if kind == "setup.py":
        return files | {"setup.py": "import sys\nsys.path.insert(0, '')\n" + SETUP.format(name), "demo_backend.py": BACKEND}
    wanted = '["demo-backend"]' if kind == "required" else "[]"
    project = f'[build-system]\nrequires = {wanted}\nbuild-backend = "demo_backend"\n'
    if kind == "required":
        return files | {"pyproject.toml": project}
    return files | {"pyproject.toml": project + 'backend-path = ["."]\n', "demo_backend.py": BACKEND}


def write_tree(directory, files):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_text(content)
    return directory


def write_index(directory, port):
    """`directory/simple` as an index: a project is a directory, whose listing links to its files."""
    for name, kind in (("demo", "required"), ("intree", "in-tree"), ("legacy", "setup.py")):
        folder = directory / "simple" / name
        folder.mkdir(parents=True)
        demo_backend.write_sdist(str(folder), name, VERSION, source(port, name, kind, "demo-part"))
    for name, modules in (("demo-part", {"demo_part.py": ""}), ("demo-backend", {"demo_backend.py": BACKEND})):
        folder = directory / "simple" / name
        folder.mkdir()
        demo_backend.write_wheel(str(folder), name.replace("-", "_"), VERSION, modules, metadata(name))
