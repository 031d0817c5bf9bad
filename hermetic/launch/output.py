"""What the target writes to its standard output and error, handed on by the launcher and counted: nothing of the kernel's counts it.

A terminal is not to be had between: a program would see that it writes to none, and one of ours would be another terminal.
"""

from __future__ import annotations

import os

from hermetic.errors import GuardUnavailable
from hermetic.launch.stage import beyond_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

PIECE = 65536
STREAMS = (1, 2)
NAMES = {1: "standard output", 2: "standard error"}


class Relay:
    """Made before the fork: pipes in the place of the standard streams. most: bytes that are handed on

    exceeded: whether there was more
    """

    def __init__(self, most: int) -> None:
        """Raises GuardUnavailable for a terminal."""
        import _thread

        self.exceeded = False
        self._left = most
        self._lock = _thread.allocate_lock()
        self._start = _thread.start_new_thread
        self._pipes: dict[int, tuple[int, int]] = {}
        """Of each stream; one that is the same file as the other has the same."""
        for stream in STREAMS:
            self._pipes.update(self._pipe(stream))
        self._running = {pipe: _thread.allocate_lock() for pipe in self._pipes.values()}

    def _pipe(self, stream: int) -> dict[int, tuple[int, int]]:
        try:
            status = os.fstat(stream)
        except OSError:
            return {}  # closed
        if os.isatty(stream):
            raise GuardUnavailable(
                f"--max-output: {NAMES[stream]} is a terminal, where it cannot be held", "it can be for a file or a pipe"
            )
        same = [pipe for other, pipe in self._pipes.items() if os.path.samestat(os.fstat(other), status)]
        read, write = same[0] if same else map(beyond_standard, os.pipe())
        return {stream: (read, write)}

    def take_place(self) -> None:
        """In the child."""
        for stream, (_, end) in self._pipes.items():
            os.dup2(end, stream)

    def start(self) -> None:
        """In the launcher, after the fork."""
        destinations = {pipe: stream for stream, pipe in reversed(self._pipes.items())}
        for (source, end), stream in destinations.items():
            os.close(end)
            self._running[source, end].acquire()
            self._start(self._hand_on, (source, stream, self._running[source, end]))

    def _hand_on(self, source: int, stream: int, running: object) -> None:
        try:
            while data := os.read(source, PIECE):
                allowed = self._allowed(len(data))
                _write(stream, data[:allowed])
                if allowed < len(data):
                    self.exceeded = True
                    break
        except OSError:
            pass  # who reads it has gone, or the disk is full: the target finds its end closed
        finally:
            os.close(source)
            running.release()  # type: ignore[attr-defined]
            os.kill(os.getpid(), _signal.SIGCHLD)  # wakes the launcher's loop

    def _allowed(self, count: int) -> int:
        with self._lock:
            allowed = min(count, self._left)
            self._left -= allowed
        return allowed

    def has_ended(self, seconds: float) -> bool:
        """Wait at most so long until all is handed on."""
        for running in self._running.values():
            if not running.acquire(timeout=seconds):
                return False
            running.release()
        return True


def _write(stream: int, data: bytes) -> None:
    while data:
        data = data[os.write(stream, data) :]
