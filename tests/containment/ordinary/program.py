"""An ordinary program: one that must not notice the guards it is compatible with."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent

FLAG_OF = {"network": "--no-network", "subprocess": "--no-subprocess", "filesystem": "--fs-readonly=.", "native": "--block-native"}
EVERY = tuple(FLAG_OF)


@dataclass(frozen=True)
class Program:
    """code: prints something that is the same each time; see `attempt.Attempt` for what it may name and for the other fields

    guards: all of those that it is compatible with; it runs under all of them at once
    allow:  what it needs allowed
    """

    name: str
    code: str
    guards: tuple[str, ...] = EVERY
    allow: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    since: tuple[int, int] = (3, 6)
    until: tuple[int, int] = (9, 9)
    cpython: bool = False
    probe: str = ""

    # What a world wants to know of an attempt.
    leaves, late, inherits, spared, root, only = "secret", 0.0, "", (), False, None

    @property
    def flags(self) -> tuple[str, ...]:
        return (*(FLAG_OF[guard] for guard in self.guards), *self.allow)

    def runs_in(self, python) -> bool:
        return self.since <= python.version < self.until and (python.implementation == "cpython" or not self.cpython)


def programs(*guards: str, allow: tuple[str, ...] = ()):
    """A short way to write rows that are compatible with the same guards, and need the same allowed."""

    def make(name: str, code: str, **more) -> Program:
        return Program(name, dedent(code), **{"guards": guards, "allow": allow, **more})

    return make
