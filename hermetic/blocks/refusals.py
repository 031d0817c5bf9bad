"""What was refused inside of a block, whoever has swallowed the exception."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 10_000
"""So many refusals of one block are kept; all are counted."""


class Refusal(NamedTuple):
    """guard, action, target, rule, hint: see PolicyViolation; stack: (file, line, function) of the frames that asked, innermost first

    program: the path of the program that asked, where it was the kernel that refused; then the stack is empty
    """

    guard: str
    action: str
    target: str
    rule: str
    hint: str
    stack: tuple[tuple[str, int, str], ...]
    program: str = ""

    @property
    def asked_by(self) -> str:
        """As `requests 2.32.3 (requests/adapters.py:667)`; "" where nobody is to be seen."""
        from hermetic.report import asker

        return asker([list(frame) for frame in self.stack]) or self.program

    def __str__(self) -> str:
        return f"{self.rule}: {self.action}({self.target})"


FIELDS = Refusal._fields[:5]


class Run:
    """What became of one pass through a block.

    violations: what was refused, in its order, by the rules of this block or of one around it
    refused:    how many there were
    """

    __slots__ = ("refused", "violations")

    def __init__(self) -> None:
        self.violations: list[Refusal] = []
        self.refused = 0

    def add(self, fields: Sequence[str], stack: Sequence[tuple[str, int, str]]) -> None:
        """fields: as FIELDS names them."""
        self.refused += 1
        if len(self.violations) < MOST:
            self.violations.append(Refusal._make([*fields, tuple(stack), ""]))

    def __repr__(self) -> str:
        return f"<a pass through a block, in which {self.refused} actions were refused>"
