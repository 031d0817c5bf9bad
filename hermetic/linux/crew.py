"""Threads of the launcher for what may take a while and is nobody else's: answers to questions for names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Job = tuple[Callable[..., object], tuple[object, ...]]

WORKERS = 256


class Crew:
    """As many threads as there is work for, and at most WORKERS: more has to wait, as at any server that has much to do."""

    def __init__(self) -> None:
        import _thread

        self._lock = _thread.allocate_lock()
        self._start_thread = _thread.start_new_thread
        self._busy = 0
        self._kept: list[Job] = []

    def do(self, work: Callable[..., object], *arguments: object) -> None:
        """Once somebody is free, for whom the caller waits. Raises RuntimeError where there can be no thread more."""
        while not self._takes_one():
            pause()
        self._begin(work, arguments)

    def could_do(self, work: Callable[..., object], *arguments: object) -> bool:
        """The same where somebody is free; else nothing. Raises RuntimeError."""
        free = self._takes_one()
        if free:
            self._begin(work, arguments)
        return free

    def keep(self, work: Callable[..., object], *arguments: object) -> None:
        """The same for a caller that does not wait. Raises RuntimeError."""
        with self._lock:
            free = self._busy < WORKERS
            self._busy += free
            if not free:
                self._kept.append((work, arguments))
        if free:
            self._begin(work, arguments)

    def _begin(self, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            self._start_thread(self._work, (work, arguments))
        except RuntimeError:
            with self._lock:
                self._busy -= 1
            raise

    def _takes_one(self) -> bool:
        with self._lock:
            free = self._busy < WORKERS
            self._busy += free
        return free

    def _next(self) -> Job | None:
        """What is kept, if anything is; else the thread is free."""
        with self._lock:
            if self._kept:
                return self._kept.pop(0)
            self._busy -= 1
            return None

    def _work(self, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
        job: Job | None = (work, arguments)
        while job is not None:
            work, arguments = job
            try:
                work(*arguments)
            finally:
                job = self._next()


def pause() -> None:
    import time

    time.sleep(0.02)
