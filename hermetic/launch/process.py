"""Starts the target, stays beside it, ends and removes what it left: the launcher's only loop.

The target runs in the launcher's own process group, so a terminal treats both as one job: its Ctrl-C, Ctrl-Z and size
changes reach the target without help. What is sent to the launcher alone is passed on. There is one place to sleep,
`Signals.wait`: that the run's FIFO has something to read comes as SIGCHLD, a fact about the target like the others, and
a signal that does no harm when nobody waits for it any more.
"""

from __future__ import annotations

import os
import time

from hermetic.launch.execution import cannot_start, turn_into
from hermetic.launch.signals import ENDING, Signals, send, sent_by_process, wake_when_readable
from hermetic.linux import processes, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterator
    from signal import struct_siginfo
    from typing import NoReturn

    from hermetic.launch.company import Company
    from hermetic.launch.execution import Execution
    from hermetic.launch.limits import Keeper
    from hermetic.launch.stage import RunDirectory
    from hermetic.launch.terminal import Terminal
else:
    import _signal

RESUME = 0.05
"""Seconds in which the shell that continued us must have continued the target too, before we do it."""
GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL for a target whose time is up."""
FREEZING = 0.5
"""Seconds in which everything is stopped before it is killed."""
LULL = 0.05
"""Seconds that a target has for itself before there is other work but the first step: most are over by then, and processors are few."""
PIECE = 65536
PIECES = 16
"""Reads of the FIFO in one turn. A target that never stops writing must not keep its signals from being passed on."""
IMPATIENCE = 0.5
"""Seconds that the removal of the run directory may still take once the user wants it to be over. An ordinary one takes a millisecond."""
HANG_UP = (_signal.SIGHUP, _signal.SIGCONT)


class Outcome:
    """How a run ended.

    code:      what hermetic exits with: the target's own code, or 128 + the number of the signal that ended it
    signal:    that number, or None
    guarded:   whether the target reported that its guards stand. If not, it ended before that
    late:      it was killed, because its time for that was up
    survivors: how many processes it left that could not be ended
    """

    __slots__ = ("code", "guarded", "late", "pid", "signal", "survivors")

    def __init__(self, pid: int, status: int, *, guarded: bool, late: bool, survivors: int) -> None:
        self.pid = pid
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self.code = os.WEXITSTATUS(status) if self.signal is None else 128 + self.signal
        self.guarded = guarded
        self.late = late
        self.survivors = survivors


def launch(
    execution: Execution,
    run: RunDirectory,
    *,
    on_events: Callable[[bytes], None],
    ready: Callable[[int], bool],
    deadline: float,
    meanwhile: Iterator[object] | None = None,
    keeper: Keeper | None = None,
    company: Company | None = None,
) -> Outcome:
    """Run a program to its end; nothing of it is left then, nor of the run directory.

    on_events: is given what was written to the FIFO, in pieces that may end within a line
    ready:     tells whether the process of that pid has reported that its guards stand
    deadline:  seconds it has for that; time in which it is stopped does not count
    meanwhile: work for idle time, advanced a step at a time while the target runs and dropped when it has ended. The first step is what the launcher
               needs itself; there are others only where the target runs for longer than LULL
    keeper:    of the run's limits, where it has some
    company:   the program that has asked for the run, where one has

    To be called from the only thread of a process. Raises TargetNotFound or TargetNotExecutable if the program cannot
    be executed, HermeticError if no process can be started.
    """
    if execution.spare is None:
        execution.spare = processes.own()
    terminal = _terminal()
    with Signals() as signals:
        pid = _start(execution, signals, run.events, keeper)
        spare = execution.spare  # with those that were started for it
        if keeper:
            keeper.begin(pid, spare)
        watch = _Watch(pid, execution, signals, run.events, on_events, ready, deadline, keeper, spare, on_terminal=terminal is not None)
        watch.company = company
        try:
            watch.until_ended(_idle_work(execution, meanwhile))
            execution.raise_failure()
        finally:
            survivors = watch.end_leftovers()
            execution.settle()
            if keeper:
                keeper.finish(survivors, signals.asked_to_end)
            _restore(terminal, run, signals)
    return Outcome(pid, watch.status or 0, guarded=watch.guarded, late=watch.late, survivors=survivors)


def _idle_work(execution: Execution, more: Iterator[object] | None) -> Iterator[object]:
    yield from more or ()
    yield from execution.meanwhile()


def _terminal() -> Terminal | None:
    descriptor = next((number for number in (0, 1, 2) if os.isatty(number)), None)
    if descriptor is None:
        return None
    from hermetic.launch.terminal import Terminal

    return Terminal(descriptor)


def _start(execution: Execution, signals: Signals, events: int, keeper: Keeper | None) -> int:
    """Fork the target; returns its pid."""
    launcher = os.getpid()

    def become() -> NoReturn:
        if keeper:
            keeper.in_child()
        execution.become()

    try:
        wake_when_readable(events)
        syscalls.become_subreaper()
        pid = execution.fork(lambda: turn_into(become, execution.report, signals, launcher))
    except OSError as error:
        raise cannot_start(error) from error
    execution.forked(pid)
    return pid


def _restore(terminal: Terminal | None, run: RunDirectory, signals: Signals) -> None:
    """What was before the run. A removal that the user does not want to wait for is finished by the next start."""
    if terminal:
        terminal.restore()
    until = None
    for _ in run.removing():
        if signals.asked_to_end() and until is None:
            until = time.monotonic() + IMPATIENCE
        if until is not None and time.monotonic() > until:
            break


class _Watch:
    """One target from its fork to its end."""

    def __init__(
        self,
        pid: int,
        execution: Execution,
        signals: Signals,
        events: int,
        on_events: Callable[[bytes], None],
        ready: Callable[[int], bool],
        deadline: float,
        keeper: Keeper | None = None,
        spare: frozenset[int] = frozenset(),
        *,
        on_terminal: bool = False,
    ) -> None:
        self._pid = pid
        self._execution = execution
        self._signals = signals
        self._events = events
        self._on_events = on_events
        self._ready = ready
        self._patience = deadline
        self._ready_by: float | None = time.monotonic() + deadline
        self._resume_at: float | None = None
        self._keeper = keeper
        self._spare = spare
        self._kill_at: float | None = None
        self._idle_at: float | None = None
        self._on_terminal = on_terminal
        self.company: Company | None = None
        self._more = True  # what was written before the kernel was told to wake us for it
        self.status: int | None = None
        self.guarded = False
        self.late = False

    def until_ended(self, idle: Iterator[object] | None) -> None:
        """Pass signals on, take events, keep the times, until the target has a status."""
        while self.status is None:
            free = idle is not None and not self._execution.is_awaited() and time.monotonic() >= (self._idle_at or 0)
            info = self._signals.wait(0 if free or self._more else self._until_next())
            if info:
                self._relay(info)
            elif free and idle:
                more = next(idle, self) is not self
                idle = idle if more else None
                self._idle_at = (self._idle_at or time.monotonic() + LULL) if more else None
            self._execution.proceed()
            self._take_events()
            self._keep_times()
            self._keep_limits()
            self._keep_company()
            self._wait_for_children()
        self._execution.proceed()
        self._take_events()
        if self._keeper:
            self._keeper.last_look()

    def end_leftovers(self) -> int:
        """End what runs still, the target too if it comes to that; how many would not."""
        from hermetic.launch import leftovers

        exceeded = self._keeper is not None and self._keeper.reached not in ("", "timeout")
        unwanted = self.company is not None and self.company.has_gone()
        return leftovers.end(self._spare, self._sleep, at_once=not self.guarded or exceeded or unwanted)

    def _sleep(self, seconds: float) -> bool:
        info = self._signals.wait(seconds)
        self._execution.proceed()
        self._take_events()
        return info is not None and info.si_signo in ENDING

    def _until_next(self) -> float | None:
        """Seconds until there is something to do without a signal; None: never."""
        times = [moment for moment in (self._ready_by, self._resume_at, self._kill_at, self._idle_at) if moment is not None]
        if self._keeper and not self._keeper.reached:
            times.append(self._keeper.due())
        due = self.company.due() if self.company else None
        if due is not None:
            times.append(due)
        return min(times) - time.monotonic() if times else None

    def _relay(self, info: struct_siginfo) -> None:
        if self._is_for_target(info):
            send(self._pid, info.si_signo)

    def _is_for_target(self, info: struct_siginfo) -> bool:
        """Whether a signal has reached the launcher alone, and was meant for what it runs.

        The kernel sends those of a terminal to the whole group, but its hang-up to the leader of the session only
        (drivers/tty/tty_jobctrl.c). A target that signals its own group (vim's Ctrl-Z) has sent to itself already.
        """
        if info.si_signo == _signal.SIGCHLD:
            return False
        if sent_by_process(info):
            return not processes.is_below(info.si_pid, os.getpid())
        return info.si_signo in HANG_UP and os.getsid(0) == os.getpid()

    def _take_events(self) -> None:
        self._more = False
        for _ in range(PIECES):
            try:
                self._on_events(os.read(self._events, PIECE))
            except BlockingIOError:
                break
        else:
            self._more = True
        if not self.guarded and self._ready(self._pid):
            self.guarded, self._ready_by = True, None

    def _keep_times(self) -> None:
        now = time.monotonic()
        if self._ready_by is not None and now >= self._ready_by:
            self.late, self._ready_by = True, None
            send(self._pid, _signal.SIGKILL)
        if self._resume_at is not None and now >= self._resume_at:
            self._resume_at = None
            send(self._pid, _signal.SIGCONT)

    def _keep_limits(self) -> None:
        """A run that has used up its time is asked to end, and may tidy up; one that uses too much of anything else is not."""
        if self._keeper and self._keeper.look():
            grace = GRACE if self._keeper.reached == "timeout" else 0
            self._kill_at = time.monotonic() + grace
            if grace:
                send(self._pid, _signal.SIGTERM)
                send(self._pid, _signal.SIGCONT)
        if self._keeper and self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._keeper.end()

    def _keep_company(self) -> None:
        """Who has asked for the run may want it no more: then it is over at once. Or something else."""
        if self.company and not self.company.has_gone():
            self.company.turn(self.guarded, self._take_all)
        if self.company and self.company.has_gone():
            processes.kill(self._spare, FREEZING)

    def _take_all(self) -> None:
        """What has ended has told all that it will."""
        self._more = True
        while self._more:
            self._take_events()
        self._execution.settle()

    def _wait_for_children(self) -> None:
        """Take all changes of children: the target's, and the end of orphans that have become ours."""
        while self.status is None:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if not pid:
                return
            if pid == self._pid:
                self._changed(status)

    def _changed(self, status: int) -> None:
        if os.WIFCONTINUED(status):
            self._resume_at = None
        elif os.WIFSTOPPED(status):
            self._stop(os.WSTOPSIG(status))
        else:
            self.status = status

    def _stop(self, number: int) -> None:
        """Stop with the target, as one job; whoever continues us continues it.

        Without a terminal nobody might, and a run that has limits could escape them so.
        """
        if self._keeper and not self._on_terminal:
            return
        before = time.monotonic()
        self._signals.stop(number)
        if self._keeper:
            self._keeper.stood_still(time.monotonic() - before)
        self._resume_at = time.monotonic() + RESUME
        if self._ready_by is not None:
            self._ready_by = time.monotonic() + self._patience
