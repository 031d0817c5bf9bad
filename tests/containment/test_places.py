"""What can be changed, seen and reached from behind the mounts and the domain: each attempt bare, with both, and with the domain alone.

Where the domain alone lets something through, that is a gap which `gaps.py` names; it stands here as "done".
"""

import ctypes
import os
from pathlib import Path

import pytest
from containment.places import USERS, attempt, bystander, places

from hermetic.linux import devices

SHM_FILE = "confined-outside"
SHM_KEY = 0x48524D43
IPC_CREAT, IPC_RMID = 0o1000, 0

ATTEMPTS = [
    # attempt, with both, with the domain alone
    ("write_outside", "EROFS", "EACCES"),
    ("create_outside", "EROFS", "EACCES"),
    ("truncate_outside", "EROFS", "EACCES"),
    ("chmod_outside", "EROFS", "done"),
    ("chown_outside", "EROFS", "done"),
    ("utime_outside", "EROFS", "done"),
    ("setxattr_outside", "EROFS", "done"),
    ("unlink_outside", "EROFS", "EACCES"),
    ("rmdir_outside", "EROFS", "EACCES"),
    ("mkdir_outside", "EROFS", "EACCES"),
    ("symlink_outside", "EROFS", "EACCES"),
    ("mkfifo_outside", "EROFS", "EACCES"),
    ("bind_socket_outside", "EROFS", "EACCES"),
    ("rename_outside", "EROFS", "EACCES"),
    ("rename_directory_outside", "EROFS", "EACCES"),
    ("move_out_of_writable", "EXDEV", "EACCES"),
    ("move_into_writable", "EXDEV", "EACCES"),
    ("link_into_writable", "EXDEV", "EXDEV"),
    ("link_out_of_writable", "EROFS", "EACCES"),
    ("write_through_symlink", "EROFS", "EACCES"),
    ("write_through_dots", "EROFS", "EACCES"),
    ("write_through_root", "EROFS", "EACCES"),
    ("write_through_cwd", "EROFS", "EACCES"),
    ("write_through_inherited_directory", "EBADF", "EBADF"),
    ("write_through_planted_hard_link", "done", "done"),
    ("chmod_stdin", "done", "done"),
    # What may be done.
    ("write_inside", "done", "done"),
    ("change_inside", "done", "done"),
    ("copy_inside", "done", "done"),
    ("read_outside", "done", "done"),
    ("tempfile_in_scratch", "done", "done"),
    ("git_commit_inside", "done", "done"),
    ("devices", "done", "done"),
    ("pseudo_terminal", "done", "done"),
    ("threads", "done", "done"),
    ("multiprocessing_locks", "done", "EACCES"),
    ("shared_memory", "done", "EACCES"),
    # hermetic's own.
    ("write_protected", "EROFS", "done"),
    ("add_to_protected", "EROFS", "done"),
    ("rename_protected", "EBUSY", "done"),
    ("rename_above_protected", "EBUSY", "done"),
    ("rename_further_above_protected", "EBUSY", "done"),
    ("link_protected", "EXDEV", "done"),
    ("write_run", "EROFS", "EACCES"),
    ("add_to_run", "EROFS", "EACCES"),
    ("unlink_in_run", "EROFS", "EACCES"),
    ("rename_run", "EROFS", "EACCES"),
    ("write_events", "done", "done"),
    ("fifo_in_run", "done", "done"),
    # Hidden things.
    ("read_hidden", "ENOENT", "done"),
    ("stat_hidden", "ENOENT", "done"),
    ("make_hidden", "ENOENT", "EACCES"),
    ("read_in_hidden", "ENOENT", "done"),
    ("list_hidden", "empty", "done"),
    ("read_hidden_through_symlink", "ENOENT", "done"),
    ("read_hidden_through_root", "ENOENT", "done"),
    ("read_hidden_through_dots", "ENOENT", "done"),
    ("read_hidden_through_launchers_root", "EACCES", "EACCES"),
    ("read_hidden_through_inherited_directory", "EBADF", "EBADF"),
    ("link_hidden", "EXDEV", "EXDEV"),
    # Memory and other processes.
    ("write_own_memory", "EROFS", "EACCES"),
    ("write_own_memory_by_thread", "EROFS", "EACCES"),
    ("write_launchers_memory", "EROFS", "EACCES"),
    ("write_bystanders_memory", "EROFS", "EACCES"),
    ("read_launchers_memory", "EACCES", "EACCES"),
    ("read_launchers_environment", "EACCES", "EACCES"),
    ("read_bystanders_environment", "EACCES", "EACCES"),
    ("read_launchers_maps", "EACCES", "EACCES"),
    ("read_bystanders_maps", "EACCES", "EACCES"),
    ("list_bystanders_descriptors", "EACCES", "EACCES"),
    ("enter_bystanders_root", "EACCES", "EACCES"),
    ("signal_launcher", "EPERM", "EPERM"),
    ("signal_bystander", "EPERM", "EPERM"),
    ("signal_bystander_by_pidfd", "EPERM", "EPERM"),
    ("signal_own_child", "done", "done"),
    ("trace_bystander", "EPERM", "EPERM"),
    ("read_bystanders_memory_by_call", "EPERM", "EPERM"),
    ("attach_outside_shared_memory", "ENOENT", "done"),
    ("read_outside_shared_memory", "ENOENT", "done"),
    ("write_outside_shared_memory", "ENOENT", "EACCES"),
    # Rights.
    ("gain_privileges", "none", "none"),
    ("dump_core", "no file", "no file"),
]

OF_ROOT = [
    ("open_core_pattern", "EROFS", "EACCES"),
    ("open_cgroup_procs", "EROFS", "EACCES"),
    ("open_sys", "EROFS", "EACCES"),
    ("read_raw_device", "ENOENT", "done"),
    ("write_raw_device", "ENOENT", "EACCES"),
    ("keep_capabilities", "none", "none"),
    ("keep_bounding_set", "none", "none"),
    ("become_another_user", "EPERM", "EPERM"),
    ("mount", "EPERM", "EPERM"),
    ("make_device", "EACCES", "EACCES"),
]


def policy(places):
    return {"filesystem": {"write": [places / "out", places / "run/scratch"], "hide": [places / "secret", places / "secrets"]}}


WAYS = {"bare": {"bare": True, "namespaced": False}, "both": {"namespaced": True}, "alone": {"namespaced": False}}


def outcomes(user, way, facts, names):
    """What came of the attempts, all made by one process."""
    with places(user) as tree:
        own = {"run": tree / "run", "protected": [tree / "out/protected", tree / "out/deep/below/protected"]}
        return attempt(tree, {"policy": policy(tree), **own, **WAYS[way]}, facts, names)


@pytest.fixture(scope="module")
def outside():
    """What the attempts look for outside the tree."""
    libc = ctypes.CDLL(None)
    segment = libc.shmget(SHM_KEY, 4096, IPC_CREAT | 0o666)
    shared = Path("/dev/shm", SHM_FILE)
    shared.touch(0o666)
    shared.chmod(0o666)
    groups = next(path for path in Path("/sys/fs/cgroup").rglob("cgroup.procs"))
    yield {
        "shm_key": SHM_KEY,
        "shm_file": SHM_FILE,
        "raw_device": raw_device(),
        "sys_file": "/sys/kernel/profiling",
        "cgroup_file": str(groups),
    }
    shared.unlink()
    libc.shmctl(segment, IPC_RMID, None)


def raw_device():
    """One that root may open here: a container's device cgroup forbids most."""
    for path in devices.scan()[1]:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        except OSError:
            continue
        return path
    return None


@pytest.fixture(scope="module", params=USERS)
def tried(request, outside):
    """Of one user: way to attempt to what came of it."""
    if os.geteuid() and request.param == "root":
        pytest.skip("root is needed")
    rows = ATTEMPTS + (OF_ROOT if request.param == "root" else [])
    with bystander(USERS[request.param]) as (pid, mapped):
        facts = {**outside, "bystander": pid, "mapped": mapped}
        return {way: outcomes(request.param, way, facts, [row[0] for row in rows]) for way in WAYS}


@pytest.mark.parametrize("row", ATTEMPTS, ids=lambda row: row[0])
def test_attempt(tried, row):
    name, both, alone = row
    assert [tried[way][name] for way in WAYS] == ["done", both, alone]


@pytest.mark.parametrize("row", OF_ROOT, ids=lambda row: row[0])
@pytest.mark.parametrize("tried", ["root"], indirect=True)
def test_attempt_of_root(tried, outside, row):
    name, both, alone = row
    if "raw_device" in name and outside["raw_device"] is None:
        pytest.skip("there is no raw device that root may open")
    assert [tried[way][name] for way in WAYS] == ["done", both, alone]
