"""What a name server answers, or does not, harms nobody but who asked: no program waits for ever, nothing is told that was not refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import find_python
from launch.bad_servers_world import SERVERS
from launch.namespaces import private_mounts

HERE = Path(__file__).resolve().parent
ONE_LAYER = str(HERE.parent / "containment/one_layer.py")
FOUND = {"huge": "1000", "chain": "['8.8.4.4']"}
"""By servers that say something; of a name there are a thousand addresses at most. The others are a temporary failure."""
ASK = """
import socket
try:
    found = sorted({{one[4][0] for one in socket.getaddrinfo({name!r}, 80, 0, 1)}})
    print(found if len(found) < 9 else len(found))
except socket.gaierror as error: print(error.errno)
"""


@pytest.mark.parametrize("server", SERVERS)
def test_server(hermetic_command: str, server: str) -> None:
    python, options = str(find_python("3.13").path), ["--no-network", "--allow-domain=app.test", "--"]
    argv = [python, "-c", ASK.format(name="app.test")]
    kernel = [str(find_python("3.11").path), "-IS", ONE_LAYER, "kernel"]
    commands = {
        "bare": argv,
        "both": [hermetic_command, *options, *argv],
        "kernel": [*kernel, *options, *argv],
        "other": [hermetic_command, *options, python, "-c", ASK.format(name="other.example")],
    }
    task = {"server": server, "commands": commands, "env": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/proc/nowhere"}}
    world = [*private_mounts(), "--net", sys.executable, str(HERE / "bad_servers_world.py")]
    done = subprocess.run(world, input=json.dumps(task), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bare"][1].strip() in ("-3", FOUND.get(server), "3000"), found
    for layer in ("both", "kernel"):
        code, out, seconds = found[layer]
        assert (code, out.strip().splitlines()[-1]) == (0, FOUND.get(server, "-3")), (layer, out)
        assert "hermetic: blocked" not in out, out
        assert "Traceback" not in out, out
        assert seconds < 30
    assert "network disabled: DNS(other.example)" in found["other"][1], found
