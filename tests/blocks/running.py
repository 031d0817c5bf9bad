"""Runs code that uses blocks, in a process of its own: an audit hook stays."""

import os
import subprocess
import sys

from conftest import ROOT

PATIENCE_S = 300


def python(*words, interpreter=sys.executable, cwd=None, **more):
    """What a program printed, which has to succeed."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/bootstrap", "HOME": str(cwd or "/nonexistent"), **more}
    done = subprocess.run(
        [interpreter, "-B", "-W", "error::ResourceWarning", *words],
        env=environ,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
