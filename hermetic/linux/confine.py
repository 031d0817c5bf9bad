"""Puts the kernel's rules on this process, the forked child, in the one order that works, and executes the target.

Namespaces and mounts come first, since Landlock forbids mounting; privileges go before the filters, which need none; a
filter is last, for it refuses what the steps before it need.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here


def enter(policy: Policy, here: Here) -> int | None:
    """Confine this process by `policy`. What could be put in place is noted in `here`.

    Returns the descriptor that the supervisor answers at, None if nothing is left to it. Raises OSError, whose `filename` is the step that
    failed: then this process must execute nothing.
    """
    raise OSError(38, "not built", "kernel rules")


def close_what_was_supervised(policy: Policy, here: Here) -> None:
    """Refuse what the supervisor would have answered: nobody will."""


def execute(policy: Policy, program: str, argv: list[str], env: Mapping[bytes, bytes]) -> NoReturn:
    """Become the program. Raises OSError."""
    raise OSError(38, "not built", program)
