"""Who stands beside a run and is told of it: a program that has asked for it, where nobody has typed the command."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from hermetic_guard.policy import Policy

    from hermetic.launch.run import Run
    from hermetic.launch.speaker import Speaker
    from hermetic.linux.here import Here
    from hermetic.target.interrogate import Interpreter

    class Sink(Protocol):
        """Takes events: the log file, or the program that has asked for the run."""

        def write(self, event: str, fields: Mapping[str, Any]) -> None: ...

    class Company(Protocol):
        """say: what the command would have said goes there; log: every event does"""

        @property
        def say(self) -> Speaker: ...
        @property
        def log(self) -> Sink: ...
        @property
        def warm(self) -> bool:
            """Whether the interpreter is to be one that forks for what comes later, and runs nothing itself (_warm.py)."""

        def admit(self, policy: Policy, facts: Interpreter | None) -> Policy:
            """What holds for the target. Raises HermeticError where that cannot be."""

        def permit(self, here: Here) -> str:
            """Why the target may not be executed under what the kernel could be given; "" if it may."""

        def attach(self, run: Run, directory: str) -> None:
            """The run is about to be started, from this directory."""

        def has_gone(self) -> bool:
            """Whether nobody wants the run any more; asked in every turn of the launcher's loop, which whoever goes has to wake."""

        def turn(self, guarded: bool, take: Callable[[], None]) -> None:
            """What there is to do in a turn. guarded: whether the target's guards stand; take: hands on all events that there are"""

        def due(self) -> float | None:
            """When to look next, on the monotonic clock; None: whenever something wakes the loop."""
