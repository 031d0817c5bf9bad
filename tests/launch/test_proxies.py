"""A proxy that the environment names is reached where the policy allows it; else the refusal says what it is, and what would allow that."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from launch.clients import LAYERS, command, in_world

CLIENTS = ("urllib", "requests", "httpx", "curl", "pip")
SERVERS = ["web", "index", "proxy"]
STRANGE = "strange.test"
"""The proxy looks it up, and reaches it; nobody else may."""


class Case(NamedTuple):
    """url: of the proxy; options: besides --no-network; told: what is refused, and what would allow it; "" where nothing is"""

    url: str
    options: tuple[str, ...]
    told: str = ""
    hint: str = ""


NAMES, BY_NUMBER, BY_NAME = "--allow-domain=app.test", "http://10.9.8.7:3128", "http://user:secret@proxy.test:3128/"
PRIVATE = "network disabled: proxy.test leads to a private address"
CASES = {
    "an address": Case(BY_NUMBER, (NAMES,), "network disabled{}: connect(10.9.8.7:3128)", "--allow-address 10.9.8.7:3128"),
    "an address, nothing else": Case(BY_NUMBER, (), "network disabled{}: connect(10.9.8.7:3128)", "--allow-address 10.9.8.7:3128"),
    "an address that is allowed": Case(BY_NUMBER, ("--allow-address=10.9.8.7:3128",)),
    "this machine": Case("127.0.0.1:3128", (NAMES,), "network disabled{}: connect(127.0.0.1:3128)", "--allow-localhost=3128"),
    "this machine, allowed": Case("127.0.0.1:3128", ("--allow-localhost=3128",)),
    "a name": Case(BY_NAME, (NAMES,), "network disabled{}: DNS(proxy.test)", "--allow-domain proxy.test:3128"),
    "its address": Case(
        BY_NAME, ("--allow-domain=proxy.test:3128",), PRIVATE + "{}: connect(10.9.8.7:3128)", "--allow-address 10.9.8.7:3128"
    ),
    "a name and its address, allowed": Case(BY_NAME, ("--allow-domain=proxy.test:3128", "--allow-address=10.9.8.7:3128")),
}
BY_ALL = "urllib"
"""Who goes through all cases in every layer; each of the others has a share of them in each."""


def tried() -> Iterator[tuple[str, str, str]]:
    for (place, client), (turn, layer), (number, case) in itertools.product(*map(enumerate, (CLIENTS, LAYERS, CASES))):  # type: ignore[misc]
        if client == BY_ALL or ((place + turn + number) % len(LAYERS) == 0 and (client, layer) != ("curl", "python")):
            yield client, layer, case


VARIABLES = {"pip": "http_proxy", "curl": "ALL_PROXY"}
"""The others ask for HTTPS. curl minds no HTTP_PROXY in capitals."""


def variable(client: str) -> str:
    return VARIABLES.get(client, "HTTPS_PROXY")


@pytest.fixture
def outcomes(hermetic_command, environments, jobs):
    return everything(hermetic_command, environments.get("clients").bin, str(jobs.home))


@functools.cache
def everything(hermetic: str, bin: Path, home: str) -> dict[str, list]:
    """Of each client and case in the layers that it is tried in; `bare`, of each proxy."""
    commands = {}
    for client, layer, name in (*tried(), *itertools.product(CLIENTS, ["bare"], CASES)):
        case = CASES[name]
        named = [f"{variable(client)}={case.url}"]
        what = case.url if layer == "bare" else name
        commands[f"{client} {layer} {what}"] = command(hermetic, client, STRANGE, layer, bin, ["--no-network", *case.options], named)
    return in_world(commands, SERVERS, bin, home)


@pytest.mark.parametrize(("client", "layer", "name"), tried())
def test_proxy(outcomes, client: str, layer: str, name: str) -> None:
    case = CASES[name]
    code, out = outcomes[f"{client} bare {case.url}"]
    assert (code, "secret" in out) == (0, False), out
    code, out = outcomes[f"{client} {layer} {name}"]
    if not case.told:
        assert code == 0, out
        assert "hermetic: blocked" not in out
        return
    assert code != 0, out
    told = case.told.format(f" (proxy of the environment: {variable(client)})")
    assert f"hermetic: blocked action: {told}\n" in out
    assert f"  allow it  {case.hint}\n" in out
    assert out.count("hermetic: blocked action") == 1, out
    assert "blocked 1 action in all" in out
    assert "secret" not in out
