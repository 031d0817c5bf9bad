"""Looking into a caller: what is read is what stands there, and a descriptor that is kept means the thread that it was opened for."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import threading

import pytest

from hermetic.linux import looking, notify, syscalls

SELF = threading.get_native_id()


def memory(content: bytes) -> tuple[object, int]:
    made = syscalls.writable(len(content))
    made[:] = content
    return made, syscalls.address_of(made)


def test_what_stands_there() -> None:
    windows = looking.Windows()
    for content in (b"a sockaddr, say", bytes(range(256)) * 16):
        kept, address = memory(content)
        assert windows.read(SELF, address, len(content)) == content, kept
    assert len(windows._free) == 1


@pytest.mark.parametrize("address", [0, 1, 1 << 47, 1 << 63, (1 << 64) - 1])
def test_a_pointer_that_leads_nowhere(address: int) -> None:
    assert looking.Windows().read(SELF, address, 16) == -errno.EFAULT


def test_where_memory_ends() -> None:
    with mmap.mmap(-1, 2 * mmap.PAGESIZE) as pages:
        view = memoryview(pages)
        start = ctypes.addressof(ctypes.c_char.from_buffer(view))
        ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + mmap.PAGESIZE), mmap.PAGESIZE, 0)
        assert looking.Windows().read(SELF, start + mmap.PAGESIZE - 4, 16) == bytes(4)
        del view


def test_nobody_has_that_number() -> None:
    assert looking.Windows().read((1 << 22) + 1, 4096, 16) == -errno.ESRCH


def ended() -> int:
    """A descriptor of a process that has ended."""
    process = os.fork()
    if not process:
        os._exit(0)
    opened = os.pidfd_open(process)
    os.waitpid(process, 0)
    return opened


def test_who_has_the_number_of_one_that_has_ended_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify.Notification, "check", lambda self: None)
    monkeypatch.setattr(notify, "_eyes", [looking.Eyes()])
    call = notify.Notification(-1, bytearray(80))
    call.thread = SELF
    notify.eyes().threads.keep(SELF, ended())
    with open("/dev/null") as file:
        for _ in range(2):  # the second time by what the first has kept
            taken = call.duplicate(file.fileno())
            assert os.path.sameopenfile(taken, file.fileno())
            os.close(taken)
    with pytest.raises(OSError, match="Bad file descriptor"):
        call.duplicate(1 << 20)


def test_nothing_is_taken_from_one_that_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: object) -> None:
        raise notify.Gone

    monkeypatch.setattr(notify, "_eyes", [looking.Eyes()])
    call = notify.Notification(-1, bytearray(80))
    call.thread = SELF
    notify.eyes().threads.keep(SELF, os.pidfd_open(os.getpid()))
    monkeypatch.setattr(notify.Notification, "check", gone)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(notify.Gone):
        call.duplicate(0)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.ESRCH])
def test_where_the_kernel_has_it_read_from_a_file_alone(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """As under another run's rules."""
    monkeypatch.setattr(notify.Notification, "check", lambda self: None)
    monkeypatch.setattr(notify.eyes().windows, "read", lambda *_: -error)
    call = notify.Notification(-1, bytearray(80))
    call.thread = SELF
    kept, address = memory(b"a sockaddr, say")
    assert call.memory(address, 15) == b"a sockaddr, say", kept


def test_so_many_are_kept() -> None:
    known = looking.Known()
    opened = [os.dup(0) for _ in range(looking.KEPT + 1)]
    for number, one in enumerate(opened):
        known.keep(number, one)
    assert [known.take(number) for number in range(looking.KEPT)] == [-1] * looking.KEPT
    assert known.take(looking.KEPT) == opened[-1]
    os.close(opened[-1])
    for one in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(one)
