"""How the forked child becomes the target, and how the launcher hears that it could not."""

from __future__ import annotations

import os

from hermetic.errors import HermeticError, TargetNotExecutable, TargetNotFound
from hermetic.launch.refusals import Refusals
from hermetic.linux import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn

    from hermetic.launch.signals import Signals

ENOENT = 2


class Execution:
    """A program about to be executed in a forked child. Made before the fork; both sides have it then, and a pipe between them.

    program: path of a binary; argv, env: what it is handed; pid: of the child, once there is one
    spare: the launcher's children that were there before, from a shell that replaced itself by us; None: all that there are
    killed: the processes that a supervisor ended for what they tried (`--on-violation kill`)
    refusals: of the supervisor's
    answers: the pipe by which the child says why it could not, both ends, where there is one already
    """

    def __init__(self, program: str, argv: list[str], env: Mapping[bytes, bytes], answers: tuple[int, int] | None = None) -> None:
        self.program = program
        self.argv = argv
        self.env = env
        self.pid = 0
        self.spare: frozenset[int] | None = None
        self.killed: set[int] = set()
        self.refusals = Refusals()
        self.answers, self._answer = answers or os.pipe()

    def fork(self, become: Callable[[], object]) -> int:
        """In the launcher: have a child in which `become` is called; its pid. Raises OSError."""
        pid = os.fork()
        if not pid:
            become()
        return pid

    def become(self) -> NoReturn:
        """In the child: turn into the program. Raises OSError."""
        os.execve(self.program, self.argv, self.env)

    def report(self, error: OSError) -> None:
        """In the child: say what `become` raised."""
        say_why_not(self._answer, error)

    def forked(self, pid: int) -> None:
        """In the launcher, once there is a child."""
        self.pid = pid
        os.close(self._answer)

    def is_awaited(self) -> bool:
        """In the launcher: whether the child may be waiting for an answer, so that it is no time for other work."""
        return False

    def proceed(self) -> None:
        """In the launcher, whenever something may have come: what the child needs to go on."""

    def meanwhile(self) -> Iterable[None]:
        """Work for idle time, a step at a time: what may be needed later."""
        return ()

    def settle(self) -> None:
        """In the launcher, once nothing of the run is left: take what its last calls have led to."""

    def raise_failure(self) -> None:
        """In the launcher, after the child's end: raise TargetNotFound or TargetNotExecutable if it never was the program."""
        try:
            self.raise_for(os.read(self.answers, 256))
        finally:
            os.close(self.answers)

    def raise_for(self, answer: bytes) -> None:
        if answer:
            kind = TargetNotFound if int(answer) == ENOENT else TargetNotExecutable
            raise kind(f"{self.program} cannot be executed: {os.strerror(int(answer))}")


def turn_into(become: Callable[[], NoReturn], report: Callable[[OSError], None], signals: Signals, launcher: int) -> NoReturn:
    """In the forked child: become the target, or end. launcher: the pid of the one that forked it"""
    try:
        syscalls.die_with_parent(launcher)
        signals.hand_down()
        become()
    except OSError as error:
        report(error)
    finally:
        os._exit(127)


def say_why_not(answer: int, error: OSError) -> None:
    """What `raise_failure` reads."""
    os.write(answer, b"%d" % (error.errno or 0))


def cannot_start(error: OSError) -> HermeticError:
    return HermeticError(f"no process can be started: {error.strerror}")
