"""What can be changed, seen and reached from behind the mounts and the domain: each attempt bare, with both, and with the domain alone."""

import ctypes
import functools
import os
from pathlib import Path

import pytest
from containment.attempt_rows import GAPS, guarded, unguarded
from containment.places import USERS, Places, attempt, bystander, places
from hermetic_guard.policy import Filesystem, Policy

from hermetic.linux import devices
from hermetic.linux.gaps import gaps
from hermetic.linux.here import Here

SHM_FILE = f"confined-{os.getpid()}"
SHM_KEY = 0x48520000 | os.getpid() & 0xFFFF
IPC_CREAT, IPC_RMID = 0o1000, 0

WAYS = {"bare": {"bare": True}, "both": {"namespaced": True}, "alone": {"namespaced": False}}
POLICIES = {"files": guarded, "network": unguarded}

pytestmark = pytest.mark.xdist_group("places")  # so that the attempts are made once


def policy(name, tree):
    hidden = [tree / "secret", tree / "secrets"]
    return {"files": {"filesystem": {"write": [tree / "out", tree / "run/scratch"], "hide": hidden}}, "network": {"network": {}}}[name]


@pytest.fixture(scope="module")
def outside():
    """What the attempts look for outside the tree."""
    libc = ctypes.CDLL(None)
    segment = libc.shmget(SHM_KEY, 4096, IPC_CREAT | 0o666)
    shared = Path("/dev/shm", SHM_FILE)
    shared.touch(0o666)
    shared.chmod(0o666)
    master, terminal = os.openpty()
    os.chmod(os.ttyname(terminal), 0o666)
    groups = next(path for path in Path("/sys/fs/cgroup").rglob("cgroup.procs"))
    yield {
        "shm_key": SHM_KEY,
        "shm_file": SHM_FILE,
        "raw_device": raw_device(),
        "sys_file": "/sys/kernel/profiling",
        "cgroup_file": str(groups),
        "terminal": os.ttyname(terminal),
    }
    os.close(master)
    os.close(terminal)
    shared.unlink()
    libc.shmctl(segment, IPC_RMID, None)


def raw_device():
    """One that root may open here: a container's device cgroup forbids most."""
    for path in devices.raw():
        try:
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        except OSError:
            continue
        return path
    return None


@pytest.fixture(scope="module")
def tried(outside):
    """Policy and user to way to attempt to what came of it; all attempts of a way are made by one process."""

    @functools.cache
    def outcomes(name, user):
        names = [row[0] for row in POLICIES[name](root=user == "root")]
        with bystander(USERS[user]) as (pid, mapped):
            facts = {**outside, "bystander": pid, "mapped": mapped}
            return {way: made(name, user, more, facts, names) for way, more in WAYS.items()}

    return outcomes


def made(name, user, more, facts, names):
    with places(user) as tree:
        own = {"run": tree / "run", "protected": [tree / "out/protected", tree / "out/deep/below/protected"]}
        return attempt(tree, {"policy": policy(name, tree), **own, **more}, facts, names)


ROWS = [(name, user, row) for name, rows in POLICIES.items() for user in USERS for row in rows(root=user == "root")]


@pytest.mark.parametrize(("name", "user", "row"), ROWS, ids=[f"{name}-{user}-{row[0]}" for name, user, row in ROWS])
def test_attempt(tried, outside, name, user, row):
    attempt, both, alone = row
    if "raw_device" in attempt and outside["raw_device"] is None:
        pytest.skip("there is no raw device that root may open")
    assert [tried(name, user)[way][attempt] for way in WAYS] == ["done", both, alone]


@pytest.mark.parametrize("way", ["both", "alone"])
def test_gaps_are_told(way):
    """What works by the domain alone and not behind the mounts is said to, and nothing else is."""
    described = policy("files", Places("/srv", 0))["filesystem"]
    rules = Filesystem(**{name: tuple(paths) for name, paths in described.items()})
    here = Here(machine="", root=True, run="/srv/run", protected=("/srv/out/protected",), abi=7, namespaced=way == "both")
    told = {gap.name for gap in gaps(Policy(filesystem=rules), here)}
    found = {name for name, both, alone in guarded(root=True) if alone == "done" and both != "done"}
    found.discard("read_outside_shared_memory")  # a file like any other, and all may be read
    assert found == {name for names in GAPS.values() for name in names}
    assert told == (set(GAPS) if way == "alone" else {"replaced"})  # for which it takes somebody outside
