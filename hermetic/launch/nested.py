"""hermetic inside hermetic: the inner one adds its policy to the outer one's, and is replaced by its target (stacked.py).

The outer run's guard starts and guards the target, under the intersection of both policies, and the outer launcher is told of
refusals.
"""

from __future__ import annotations

import os
import sys

from hermetic_guard.policy import BUILD

from hermetic.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Policy

    from hermetic.options import Invocation

OUTER = ("log", "strict", "trace")
"""Options about what is told, which is the outer run's to do."""


def tighten(policy: Policy) -> tuple[Policy, Policy, str] | None:
    """Add a policy to that of an outer hermetic: what held there before, what holds now, and its run directory. None if there is none.

    Its audit hook answers, see `hermetic_guard/enforce.py`.
    """
    from hermetic_guard import serialized

    answer: list[tuple[bytes, bytes, str]] = []
    sys.audit("hermetic.tighten", answer, serialized.dumps(policy))
    if not answer:
        return None
    before, after, scratch = answer[0]
    return serialized.loads(before), serialized.loads(after), os.path.dirname(scratch)


def attend(policy: Policy) -> None:
    """Have a process stay beside what is a build. To be called before the policy holds, for who stays reads what the build may not."""
    if policy.builds == BUILD:
        from hermetic.launch import attending  # where nothing is built it costs nothing

        attending.go_on_in_child()


def is_inside() -> bool:
    """Whether a guard stands in this process."""
    answer: list[object] = []
    sys.audit("hermetic.narrowed", answer)
    return bool(answer)


def refuse_what_the_outer_run_does(invocation: Invocation) -> None:
    """Raises UsageError for an option that would have no effect."""
    for key in OUTER:
        if invocation.flag(key):
            raise UsageError(f"--{key} has no effect inside another hermetic, which is the one that tells", "give it to the outer one")
