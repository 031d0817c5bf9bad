"""In which line of a TOML file something stands: the parser of the standard library does not say."""

from __future__ import annotations

import re

KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
DOTTED = rf"{KEY}(?:\s*\.\s*{KEY})*"
HEADER = re.compile(rf"\s*\[\[?\s*({DOTTED})\s*\]")
SETTING = re.compile(rf"\s*({DOTTED})\s*=")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line in which the value at `path` (the keys that lead to it) is set, or else what holds it; where that is written in the plain way."""
    there = list(_settings(text))
    for length in range(len(path), 0, -1):
        for number, keys in there:
            if keys[:length] == path[:length]:
                return number
    return None


def _settings(text: str) -> list[tuple[int, tuple[str, ...]]]:
    """Each line that begins a table or sets a key, and the keys that lead there."""
    found: list[tuple[int, tuple[str, ...]]] = []
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        header = HEADER.match(line)
        setting = SETTING.match(line)
        if header:
            table = _keys(header[1])
            found.append((number, table))
        elif setting:
            found.append((number, table + _keys(setting[1])))
    return found


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(_unquoted(key) for key in re.findall(KEY, dotted))


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    if key[0] == '"':
        import tomllib

        try:
            return next(iter(tomllib.loads(f"{key} = 0")))
        except tomllib.TOMLDecodeError:
            return key[1:-1]
    return key
