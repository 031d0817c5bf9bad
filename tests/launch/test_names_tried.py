"""What native code tries so that an allowed name takes it to this machine: the kernel's layer holds, and without a guard all of it works."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import find_python
from launch.names_world import OUTSIDE
from launch.namespaces import in_world
from launch.wired import BESIDES, INNER

TRIED = str(Path(__file__).with_name("names_tried.py"))
ONE_LAYER = str(Path(__file__).resolve().parent.parent / "containment/one_layer.py")
LOOPBACK = "127.0.0.1"
OPTIONS = ["--quiet", "--no-network", *(f"--allow-domain={name}.test" for name in ("app", "own", "besides"))]


@pytest.fixture(scope="module")
def outcomes(session_directory, hermetic_command) -> dict[str, dict[str, str]]:
    """By who guards: whom each act reached."""
    python = str(find_python("3.11").path)
    program = [python, TRIED, OUTSIDE, INNER, BESIDES, LOOPBACK]
    guards = {"nobody": [], "both": [hermetic_command, *OPTIONS, "--"], "kernel": [python, "-IS", ONE_LAYER, "kernel", *OPTIONS, "--"]}
    found = in_world("names_world.py", session_directory / "home/.cache", {name: [*guard, *program] for name, guard in guards.items()})
    return {
        name: {act: who for act, _, who in (line.rpartition(" ") for line in out.splitlines())} for name, (code, out, _) in found.items()
    }


def test_without_a_guard(outcomes) -> None:
    assert outcomes["nobody"].pop("allowed") == OUTSIDE
    assert {act for act, who in outcomes["nobody"].items() if who not in act} <= {f"anew {INNER}", f"anew {LOOPBACK}"}
    assert len(outcomes["nobody"]) == 18


@pytest.mark.parametrize("layers", ["both", "kernel"])
def test_only_what_is_allowed_is_reached(outcomes, layers) -> None:
    found = dict(outcomes[layers])
    assert found.pop("allowed") == OUTSIDE
    assert len(found) == 18
    assert {act: who for act, who in found.items() if who not in ("nobody", OUTSIDE)} == {}


CONNECT = (
    "import socket; s = socket.create_connection(('{name}.test', 80), 5); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); print(s.recv(999))"
)
OWN = {"own": INNER, "besides": BESIDES}


@pytest.mark.parametrize("version", ["3.6", "3.13", "pypy3.9"])
@pytest.mark.parametrize("layer", ["both", "python", "kernel"])
def test_with_all_of_localhost(session_directory, hermetic_command, layer, version) -> None:
    """In which UDP sockets are tied to the loopback interface: what is elsewhere is no less so."""
    one, python = str(find_python("3.11").path), str(find_python(version).path)
    guard = [hermetic_command] if layer == "both" else [one, "-IS", ONE_LAYER, layer]
    words = [*guard, *OPTIONS[1:], "--allow-localhost", "--"]
    commands = {name: [*words, python, "-c", CONNECT.format(name=name)] for name in ("app", *OWN)}
    found = in_world("names_world.py", session_directory / "home/.cache", commands)
    assert "served" in found["app"][1], found
    for name, address in OWN.items():
        told = f"network disabled: {name}.test leads to this machine: connect({address}:80)\n"
        assert (told in found[name][1], "served" in found[name][1]) == (True, False), found


@pytest.mark.parametrize("version", ["3.6", "3.13", "pypy3.9"])
@pytest.mark.parametrize("layer", ["python", "kernel"])
def test_this_machine(session_directory, layer, version) -> None:
    """By Python, in each layer alone: not for a name, but for the address, and in each case told."""
    one, python = str(find_python("3.11").path), str(find_python(version).path)
    guard = [one, "-IS", ONE_LAYER, layer, *OPTIONS[1:]]
    granted = [f"--allow-address={address}:80" for address in OWN.values()]
    commands = {}
    for name in OWN:
        program = [python, "-c", CONNECT.format(name=name)]
        commands |= {name: [*guard, "--", *program], f"{name} granted": [*guard, *granted, "--", *program], f"{name} bare": program}
    found = in_world("names_world.py", session_directory / "home/.cache", commands)
    for name, address in OWN.items():
        told = f"network disabled: {name}.test leads to this machine: connect({address}:80)\n"
        assert (told in found[name][1], "served" in found[name][1]) == (True, False), found
        assert f"  allow it  --allow-address {address}:80\n" in found[name][1], found
        for other in ("granted", "bare"):
            assert "served" in found[f"{name} {other}"][1], found
