"""What a program has done before a part of the guard is loaded for it changes nothing: what is refused is refused, and that it was tried is all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Python
from guards.tampering_rows import FIRST_START, START
from hermetic_guard.policy import Filesystem, Policy
from launch.staged import Done, Staged, native

PROBE = Path(__file__).with_name("integrity_probe.py")
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

ATTACH = """
import sys
def attach():
    import _sqlite3
    connection = _sqlite3.connect(':memory:')
    try:
        connection.execute("attach '%s' as other" % path)
        connection.execute('create table other.made (name)')
    finally: connection.close()
"""
"""Of a database that is attached no audit event tells: what refuses it is loaded for the module."""

BEFORE = {name: FIRST_START[name].code.replace(START, "\nattach()") for name in ("plain", "builtins", "no descriptors left")}
FIRST_MODULE = {
    **BEFORE,
    "modules": FIRST_START["modules"].code.replace("starts programs injection", "hook patching guards.paths").replace(START, "\nattach()"),
    "no stack left": """
done = []
def deeper():
    try: deeper()
    except RecursionError: pass
    if not done:
        try: attach()
        except Exception: pass
        else: done.append(True)
sys.setrecursionlimit(150)
deeper()
sys.setrecursionlimit(1000)
assert done""",
    "functions of os": """
import posixpath, stat
for module in (os, posixpath, stat):
    for name in 'stat lstat access fsdecode realpath abspath isfile lexists expanduser S_ISREG'.split():
        if hasattr(module, name): setattr(module, name, lambda *_, **__: '/bin/true')
attach()""",
    "threads": """
import threading
done = []
def start():
    attach()
    done.append(True)
sys.setswitchinterval(1e-6)
import sqlite3
thread = threading.Thread(target=start)
thread.start()
thread.join()
assert done""",
}


def attempted(place: Path, done: Done) -> set[str]:
    """Those that have made their database."""
    assert done.code == 0, done
    return {path.name for path in place.iterdir()}


@pytest.mark.pythons("3.8", "3.11", "3.13")
def test_before_the_first_module(python: Python, cache: Path, tmp_path: Path) -> None:
    bare, guarded = tmp_path / "bare", tmp_path / "guarded"
    bare.mkdir()
    guarded.mkdir()
    tasks = [
        json.dumps(
            {"names": {}, "snippets": {name: f"path = {str(place / name)!r}\n{ATTACH}{code}" for name, code in FIRST_MODULE.items()}}
        )
        for place in (bare, guarded)
    ]
    natively = native(python.path, str(PROBE), env=ENV, input=tasks[0].encode())
    assert attempted(bare, natively) == {*FIRST_MODULE}, natively
    with Staged(python.path, cache, Policy(filesystem=Filesystem())) as staged:
        assert attempted(guarded, staged.start(str(PROBE), env=ENV, input=tasks[1].encode())) == set()
