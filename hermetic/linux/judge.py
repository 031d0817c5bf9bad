"""Asks the policy for a program of the run, as the guards in the target do, and tells of what it refuses. The judge is `hermetic_guard.decide`."""

from __future__ import annotations

import os

from hermetic_guard.decide import Decision, Request, decide

from hermetic.linux.notify import Gone, Notification, Unseen, process_of
from hermetic.linux.syscalls import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from hermetic_guard.guards.proxies import Proxy
    from hermetic_guard.policy import Policy

    Answer = int | None
    """An errno, 0 for success; None where the call has been answered already."""


class Judge:
    """policy: what is allowed; members: gives the pids of the run's processes; tell: is given an event for each refusal, from any thread

    killed: the pids of those that a refusal has ended are added; proxies: those that the run's environment names
    """

    def __init__(
        self,
        policy: Policy,
        members: Callable[[], Iterable[int]],
        tell: Callable[[dict[str, Any]], None],
        killed: set[int] | None = None,
        proxies: tuple[Proxy, ...] = (),
    ) -> None:
        self.policy = policy
        self._proxies = proxies
        self.members = members
        self._tell = tell
        self.killed: set[int] = set() if killed is None else killed

    def allows(self, asking: Notification, request: Request, *, quietly: bool = False) -> bool:
        """Whether the policy does; if not, the refusal is told, and with `--on-violation kill` ends who asked; `quietly`: neither."""
        decision = self._judged(request)
        if decision.allowed:
            return True
        if quietly:
            return False
        process = process_of(asking.thread)
        self._tell(refusal(process, request, decision))
        if self.policy.on_violation == "kill":
            asking.check()
            self.killed.add(process)
            os.kill(process, SIGKILL)
            raise Gone
        return False

    def mention(self, asking: Notification, request: Request) -> None:
        """Tell of a refusal that ends nobody: what is asked for is allowed, and not to be had in this way."""
        decision = self._judged(request)
        if not decision.allowed:
            self._tell(refusal(process_of(asking.thread), request, decision))

    def refuse(self, request: Request, asker: int | None) -> None:
        """Tell of a refusal to a process, which may have ended; None: some program of the run."""
        process = asker or next(iter(self.members()), os.getpid())
        self._tell(refusal(process, request, self._judged(request)))
        if self.policy.on_violation == "kill" and asker in set(self.members()):
            self.killed.add(process)
            os.kill(process, SIGKILL)

    def _judged(self, request: Request) -> Decision:
        if self._proxies and request.guard == "network":
            from hermetic_guard.guards.proxies import proxy_of  # only where there are any

            request.facts["proxy"] = proxy_of(self._proxies, *map(request.facts.get, ("host", "address", "port", "names")))
        return decide(self.policy, request)

    def could_not(self, asking: Notification, guard: str, name: str, problem: Exception) -> None:
        """Tell of a call of that name which is refused because its judgement failed, by a fault of hermetic's."""
        unseen = isinstance(problem, Unseen)
        request = Request(guard, name, "a program that may not be looked into" if unseen else f"{type(problem).__name__}: {problem}")
        self._tell(refusal(process_of(asking.thread), request, Decision(False, "hermetic could not judge it")))


def refusal(process: int, request: Request, decision: Decision) -> dict[str, Any]:
    """The event, with the program's path in the place of a stack."""
    return {
        "pid": process,
        "guard": request.guard,
        "action": request.action,
        "target": request.target,
        "rule": decision.rule,
        "hint": decision.hint,
        "stack": [],
        "program": program_of(process),
    }


def program_of(process: int) -> str:
    """Its path; its name where it may not be looked into."""
    try:
        return os.readlink(f"/proc/{process}/exe")
    except PermissionError:
        return name_of_program(process)
    except OSError:
        return "a program that has ended"


def name_of_program(process: int) -> str:
    try:
        with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return "a program that has ended"
