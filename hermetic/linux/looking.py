"""Looks into a caller with few calls: its memory by one, its descriptors by another once it was met before.

Each connection waits for this. Where the kernel does not let it be so, as under another run's rules, /proc is read instead, see notify.py.
"""

from __future__ import annotations

import os

from hermetic.linux import numbers, syscalls
from hermetic.linux.notify import PAGE

KEPT = 32
"""Threads that have asked, and whose descriptor is kept: each takes one of the launcher's."""
WORD = 8


class Window:
    """Room for what is read, with the two struct iovec that say so. For one thread at a time."""

    def __init__(self) -> None:
        self._read = syscalls.prepared("process_vm_readv", 6)
        self._room = syscalls.writable(PAGE)
        self._vectors = syscalls.writable(4 * WORD)
        self._here = syscalls.address_of(self._vectors)
        self._there = self._here + 2 * WORD
        self._vectors[:WORD] = syscalls.address_of(self._room).to_bytes(WORD, "little")

    def read(self, thread: int, address: int, size: int) -> bytes | int:
        length = size.to_bytes(WORD, "little")
        self._vectors[WORD:] = length + address.to_bytes(WORD, "little") + length
        count = self._read(thread, self._here, 1, self._there, 1, 0)
        return self._room[:count] if count >= 0 else count


class Windows:
    """As many as there are threads that look at the same time."""

    def __init__(self) -> None:
        self._free: list[Window] = []

    def read(self, thread: int, address: int, size: int) -> bytes | int:
        """At most a page of what a thread has there; shorter where its memory ends. Else a negative errno. Raises OSError where that cannot be."""
        try:
            window = self._free.pop()
        except IndexError:
            window = Window()
        found = window.read(thread, address, size)
        self._free.append(window)
        return found


class Known:
    """Descriptors of threads, which mean them and nobody else: who has the number of one that has ended is another (pidfd_open(2))."""

    def __init__(self) -> None:
        self._kept: dict[int, int] = {}

    def take(self, thread: int) -> int:
        """The one of a thread, which is nobody else's until it is kept again; -1 where there is none."""
        return self._kept.pop(thread, -1)

    def keep(self, thread: int, opened: int) -> None:
        """Where there are too many those of threads that have ended go, and with them the others."""
        if len(self._kept) >= KEPT:
            while self._kept:
                self._close_one()
        other = self.take(thread)
        if other >= 0:
            os.close(other)
        self._kept[thread] = opened

    def _close_one(self) -> None:
        try:
            _, opened = self._kept.popitem()
        except KeyError:
            return  # another thread has taken the last one
        os.close(opened)


class Eyes:
    """All that it takes to look. For any thread."""

    def __init__(self) -> None:
        self.windows = Windows()
        self.threads = Known()
        self._take = syscalls.prepared("syscall", 4)

    def take_from(self, process: int, descriptor: int) -> int:
        """A descriptor of our own for one of a process that is open here, or a negative errno."""
        return self._take(numbers.EVERYWHERE["pidfd_getfd"], process, descriptor & 0xFFFFFFFF, 0)
