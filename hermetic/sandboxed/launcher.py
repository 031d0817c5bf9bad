"""The launcher's side of a run that a program has asked for: what is asked comes over a socket, and what is to be told goes there.

The request is a length and as many bytes of marshal: (command, values, target), as `options.Invocation` has them, and what a warm interpreter is to
load beforehand, None where the target is to be run at once; what follows then stands in `warm`. What comes back is a line of
JSON each: the events of the log, and besides

    said    text: what the command would have said on stderr
    error   kind, text, hint: hermetic could not do its job; kind is a class of errors.py, or "" for a fault of ours
    used    wall, cpu (microseconds), memory (bytes)

The socket says one thing more: whoever has asked and closes their end wants the run no more. The target never gets it.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
import time

from hermetic_guard.events import encode

from hermetic.errors import GuardUnavailable, HermeticError, printable
from hermetic.launch import begin, nested
from hermetic.launch.signals import wake_when_readable
from hermetic.launch.speaker import Speaker
from hermetic.linux import syscalls
from hermetic.options import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from hermetic_guard.policy import Policy

    from hermetic.launch.run import Run
    from hermetic.linux.here import Here
    from hermetic.target.interrogate import Interpreter

HEAD = 8
"""Bytes before a request that say how long it is."""
TOLD = frozenset(["refused", "limit", "end"])
"""The events of the log that are handed on."""


def program(descriptor: int) -> NoReturn:
    """Do what is asked for over this socket; the end of this process."""
    gc.disable()  # as for the command, and for the same reasons
    invocation, preload = request(descriptor)
    asking = Asking(descriptor)
    if preload is not None:
        from hermetic.sandboxed.warm import Warm

        asking = Warm(descriptor, preload)
    try:
        carry_out(asking, invocation)
    except HermeticError as error:
        asking.tell_error(error)
    except Exception as error:
        sys.excepthook(*sys.exc_info())
        asking.tell("error", {"kind": "", "text": f"{type(error).__name__}: {error}", "hint": ""})
    os._exit(0)


def carry_out(asking: Asking, invocation: Invocation) -> None:
    """Raises HermeticError."""
    if nested.is_inside():
        raise GuardUnavailable("no run can be asked for inside of another")
    cwd = begin.working_directory()
    begin.restore_environment()
    syscalls.set_dumpable(False)
    begin.carry_out(invocation, cwd, company=asking)
    if asking.failure:
        raise GuardUnavailable(asking.failure)
    asking.tell("used", asking.usage())


def request(descriptor: int) -> tuple[Invocation, list[str] | None]:
    """What is asked for, and what is to be loaded ahead of it. Ends this process where nobody asks any more."""
    command, values, target, preload = marshal.loads(exactly(descriptor, int.from_bytes(exactly(descriptor, HEAD), "little")))
    return Invocation(command, {**values, "quiet": True}, target), preload


def exactly(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = os.read(descriptor, size - len(found))
        if not piece:
            os._exit(0)
        found += piece
    return found


class Asking:
    """Who has asked, at the other end of a socket; the `Company` of the run."""

    warm = False

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._gone = False
        self._begun = self._ended = 0.0
        self.say: Teller = Teller(self)
        self.log = self
        self.failure = ""
        wake_when_readable(descriptor)

    def admit(self, policy: Policy, facts: Interpreter | None) -> Policy:
        return policy

    def permit(self, here: Here) -> str:
        return ""

    def attach(self, run: Run, directory: str) -> None:
        return

    def turn(self, guarded: bool, take: Callable[[], None]) -> None:
        return

    def due(self) -> float | None:
        return None

    def has_gone(self) -> bool:
        if not self._gone:
            try:
                self._gone = not os.read(self._descriptor, 1)
            except BlockingIOError:
                return False
            except OSError:
                self._gone = True
        return self._gone

    def write(self, event: str, fields: Mapping[str, Any]) -> None:
        """An event of the log's."""
        if event == "run":
            self._begun = time.monotonic()
        elif event == "end":
            self._ended = time.monotonic()
        if event in TOLD:
            self.tell(event, fields)

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Nobody there to hear it is no reason to stop: the run is ended for that elsewhere."""
        try:
            if not self._gone:
                write_all(self._descriptor, encode({**fields, "event": event}).encode() + b"\n")
        except OSError:
            self._gone = True

    def tell_error(self, error: HermeticError) -> None:
        self.tell("error", {"kind": type(error).__name__, "text": error.message, "hint": error.hint or ""})

    def usage(self) -> dict[str, int]:
        """Of the run that has ended."""
        import resource

        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall, cpu = self._ended - self._begun, used.ru_utime + used.ru_stime
        return {"wall": int(wall * 1e6), "cpu": int(cpu * 1e6), "memory": used.ru_maxrss << 10}


def write_all(descriptor: int, data: bytes) -> None:
    """Also where the descriptor does not wait. Raises OSError."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            import select

            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


class Teller(Speaker):
    """Says to the program what the command says to its user."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self.verbose = False

    def notice(self, text: str) -> None:
        if text:
            self.write(f"hermetic: {printable(text)}\n")

    def detail(self, text: str) -> None:
        return

    def nothing_ran(self, why: str) -> None:
        self._asking.failure = self._asking.failure or why

    def write(self, text: str) -> None:
        self._asking.tell("said", {"text": text.removeprefix("hermetic: ").removesuffix("\n")})
