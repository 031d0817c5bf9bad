"""Tries the environment way on an interpreter, before it is relied on.

A guarded start of `python -S -c pass`: without site nothing but the interpreter's own library and the guard runs. The way is proved if the guard
reports from there that it stands.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hermetic_guard import injection
from hermetic_guard.policy import Network, Policy

from hermetic.launch import environ, payload
from hermetic.launch.stage import RunDirectory

if TYPE_CHECKING:
    from hermetic.target.interrogate import Interpreter

TIMEOUT_S = 60
PIPE_BUF = 4096


def environment_way(facts: Interpreter) -> bool:
    """Whether PYTHONWARNINGS brings the guard up in this interpreter."""
    import subprocess

    files = payload.files(Policy(network=Network()), [facts], [])
    with RunDirectory.create(files, os.environ) as run:
        environment = injection.prepare_environment(dict(os.environb), environ.handoff(run), "early")
        command = [facts.path, "-S", "-B", "-c", "pass"]
        try:
            subprocess.run(command, env=environment, cwd="/", timeout=TIMEOUT_S, capture_output=True, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return False
        try:
            return b'"event":"ready"' in os.read(run.events, PIPE_BUF)
        except BlockingIOError:
            return False
