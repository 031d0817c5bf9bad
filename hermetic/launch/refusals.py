"""Refusals on their way from the supervisor's threads to the launcher's loop, which may be slower than a program that tries without end.

What would have to wait too long is not told; it is counted all the same.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Event = dict[str, Any]

MOST_WAITING = 1000


class Refusals:
    """untold: how many were not told, by guard"""

    def __init__(self) -> None:
        import _thread

        self.untold: dict[str, int] = {}
        self._waiting: list[Event] = []
        self._lost = 0
        self._lock = _thread.allocate_lock()

    def put(self, event: Event) -> None:
        """From any thread."""
        with self._lock:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append({**event, "lost": self._lost} if self._lost else event)
                self._lost = 0
            else:
                self._lost += 1
                self.untold[event["guard"]] = self.untold.get(event["guard"], 0) + 1

    def take(self) -> Iterator[Event]:
        """Those that wait, and those that come meanwhile."""
        while self._waiting:
            with self._lock:
                event = self._waiting.pop(0)
            yield event
