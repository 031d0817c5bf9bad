"""What becomes of a start of a program, a fork, or a change of when a thread runs, that waits for the launcher."""

from __future__ import annotations

import os
import stat

from hermetic_guard.decide import Request

from hermetic.linux.judge import program_of
from hermetic.linux.notify import Notification, Unseen, open_as, process_of
from hermetic.linux.numbers import number
from hermetic.linux.seccomp import TURNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic.linux.judge import Answer, Judge

EPERM, EACCES = 1, 13
AT_FDCWD = -100


class Processes:
    """judge; machine: as uname(2) names it; program: the target's"""

    def __init__(self, judge: Judge, machine: str, program: str) -> None:
        self._judge = judge
        self._machine = machine
        self._program = program
        self._executables: frozenset[tuple[int, int]] | None = None

    def handlers(self) -> dict[str, tuple[str, Callable[[Notification], Answer]]]:
        """By system call: the guard that it is about, and who answers."""
        forks = dict.fromkeys(("fork", "vfork", "clone"), ("subprocess", self.fork))
        starts = dict.fromkeys(("execve", "execveat"), ("subprocess", self.start))
        return {**forks, **starts, **dict.fromkeys(TURNS, ("integrity", self.give_turn))}

    def give_turn(self, asking: Notification) -> Answer:
        """A thread of the run's own may be named; groups, and all processes of a user, hold others too."""
        which, who = TURNS[next(name for name in TURNS if number(name, self._machine) == asking.number)]
        if which is not None and asking.integer(0) != which:
            return EPERM
        try:
            process = process_of(asking.integer(who))
        except FileNotFoundError:
            return go_on(asking)
        return go_on(asking) if process in set(self._judge.members()) else EPERM

    def start(self, asking: Notification) -> Answer:
        """execve and execveat. Where no process may be started always refused, for what they would start can still be changed."""
        if self._judge.policy.subprocess and self._judge.policy.subprocess.run:
            return self.start_of_some(asking)
        at = 1 if asking.number == number("execveat", self._machine) else 0
        path = os.fsdecode(asking.text(asking.arguments[at]))
        self._judge.allows(asking, Request("subprocess", "start", path, path=program_named(asking, path)))
        return EPERM

    def start_of_some(self, asking: Notification) -> Answer:
        """Landlock judges what is really executed. What cannot be executed anyway, or is not there, the kernel has an error for."""
        try:
            opened = open_program(asking, by_descriptor=asking.number == number("execveat", self._machine))
        except (OSError, Unseen):
            return go_on(asking)
        try:
            file, path = os.fstat(opened), os.readlink(f"/proc/self/fd/{opened}")
        finally:
            os.close(opened)
        if not stat.S_ISREG(file.st_mode) or not file.st_mode & 0o111 or self.is_executable(file):
            return go_on(asking)
        return EACCES if not self._judge.allows(asking, Request("subprocess", "start", path, path=path)) else go_on(asking)

    def is_executable(self, file: os.stat_result) -> bool:
        """Whether it is the target, one of the programs that may be started, or what those are executed with."""
        if self._executables is None:
            from hermetic.linux import essentials

            run = self._judge.policy.subprocess.run if self._judge.policy.subprocess else ()
            self._executables = frozenset(filter(None, map(identity, essentials.executables((self._program, *run)))))
        return (file.st_dev, file.st_ino) in self._executables

    def fork(self, asking: Notification) -> Answer:
        self._judge.allows(asking, Request("subprocess", "fork", program_of(process_of(asking.thread))))
        return EPERM


def open_program(asking: Notification, *, by_descriptor: bool) -> int:
    """An O_PATH descriptor of what execve(2), or execveat(2), would execute. Raises OSError, Unseen, Gone."""
    path = asking.text(asking.arguments[1 if by_descriptor else 0])
    start = asking.integer(0)
    if not by_descriptor or path[:1] == b"/" or start == AT_FDCWD:
        return open_as(asking, path)
    if not path:
        return asking.look(f"fd/{start}", os.O_PATH)
    return open_as(asking, path, f"fd/{start}")


def identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def go_on(asking: Notification) -> Answer:
    asking.go_on()
    return None


def program_named(asking: Notification, path: str) -> str | None:
    """What an option would have to name to allow a program; None if it is not there, or does not begin at the caller's working directory."""
    try:
        found = os.path.join(os.readlink(f"/proc/{asking.thread}/cwd"), path)
        return found if path and os.path.exists(found) else None
    except (OSError, ValueError):
        return None
