"""Projects with tests of their own, which are run by a pytest that has the plugin."""

import re
import subprocess
import textwrap
from typing import NamedTuple

PATIENCE_S = 300

ACTS = """
import os, socket, subprocess, threading
PORT = int(os.environ["PORT"])

def reach(port=PORT):
    socket.create_connection(("127.0.0.1", port), 5).close()

def write(path="written"):
    open(path, "w").close()

def start():
    subprocess.run(["/bin/true"], check=True)

def quietly(act):
    try:
        act()
    except Exception:
        pass

def in_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
"""
"""What tests do. Without a guard all of it succeeds."""

POLICY = """
version = 1
[profile.strict]
[profile.strict.network]
[profile.strict.filesystem]
"""

LINE = re.compile(
    r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (?:\[\d+\] )?\S*?(\w+\.py)?(?:::\w+)*?(?:::(\w+))?(?=$| - |:\d+:)", re.MULTILINE
)


class Done(NamedTuple):
    """outcomes: by name of a test or collected file, sets of words, as -rA has them in small letters"""

    code: int
    out: str

    @property
    def outcomes(self):
        found = {}
        for outcome, file, name in LINE.findall(self.out):
            found.setdefault(name or file, set()).add(outcome.lower())
        return found


class Suite:
    """A directory outside of that for temporary files, where all may be written."""

    def __init__(self, environment, directory, server):
        self.environment = environment
        self.server = server
        self.path = directory / "project"
        self.temporary = directory / "tmp"
        for place in (self.path, self.path / "open", self.temporary):
            place.mkdir()
        self.write(acts=ACTS)
        (self.path / "pyproject.toml").touch()
        (self.path / "policy.toml").write_text(POLICY)
        self.ini(hermetic_policy="policy.toml")

    def write(self, **files):
        for name, text in files.items():
            (self.path / f"{name}.py").write_text(textwrap.dedent(text))

    def ini(self, **keys):
        lines = [f"{name} = {value}" for name, value in keys.items()]
        (self.path / "pytest.ini").write_text("\n".join(["[pytest]", "strict_markers = true", *lines, ""]))

    def environ(self, **more):
        basis = {"PATH": f"{self.environment.bin}:/usr/bin:/bin", "HOME": str(self.temporary), "TMPDIR": str(self.temporary)}
        return {**basis, "PORT": str(self.server.port), "PYTHONPATH": str(self.path), **more}

    def run(self, *words, before=(), **more):
        command = [*map(str, before), str(self.environment.bin / "pytest"), "-rA", "-p", "no:randomly", *words]
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environ(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
        )
        return Done(done.returncode, done.stdout)

    @property
    def files(self):
        return sorted(str(found.relative_to(self.path)) for found in self.path.rglob("*") if "__pycache__" not in found.parts)
