"""Who stands beside a run and is told of it: a program that has asked for it, where nobody has typed the command."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from hermetic.launch.speaker import Speaker

    class Sink(Protocol):
        """Takes events: the log file, or the program that has asked for the run."""

        def write(self, event: str, fields: Mapping[str, Any]) -> None: ...

    class Company(Protocol):
        """say: what the command would have said goes there; log: every event does"""

        @property
        def say(self) -> Speaker: ...
        @property
        def log(self) -> Sink: ...

        def has_gone(self) -> bool:
            """Whether nobody wants the run any more; asked in every turn of the launcher's loop, which whoever goes has to wake."""
