"""What the tests of children are run in: a directory with scripts and interpreters, a listener outside, and the two runs that are compared."""

import fcntl
import functools
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from conftest import find_python

HERE = Path(__file__).parent
PYTHONS = ("3.6", "3.8", "3.11", "3.13", "3.15", "pypy3.9")
OTHERS = ("2.7", "3.8", "3.13", "3.15", "pypy3.9")
SELDOM = ("3.8", "3.11")
"""Those of them for scripts/soak: between an older and a newer one."""
FILES = ("starter.py", "start_rows.py", "faithful_rows.py", "spawner.py")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
PATIENCE_S = 300
MAKE_SCRIPT = """
import sys
from pip._vendor.distlib.scripts import ScriptMaker

maker = ScriptMaker(None, sys.argv[1])
maker.executable = "/@PYTHON@"
maker.variants = {""}
maker.make("tool = ask:main")
"""


class Outcome(NamedTuple):
    """reached: the names that reached the listener; out: what the rows have left, by file name."""

    reached: list
    out: dict

    def of(self, number, kind=""):
        return self.out.get(f"{number}.{kind}" if kind else str(number))


class Listener:
    """Takes calls on this machine, each of which tells a name."""

    def __init__(self):
        self.names = set()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            peer, _ = self._server.accept()
            with peer, peer.makefile("rb") as file:
                name = file.read().decode()
            if name == "end":
                return
            self.names.add(name)

    def close(self):
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            peer.sendall(b"end")
        self._thread.join()
        self._server.close()


@functools.cache
def console_script():
    """A script as pip writes it."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, "-I", "-c", MAKE_SCRIPT, directory], check=True, capture_output=True)
        return Path(directory, "tool").read_text()


def interpreter_of(name):
    """(version, whether it is PyPy), by the name of an interpreter."""
    return tuple(int(part) for part in name.removeprefix("pypy").split(".")), name.startswith("pypy")


def prepare(world, python, port):
    """Make what the rows need to find.

    They run in a virtual environment: the .pth files of an interpreter's own site-packages may take longer than all the rest.
    """
    for name in ("out", "rows", "venv/bin"):
        (world / name).mkdir(parents=True)
    for name in FILES:
        shutil.copy(HERE / name, world)
    for name in ("ask.py", "tell.py"):
        text = (HERE / name).read_text()
        (world / name).write_text(text.replace("@PORT@", str(port)).replace("@OUT@", str(world / "out")))
    others = {name: str(find_python(name).path) for name in OTHERS}
    library = glob.glob("/lib/*/libbz2.so.1.0")[0]
    (world / "settings.json").write_text(json.dumps({"base": str(python.path), "others": others, "library": library}))
    (world / "venv/bin/python").symlink_to(python.path)
    (world / "venv/pyvenv.cfg").write_text(f"home = {os.path.dirname(python.path)}\ninclude-system-site-packages = false\n")
    (world / "tool").write_text(console_script().replace("/@PYTHON@", str(world / "venv/bin/python")))
    (world / "tool").chmod(0o755)


def run(world, python, table, prefix):
    """One run of a table's rows."""
    listener = Listener()
    try:
        prepare(world, python, listener.port)
        environment = ENVIRONMENT | {"HOME": str(world.parent), "TMPDIR": str(world.parent), "PWD": str(world)}
        command = [*prefix, str(world / "venv/bin/python"), "starter.py", str(world), table]
        done = subprocess.run(command, env=environment, cwd=world, capture_output=True, text=True, timeout=PATIENCE_S)
    finally:
        listener.close()
    assert done.returncode == 0, done.stdout + done.stderr
    out = {path.name: path.read_text(errors="backslashreplace").replace(str(world), "WORLD") for path in (world / "out").iterdir()}
    return Outcome(sorted(listener.names), out)


def both(directory, python, table, hermetic):
    """(guarded, native): what came of a table's rows, which are run once for all workers. directory: shared by them."""
    directory = directory / f"{table}-{python.name}"
    directory.mkdir(exist_ok=True)
    with open(directory / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = directory / "made.json"
        if not made.exists():
            guarded = run(directory / "guarded", python, table, [hermetic, "--quiet", "--no-network", "--"])
            native = run(directory / "outside", python, table, [])
            made.write_text(json.dumps([guarded, native]))
    return [Outcome(*one) for one in json.loads(made.read_text())]
