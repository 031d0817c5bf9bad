"""The table of rules and requests, carried out: under both layers, under each alone, and without a guard, where all are let."""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import find_python
from launch.namespaces import private_mounts
from unit.network_rows import ROWS, Row

HERE = Path(__file__).resolve().parent
ONE_LAYER = str(HERE.parent / "containment/one_layer.py")
LAYERS = ("both", "python", "kernel")

GROUPS = [(key, list(rows)) for key, rows in itertools.groupby(ROWS, key=lambda row: (row.options, row.name))]


def is_tried(row: Row, layer: str) -> bool:
    """The kernel looks at what listens, not at what is bound; what is in the hosts file nobody is asked for; and where datagrams are let its part
    is partial: it does not see where each goes.
    """
    action, _, target = row.request.partition(" ")
    unseen = (
        action == "bind"
        or (action == "DNS" and target.lower().rstrip(".") == "localhost")
        or (action == "send" and "--deny" in row.options)
    )
    return layer != "kernel" or not unseen


def prefix(layer: str, hermetic: str, options: str, python: str) -> list[str]:
    words = ["--no-network", *options.split(), "--", python]
    if layer == "bare":
        return [python]
    return [hermetic, *words] if layer == "both" else [python, "-IS", ONE_LAYER, layer, *words]


@functools.cache
def outcomes(hermetic: str, home: str) -> dict[tuple[int, str], list[bool]]:
    """Of each group of rows in each layer."""
    python = str(find_python("3.11").path)
    keys, tasks = [], []
    for (index, ((options, name), rows)), layer in itertools.product(enumerate(GROUPS), (*LAYERS, "bare")):
        hosts = [row.request.partition(" ")[2].rpartition(":")[0].strip("[]") for row in rows if name and not row.request.startswith("DNS")]
        addresses = list(dict.fromkeys(host.removeprefix("::ffff:") if "." in host else host for host in hosts))
        requests = [f"as {name} {row.request}" if name else row.request for row in rows]
        keys.append((index, layer))
        tasks.append({"command": prefix(layer, hermetic, options, python), "rows": requests, "addresses": addresses, "home": home})
    command = [*private_mounts(), "--net", sys.executable, str(HERE / "rules_world.py")]
    done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {}
    for key, outcome in zip(keys, json.loads(done.stdout), strict=True):
        lines = outcome["out"].splitlines()
        assert len(lines) == len(GROUPS[key[0]][1]), outcome
        found[key] = [line.endswith(": True") for line in lines]
    return found


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("index", range(len(GROUPS)), ids=[f"{options or 'nothing'} {name}".strip() for (options, name), _ in GROUPS])
def test_carried_out(hermetic_command: str, jobs, index: int, layer: str) -> None:
    rows, found = GROUPS[index][1], outcomes(hermetic_command, str(jobs.home))
    wrong = [str(row) for row, is_let in zip(rows, found[index, layer], strict=True) if is_tried(row, layer) and is_let is not row.allowed]
    assert wrong == []


def test_without_a_guard(hermetic_command: str, jobs) -> None:
    """Everything is let that can be at all; what is no name nobody looks up."""
    refused = {
        row.request
        for index, (_, rows) in enumerate(GROUPS)
        for row, is_let in zip(rows, outcomes(hermetic_command, str(jobs.home))[index, "bare"], strict=True)
        if not is_let
    }
    assert refused <= {"DNS example.com..", "DNS .example.com", "DNS *.example.org", "connect 255.255.255.255:80"}
