"""hermetic inside hermetic: the inner one adds its policy to the outer one's, and is replaced by its target.

The outer run's guard starts and guards the target, under the intersection of both policies, and the outer launcher is told of
refusals. In the kernel the inner one stacks its own rules on the outer's, which can only be stricter.
"""

from __future__ import annotations

import os
import sys

from hermetic_guard import serialized

from hermetic.errors import GuardUnavailable, HermeticError, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from hermetic_guard.policy import Policy

    from hermetic.target.resolve import Target

STACKED = ("network", "filesystem")
"""Guards whose kernel rules can be stacked. That of processes cannot: the outer guard has to rewrite the one exec that would be left."""


def tighten(policy: Policy) -> tuple[Policy, Policy, str] | None:
    """Add a policy to that of an outer hermetic: what held there before, what holds now, and its run directory. None if there is none.

    Its audit hook answers, see `hermetic_guard/enforce.py`.
    """
    answer: list[tuple[bytes, bytes, str]] = []
    sys.audit("hermetic.tighten", answer, serialized.dumps(policy))
    if not answer:
        return None
    before, after, scratch = answer[0]
    return serialized.loads(before), serialized.loads(after), os.path.dirname(scratch)


def become(target: Target, before: Policy, after: Policy, run: str) -> NoReturn:
    """Be replaced by the target. Raises HermeticError if it cannot be executed, or not under both policies."""
    try:
        confine(narrower(before, after), target.interpreter, run)
    except OSError as error:
        raise GuardUnavailable(f"the kernel's rules could not be put in place: {error.filename}: {error.strerror}") from None
    try:
        os.execve(target.interpreter, target.argv, target.environ)
    except OSError as error:
        raise HermeticError(f"{quoted(target.interpreter)}: {error.strerror}") from None


def narrower(before: Policy, after: Policy) -> Policy:
    """Of `after` those guards that the outer run does not hold already."""
    nothing = dict.fromkeys(after.guards(), None)
    added = {guard: getattr(after, guard) for guard in STACKED if getattr(after, guard) != getattr(before, guard)}
    policy: Policy = after.replaced(**{**nothing, **added})
    return policy


def confine(policy: Policy, program: str, run: str) -> None:
    if not policy.guards():
        return
    from hermetic.linux.confine import Confinement
    from hermetic.linux.here import Here

    here = Here(machine=os.uname().machine, root=os.geteuid() == 0, run=run, program=program)
    Confinement(policy, here).enter()
