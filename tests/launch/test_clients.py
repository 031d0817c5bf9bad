"""Programs and libraries that people use to reach servers by name: an allowed name is served, and another is not, in both layers and in each alone."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import pytest
from launch.clients import CLIENTS, LAYERS, command, in_world

OPTIONS = ["--no-network", "--allow-domain=app.test:80,443,5432,8081,8082,50051"]
ALLOWED, STRANGE = "app.test", "strange.test"
SERVERS = ["web", "git", "index", "postgres", "grpc"]

# Native code is not what the Python layer alone holds.
TRIED = [(name, layer) for name, client in CLIENTS.items() for layer in LAYERS if layer != "python" or not client.native]


@pytest.fixture
def outcomes(hermetic_command, environments, jobs):
    return everything(hermetic_command, environments.get("clients").bin, str(jobs.home))


@functools.cache
def everything(hermetic: str, bin: Path, home: str) -> dict[str, list]:
    """Of each client, name and layer, `bare` among these."""
    commands = {
        f"{client} {layer} {name}": command(hermetic, client, name, layer, bin, OPTIONS)
        for (client, layer), name in itertools.product([*TRIED, *((client, "bare") for client in CLIENTS)], (ALLOWED, STRANGE))
    }
    return in_world(commands, SERVERS, bin, home)


@pytest.mark.parametrize(("client", "layer"), TRIED)
def test_client(outcomes, client: str, layer: str) -> None:
    for name in (ALLOWED, STRANGE):
        code, out = outcomes[f"{client} bare {name}"]
        assert (code, CLIENTS[client].served in out) == (0, True), out
    code, out = outcomes[f"{client} {layer} {ALLOWED}"]
    assert (code, CLIENTS[client].served in out) == (0, True), out
    assert "hermetic: blocked" not in out
    code, out = outcomes[f"{client} {layer} {STRANGE}"]
    assert (code != 0, CLIENTS[client].served in out) == (True, False), out
    assert "blocked action: network disabled: DNS(strange.test)" in out
