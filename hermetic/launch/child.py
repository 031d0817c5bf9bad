"""The process that will be the target, forked while it is not known yet what that is.

What puts the kernel's rules on it takes as long to load as the launcher takes to find out what it is to run: so both is done at once. Until it
gets its order it holds all signals back and does nothing else; without one, whatever ended the launcher, it ends too.
"""

from __future__ import annotations

import marshal
import os

from hermetic_guard.policy import PARTS, Policy

from hermetic import ahead
from hermetic.launch.becoming import ENDED, Launcher, become
from hermetic.launch.execution import cannot_start, say_why_not, turn_into
from hermetic.launch.signals import Signals
from hermetic.linux import processes, syscalls
from hermetic.linux.here import Here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

LENGTH = 4
"""Bytes before an order that say how long it is."""


class Child:
    """As a context: leaving it ends a child that has got no order.

    pid, spare:      its own, and those of the children that were there before
    answers, answer: the two ends of the pipe from it, of which the second is open there alone
    go, went:        the same of the pipe to it, of which the first is
    """

    def __init__(self) -> None:
        """Raises HermeticError if no process can be started."""
        self.spare = processes.own()
        self.answers, self.answer = os.pipe()
        self.go, self.went = os.pipe()
        self._ordered = False
        launcher, self._signals = os.getpid(), Signals()
        self._signals.hold_back()
        try:
            self.pid = os.fork()
        except OSError as error:
            raise cannot_start(error) from error
        if not self.pid:
            self._wait(launcher)
        self._signals.let_through()
        os.close(self.answer)
        os.close(self.go)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ordered:
            os.close(self.went)
            os.close(self.answers)
            os.waitpid(self.pid, 0)
        self._signals.restore_children()

    def order(self, program: str, argv: list[str], env: Mapping[bytes, bytes], policy: Policy, here: Here) -> None:
        """Have it become this. It may have been ended by now: then nobody will say anything."""
        self._ordered = True
        order = marshal.dumps((program, argv, dict(env), plain(policy), here.values()))
        words = len(order).to_bytes(LENGTH, "little") + order
        try:
            while words:
                words = words[os.write(self.went, words) :]
        except BrokenPipeError:
            return

    # In the child.

    def _wait(self, launcher: int) -> NoReturn:
        try:
            os.close(self.went)
            os.close(self.answers)
            syscalls.die_with_parent(launcher)
            load()
            program, argv, env, policy, here = marshal.loads(self._read(int.from_bytes(self._read(LENGTH), "little")))
            turn_into(
                lambda: become(program, argv, env, from_plain(policy), Here(**here), Launcher(self.answer, self.go)),
                lambda error: say_why_not(self.answer, error),
                self._signals,
                launcher,
            )
        finally:
            os._exit(ENDED)

    def _read(self, size: int) -> bytes:
        """Ends this process where there is no order."""
        found = b""
        while len(found) < size:
            piece = os.read(self.go, size - len(found))
            if not piece:
                os._exit(ENDED)
            found += piece
        return found


def plain(policy: Policy) -> dict[str, Any]:
    """A policy as values for `marshal`: what of it is the kernel's, which cannot tell packages."""
    fields = {name: getattr(policy, name) for name in policy.__slots__ if name != "packages"}
    return {name: value.values() if name in PARTS and value is not None else value for name, value in fields.items()}


def from_plain(fields: dict[str, Any]) -> Policy:
    given = {name: kind for name, kind in PARTS.items() if fields[name] is not None}
    return Policy(**{**fields, **{name: kind(**dict(zip(kind.__slots__, fields[name], strict=True))) for name, kind in given.items()}})


def load() -> None:
    """What most policies need. What is not here is loaded when it is."""
    ahead.load(ahead.CONFINING)
    from hermetic.linux import confine, devices, exec_once  # noqa: F401
