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
LONG = [
    (name, layer)
    for turn, (name, client) in enumerate(CLIENTS.items())
    for layer in LAYERS[1 + turn % 2 : 2 + turn % 2]
    if not client.native
]
"""Of what both layers hold each client has one of them alone; the other one takes its time."""


@pytest.fixture
def outcomes(request, hermetic_command, environments, jobs):
    long = request.node.get_closest_marker("soak") is not None
    return everything(hermetic_command, environments.get("clients").bin, str(jobs.home), long)


@functools.cache
def everything(hermetic: str, bin: Path, home: str, long: bool) -> dict[str, list]:
    """Of each client, name and layer, `bare` among these."""
    tried = [row for row in TRIED if (row in LONG) == long]
    commands = {
        f"{client} {layer} {name}": command(hermetic, client, name, layer, bin, OPTIONS)
        for (client, layer), name in itertools.product([*tried, *((client, "bare") for client in CLIENTS)], (ALLOWED, STRANGE))
    }
    return in_world(commands, SERVERS, bin, home)


@pytest.mark.parametrize(("client", "layer"), [pytest.param(*row, marks=[pytest.mark.soak] if row in LONG else []) for row in TRIED])
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
