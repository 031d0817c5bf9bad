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
    try:
        text = line.decode()
        event, end = scan(text) if len(line) <= LONGEST else (None, 0)
    except (ValueError, StopIteration, RecursionError):
        return None
    return event if end == len(text) and is_event(event) else None


def scan(text: str) -> tuple[Any, int]:
    """The JSON value that `text` begins with, and where it ends; raises StopIteration or ValueError.

    By the C function below `json`, which would import `re` as well: that takes as long as the rest of the launcher, while the user waits to
    be told why the target goes wrong.
    """
    from _json import make_scanner

    return make_scanner(_Decoder)(text, 0)  # type: ignore[arg-type]


class _Decoder:
    """What `make_scanner` wants to know: values as `json.loads` would make them."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


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
