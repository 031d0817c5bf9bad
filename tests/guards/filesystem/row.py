"""A row of the filesystem guard's table: what is tried, under which policy, and how anybody outside can tell whether it came about."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

READONLY, ROOT, HIDE, PROTECT = "readonly", "root", "hide", "protect"
"""Policies: nothing is changed but in `free`; besides, nothing is read but in `root`, `free` and what an interpreter needs; or `place` is hidden; or all is
changed but what protected.py says."""


@dataclass(frozen=True)
class Row:
    """A snippet. It finds directories of its own, each with a `file`, a directory `inner` and a link `link` to the file: `place`, in which it
    must not do what it tries, `free`, where all may be done, and `root`, which may be read.

    what:   "changes" something in `place`, "leaks" what is in `place` into its `result`, or "works" as it does without a guard
    told:   what the guard tells first, with {place} for the directory; "" if nothing
    error:  the exception the snippet ends with under the guard, by its name or one of several; "" for none
    module: a module that it needs; since, until: versions that have what it needs
    events: only where the interpreter has audit events
    """

    name: str
    policy: str
    code: str
    what: str
    told: str = ""
    error: str = "FilesystemRefused"
    module: str = ""
    since: tuple[int, int] = (3, 6)
    until: tuple[int, int] = (9, 9)
    events: bool = False
    pypy: bool = True

    def fits(self, version: tuple[int, int], implementation: str) -> bool:
        hooked = implementation == "cpython" and version >= (3, 8)
        return self.since <= version <= self.until and (hooked or not self.events) and (self.pypy or implementation == "cpython")


def changes(name: str, code: str, told: str, **more: object) -> Row:
    return Row(name, READONLY, dedent(code), "changes", told, **more)


def leaks(name: str, code: str, told: str, policy: str = ROOT, **more: object) -> Row:
    return Row(name, policy, dedent(code), "leaks", told, **more)


def works(name: str, code: str, policy: str = READONLY, **more: object) -> Row:
    return Row(name, policy, dedent(code), "works", error="", **more)
