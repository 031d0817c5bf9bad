"""What the guarded processes told, read from the run's FIFO: one JSON line each, schema in the README.

The lines are the target's side's claims. Whatever is not a line as the guard writes it is counted and dropped; memory stays bounded however
much is written.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

SCHEMA = 1
LONGEST = 4096


class EventReader:
    """Splits what was read into lines and hands each event on.

    `ready` tells whether the first process has reported that its guards stand; `foreign` counts lines that are no events.
    """

    def __init__(self) -> None:
        self.foreign = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LONGEST]
        events = [parse(line) for line in lines]
        self.foreign += events.count(None)
        return [event for event in events if event is not None]


def parse(line: bytes) -> Event | None:
    """One event, or None for what is none."""
    if len(line) > LONGEST:
        return None
    found = plain(line)
    if found is not None:
        return found
    import json

    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if is_event(event) else None


def plain(line: bytes) -> Event | None:
    """A `ready` event exactly as the guard writes it, which comes in every run: `json` would cost as much as the rest of the launcher."""
    words = line.split(b'"')
    if len(words) != len(READY) or any(word != fixed for word, fixed in zip(words, READY, strict=True) if fixed is not None):
        return None
    pid, way, python, implementation = (word for word, fixed in zip(words, READY, strict=True) if fixed is None)
    if not pid[1:-1].isdigit() or b"\\" in line or not line.isascii():
        return None
    texts = {"way": way.decode(), "python": python.decode(), "implementation": implementation.decode()}
    return {"event": "ready", "pid": int(pid[1:-1]), "v": SCHEMA, **texts}


READY = (
    *(b"{", b"event", b":", b"ready", b",", b"pid", None, b"way", b":", None, b",", b"python", b":", None),
    *(b",", b"implementation", b":", None, b",", b"v", b":1}"),
)
"""What stands between the quotes of such a line; None for a value."""

FIELDS: dict[str, dict[str, type]] = {
    "ready": {"pid": int, "way": str, "python": str, "implementation": str},
    "refused": {"pid": int, "guard": str, "action": str, "target": str, "rule": str, "hint": str, "stack": list},
    "uncaught": {"pid": int},
    "failed": {"pid": int, "why": str},
}


def is_event(value: object) -> bool:
    """Whether a JSON value is an event of this schema, with all of its fields."""
    if not isinstance(value, dict) or value.get("v") != SCHEMA:
        return False
    name = value.get("event")
    fields = FIELDS.get(name) if isinstance(name, str) else None
    if fields is None or not all(type(value.get(name)) is kind for name, kind in fields.items()):
        return False
    return all(is_frame(frame) for frame in value.get("stack", ()))


def is_frame(value: object) -> bool:
    """`[file, line, function]`."""
    return isinstance(value, list) and [type(item) for item in value] == [str, int, str]
