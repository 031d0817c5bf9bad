"""Ends what a target left running: daemons, background jobs, workers that outlived it.

As a subreaper (prctl(2)) the launcher becomes the parent of every orphan below it, so sooner or later all of them are
its own children. Only those are asked to end: nobody else can take a child's status, so its pid names the same process
until the launcher itself has waited for it. What does not end is killed wherever it is.
"""

from __future__ import annotations

import os
import time

from hermetic.launch.signals import send
from hermetic.linux import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal

LINGER = 0.2
"""Seconds for what ends by itself: a `tee` that writes its last lines, multiprocessing's resource tracker."""
GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""
FREEZING = 0.5
"""Seconds of stopping them first."""
BOUND = 3.0
"""Seconds of SIGKILL. What starts itself anew faster than it can be killed must not hold the user for ever."""
PAUSE = 0.01
"""Seconds between two looks while killing, where no ending child wakes us sooner."""


def end(spare: frozenset[int], wait: Callable[[float], bool], *, at_once: bool = False) -> int:
    """End all children but `spare`, and those that become children meanwhile; return how many could not be ended.

    `wait(seconds)` sleeps until a child may have changed, and tells whether the user wants it to be over: then the next
    stage comes at once. `at_once` starts with the last.
    """
    told: set[int] = set()
    over = not remaining(spare)
    if not at_once:
        over = over or _stage(LINGER, spare, wait, lambda left: None)
        over = over or _stage(GRACE, spare, wait, lambda left: _ask(left, told))
    if not over:
        _stage(BOUND, spare, lambda seconds: wait(min(seconds, PAUSE)) and False, lambda left: processes.kill(spare, FREEZING))
    return len(remaining(spare))


def _stage(seconds: float, spare: frozenset[int], wait: Callable[[float], bool], act: Callable[[frozenset[int]], None]) -> bool:
    """`act` on the children again and again for so many seconds. Whether none is left."""
    until = time.monotonic() + seconds
    while left := remaining(spare):
        act(left)
        rest = until - time.monotonic()
        if rest <= 0 or wait(rest):
            return False
    return True


def _ask(left: frozenset[int], told: set[int]) -> None:
    """SIGTERM, once; and SIGCONT, for a stopped process takes no signal."""
    for pid in left - told:
        send(pid, _signal.SIGTERM)
        send(pid, _signal.SIGCONT)
    told |= left


def remaining(spare: frozenset[int]) -> frozenset[int]:
    """The children there are still, after all that have ended were waited for."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return frozenset()
        if not pid:
            return children() - spare


def children() -> frozenset[int]:
    """The pids of this process's children."""
    return frozenset(processes.children(os.getpid()))
