"""Runs code that uses blocks, in a process of its own: an audit hook stays."""

import os
import subprocess
import sys
import textwrap

from conftest import ROOT

PATIENCE_S = 300
BEGIN = """
import contextlib, io, os, pickle, socket, sqlite3, subprocess, sys, threading
from hermetic import PolicyViolation, hermetic_blocker, with_hermetic
def said(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"
"""


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


def lines(code, place, **more):
    """What a script printed that begins with `BEGIN`."""
    script = place / "script.py"
    script.write_text(BEGIN + textwrap.dedent(code))
    return python(str(script), cwd=place, **more)
