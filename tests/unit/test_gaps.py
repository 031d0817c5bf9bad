"""What is said to be open, for kernels that have more and less."""

from __future__ import annotations

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Filesystem, Network, Policy, Subprocess

from hermetic.linux.gaps import GAPS, RUNS, gaps
from hermetic.linux.here import Here

NETWORK = Policy(network=Network())
LOCALHOST = Policy(network=Network(localhost=ANY))
PORTS = Policy(network=Network(localhost=((80, 80),)))
WRITE = Policy(filesystem=Filesystem(write=("/srv",)))
HIDE = Policy(filesystem=Filesystem(write=("/srv",), hide=("/home/key",)))
PROTECT = Policy(filesystem=Filesystem(write=("/srv",), protect=("/srv/key",)))
PROTECT_ABOVE = Policy(filesystem=Filesystem(write=("/srv/out",), protect=("/srv",)))
PROTECT_ELSEWHERE = Policy(filesystem=Filesystem(write=("/srv",), protect=("/home/key",)))
ALL = Policy(filesystem=Filesystem(write=("/",)))
HIDE_WRITABLE = Policy(filesystem=Filesystem(write=("/home",), hide=("/home/key",)))
ROOTED = Policy(filesystem=Filesystem(read=("/srv",), hide=("/home/key",)))
ROOTED_ABOVE = Policy(filesystem=Filesystem(read=("/home",), hide=("/home/key",)))
RUN = Policy(subprocess=Subprocess(run=("/bin/ls",)))
NO_RUN = Policy(subprocess=Subprocess())

ALONE = {"ipc", "hermetic"}
ROWS = [
    # policy, ABI, namespaced, names
    (NETWORK, 7, True, {"above hermetic"}),
    (NETWORK, 7, False, ALONE),
    (NETWORK, 5, False, ALONE | {"signals"}),
    (NETWORK, 0, True, {"above hermetic", "memory", "signals"}),
    (NETWORK, 0, False, ALONE | {"memory", "signals", "own code"}),
    (WRITE, 7, True, set()),
    (WRITE, 7, False, {"ipc", "terminals", "metadata"}),
    (WRITE, 4, True, {"signals", "devices"}),
    (WRITE, 2, False, {"ipc", "terminals", "metadata", "truncate", "devices", "signals"}),
    (WRITE, 2, True, {"devices", "signals"}),
    (HIDE, 7, True, {"replaced"}),
    (PROTECT, 7, True, {"protected names"}),
    (PROTECT, 7, False, {"ipc", "terminals", "metadata", "protected"}),
    (PROTECT_ABOVE, 7, True, {"protected names"}),
    (PROTECT_ABOVE, 7, False, {"ipc", "terminals", "metadata", "protected"}),
    (PROTECT_ELSEWHERE, 7, True, set()),
    (ALL, 7, True, {"above hermetic"}),
    (HIDE, 7, False, {"ipc", "terminals", "metadata", "seen"}),
    (HIDE_WRITABLE, 7, False, {"ipc", "terminals", "metadata", "seen", "hidden"}),
    (
        HIDE,
        0,
        False,
        {
            "change",
            "terminals",
            "ipc",
            "metadata",
            "truncate",
            "devices",
            "signals",
            "memory",
            "own code",
            "hermetic",
            "hidden",
            "seen",
        },
    ),
    (ROOTED, 7, True, {"attributes", "replaced"}),
    (ROOTED, 0, True, {"attributes", "replaced", "read", "memory", "signals", "devices"}),
    (ROOTED, 7, False, {"attributes", "ipc", "terminals", "seen"}),
    (ROOTED_ABOVE, 7, False, {"attributes", "ipc", "terminals", "seen"}),
    (Policy(filesystem=Filesystem(write=("/tmp/r/scratch",))), 7, False, {"ipc", "terminals"}),
    (RUN, 7, True, {"above hermetic", "loader"}),
    (RUN, 0, True, {"above hermetic", "loader", "execute", "memory", "signals"}),
    (NO_RUN, 7, True, {"above hermetic"}),
    (
        WRITE,
        0,
        False,
        {"change", "terminals", "ipc", "metadata", "truncate", "devices", "signals", "memory", "own code", "hermetic"},
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]!r} {row[1]} {row[2]}")
def test_gaps(row):
    policy, abi, namespaced, names = row
    here = Here(machine="x86_64", root=False, run="/tmp/r", protected=("/opt/h",), abi=abi, namespaced=namespaced)
    assert {gap.name for gap in gaps(policy, here)} == names


@pytest.mark.parametrize(("policy", "names"), [(NETWORK, set()), (LOCALHOST, {"datagrams"}), (PORTS, set())], ids=["none", "all", "ports"])
def test_datagrams_where_localhost_is_open(policy, names):
    """Landlock's rights to UDP are to ports, of whatever address."""
    for abi in (7, 10):
        here = Here(machine="x86_64", root=False, abi=abi, namespaced=True, supervised=True)
        assert {gap.name for gap in gaps(policy, here)} == {"above hermetic"} | names


def test_root_without_a_namespace():
    here = Here(machine="x86_64", root=True, abi=7)
    assert "raw devices" in {gap.name for gap in gaps(WRITE, here)}


def test_terminals_inside_another_run():
    """Whose guard has kept those from it that were there."""
    for outer, named in ((NETWORK, True), (WRITE, False)):
        here = Here(machine="x86_64", root=False, abi=7, outer=outer)
        assert ("terminals" in {gap.name for gap in gaps(WRITE, here)}) is named


SEALED = Policy(network=Network(), subprocess=Subprocess(), filesystem=Filesystem())
RUNNING = [
    # of a process that runs already: threads, of those not bound by Landlock, what else there is, names
    (1, 0, {}, set()),
    (1, 0, {"sends": True}, {"sockets"}),
    (1, 0, {"root": True}, {"raw devices"}),
    (3, 2, {}, {"threads"}),
    (3, 0, {"abi": 8}, set()),
    (3, 2, {"root": True}, {"threads", "capabilities", "raw devices"}),
    (2, 1, {"synced": False}, {"threads", "filters"}),
    (1, 0, {"filtered": False}, {"calls"}),
    (1, 0, {"abi": 5}, {"signals"}),
]


@pytest.mark.parametrize("row", RUNNING, ids=lambda row: f"{row[:3]} {sorted(row[3])}")
def test_a_process_that_runs_already(row):
    threads, unbound, more, names = row
    here = Here(**{"machine": "x86_64", "root": False, "abi": 7, "threads": threads, "unbound": unbound, **more})
    assert {gap.name for gap in gaps(SEALED, here) if gap.guarantee != RUNS} == names


def test_own_files_in_what_is_written():
    here = Here(machine="x86_64", root=False, run="/srv/r", protected=("/opt/h",), abi=7)
    assert "hermetic" in {gap.name for gap in gaps(WRITE, here)}


def test_every_gap_has_a_name_of_its_own():
    assert len({gap.name for gap in GAPS}) == len(GAPS)
