"""IPC of others that no file system names: System V's shared memory, semaphores and queues, and POSIX message queues."""

import ctypes
import os

import pytest
from containment.places import USERS, places, snippets

KEY = 0x49504300 | os.getpid() & 0xFF
QUEUE = f"/hermetic-{os.getpid()}"
IPC_CREAT, IPC_RMID, SETVAL, ALL = 0o1000, 0, 16, 0o666

LIBC = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def call(name, *arguments):
    made = getattr(libc, name)(*arguments)
    if made in (-1, 2 ** 64 - 1): raise OSError(ctypes.get_errno(), name)
    return made
"""
USES = {
    "shared memory": f"ctypes.memmove(call('shmat', call('shmget', {KEY}, 0, 0), None, 0), b'x', 1)",
    "semaphores": f"call('semop', call('semget', {KEY}, 0, 0), b'\\0\\0\\1\\0\\0\\0', 1)",
    "their values": f"call('semctl', call('semget', {KEY}, 0, 0), 0, {SETVAL}, 5)",
    "a queue": f"call('msgsnd', call('msgget', {KEY}, 0), (1).to_bytes(8, 'little') + b'x', 1, 0)",
    "a POSIX queue": f"call('mq_send', call('mq_open', {QUEUE.encode()}, os.O_WRONLY), b'x', 1, 0)",
    "a POSIX queue, reading": f"os.close(call('mq_open', {QUEUE.encode()}, os.O_RDONLY))",
}
WAYS = {"bare": {"bare": True}, "mounts": {"namespaced": True}, "alone": {"namespaced": False}}


@pytest.fixture(scope="module", autouse=True)
def of_others():
    """For everybody, by a key and a name that are known."""
    libc = ctypes.CDLL(None, use_errno=True)
    memory, semaphores, queue = (
        libc.shmget(KEY, 4096, IPC_CREAT | ALL), libc.semget(KEY, 1, IPC_CREAT | ALL), libc.msgget(KEY, IPC_CREAT | ALL),
    )  # fmt: skip
    before = os.umask(0)
    posix = libc.mq_open(QUEUE.encode(), os.O_CREAT | os.O_RDWR, ALL, None)
    os.umask(before)
    assert -1 not in (memory, semaphores, queue, posix), os.strerror(ctypes.get_errno())
    yield
    os.close(posix)
    libc.mq_unlink(QUEUE.encode())
    libc.shmctl(memory, IPC_RMID, None)
    libc.semctl(semaphores, 0, IPC_RMID)
    libc.msgctl(queue, IPC_RMID, None)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("guard", ["network", "filesystem"])
def test_what_others_have(user, guard):
    """A run has its own; without namespaces it has everybody's, which is a gap that is told (`ipc` in gaps.py)."""
    sources = {name: LIBC + source for name, source in USES.items()}
    with places(user) as tree:
        described = {"policy": {guard: {}}, "run": tree / "run"}
        found = {way: snippets(tree, {**described, **more}, sources) for way, more in WAYS.items()}
    assert found["bare"] == dict.fromkeys(USES, "done")
    assert {end[:27] for end in found["mounts"].values()} == {"FileNotFoundError: [Errno 2"}
    assert found["alone"] == found["bare"] | {"a POSIX queue": "PermissionError: [Errno 13] mq_open"}
