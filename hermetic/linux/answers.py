"""Who answers the system calls that the kernel hands to the launcher. What becomes of each: socket_answers.py and process_answers.py."""

from __future__ import annotations

from hermetic.linux.judge import Judge
from hermetic.linux.numbers import number
from hermetic.linux.process_answers import Processes
from hermetic.linux.socket_answers import Sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from hermetic_guard.policy import Policy

    from hermetic.linux.datagrams import Workshop
    from hermetic.linux.judge import Answer
    from hermetic.linux.notify import Notification


class Answers:
    """policy: what is allowed; machine: as uname(2) names it; program: the target's; members: gives the pids of the run's processes

    tell: is given an event for each refusal, from any thread; workshop: see socket_answers.py; killed: see judge.py
    """

    def __init__(
        self,
        policy: Policy,
        machine: str,
        program: str,
        members: Callable[[], Iterable[int]],
        tell: Callable[[dict[str, Any]], None],
        workshop: Workshop | None = None,
        killed: set[int] | None = None,
    ) -> None:
        self.judge = Judge(policy, members, tell, killed)
        self.sockets, self.processes = Sockets(self.judge, machine, workshop), Processes(self.judge, machine, program)
        self.named = {**self.sockets.handlers(), **self.processes.handlers()}
        """By system call: the guard that it is about, and who answers."""
        self._names = {number(name, machine): name for name in self.named}

    def answer(self, asking: Notification) -> Answer:
        """Raises OSError for an errno, Gone, and whatever else goes wrong. KeyError: for a call that nobody asked to be told of."""
        return self.named[self._names[asking.number]][1](asking)

    def could_not(self, asking: Notification, problem: Exception) -> None:
        """Tell of a call whose judgement failed."""
        name = self._names[asking.number]
        self.judge.could_not(asking, self.named[name][0], name, problem)
