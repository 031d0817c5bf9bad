"""Daemons that look names up for others (nscd, avahi, systemd-resolved, by D-Bus too) are no way out: nobody in a run reaches their sockets."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from conftest import find_python
from launch.daemons_world import DAEMONS
from launch.namespaces import in_world

HERE = Path(__file__).resolve().parent
ONE_LAYER = str(HERE.parent / "containment/one_layer.py")
OPTIONS = ["--no-network", "--allow-domain=app.test", "--allow-localhost"]
CONNECT = """
import socket, sys
for path in sys.argv[1:]:
    for kind in (1, 5):
        try: socket.socket(1, kind).connect(path); print(path, "let")
        except OSError as error: print(path, error.errno)
"""
QUIET = ("/run/nscd/", "/run/systemd/userdb/")
"""Of these nobody is told: libc itself tries them."""


@functools.cache
def outcomes(hermetic: str) -> dict[str, list]:
    python = str(find_python("3.11").path)
    asks, libc = [python, "-c", CONNECT, *DAEMONS], ["getent", "hosts", "strange.example"]
    starts = {"both": [hermetic], "python": [python, "-IS", ONE_LAYER, "python"], "kernel": [python, "-IS", ONE_LAYER, "kernel"]}
    commands = {"bare": asks, "libc bare": libc, "libc kernel": [hermetic, *OPTIONS, "--", *libc]}
    commands.update({layer: [*start, *OPTIONS, "--", *asks] for layer, start in starts.items()})
    return in_world("daemons_world.py", "/proc/nowhere", commands)


def test_without_a_guard(hermetic_command: str) -> None:
    found = outcomes(hermetic_command)
    assert found["bare"][2] == sorted(DAEMONS), found["bare"]
    assert found["libc bare"][2] == ["/run/nscd/socket"], found["libc bare"]


@pytest.mark.parametrize("layer", ["both", "python", "kernel"])
def test_nobody_reaches_one(hermetic_command: str, layer: str) -> None:
    code, out, reached = outcomes(hermetic_command)[layer]
    assert (code, reached, " let" in out) == (0, [], False), out
    for path in DAEMONS:
        assert (f"connect(unix:{path})" in out) is (layer != "kernel" or not path.startswith(QUIET)), out


def test_libc_asks_none(hermetic_command: str) -> None:
    """It goes on to ask the run's own name server, which refuses the name."""
    code, out, reached = outcomes(hermetic_command)["libc kernel"]
    assert (code, reached) == (2, []), out
    assert out.count("hermetic: blocked action") == 1, out
    assert "network disabled: DNS(strange.example)" in out
