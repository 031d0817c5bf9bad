"""What the guarded processes told, read from the run's FIFO: one JSON line each, schema in docs/log.md.

The lines are the target's side's claims, and anybody in the run can write some. What comes out of here is exact: the fields of its kind, each
of the type and length that the guard gives it, and guards that there are. Every other line is counted and dropped, so whoever is handed an
event need not ask again; and memory stays bounded however much is written.
"""

from __future__ import annotations

from hermetic_guard.attribution import DEEPEST
from hermetic_guard.decide import DECIDERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

SCHEMA = 1
LONGEST = 4096


class EventReader:
    """Splits what was read into lines and hands each event on.

    foreign: how many lines were no events
    """

    def __init__(self) -> None:
        self.foreign = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[: LONGEST + 1]  # which stays too long, whatever comes
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
    object_hook = object_pairs_hook = array_hook = None  # the last from 3.15 on
    parse_float = parse_constant = float
    parse_int = int


class Text:
    """A text of at most `longest` characters; one of `words`, where these are given."""

    def __init__(self, longest: int = LONGEST, words: frozenset[str] | None = None) -> None:
        self._longest = longest
        self._words = words

    def fits(self, value: object) -> bool:
        return type(value) is str and len(value) <= self._longest and (self._words is None or value in self._words)


class Number:
    """An integer between two others."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def fits(self, value: object) -> bool:
        return type(value) is int and self._least <= value <= self._most


class Frames:
    """`[file, line, function]` of each caller, as many as the guard tells."""

    def fits(self, value: object) -> bool:
        return type(value) is list and len(value) <= DEEPEST and all(map(self._is_frame, value))

    def _is_frame(self, value: object) -> bool:
        return type(value) is list and len(value) == len(FRAME) and all(field.fits(part) for field, part in zip(FRAME, value, strict=True))


PID = Number(1, 1 << 22)
"""PID_MAX_LIMIT (linux/threads.h)."""

LINE = Number(-(1 << 31), (1 << 31) - 1)
"""A C int, and those of made-up code may be below zero."""

TEXT, WORD = Text(), Text(100)
FRAME: tuple[Text | Number, ...] = (TEXT, LINE, TEXT)

Field = Text | Number | Frames
FIELDS: dict[str, dict[str, Field]] = {
    "ready": {"pid": PID, "way": WORD, "python": WORD, "implementation": WORD},
    "refused": {
        "pid": PID,
        "guard": Text(words=frozenset(DECIDERS)),
        "action": TEXT,
        "target": TEXT,
        "rule": TEXT,
        "hint": TEXT,
        "stack": Frames(),
    },
    "hidden": {"pid": PID, "action": TEXT, "target": TEXT, "stack": Frames()},
    "uncaught": {"pid": PID},
    "limit": {"pid": PID, "limit": Text(words=frozenset(["max-file-size"])), "value": Number(1, 1 << 62)},
    "failed": {"pid": PID, "why": TEXT},
}
ENVELOPE: dict[str, Field] = {"v": Number(SCHEMA, SCHEMA), "event": Text(words=frozenset(FIELDS))}
ANYWHERE: dict[str, Field] = {"lost": Number(1, (1 << 31) - 1), "block": TEXT}
"""Fields that any event may have; the second is for blocks in a program's own code, see hermetic/blocks/post.py."""


def is_event(value: object) -> bool:
    """Whether a JSON value is an event of this schema: with all of its fields, as they may be, and no others."""
    if type(value) is not dict or not all(field.fits(value.get(name)) for name, field in ENVELOPE.items()):
        return False
    needed: dict[str, Field] = {**ENVELOPE, **FIELDS[value["event"]]}
    known: dict[str, Field] = {**needed, **ANYWHERE}
    return needed.keys() <= value.keys() <= known.keys() and all(known[name].fits(part) for name, part in value.items())
