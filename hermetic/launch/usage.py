"""What the processes of a run use, all together, as /proc tells it."""

from __future__ import annotations

import os

from hermetic.linux.processes import read, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


class Usage:
    """memory: bytes, where those that processes share are counted for each; processes: threads, too

    cpu: seconds, also of those that have ended and were waited for; own: of each that is there, by pid and time of its start
    """

    __slots__ = ("cpu", "memory", "own", "processes")

    def __init__(self) -> None:
        self.memory = self.processes = 0
        self.cpu = 0.0
        self.own: dict[tuple[int, int], float] = {}


def of_run(pids: Iterable[int]) -> Usage:
    """What these processes use.

    A parent is read before its children: one that ends meanwhile is missed this time rather than counted twice.
    """
    usage = Usage()
    usage.cpu = ended()
    for pid in pids:
        fields = status(pid)
        if not fields:
            continue
        usage.own[pid, int(fields[19])] = sum(map(int, fields[11:13])) / TICK
        usage.cpu += sum(map(int, fields[11:15])) / TICK  # its own, and that of its children that have ended
        usage.processes += int(fields[17])
        usage.memory += int(fields[21]) * PAGE
    return usage


def ended() -> float:
    """Seconds of processor time that this process's children had used when they ended."""
    times = os.times()
    return times.children_user + times.children_system


def proportional(pids: Iterable[int]) -> int:
    """Bytes of memory of these processes, where what several share is counted once. Takes its time: the kernel walks through all of it."""
    return sum(map(_proportional, pids))


def _proportional(pid: int) -> int:
    try:
        words = read(f"/proc/{pid}/smaps_rollup").split()
        return int(words[words.index(b"Pss:") + 1]) << 10
    except (OSError, ValueError):
        return _resident(pid)


def _resident(pid: int) -> int:
    """Where it may not be looked into."""
    try:
        return int(read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
