"""The language of limits: `90`, `90s`, `5m`, `1h30m`; `512M`, `2G`; `64`. Read here for flags and profiles alike, and shown here.

Sizes are in bytes, their units powers of 1024 as ulimit, cgroups and Docker have them. Times are in seconds.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic_guard.policy import Limits

    Value = int | float

UNITS = {"T": 1 << 40, "G": 1 << 30, "M": 1 << 20, "K": 1 << 10}
SIZES = {"": 1, "B": 1, **{letter + end: times for letter, times in UNITS.items() for end in ("", "B", "IB")}}
TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_S = 10 * 365 * 86400
LARGEST = 1 << 62
"""Beyond that the kernel means no limit."""
MOST_PROCESSES = 1 << 22
"""PID_MAX_LIMIT (linux/threads.h)."""


class LimitError(ValueError):
    """A text that is no limit; `like` is one that is."""

    def __init__(self, why: str, like: str) -> None:
        super().__init__(why)
        self.like = like


def size(text: str) -> int:
    """Bytes. `512M`, `512MiB` and `512mb` are the same."""
    parts = _parts(text)
    if len(parts) != 1 or parts[0][1].upper() not in SIZES:
        raise LimitError("a size was expected: a number of bytes, or with K, M, G or T", "512M, 1.5G")
    number, unit = parts[0]
    return int(_within(int(number * SIZES[unit.upper()]), LARGEST, "512M, 1.5G"))


def duration(text: str) -> Value:
    """Seconds."""
    parts = _parts(text)
    if not parts or any((unit or "s") not in TIMES or (not unit and len(parts) > 1) for _, unit in parts):
        raise LimitError("a time was expected: seconds, or with ms, s, m, h or d", "90, 90s, 1h30m")
    seconds = _within(sum(number * TIMES[unit or "s"] for number, unit in parts), LONGEST_S, "90, 90s, 1h30m")
    return int(seconds) if seconds == int(seconds) else seconds


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise LimitError("a number was expected", "64")
    return int(_within(int(text[:20]), MOST_PROCESSES, "64"))


def _within(value: Value, most: int, like: str) -> Value:
    if not 0 < value <= most:
        raise LimitError("it is too large" if value else "it would leave nothing", like)
    return value


def _parts(text: str) -> list[tuple[float, str]]:
    """The numbers in a text, each with the unit behind it; none where it is no row of these."""
    found, rest = [], text[:100]
    while rest:
        behind = rest.lstrip("0123456789.")
        after = behind.lstrip(LETTERS)
        try:
            found.append((float(rest[: len(rest) - len(behind)]), behind[: len(behind) - len(after)]))
        except ValueError:
            return []
        rest = after
    return found


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

READERS: dict[str, Callable[[str], Value]] = {
    "timeout": duration,
    "memory": size,
    "cpu": duration,
    "file_size": size,
    "processes": count,
    "output": size,
}
"""How the text of each limit is read, by its field."""

NAMES = {
    "timeout": "timeout",
    "memory": "memory",
    "cpu": "processor time",
    "file_size": "file size",
    "processes": "processes",
    "output": "output",
}
"""What messages call them."""


def shown(field: str, value: Value) -> str:
    """`memory 512 MiB`, as messages have it."""
    return f"{NAMES[field]} {_shown_value(READERS[field], value)}"


def _shown_value(reader: object, value: Value) -> str:
    if reader is count:
        return str(value)
    if reader is duration:
        return f"{value:g} s"
    unit = next((unit for unit, times in UNITS.items() if value >= times), "")
    return f"{round(value / UNITS[unit], 2):.10g} {unit}iB" if unit else f"{value} bytes"


def described(limits: Limits) -> list[str]:
    """Each limit there is."""
    return [shown(field, value) for field in READERS if (value := getattr(limits, field)) is not None]
