"""From policies to what is mounted, for places that contain one another in every way."""

from __future__ import annotations

import pytest
from hermetic_guard.policy import Filesystem, Network, Policy, PolicyError

from hermetic.linux import mounts
from hermetic.linux.here import Here
from hermetic.linux.mounts import HIDDEN, PRIVATE, READ_ONLY, TMP, WRITABLE
from hermetic.linux.surroundings import Surroundings

RUN = "/tmp/r"
OWN = {f"{RUN}/scratch": WRITABLE, f"{RUN}/unix": WRITABLE}
NO_GUARD = {"/proc": READ_ONLY, "/sys": READ_ONLY, RUN: READ_ONLY, **OWN}
READ_ONLY_TREE = {"/dev/shm": PRIVATE, "/proc": READ_ONLY, **OWN}


def planned(filesystem: Filesystem | None, protected: tuple[str, ...] = (), raw: tuple[str, ...] = (), run: str = RUN) -> mounts.Plan:
    here = Here(machine="x86_64", root=bool(raw), run=run, protected=protected, namespaced=True)
    return mounts.plan(Policy(filesystem=filesystem, network=Network()), here, Surroundings(raw=raw))


def rules(*write: str, hide: tuple[str, ...] = ()) -> Filesystem:
    return Filesystem(write=write, hide=hide)


PLANS = [
    # name, rules, hermetic's own, whether the tree is read-only, what is mounted in it
    ("no guard", None, (), False, NO_GUARD),
    ("no guard, own files", None, ("/opt/h",), False, {**NO_GUARD, "/opt/h": READ_ONLY}),
    ("nothing to write", rules(), (), True, READ_ONLY_TREE),
    ("own files in what is read-only", rules("/srv"), ("/opt/h",), True, {**READ_ONLY_TREE, "/srv": WRITABLE}),
    ("own files in what is written", rules("/srv"), ("/srv/h",), True, {**READ_ONLY_TREE, "/srv": WRITABLE, "/srv/h": READ_ONLY}),
    (
        "own files deeper: what leads to them cannot be moved",
        rules("/srv"),
        ("/srv/a/b/h",),
        True,
        {**READ_ONLY_TREE, "/srv": WRITABLE, "/srv/a": WRITABLE, "/srv/a/b": WRITABLE, "/srv/a/b/h": READ_ONLY},
    ),
    ("own files are what is written", rules("/srv"), ("/srv",), True, READ_ONLY_TREE),
    ("written is in own files", rules("/srv/h/a"), ("/srv/h",), True, READ_ONLY_TREE),
    ("a file in what is read-only", rules("/etc/hosts"), (), True, {**READ_ONLY_TREE, "/etc/hosts": WRITABLE}),
    ("hidden in what is read-only", rules(hide=("/home/key",)), (), True, {**READ_ONLY_TREE, "/home/key": HIDDEN}),
    ("hidden in what is written", rules("/srv", hide=("/srv/key",)), (), True, {**READ_ONLY_TREE, "/srv": WRITABLE, "/srv/key": HIDDEN}),
    ("written in what is hidden stays hidden", rules("/home/a", hide=("/home",)), (), True, {**READ_ONLY_TREE, "/home": HIDDEN}),
    ("own files in what is hidden", rules(hide=("/home",)), ("/home/h",), True, {**READ_ONLY_TREE, "/home": HIDDEN}),
    ("hidden in own files", rules(hide=("/opt/h/a",)), ("/opt/h",), True, {**READ_ONLY_TREE, "/opt/h/a": HIDDEN}),
    ("the same written and hidden", rules("/srv", hide=("/srv",)), (), True, {**READ_ONLY_TREE, "/srv": HIDDEN}),
    (
        "the run directory in what is hidden is there still",
        rules(hide=("/tmp",)),
        (),
        True,
        {**READ_ONLY_TREE, "/tmp": HIDDEN, RUN: READ_ONLY},
    ),
    ("the run directory in what is written", rules("/tmp"), (), True, {**READ_ONLY_TREE, "/tmp": WRITABLE, RUN: READ_ONLY}),
    ("everything written", rules("/"), ("/opt/h",), False, {**NO_GUARD, "/opt/h": READ_ONLY}),
    ("everything written, something hidden", rules("/", hide=("/k",)), (), False, {**NO_GUARD, "/k": HIDDEN}),
    ("shared memory is written", rules("/dev/shm"), (), True, {**READ_ONLY_TREE, "/dev/shm": WRITABLE}),
    ("devices are written", rules("/dev"), (), True, {"/proc": READ_ONLY, **OWN, "/dev": WRITABLE}),
    ("part of shared memory", rules("/dev/shm/a"), (), True, {**READ_ONLY_TREE, "/dev/shm/a": WRITABLE}),
    ("the kernel's file systems are never written", rules("/proc", "/sys/kernel"), (), True, READ_ONLY_TREE),
    ("part of /sys hidden", rules("/", hide=("/sys/class",)), (), False, {**NO_GUARD, "/sys/class": HIDDEN}),
    ("names that begin alike", rules("/srv/a", hide=("/srv/ab",)), (), True, {**READ_ONLY_TREE, "/srv/a": WRITABLE, "/srv/ab": HIDDEN}),
]


@pytest.mark.parametrize(("filesystem", "protected", "read_only", "expected"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS])
def test_plan(filesystem, protected, read_only, expected):
    plan = planned(filesystem, protected)
    assert (dict(plan.mounts), plan.read_only) == (expected, read_only)
    assert list(plan.mounts) == sorted(plan.mounts)


PROTECTED = [
    # name, what is written, what is there of what is protected, whether the tree is read-only, what is mounted in it
    ("in what is read-only", ("/srv",), ("/home/key",), True, {"/srv": WRITABLE}),
    ("in what is written", ("/srv",), ("/srv/key",), True, {"/srv": WRITABLE, "/srv/key": READ_ONLY}),
    ("deeper", ("/srv",), ("/srv/a/key",), True, {"/srv": WRITABLE, "/srv/a": WRITABLE, "/srv/a/key": READ_ONLY}),
    ("is what is written", ("/srv",), ("/srv",), True, {}),
    ("written in it", ("/srv/a",), ("/srv",), True, {}),
    ("in what is protected", ("/srv",), ("/srv/a", "/srv/a/b"), True, {"/srv": WRITABLE, "/srv/a": READ_ONLY}),
    ("all is written", ("/",), ("/home/me/key",), False, {"/home": WRITABLE, "/home/me": WRITABLE, "/home/me/key": READ_ONLY}),
    ("all is written, and protected", ("/",), ("/",), True, {"/dev/shm": None}),
]


@pytest.mark.parametrize(("write", "places", "read_only", "expected"), [row[1:] for row in PROTECTED], ids=[row[0] for row in PROTECTED])
def test_protected(write, places, read_only, expected):
    """What leads to it cannot be moved, also where all is written."""
    here = Here(machine="x86_64", root=False, run=RUN, namespaced=True)
    plan = mounts.plan(Policy(filesystem=rules(*write)), here, Surroundings(protected=places, links=places[:1]))
    everything = {**(READ_ONLY_TREE if read_only else NO_GUARD), **expected}
    assert (dict(plan.mounts), plan.read_only) == ({path: kind for path, kind in everything.items() if kind}, read_only)
    assert plan.links == places[:1]


def test_run_directory_in_shared_memory():
    plan = planned(rules(), run="/dev/shm/r")
    expected = {"/dev/shm/r": READ_ONLY, "/dev/shm/r/scratch": WRITABLE, "/dev/shm/r/unix": WRITABLE}
    assert dict(plan.mounts) == {"/dev/shm": PRIVATE, "/proc": READ_ONLY, **expected}


def test_raw_devices_of_root_are_hidden_but_where_they_are_written():
    assert dict(planned(None, raw=("/dev/sda",)).mounts) == {**NO_GUARD, "/dev/sda": HIDDEN}
    assert dict(planned(rules("/"), raw=("/dev/sda",)).mounts)["/dev/sda"] == HIDDEN
    assert dict(planned(rules("/dev/sda"), raw=("/dev/sda", "/dev/sdb")).mounts) == {
        **READ_ONLY_TREE,
        "/dev/sda": WRITABLE,
        "/dev/sdb": HIDDEN,
    }


def test_terminals_of_others_are_hidden_but_where_they_are_written():
    around = Surroundings(terminals=("/dev/pts/3", "/dev/pts/4"))
    here = Here(machine="x86_64", root=False, run=RUN, namespaced=True)
    plan = mounts.plan(Policy(filesystem=rules("/dev/pts/4")), here, around)
    assert dict(plan.mounts) == {**READ_ONLY_TREE, "/dev/pts/3": HIDDEN, "/dev/pts/4": WRITABLE}


def test_no_run_directory():
    assert dict(planned(None, run="").mounts) == {"/proc": READ_ONLY, "/sys": READ_ONLY}


def test_everything_hidden_is_no_plan():
    with pytest.raises(PolicyError):
        planned(rules(hide=("/",)))


def test_other_mounts():
    """Of the kernel's file systems, and of what is hidden."""
    around = Surroundings(kernels=("/srv/proc",), hidden=("/mnt/key",))
    here = Here(machine="x86_64", root=False, run=RUN, namespaced=True)
    plan = mounts.plan(Policy(filesystem=rules("/srv", hide=("/home/key",))), here, around)
    expected = {"/srv": WRITABLE, "/srv/proc": READ_ONLY, "/home/key": HIDDEN, "/mnt/key": HIDDEN}
    assert dict(plan.mounts) == {**READ_ONLY_TREE, **expected}


@pytest.mark.parametrize(
    ("filesystem", "more", "mounted"),
    [
        (None, {}, {**NO_GUARD, "/tmp": TMP, "/var/tmp": TMP}),
        (None, {"kept": ("/tmp/work", "/home/a")}, {**NO_GUARD, "/tmp": TMP, "/var/tmp": TMP, "/tmp/work": WRITABLE}),
        (rules("/tmp", "/var/tmp"), {}, {**READ_ONLY_TREE, "/tmp": TMP, "/var/tmp": TMP, RUN: READ_ONLY}),
        (
            rules("/tmp", "/var/tmp", hide=("/tmp/work/key",)),
            {"written": ("/tmp/out",), "kept": ("/tmp/work", "/tmp/out/a")},
            {
                **READ_ONLY_TREE,
                "/tmp": TMP,
                "/var/tmp": TMP,
                RUN: READ_ONLY,
                "/tmp/out": WRITABLE,
                "/tmp/work": READ_ONLY,
                "/tmp/work/key": HIDDEN,
            },
        ),
        (  # what lies beside hermetic's own files, where these are below /tmp, is not to be seen
            rules("/tmp", "/var/tmp"),
            {"written": ("/tmp/home/work",), "protected": ("/tmp/home/.cache/h", "/tmp/home/work/a/h")},
            {
                **READ_ONLY_TREE,
                "/tmp": TMP,
                "/var/tmp": TMP,
                RUN: READ_ONLY,
                "/tmp/home/.cache/h": READ_ONLY,
                "/tmp/home/work": WRITABLE,
                "/tmp/home/work/a": WRITABLE,
                "/tmp/home/work/a/h": READ_ONLY,
            },
        ),
    ],
)
def test_a_tmp_of_the_runs_own(filesystem, more, mounted):
    own = (("/tmp", f"{RUN}/tmp"), ("/var/tmp", f"{RUN}/var-tmp"))
    here = Here(machine="x86_64", root=False, run=RUN, namespaced=True, tmp=own, **more)
    plan = mounts.plan(Policy(filesystem=filesystem, tmp="private"), here, Surroundings())
    assert (dict(plan.mounts), plan.tmp) == (mounted, dict(own))
