"""Which processes a run has, and signals to them, as /proc tells it.

A process that is not our child may end at any moment, and its pid become another's. So it is held by a descriptor first, and looked up
again then: what was one of the run's by that time is what the signal goes to.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Collection, Iterator
else:
    import _signal

ENDED = b"ZX"
STOPPED = b"Tt"


def below(ancestor: int, spare: Collection[int]) -> Iterator[int]:
    """The processes that a process has started, but those in `spare`, and those that these have. Parents come first."""
    waiting = [child for child in children(ancestor) if child not in spare]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += children(process)


def children(process: int) -> list[int]:
    """None of one that has ended."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
        return [int(pid) for thread in threads for pid in read(f"/proc/{process}/task/{thread}/children").split()]
    except FileNotFoundError:
        return (
            [] if has_children_files() else [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if parent(pid) == process]
        )
    except OSError:
        return []


def own() -> frozenset[int]:
    """The children of this process. Where it has none, as nearly always, nothing is read for it."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return frozenset()
    return frozenset(children(os.getpid()))


def has_children_files() -> bool:
    """Whether this kernel has CONFIG_PROC_CHILDREN."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def is_below(pid: int, ancestor: int) -> bool:
    """Whether `pid` names a descendant of `ancestor`, or `ancestor` itself. Gone, or out of sight (0): no."""
    while pid > 1 and pid != ancestor:
        pid = parent(pid)
    return pid == ancestor


def parent(pid: int) -> int:
    """The pid of a process's parent, 0 if there is no such process."""
    fields = status(pid)
    return int(fields[1]) if fields else 0


def status(pid: int) -> list[bytes]:
    """The fields of its /proc/PID/stat from the state on; none where there is no such process."""
    try:
        # The name before the last parenthesis may hold blanks and parentheses itself (proc_pid_stat(5)).
        return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return []


def read(path: str) -> bytes:
    """All of a file of /proc, which may give less than was asked for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(descriptor, 65536), b""))
    finally:
        os.close(descriptor)


def kill(spare: Collection[int], seconds: float) -> None:
    """End everything below this process but `spare`.

    All is stopped first: where there may be so many processes and no more, as under RLIMIT_NPROC, every one that is killed makes room for
    another, and a fork bomb is never over; one that is stopped makes none. After so many seconds what is not stopped yet is left to that.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until and sum(_stops(pid) for pid in below(os.getpid(), spare)):
        continue
    for pid in list(below(os.getpid(), spare)):
        signal(pid, _signal.SIGKILL)


def _stops(pid: int) -> bool:
    """Stop a process; whether it ran until now. Of those that live for a moment only who is not asked about at length is there still."""
    fields = status(pid)
    if not fields or fields[0] in STOPPED + ENDED:
        return False
    if int(fields[1]) != os.getpid():
        signal(pid, _signal.SIGSTOP)
        return True
    try:
        os.kill(pid, _signal.SIGSTOP)  # a child: nobody else has its pid before we have waited for it
    except OSError:
        pass  # it has executed a set-user-ID program
    return True


def signal(pid: int, number: int) -> None:
    """Send a signal to what has this pid, if that is below this process."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return  # it has ended
    try:
        if is_below(pid, os.getpid()):
            _signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return  # it has ended now, or has executed a set-user-ID program
    finally:
        os.close(descriptor)
