"""What a name server answers, or does not, harms nobody but who asked: no program waits for ever, nothing is told that was not refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import find_python
from launch.bad_servers_world import SERVERS, TIMEOUT_S
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


KERNEL = [str(find_python("3.11").path), "-IS", ONE_LAYER, "kernel"]


@pytest.mark.parametrize("server", SERVERS)
def test_server(jobs: Jobs, hermetic_command: str, server: str) -> None:
    python, options = str(find_python("3.13").path), ["--no-network", "--allow-domain=app.test", "--"]
    argv = [python, "-c", ASK.format(name="app.test")]
    commands = {
        "bare": argv,
        "both": [hermetic_command, *options, *argv],
        "kernel": [*KERNEL, *options, *argv],
        "other": [hermetic_command, *options, python, "-c", ASK.format(name="other.example")],
    }
    found = in_world("bad_servers_world.py", jobs.home / ".cache", commands, server=server)
    printed = {"missing": "-2", "empty": "-5", **FOUND}.get(server, "-3")
    assert found["bare"][1].strip() in (printed, "-3", "3000"), found
    for layer in ("both", "kernel"):
        code, out, seconds, _ = found[layer]
        assert (code, out.strip().splitlines()[-1]) == (0, printed), (layer, out)
        assert "hermetic: blocked" not in out, out
        assert "Traceback" not in out, out
        assert seconds < 30
    assert "network disabled: DNS(other.example)" in found["other"][1], found


FAMILIES = {"either": 0, "IPv4": 2, "IPv6": 10}
TIMED = """
import socket, time
begun = time.time()
try: found = [one[4][0] for one in socket.getaddrinfo('app.test', 80, {family}, 1)]
except socket.gaierror as error: found = error.errno
print('%s %.1f' % (found, time.time() - begun))
"""


@pytest.mark.parametrize("server", ["silent", "failing", "missing", "empty"])
def test_as_without_a_guard(jobs: Jobs, hermetic_command: str, server: str) -> None:
    """The same error, after the same time, and the name server is asked no more."""
    options = ["--no-network", "--allow-domain=app.test", "--"]
    commands = {}
    for name, family in FAMILIES.items():
        for layer, prefix in {"bare": [], "both": [hermetic_command, *options], "kernel": [*KERNEL, *options]}.items():
            commands[f"{layer} {name}"] = [*prefix, str(find_python("3.11").path), "-c", TIMED.format(family=family)]
    found = in_world("bad_servers_world.py", jobs.home / ".cache", commands, server=server)
    for name in FAMILIES:
        bare, _, seconds = found[f"bare {name}"][1].rpartition(" ")
        assert bare in ("-2", "-3", "-5"), found
        assert (float(seconds) >= TIMEOUT_S) is (server == "silent"), found
        for layer in ("both", "kernel"):
            error, _, took = found[f"{layer} {name}"][1].splitlines()[-1].rpartition(" ")
            assert (error, found[f"{layer} {name}"][3]) == (bare, found[f"bare {name}"][3]), (layer, name, found)
            assert float(took) < float(seconds) + TIMEOUT_S - 0.5, (layer, name, found)
