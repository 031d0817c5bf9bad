"""What a name server answers, or does not, harms nobody but who asked: no program waits for ever, nothing is told that was not refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import find_python
from launch.bad_servers_world import SERVERS
from launch.jobs import Jobs
from launch.namespaces import in_world

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
def test_server(jobs: Jobs, hermetic_command: str, server: str) -> None:
    python, options = str(find_python("3.13").path), ["--no-network", "--allow-domain=app.test", "--"]
    argv = [python, "-c", ASK.format(name="app.test")]
    kernel = [str(find_python("3.11").path), "-IS", ONE_LAYER, "kernel"]
    commands = {
        "bare": argv,
        "both": [hermetic_command, *options, *argv],
        "kernel": [*kernel, *options, *argv],
        "other": [hermetic_command, *options, python, "-c", ASK.format(name="other.example")],
    }
    found = in_world("bad_servers_world.py", jobs.home / ".cache", commands, server=server)
    assert found["bare"][1].strip() in ("-3", FOUND.get(server), "3000"), found
    for layer in ("both", "kernel"):
        code, out, seconds = found[layer]
        assert (code, out.strip().splitlines()[-1]) == (0, FOUND.get(server, "-3")), (layer, out)
        assert "hermetic: blocked" not in out, out
        assert "Traceback" not in out, out
        assert seconds < 30
    assert "network disabled: DNS(other.example)" in found["other"][1], found
