"""Answers the system calls that the kernel hands to the launcher, in threads. What is waited for longer stands in waiting.py.

What becomes of a call stands in answers.py. When the launcher is gone the calls fail (ENOSYS): nothing gets through unjudged.
"""

from __future__ import annotations

import os

from hermetic.linux import notify
from hermetic.linux.notify import Gone, Notification

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from hermetic.linux.answers import Answers
    from hermetic.linux.judge import Answer

    Found = TypeVar("Found")

THREADS = 128
"""So many calls are answered at a time at most; further ones wait for those."""

EACCES = 13
SHORT = (12, 23, 24, 105)
"""ENOMEM, ENFILE, EMFILE, ENOBUFS: what the launcher is short of, not the caller."""


class Supervisor:
    """listener: the descriptor that seccomp(2) gave; answers: makes who answers, once somebody asks: many a target never does"""

    def __init__(self, listener: int, answers: Callable[[], Answers]) -> None:
        import _thread

        self._listener = listener
        self._make_answers = answers
        self._start_thread = _thread.start_new_thread
        self._lock = _thread.allocate_lock()
        self._idle = self._threads = 0
        self._begun = _thread.allocate_lock()

    def start(self) -> None:
        """Have a thread ready, which answers once `begin` is called. The threads end when no process is left that could ask.

        Raises RuntimeError where there can be no thread.
        """
        self._begun.acquire()
        self._start(self._first)

    def begin(self) -> None:
        self._begun.release()

    def is_busy(self) -> bool:
        """Whether a call is answered, or told of, still; whoever made it may have ended."""
        with self._lock:
            return self._threads > self._idle

    def _first(self) -> None:
        self._begun.acquire()
        if not self._idly(notify.is_asked):
            return
        try:
            self._answers = self._make_answers()
        except BaseException:
            os.close(self._listener)  # then the calls fail; else they would wait for ever
            raise
        self._answer_all()

    def _start(self, work: Callable[[], None]) -> None:
        """Raises RuntimeError."""
        with self._lock:
            self._threads += 1
        try:
            self._start_thread(self._work, (work,))
        except RuntimeError:
            with self._lock:
                self._threads -= 1
            raise

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._lock:
                self._threads -= 1

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
        call = self._idly(notify.receive)
        if call is not None:
            self._keep_one_waiting()
        return call

    def _idly(self, wait: Callable[[int], Found]) -> Found:
        """What is waited for at the listener."""
        with self._lock:
            self._idle += 1
        try:
            return wait(self._listener)
        finally:
            with self._lock:
                self._idle -= 1

    def _keep_one_waiting(self) -> None:
        """Where no other thread can be had, this one comes back for the next call; the one it has must be answered."""
        with self._lock:
            alone = not self._idle and self._threads < THREADS
        try:
            if alone:
                self._start(self._answer_all)
        except RuntimeError:
            return

    def _answer(self, call: Notification) -> None:
        try:
            answer = self._judged(call)
            if answer is not None:
                call.answer(answer)
        except Gone:
            return

    def _judged(self, call: Notification) -> Answer:
        """A judgement that fails is a refusal: the caller neither waits for ever nor gets through, and this thread lives on."""
        try:
            return self._answers.answer(call)
        except Gone:
            raise
        except OSError as error:
            if error.errno in SHORT:
                self._tell_of(call, error)
                return EACCES
            return error.errno if error.errno and error.errno > 0 else EACCES  # a name's errors are negative (gaierror)
        except Exception as problem:
            self._tell_of(call, problem)
            return EACCES

    def _tell_of(self, call: Notification, problem: Exception) -> None:
        try:
            self._answers.could_not(call, problem)
        except Exception:
            return  # with no memory left, say; it is refused all the same
