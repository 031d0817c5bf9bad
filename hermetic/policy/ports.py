"""The language of port lists: `8000`, `8000-8010`, `80,443,8000-8100`.

Read in one place for flags and profiles alike, into ranges in their shortest sorted form, so that two ways of writing
the same ports make equal policies.
"""

from __future__ import annotations

from hermetic_guard.hosts import either_ports, merged_ports, name_ports

HIGHEST = 65535
ALL = ((1, HIGHEST),)
DIGITS = "0123456789"

TYPE_CHECKING = False
if TYPE_CHECKING:
    Ranges = tuple[tuple[int, int], ...]
    Ports = str | Ranges
    """hosts.ANY, or inclusive ranges."""


class PortsError(ValueError):
    """A text that is no port list; `position` is the character, counted from 1, where it goes wrong."""

    def __init__(self, why: str, position: int) -> None:
        super().__init__(f"character {position}: {why}")
        self.why = why
        self.position = position


def read(text: str) -> Ranges:
    """The ranges in `text`. Raises PortsError."""
    ranges = []
    index = 0
    while True:
        low, index = _port(text, index)
        high = low
        if text[index : index + 1] == "-":
            start = index + 1
            high, index = _port(text, start)
            if high < low:
                raise PortsError(f"the range {low}-{high} ends before it begins", start + 1)
        ranges.append((low, high))
        if index == len(text):
            return merged(ranges)
        if text[index] != ",":
            raise PortsError("a comma, a dash or the end was expected", index + 1)
        index += 1


def _port(text: str, start: int) -> tuple[int, int]:
    """The port number at `start`, and where it ends."""
    end = start
    while end < len(text) and text[end] in DIGITS:
        end += 1
    if text[start : start + 1] == "*":
        raise PortsError(f"all ports are written 1-{HIGHEST}", start + 1)
    if end == start:
        raise PortsError("a port number was expected", start + 1)
    if end - start > len(str(HIGHEST)) or not 1 <= int(text[start:end]) <= HIGHEST:
        raise PortsError(f"a port is a number from 1 to {HIGHEST}", start + 1)
    return int(text[start:end]), end


merged, union = merged_ports, either_ports


def shown(allowed: Ports) -> str:
    """` ports 80,443` as messages have it; nothing where all are meant."""
    return "" if isinstance(allowed, str) or allowed == ALL else f" {name_ports(allowed)}"
