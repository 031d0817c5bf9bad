"""`--allow-domain` end to end: the name is looked up and reached, another is not, whatever the kernel's rules are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import find_python
from launch.namespaces import private_mounts

WORLD = Path(__file__).with_name("names_world.py")

CONNECT = "import socket; s = socket.create_connection(({name!r}, {port}), 5); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); print(s.recv(999))"
STREAMS = (
    "import asyncio\n"
    "async def main():\n"
    "    reader, writer = await asyncio.open_connection({name!r}, {port})\n"
    "    writer.write(b'GET / HTTP/1.0\\r\\n\\r\\n')\n"
    "    print(await reader.read())\n"
    "asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())"
)
URL = "import urllib.request; print(urllib.request.urlopen('http://{name}:{port}/', timeout=5).read())"

ALLOWED = {
    "a socket": CONNECT.format(name="app.test", port=80),
    "asyncio": STREAMS.format(name="app.test", port=80),
    "urllib": URL.format(name="app.test", port=80),
    "below a wildcard": CONNECT.format(name="below.wild.test", port=8080),
}
REFUSED = {
    "another name": (CONNECT.format(name="strange.example", port=80), "network disabled: DNS(strange.example)", []),
    "another port": (
        CONNECT.format(name="app.test", port=8080),
        "network disabled on this port of app.test: connect(8.8.4.4:8080)",
        ["app.test"],
    ),
    "its address": (CONNECT.format(name="8.8.4.4", port=80), "network disabled: connect(8.8.4.4:80)", []),
    "a private address": (
        CONNECT.format(name="inward.test", port=80),
        "inward.test leads to a private address: connect(10.1.2.3:80)",
        ["inward.test"],
    ),
}
OPTIONS = ["--allow-domain=app.test", "--allow-domain=*.wild.test:8080", "--allow-domain=inward.test"]


def run(hermetic: str, python: str, *options: str, guarded: bool = True) -> dict[str, list]:
    """What came of all, by name: exit code, output, names asked for."""
    prefix = [hermetic, "--no-network", *OPTIONS, *options, "--"] if guarded else []
    codes = {**ALLOWED, **{name: code for name, (code, _, _) in REFUSED.items()}}
    if python.endswith("python2.7"):
        codes = {name: codes[name] for name in ("a socket", "a private address")}
    task = {
        "commands": {name: [*prefix, python, "-c", code] for name, code in codes.items()},
        "env": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    }
    command = [*private_mounts(), "--net", sys.executable, str(WORLD)]
    done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, list] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.13", "3.15", "pypy3.9"])
def test_names(hermetic_command: str, version: str) -> None:
    python = str(find_python(version).path)
    for name, (code, out, _) in run(hermetic_command, python, guarded=False).items():
        assert (code, "served" in out) == (1, False) if name == "another name" else (0, True), (name, out)
    found = run(hermetic_command, python)
    for name in ALLOWED:
        code, out, _ = found[name]
        assert code == 0, (name, out)
        assert "served" in out, (name, out)
        assert "blocked" not in out, (name, out)
    for name, (_, told, asked) in REFUSED.items():
        code, out, seen = found[name]
        assert code in (1, 77), (name, out)
        assert told in out, (name, out)
        assert "served" not in out, (name, out)
        assert seen == asked, (name, out)


def test_the_kernel_alone(hermetic_command: str) -> None:
    """It knows no names and says so; what it can tell, an address of this network, it holds."""
    python = str(find_python("2.7").path)
    alone = run(hermetic_command, python)
    assert {code for code, _, _ in alone.values()} == {125}
    assert "the kernel knows no names" in alone["a socket"][1]
    found = run(hermetic_command, python, "--best-effort")
    assert found["a socket"][0] == 0, found["a socket"]
    assert "network disabled: connect(10.1.2.3:80)" in found["a private address"][1], found
