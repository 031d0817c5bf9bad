"""The table of the subprocess guard: all rows."""

from __future__ import annotations

from dataclasses import replace

from guards.process import programs, starts, tampering

SECTIONS = {
    "subprocess": starts.SUBPROCESS,
    "parts": starts.PARTS,
    "os": starts.OS,
    "fork": starts.FORKS,
    "multiprocessing": starts.MULTIPROCESSING,
    "Tcl": starts.TCL,
    "liars": starts.LIARS,
    "allowed": starts.ALLOWED,
    "programs": programs.PROGRAMS,
    "originals": tampering.ORIGINALS,
    "tampering": tampering.REACHING,
}

ROWS = [replace(row, name=f"{section}: {row.name}") for section, rows in SECTIONS.items() for row in rows]
