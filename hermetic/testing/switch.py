"""What stands now: one policy of a session's at a time, so that one test's can allow more than another's.

Blocks nest by intersection, so the one before is closed. It is closed when the next is open: threads that go on meanwhile are never without a guard.
Whatever was put up by others, a run's guard or a block of the test's own, holds besides.
"""

from __future__ import annotations

import _thread

from hermetic.blocks.opening import OUTSIDE, Opening, Rules
from hermetic.blocks.process import guards
from hermetic.blocks.refusals import Refusal, begun
from hermetic.errors import BadBlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hermetic_guard.policy import Policy

REMEMBERED = 1000
"""So many policies of one session."""


class Switch:
    """policy: what stands, None for nothing"""

    def __init__(self) -> None:
        self.policy: Policy | None = None
        self._inside = guards().inside
        self._opening: Opening | None = None
        self._run = begun(guards().post, OUTSIDE.rules)
        self._rules: dict[int, Rules] = {}
        """By the identity of their policy, which they keep: to compare long lists of paths for each test takes longer than to open a block."""

    def to(self, policy: Policy | None) -> Policy | None:
        """Have another policy stand; returns the one before. Raises BadBlock where it leaves nothing beside what others have put up."""
        before = self.policy
        if policy is before:
            return before
        opening = self._opened(policy) if policy is not None and policy.guards() else None
        if self._opening is not None:
            self._inside.close(self._opening)
        self._opening, self.policy = opening, policy
        return before

    def _opened(self, policy: Policy) -> Opening:
        opening = Opening(self._rules_of(policy), self._run)
        try:
            self._inside.open(opening)
        except ValueError as error:
            raise BadBlock(f"this policy and what stands around it leave nothing: {error}") from None
        return opening

    def _rules_of(self, policy: Policy) -> Rules:
        rules = self._rules.get(id(policy))
        if rules is None:
            if len(self._rules) >= REMEMBERED:
                self._rules.clear()
            guards().allow_native(policy)
            rules = self._rules[id(policy)] = Rules(policy)
        return rules

    @property
    def refused(self) -> list[Refusal]:
        """What was refused since it was taken last."""
        return self._run.violations

    def take(self) -> list[Refusal]:
        return self._run.take()

    def put_back(self, earlier: list[Refusal]) -> None:
        self._run.put_back(earlier)


def aside(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, for which no block holds while this thread is in it."""
    threads = guards().inside.aside

    def call(*arguments: Any, **named: Any) -> Any:
        thread = _thread.get_ident()
        threads.add(thread)
        try:
            return function(*arguments, **named)
        finally:
            threads.discard(thread)

    return call
