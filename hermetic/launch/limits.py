"""Keeps a run within its limits, and knows what of that is the kernel's to do and what the launcher's.

A run that goes beyond one is ended as a whole, but for the size of files, where the kernel refuses to write on. How fast the launcher's
watch is decides how far beyond a run gets; a control group lets it get no further.
"""

from __future__ import annotations

import os
import time

from hermetic_guard.policy import Limits

from hermetic.launch import usage
from hermetic.linux import cgroups, processes
from hermetic.policy.limits import MOST_PROCESSES, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from hermetic.launch.output import Relay
    from hermetic.linux.here import Here

PERIOD_S = 0.02
"""Between two looks. In this time a processor fills some hundred MiB with something."""
SHARE = 8
"""A look takes the longer the more processes there are; looking takes one part in so many of a processor, at most."""
FREEZING_S = 0.5
"""In which everything is stopped before it is killed."""
LINGER_S = 1.0
"""For what the target has written and nobody has read yet, once it was ended."""

CONTROLLERS = {"memory": "memory", "processes": "pids"}
FLAGS = {
    "timeout": "--timeout",
    "memory": "--max-memory",
    "cpu": "--max-cpu",
    "file_size": "--max-file-size",
    "processes": "--max-processes",
    "output": "--max-output",
}
WATCH = "the launcher's watch"
UNBOUND = "RLIMIT_NPROC does not bind this user, and no control group can be made"
HELPS = "an ordinary user can be held; --best-effort leaves it to the launcher's watch, which a fork bomb outruns"


class Keeper:
    """limits: of the run; name: a word that no other run has; tell: is given the limit that was reached, once

    reached: its field, "" while there is none
    """

    def __init__(self, limits: Limits, name: str, tell: Callable[[str], None]) -> None:
        self.limits = limits
        self.reached = ""
        self._tell = tell
        self._binds = True
        """Whether RLIMIT_NPROC keeps this user from anything."""
        self._problem = ""
        self._spare: Collection[int] = ()
        self._used_before = self._unaccounted = 0.0
        self._seen: dict[tuple[int, int], float] = {}
        self._until = self._next = 0.0
        self._relay = self._make_relay()
        self._groups = self._make_groups(name)
        if limits.processes is not None and "processes" not in self._groups:
            from hermetic.linux import rlimits

            self._binds = rlimits.binds_processes()

    def _make_relay(self) -> Relay | None:
        if self.limits.output is None:
            return None
        from hermetic.launch.output import Relay

        return Relay(self.limits.output)

    def _make_groups(self, name: str) -> dict[str, cgroups.Group]:
        wanted = {controller: value for field, controller in CONTROLLERS.items() if (value := getattr(self.limits, field)) is not None}
        made = cgroups.make(wanted, name)
        return {field: made[controller] for field, controller in CONTROLLERS.items() if controller in made}

    # How each is held.

    def how(self, here: Here) -> list[str]:
        """Which limit is held by what, in words."""
        return [f"{shown(field, getattr(self.limits, field))} by {self.holder(field, here)}" for field in self._given()]

    def why_not(self, *, best_effort: bool) -> str:
        """Why a run must not be started, "" if it may."""
        if self._problem:
            return self._problem
        if self.limits.processes is not None and not self._binds and not best_effort:
            return f"{FLAGS['processes']} cannot be held: {UNBOUND} ({HELPS})"
        return ""

    def _given(self) -> list[str]:
        return [field for field in FLAGS if getattr(self.limits, field) is not None]

    def holder(self, field: str, here: Here) -> str:
        if field in self._groups:
            return f"a control group (version {self._groups[field].version})"
        if field == "file_size":
            return "RLIMIT_FSIZE, of each file"
        if field == "cpu":
            return f"{WATCH}, and RLIMIT_CPU of each process"
        if field == "processes" and self._binds:
            scope = (
                "in a user namespace of the run's own" if here.namespaced and not here.root else "which counts all processes of this user"
            )
            return f"{WATCH}, and RLIMIT_NPROC {scope}"
        return (
            WATCH + {"memory": " (files in memory do not count)"}.get(field, "") if field != "output" else "the launcher, which hands it on"
        )

    # During the run.

    @property
    def in_between(self) -> bool:
        """Whether the target has to be given other standard streams, as only who is forked after they were made can be."""
        return self._relay is not None

    def in_child(self) -> None:
        """In the forked child, before it does anything."""
        if self._relay:
            self._relay.take_place()

    def begin(self, pid: int, spare: Collection[int]) -> None:
        """In the launcher, after the fork. spare: children that are none of the run's"""
        self._spare = {*spare, *processes.children(os.getpid())} - {pid}  # the launcher has started others besides
        self._used_before = usage.ended()
        now = time.monotonic()
        self._until = now + (self.limits.timeout or 0)
        self._next = now + PERIOD_S
        for field, group in self._groups.items():
            try:
                group.join(pid)
            except OSError as error:
                self._problem = f"{FLAGS[field]} cannot be held: the control group takes no process: {error.strerror}"
        if self._relay:
            self._relay.start()

    def stood_still(self, seconds: float) -> None:
        """The run was stopped for so long, which counts for none of its limits."""
        self._until += seconds

    def due(self) -> float:
        """When to look next, on the monotonic clock."""
        looks = self._groups or any(getattr(self.limits, field) is not None for field in ("memory", "cpu", "processes"))
        times = [self._next] if looks else []
        return min([*times, self._until] if self.limits.timeout is not None else times, default=time.monotonic() + 3600)

    def look(self) -> bool:
        """Whether a limit is reached now, and was not before."""
        if self.reached:
            return False
        self.reached = self._exceeded()
        if self.reached:
            self._tell(self.reached)
        return bool(self.reached)

    def _exceeded(self) -> str:
        now = time.monotonic()
        if self.limits.timeout is not None and now >= self._until:
            return "timeout"
        if self._relay and self._relay.exceeded:
            return "output"
        if now < self._next:
            return ""
        found = self._used_up() or next((field for field, group in self._groups.items() if group.was_met()), "")
        end = time.monotonic()
        self._next = end + max(PERIOD_S, SHARE * (end - now))
        return found

    def _used_up(self) -> str:
        wanted = {field for field in ("memory", "cpu", "processes") if getattr(self.limits, field) is not None} - set(self._groups)
        if not wanted:
            return ""
        used = usage.of_run(self.members())
        used.cpu = max(used.cpu - self._used_before, self._seen_in_all(used))
        for field in sorted(wanted):
            if getattr(used, field) > getattr(self.limits, field) and (field != "memory" or self._holds_more(used)):
                return field
        return ""

    def members(self) -> Iterable[int]:
        """The processes that count."""
        return processes.below(os.getpid(), self._spare)

    def _seen_in_all(self, used: usage.Usage) -> float:
        """Seconds of processor time of all processes there ever were, as when they were seen last: of those for which nobody waits nothing else
        is left.
        """
        self._unaccounted += sum(self._seen[process] for process in self._seen.keys() - used.own.keys())
        self._seen = used.own
        return self._unaccounted + sum(used.own.values())

    def _holds_more(self, used: usage.Usage) -> bool:
        """What processes share was counted for each of them."""
        return usage.proportional(pid for pid, _ in used.own) > (self.limits.memory or 0)

    def end(self) -> None:
        """End everything: a limit is reached."""
        for group in self._groups.values():
            group.close()
        processes.kill(self._spare, FREEZING_S)

    def last_look(self) -> None:
        """After the target's end, which may have been a group's."""
        self._next = 0.0
        self.look()

    def lost(self) -> str:
        """Why not all output could be handed on, "" if it could."""
        return self._relay.lost if self._relay else ""

    def close(self) -> None:
        """However the run ended."""
        for group in self._groups.values():
            group.remove()

    def finish(self, survivors: int, is_over: Callable[[], bool]) -> None:
        """After everything's end: what was written is handed on. is_over: whether the user wants nothing more"""
        if self._relay:
            self._relay.finish()
        patience = LINGER_S if survivors or self.reached else float("inf")
        until = time.monotonic() + patience
        while self._relay and not self._relay.has_ended(0.05) and time.monotonic() < until and not is_over():
            continue


def holders(here: Here) -> dict[str, str]:
    """What would hold each limit on this machine, by its option without the dashes."""
    keeper = Keeper(
        Limits(timeout=60, memory=1 << 50, cpu=60, file_size=1 << 50, processes=MOST_PROCESSES),
        f"doctor-{os.getpid()}",
        lambda reached: None,
    )
    try:
        found = {FLAGS[field]: keeper.holder(field, here) for field in FLAGS}
        if keeper.why_not(best_effort=False):
            found[FLAGS["processes"]] = f"nothing: {UNBOUND}"
    finally:
        keeper.close()
    return {flag.removeprefix("--"): holder for flag, holder in found.items()}
