"""Starts worlds, and asks them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

WORLD = Path(__file__).with_name("world.py")
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Asked:
    """A world that runs one program after the other.

    cache: where what interpreters answered is kept, for all worlds of a session
    """

    def __init__(self, cache: Path) -> None:
        unshare = [*NAMESPACES, *(["--map-root-user"] if os.geteuid() else [])]
        command = [*unshare, sys.executable, str(WORLD), str(cache)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, kind: str, name: str, python, layer: str) -> dict[str, object]:
        """What came of a program: see `Judge.carry_out`."""
        job = {"kind": kind, "name": name, "python": [python.name, str(python.path)], "layer": layer}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the world ended at {name}, {python.name}, {layer}"
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
