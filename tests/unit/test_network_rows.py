"""The table of rules and requests, as the Python layer and the supervisor have it decided, from the command line on."""

from __future__ import annotations

import pytest
from hermetic_guard.decide import Request, decide
from hermetic_guard.guards.addresses import read_host
from hermetic_guard.serialized import dumps, loads
from unit.network_rows import ROWS, Row

from hermetic import options
from hermetic.policy import combine


def requested(row: Row) -> Request:
    action, _, target = row.request.partition(" ")
    if action == "DNS":
        return Request("network", action, target, host=target)
    host, _, port = target.rpartition(":")
    host = host.strip("[]")
    packed = read_host(host)
    return Request("network", action, target, address=packed, port=int(port), names=(row.name,) if row.name else ())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_decided(row: Row) -> None:
    invocation = options.parse(["--no-network", *row.options.split(), "--", "x"], {})
    assert invocation is not None
    policy = combine.resolve(invocation, "/work").policy
    for one in (policy, loads(dumps(policy))):
        decision = decide(one, requested(row))
        assert decision.allowed is row.allowed
        assert bool(decision.rule) is not row.allowed


def test_there_are_enough() -> None:
    assert len(set(ROWS)) == len(ROWS) > 160
