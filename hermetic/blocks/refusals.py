"""What was refused inside of a block, whoever has swallowed the exception."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from hermetic.blocks.opening import Rules

    class Post(Protocol):
        pid: int

        def collect(self) -> None:
            """Have passes be told what has come from children."""


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

    violations: what was refused, in its order, by the rules of this block or of one around it; what children were refused as it becomes known
    refused:    how many there were
    pid:        of the process that the pass is one of; number: by which children name it, 0 where there are none
    rules, runs, state: see Standing in opening.py, of which this is one where the block is of the scope `process`
    """

    __slots__ = ("__weakref__", "_post", "_refused", "_state", "_violations", "number", "pid", "rules")

    _post: Post
    _refused: int
    _state: object
    _violations: list[Refusal] | None
    number: int
    pid: int
    rules: Rules

    @property
    def runs(self) -> tuple[Run, ...]:
        return (self,)

    @property
    def state(self) -> object:
        """Made when it is asked for: in most passes nobody asks."""
        if self._state is None:
            self._state = object()
        return self._state

    @property
    def violations(self) -> list[Refusal]:
        self._post.collect()
        return self._kept()

    def _kept(self) -> list[Refusal]:
        if self._violations is None:
            self._violations = []
        return self._violations

    @property
    def refused(self) -> int:
        self._post.collect()
        return self._refused

    def take(self) -> list[Refusal]:
        """The violations so far, which it has no more then."""
        found, self._violations = self.violations, []
        return found

    def put_back(self, earlier: list[Refusal]) -> None:
        """Have these before all others."""
        self._kept()[:0] = earlier

    def add(self, fields: Sequence[str], stack: Sequence[tuple[str, int, str]]) -> None:
        """fields: as FIELDS names them."""
        self._refused += 1
        kept = self._kept()
        if len(kept) < MOST:
            kept.append(Refusal._make([*fields, tuple(stack), ""]))

    def missed(self, count: int) -> None:
        """So many more there were, of which nothing is known."""
        self._refused += count

    def __repr__(self) -> str:
        return f"<a pass through a block, in which {self.refused} actions were refused>"


def begun(post: Post, rules: Rules) -> Run:
    """One that begins now. An `__init__` would cost as much as all of this."""
    run = Run()
    run._post = post
    run.pid = post.pid
    run.rules = rules
    run._violations = run._state = None
    run._refused = run.number = 0
    return run
