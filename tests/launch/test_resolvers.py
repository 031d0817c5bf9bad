"""Resolvers that ask a name server by themselves, by UDP: which of them find the run's own, and that it answers as it does by TCP."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import find_python
from launch.test_names import OPTIONS, ORDINARY, QUERY, WITHOUT, Names

NAMES = ("app.test", "strange.example")
SOURCE = Path(__file__).with_name("resolving.c")
CONNECTED = QUERY.replace("asking.sendto(", "asking.connect((server[0], 53)); asking.send(").replace(
    ", (server[0], 53))\nprint", ")\nprint"
)
CARES = """
import pycares, sys
found, channel = [], pycares.Channel(timeout=2, tries=1)
channel.getaddrinfo(sys.argv[1], None, family=2, callback=lambda result, error: found.append(error or [node.addr[0] for node in result.nodes]))
channel.wait(10)
print(found[0])
"""
GO = 'GODEBUG=netdns=$0 exec hey -n 1 -c 1 -t 5 "http://$1/"'
"""A program in Go, which asks for names by itself, or where it is told to by the C library."""
ANSWERS = {
    "Go": "[200]\t1 responses",
    "Go by libc": "[200]\t1 responses",
    "musl": "8.8.4.4 HTTP/1.0 200 OK",
    "c-ares": "[b'8.8.4.4']",
    "connected": "True",
    "unconnected": "True",
}
SYSTEM = "/usr/bin/python3"
"""Which an ordinary user can start as well."""


@pytest.fixture(scope="module")
def musl():
    """A program of that C library, where everybody may read it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        subprocess.run(["musl-gcc", "-static", "-o", f"{directory}/resolving", SOURCE], check=True)
        yield f"{directory}/resolving"


@pytest.fixture
def resolvers(musl, environments, hermetic_command):
    """Of each, what starts it as a program that the kernel alone holds, and the program that a name is put behind."""
    one_layer = Path(__file__).resolve().parent.parent / "containment/one_layer.py"
    kernel = [str(find_python("3.11").path), "-IS", str(one_layer), "kernel"]
    return {
        "Go": ([hermetic_command], ["sh", "-c", GO, "go"]),
        "Go by libc": ([hermetic_command], ["sh", "-c", GO, "cgo"]),
        "musl": ([hermetic_command], [musl]),
        "c-ares": (kernel, [str(environments.get("clients").bin / "python"), "-c", CARES]),
        "connected": (kernel, [SYSTEM, "-c", CONNECTED]),
        "unconnected": (kernel, [SYSTEM, "-c", QUERY]),
    }


ALL = frozenset(ANSWERS)
SITUATIONS = {
    # what all is started by, options, who is served
    "names": ([], [], ALL),
    "some of localhost": ([], ["--allow-localhost=1"], ALL),
    "all of localhost": ([], ["--allow-localhost"], ALL),
    "names, ordinary": (ORDINARY, [], ALL),
    "all of localhost, ordinary": (ORDINARY, ["--allow-localhost"], {"connected", "Go", "Go by libc"}),
    "no namespaces": (WITHOUT, [], {"Go by libc"}),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_resolvers(among_names: Names, resolvers, hermetic_command: str, situation: str) -> None:
    """Of one that is served the question goes on to the machine's server, if it is for an allowed name."""
    prefix, more, served = SITUATIONS[situation]
    tried = {name: found for name, found in resolvers.items() if prefix is not ORDINARY or name != "c-ares"}
    commands = {}
    for (name, (start, program)), host in itertools.product(tried.items(), NAMES):
        started = [hermetic_command] if prefix is ORDINARY else start
        commands[f"{name} {host}"] = [*prefix, *started, "--no-network", *OPTIONS, *more, "--", *program, host]
        commands[f"{name} {host} bare"] = [*prefix, *program, host]
    found = among_names(commands)
    for name in tried:
        answer = ANSWERS[name]
        assert answer in found[f"{name} app.test bare"][1], found
        assert found[f"{name} strange.example bare"][2] == ["strange.example"], found
        _, out, asked = found[f"{name} app.test"]
        assert (answer in out, asked) == ((True, ["app.test"]) if name in served else (False, [])), (name, out, asked)
        _, out, asked = found[f"{name} strange.example"]
        assert (answer in out, asked) == (False, []), (name, out, asked)
        assert out.count("network disabled: DNS(strange.example)\n") == (name in served), (name, out)
        if situation == "no namespaces" and name not in served:
            assert any(f"blocked action: network limited to TCP: {way}(10.9.8.7:53)\n" in out for way in ("connect", "send")), (name, out)


@pytest.mark.parametrize(("start", "more"), [([], []), ([], ["--allow-localhost"]), (ORDINARY, [])])
def test_who_has_asked(among_names: Names, musl, hermetic_command: str, start: list[str], more: list[str]) -> None:
    """It is named, and killed where that is wanted; not a process of the launcher's."""
    guarded = [*start, hermetic_command, "--no-network", *OPTIONS, *more]
    programs = {"musl": [musl, "strange.example"], "below": ["sh", "-c", f"{musl} strange.example; true"]}
    found = among_names({name: [*guarded, "--", *argv] for name, argv in programs.items()})
    for name in programs:
        assert f"asked by  {musl} (process " in found[name][1], found
        assert "could not be ended" not in found[name][1], found
    killed = among_names({"musl": [*guarded, "--on-violation=kill", "--", *programs["musl"]]})
    assert killed["musl"][0] == 77, killed
