"""The table of the native guard: all rows."""

from __future__ import annotations

from dataclasses import replace

from guards.native import calls, imports, programs

SECTIONS = {
    "import": imports.IMPORTS,
    "claimed": imports.CLAIMED,
    "falls back": imports.FALLS_BACK,
    "foreign": calls.FOREIGN,
    "told": calls.TOLD,
    "tampering": calls.TAMPERING,
    "programs": programs.PROGRAMS,
}

ROWS = [replace(row, name=f"{section}: {row.name}") for section, rows in SECTIONS.items() for row in rows]
