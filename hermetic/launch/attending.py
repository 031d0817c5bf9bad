"""Stays beside the build of a package until it is over, and ends what that left running.

What a build may do is for its hook alone: a process that outlived it would find what the next one makes in the same tree, while it is made. Of
a run within a run nobody else would end it before the whole is over.
"""

from __future__ import annotations

import os

from hermetic.launch import leftovers
from hermetic.launch.signals import ENDING, Signals, send, sent_by_process
from hermetic.linux import processes, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from signal import struct_siginfo
    from typing import NoReturn
else:
    import _signal


def go_on_in_child() -> None:
    """Fork. The child returns; this process waits for it, ends what it left, and ends as it did.

    The child dies with this process, which nobody in the build can end where signals do not get out of it (Linux 6.12).
    """
    here = os.getpid()
    signals = Signals()
    signals.hold_back()
    syscalls.become_subreaper()
    child = os.fork()
    if child:
        status = _attend(child, signals)
        leftovers.end(frozenset(), lambda seconds: _is_ending(signals.wait(seconds)))
        _end_as(status)
    syscalls.die_with_parent(here)
    signals.hand_down()


def _attend(child: int, signals: Signals) -> int:
    """Pass on what is sent to this process alone; a terminal's signals reach the child by themselves. Its status."""
    while True:
        info = signals.wait(None)
        if info and info.si_signo != _signal.SIGCHLD and sent_by_process(info) and not processes.is_below(info.si_pid, os.getpid()):
            send(child, info.si_signo)
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status


def _is_ending(info: struct_siginfo | None) -> bool:
    return info is not None and info.si_signo in ENDING


def _end_as(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {number})
        os._exit(128 + number)
    os._exit(os.WEXITSTATUS(status))
