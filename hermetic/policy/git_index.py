"""Reads which paths an index of git's has as submodules; gitformat-index(5).

Anybody may have written it, so what does not hold together ends the reading, and what was found until then counts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE, HEADER = b"DIRC", 12
MODE, NAME = 24, 40
"""Where in an entry the mode and the name of the object stand."""
LENGTHS = (20, 32)
"""Of such names: SHA-1, and SHA-256."""
EXTENDED = 0x4000
SUBMODULE = 0o160000
MODES = frozenset([0o100644, 0o100755, 0o120000, 0o040000, SUBMODULE])
WITHOUT_PADDING = 4
"""The version since which a path says how much of the one before it begins with, and no entry ends in padding."""


def submodules(data: bytes) -> list[str]:
    """Which kind of names objects have the repository's configuration says; read as the other an index ends soon, with a mode that is none."""
    readings = [list(_entries(data, length)) for length in LENGTHS]
    longest = max(map(len, readings))
    found = [path for reading in readings if len(reading) == longest for mode, path in reading if mode == SUBMODULE]
    return [path for path in dict.fromkeys(found) if path and ".." not in path.split("/")]


def _entries(data: bytes, length: int) -> Iterator[tuple[int, str]]:
    if data[:4] != SIGNATURE or len(data) < HEADER:
        return
    version, count = (int.from_bytes(data[at : at + 4]) for at in (4, 8))
    place, path = HEADER, b""
    for _ in range(count):
        begin, flags, kept = place, place + NAME + length, 0
        at = flags + (4 if int.from_bytes(data[flags : flags + 2]) & EXTENDED else 2)
        if version >= WITHOUT_PADDING:
            stripped, at = _number(data, at)
            kept = len(path) - stripped
        end, mode = data.find(b"\0", at), int.from_bytes(data[begin + MODE : begin + MODE + 4])
        if end < 0 or kept < 0 or mode not in MODES:
            return
        path = path[:kept] + data[at:end]
        yield mode, path.decode("utf-8", "surrogateescape")
        place = end + 1 if version >= WITHOUT_PADDING else begin + (end - begin + 8) // 8 * 8


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends: as in packs, offset encoding."""
    value = -1
    while at < len(data):
        byte = data[at]
        at += 1
        value = (value + 1) << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return max(value, 0), at
