"""What the guarded processes of a run tell, and the kernel's refusals: counted, told to the user, logged.

Loaded once the child that will be the target has got its order: until then there is nothing to tell.
"""

from __future__ import annotations

from hermetic_guard import serialized

from hermetic.events import EventReader
from hermetic.report import Narrowed, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Policy

    from hermetic.events import Event
    from hermetic.launch.company import Sink
    from hermetic.launch.execution import Execution
    from hermetic.launch.speaker import Speaker
    from hermetic.options import Invocation
    from hermetic.policy.combine import Resolved

REASONS = 10
"""How many different reasons of failed guards are printed."""


class Told:
    """ready, uncaught, failed: what the target's own process has reported. Of others nothing is kept: there may be any number, and none need be true.

    carries: whether the target's interpreter carries the guards
    started: the target, once it is
    log:     where every event goes, if anywhere
    """

    def __init__(self, invocation: Invocation, policy: Policy, say: Speaker, *, carries: bool) -> None:
        values = invocation.values
        self.say, self.policy, self.carries = say, policy, carries
        self.report = Report(say.write, trace=bool(values.get("trace")), quiet=bool(values.get("quiet")))
        self.reader = EventReader()
        self.ready = self.uncaught = self.failed = False
        self.reasons: set[str] = set()
        self.file_too_large = False
        self.started: Execution | None = None
        self.log: Sink | None = None

    def begin_log(self, log: Sink, command: list[str]) -> None:
        self.log = log
        log.write("run", {"command": command, "policy": serialized.dumps(self.policy).decode()})

    def take(self, data: bytes) -> None:
        """Handle what was read from the run's FIFO."""
        for event in self.reader.feed(data):
            kind, by_target = event["event"], self.started is not None and event["pid"] == self.started.pid
            if kind == "ready":
                self.ready = self.ready or by_target
            elif kind == "uncaught":
                self.uncaught = self.uncaught or by_target
            elif kind == "failed":
                self.could_not_guard(event["why"], by_target)
            elif kind == "limit":
                self.at_file_size(event["value"])
                continue
            elif kind == "hidden":
                self.report.looked(event)
            else:
                self.report.refused(event)
            if self.log:
                self.log.write(kind, event)

    def refused_by_kernel(self, event: Event) -> None:
        """Handle a refusal of the supervisor's, which no process of the target's can forge."""
        self.report.refused(event)
        if self.log:
            self.log.write("refused", event)

    def could_not_guard(self, why: str, by_target: bool) -> None:
        """The guard ended a process before any of its code, or refuses what it cannot be loaded for. The target is the first to report anything."""
        before = self.carries and by_target and not self.ready
        self.failed = self.failed or before
        if why not in self.reasons and len(self.reasons) < REASONS:
            self.reasons.add(why)
            tell = self.say.nothing_ran if before else self.say.told
            late = by_target and not before
            tell(f"{why}; {'nothing was run' if before else 'what needs it is refused' if late else 'a Python child was ended'}")

    def at_limit(self, field: str, value: float | None = None) -> None:
        """Tell that the run is ended for this limit, or that a process could not go on."""
        from hermetic.launch.limits import FLAGS
        from hermetic.policy.limits import shown

        value = value or getattr(self.policy.limits, field)
        self.say.notice(f"limit reached: {shown(field, value)} (allow more: {FLAGS[field]})")
        if self.log:
            self.log.write("limit", {"limit": FLAGS[field].removeprefix("--"), "value": value})

    def at_file_size(self, value: int | None = None) -> None:
        """A process could not go on for the one limit that ends it alone. Nobody else knows of those that could."""
        if self.policy.limits and self.policy.limits.file_size is not None and not self.file_too_large:
            self.file_too_large = True
            self.at_limit("file_size", value)


def narrowed(resolved: Resolved) -> dict[str, Narrowed]:
    """What policy files have to say, by guard."""
    asked, packages = resolved.asked.guards(), resolved.packaging()
    return {
        guard: Narrowed(
            resolved.narrowing(guard),
            alone=guard not in asked,
            given=resolved.allows_already,
            packages=packages,
            untrusted=resolved.silencing(guard),
        )
        for guard in resolved.policy.guards()
    }
