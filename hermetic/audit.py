"""`hermetic audit`: what starts with an interpreter, whose it is, and what nobody accounts for. Nothing of its environment is run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from hermetic import kept
from hermetic.errors import cut, printable
from hermetic.target import interrogate, records, resolve, startup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hermetic.target.startup import Entry, Sites

UNREADABLE = "it is no plain file that can be read"


class Row(NamedTuple):
    """owner: "" for nobody; status: a word of records.py"""

    entry: Entry
    owner: str
    status: str

    @property
    def accounted(self) -> bool:
        return self.status == records.ACCOUNTED


class Audit(NamedTuple):
    """name: of the interpreter, as `CPython 3.11.7`"""

    interpreter: str
    name: str
    sites: Sites
    rows: list[Row]

    @property
    def accounted(self) -> bool:
        return all(row.accounted for row in self.rows)

    def as_data(self) -> dict[str, Any]:
        """For --json; the words are the ones that are printed."""
        return {
            "version": 1,
            "interpreter": self.interpreter,
            "python": self.name,
            "directories": {"packages": self.sites.packages, "standard": self.sites.standard, "named": self.sites.named},
            "rows": [
                {
                    "kind": row.entry.kind,
                    "path": row.entry.path,
                    "line": row.entry.line or None,
                    "text": row.entry.text,
                    "runs": row.entry.runs,
                    "why_not": row.entry.why_not,
                    "owner": row.owner,
                    "status": row.status,
                }
                for row in self.rows
            ],
            "accounted": self.accounted,
        }


def examine(python: str | None, environ: Mapping[str, str], cwd: str, own: str) -> Audit:
    """python: as --python has it; own: the path of the interpreter that runs this. Raises HermeticError."""
    interpreter = resolve.resolve_exec(python, [], environ, cwd, own).interpreter
    facts = interrogate.interrogate(interpreter, kept.directory(environ))
    where = startup.sites(interpreter, facts, environ, cwd)
    return Audit(interpreter, facts.name, where, rows(startup.entries(where, facts.version[:2]), where.packages))


def rows(entries: Iterable[Entry], sites: list[str], dpkg: str = records.DPKG) -> list[Row]:
    """With who accounts for each."""
    known = records.Records(sites, dpkg)
    return [_row(entry, known) for entry in entries]


def _row(entry: Entry, known: records.Records) -> Row:
    account = known.account(entry.path)
    linked = records.egg_links(os.path.dirname(entry.path)).get(entry.text) if entry.kind == startup.ADDS else None
    if account.status == records.UNOWNED and linked:
        return Row(entry, f"{linked} (egg-link)", records.ACCOUNTED)
    return Row(entry, account.owner, account.status)


# For people.

KINDS = {
    startup.CODE: "code",
    startup.ADDS: "adds to sys.path",
    startup.START: "entry point",
    startup.MODULE: "module",
    startup.UNREADABLE: "?",
}


def report(found: Audit) -> str:
    """A row for each, below the directory that it is in."""
    lines = [f"{found.name} {printable(found.interpreter)}"]
    folders = dict.fromkeys(os.path.dirname(row.entry.path) for row in found.rows)
    for folder in folders:
        lines += ["", printable(folder)]
        lines += _table([_cells(row) for row in found.rows if os.path.dirname(row.entry.path) == folder])
    return "\n".join([*lines, "", _verdict(found)]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    entry = row.entry
    where = os.path.basename(entry.path) + (f":{entry.line}" if entry.line else "")
    said = UNREADABLE if entry.kind == startup.UNREADABLE else entry.text
    runs = "" if entry.runs else f" (does not run: {entry.why_not})"
    kind = KINDS.get(entry.kind, entry.kind)
    return tuple(printable(cell) for cell in (row.status, kind, cut(where), row.owner or "-", cut(said) + runs))


def _table(cells: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _verdict(found: Audit) -> str:
    if not found.rows:
        return "nothing starts with it"
    wrong = sum(not row.accounted for row in found.rows)
    return f"{wrong} of {len(found.rows)} not accounted for" if wrong else f"all {len(found.rows)} are accounted for"
