"""Answers the system calls that the kernel hands to the launcher, in threads, so that a slow connection keeps nobody waiting.

What becomes of a call stands in answers.py. When the launcher is gone the calls fail (ENOSYS): nothing gets through unjudged.
"""

from __future__ import annotations

from hermetic.linux import notify
from hermetic.linux.answers import HANDLERS, Judge
from hermetic.linux.notify import Gone, Notification
from hermetic.linux.numbers import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.linux.answers import Answer

THREADS = 128
"""So many calls wait for their connections at a time at most; further ones wait for those."""

EPERM, EACCES = 1, 13


class Supervisor:
    """listener: the descriptor that seccomp(2) gave; machine: as uname(2) names it."""

    def __init__(self, listener: int, machine: str, judge: Judge) -> None:
        import _thread

        self._listener = listener
        self._judge = judge
        self._handlers = {number(name, machine): handler for name, handler in HANDLERS.items()}
        self._start_thread = _thread.start_new_thread
        self._lock = _thread.allocate_lock()
        self._idle = self._threads = 0

    def start(self) -> None:
        """Begin to answer. The threads end when no process is left that could ask."""
        with self._lock:
            self._threads += 1
        self._start_thread(self._answer_all, ())

    def _answer_all(self) -> None:
        while True:
            try:
                call = self._next()
            except Gone:
                continue
            if call is None:
                return
            self._answer(call)

    def _next(self) -> Notification | None:
        """The next call; before it is answered there is a thread for the one after it."""
        with self._lock:
            self._idle += 1
        try:
            return notify.receive(self._listener)
        finally:
            with self._lock:
                self._idle -= 1
                alone = not self._idle and self._threads < THREADS
            if alone:
                self.start()

    def _answer(self, call: Notification) -> None:
        try:
            answer = self._judged(call)
            if answer is not None:
                call.answer(answer)
        except Gone:
            return

    def _judged(self, call: Notification) -> Answer:
        handler = self._handlers.get(call.number)
        try:
            return EPERM if handler is None else handler(self._judge, call)
        except OSError as error:
            return error.errno or EACCES
