"""The launcher's signals: held back, and taken one at a time together with who sent them.

With ordinary handlers a terminal's Ctrl-C, which the kernel sends to the whole foreground group and so to the target
too, would look the same as a `kill` that was meant for the target and reached only its launcher. And a signal could
arrive between looking and sleeping.

`_signal` is the C module below `signal`, which would make enumerations of its constants: 4 ms of every start.
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from signal import struct_siginfo
    from typing import Any
else:
    import _signal

NOT_TAKEN = frozenset(
    {
        # the kernel lets no process hold these back
        _signal.SIGKILL,
        _signal.SIGSTOP,
        # faults of the launcher itself, undefined when held back (sigprocmask(2))
        _signal.SIGILL,
        _signal.SIGTRAP,
        _signal.SIGBUS,
        _signal.SIGFPE,
        _signal.SIGSEGV,
        _signal.SIGSYS,
        # what the launcher's own writes and its own limits give rise to
        _signal.SIGPIPE,
        _signal.SIGXFSZ,
        _signal.SIGXCPU,
    }
)
TAKEN = frozenset(_signal.valid_signals()) - NOT_TAKEN
ENDING = frozenset({_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM})
"""Those by which someone says that it shall be over now."""
SET_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)
"""CPython ignores them from its start on (Python/pylifecycle.c), and what is ignored stays so through an exec."""


class Signals:
    """A context in which the process holds its signals back; leaving it forgets those that are still pending.

    To be entered before there are other threads: the kernel gives a signal to any thread that lets it through.
    """

    def __enter__(self) -> Signals:
        self.hold_back()
        return self

    def __exit__(self, *_: object) -> None:
        while self.wait(0):
            pass
        self.restore_children()
        self.let_through()

    def hold_back(self) -> None:
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, TAKEN)
        # Ignored, as a parent may hand it down, it would let the kernel discard the exit status of children (wait(2)).
        self._on_child = _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)

    def let_through(self) -> None:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)

    def restore_children(self) -> None:
        """What becomes of the exit status of children is as it was before."""
        _signal.signal(_signal.SIGCHLD, _shown(self._on_child))

    def wait(self, seconds: float | None) -> struct_siginfo | None:
        """The next signal, or None after so many seconds; None as `seconds` waits for ever."""
        if seconds is None:
            return _signal.sigwaitinfo(TAKEN)
        return _signal.sigtimedwait(TAKEN, max(seconds, 0))

    def asked_to_end(self) -> bool:
        """Whether one of ENDING has come. Takes what is pending."""
        while info := self.wait(0):
            if info.si_signo in ENDING:
                return True
        return False

    def hand_down(self) -> None:
        """In a forked child: what the launcher was started with, for the program executed next.

        Python's own handlers go first: one run between here and the exec would act as the launcher.
        """
        for number in TAKEN:
            if callable(_signal.getsignal(number)):
                _signal.signal(number, _signal.SIG_DFL)
        for number in SET_BY_PYTHON:
            _signal.signal(number, _signal.SIG_DFL)
        self.restore_children()
        self.let_through()

    def stop(self, number: int) -> None:
        """Stop this process by the signal that stopped the target, for a shell to show what it would without us.

        Returns when someone has continued it, or at once where the kernel does not stop (an orphaned group;
        setpgid(2)). The copy of the signal that a terminal sent us too is dropped first: it would stop us a second
        time.
        """
        if number != _signal.SIGSTOP:
            _signal.sigtimedwait({number}, 0)
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
        _signal.pthread_sigmask(_signal.SIG_BLOCK, TAKEN)
        _signal.sigtimedwait({_signal.SIGCONT}, 0)


def wake_when_readable(descriptor: int) -> None:
    """Have the kernel send us SIGCHLD whenever something can be read from a pipe (fcntl(2): O_ASYNC, F_SETSIG), which reads without blocking then."""
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, _signal.SIGCHLD)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)


def sent_by_process(info: struct_siginfo) -> bool:
    """Whether kill, tgkill or sigqueue sent it, and not the kernel: SI_FROMUSER of linux/signal.h."""
    return info.si_code <= 0


def send(pid: int, number: int) -> None:
    """Send a signal to a child that was not waited for yet, so that the pid is still its own."""
    try:
        os.kill(pid, number)
    except PermissionError:
        return  # it has executed a set-user-ID program: natively the sender's signal would not have reached it either


def _shown(handler: Any) -> Callable[..., Any] | int:
    """A handler as `signal` takes it back: one that was not set from Python reads as None."""
    return _signal.SIG_DFL if handler is None else handler
