"""The process that will be the target, forked while it is not known yet what that is.

What puts the kernel's rules on it takes as long to load as the launcher takes to find out what it is to run, and to put them on as long as to fill
the run directory: so both is done at once. Until it gets its order it holds all signals back; without one, whatever ended the launcher, it ends too.
"""

from __future__ import annotations

import marshal
import os

from hermetic_guard.policy import PARTS, Policy

from hermetic import ahead
from hermetic.launch.becoming import ALONE, ASKED, END, ENDED, SUPERVISED, Launcher, become, begin
from hermetic.launch.execution import cannot_start, say_why_not
from hermetic.launch.signals import Signals
from hermetic.linux import processes, syscalls
from hermetic.linux.here import Here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from hermetic.launch.becoming import Order

LENGTH = 4
"""Bytes before what it is told that say how long that is."""


class Child:
    """As a context: leaving it ends a child that nobody has taken.

    pid, spare:      its own, and those of the children that were there before
    began:           whether it was told its rules
    namespaced:      what it has said of that when it asked, if it was answered
    said:            what it has said besides, and nobody has heard
    answers, answer: the two ends of the pipe from it, of which the second is open there alone
    go, went:        the same of the pipe to it, of which the first is
    """

    def __init__(self) -> None:
        """Raises HermeticError if no process can be started."""
        self.spare = processes.own()
        self.answers, self.answer = os.pipe()
        self.go, self.went = os.pipe()
        self.began = False
        self.namespaced: bool | None = None
        self.said = b""
        self._over = False
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
        self.end()
        self._signals.restore_children()

    def begin(self, program: str, policy: Policy, here: Here) -> None:
        """Have it put on itself what the kernel is to hold. It may have been ended by now: then nobody will say anything."""
        self.began = True
        send(self.went, framed((program, plain(policy), here.values())))

    def answer_early(self) -> None:
        """Where it has asked by now whether it can be supervised. It does not say anything else that needs an answer before it has this one."""
        os.set_blocking(self.answers, False)
        try:
            self.said = os.read(self.answers, 4096)
        except BlockingIOError:
            return
        first, _, rest = self.said.partition(END)
        kind, *words = first.split(b"\0")
        if kind == ASKED:
            self.said, self.namespaced = rest, words == [b"1"]
            send(self.went, SUPERVISED if can_look_into(self.pid, self.answer) else ALONE)

    def take(self) -> None:
        """Whoever calls this gives it its order, and waits for it."""
        self._over = True

    def end(self) -> None:
        """Unless somebody has taken it."""
        if not self._over:
            self._over = True
            os.close(self.went)
            os.close(self.answers)
            os.waitpid(self.pid, 0)

    # In the child.

    def _wait(self, launcher: int) -> NoReturn:
        try:
            os.close(self.went)
            os.close(self.answers)
            syscalls.die_with_parent(launcher)
            ahead.load(ahead.ENTERING)
            speaker = Launcher(self.answer, self.go)
            begun = begin(speaker, root=os.geteuid() == 0)
            load()
            program, policy, here = self._told()
            become(program, from_plain(policy), Here(**here), speaker, self._ordered, begun)
        except OSError as error:
            say_why_not(self.answer, error)
        finally:
            os._exit(ENDED)

    def _ordered(self) -> Order:
        order: Order = self._told()
        self._signals.hand_down()
        return order

    def _told(self) -> Any:
        return marshal.loads(self._read(int.from_bytes(self._read(LENGTH), "little")))

    def _read(self, size: int) -> bytes:
        """Ends this process where nothing comes."""
        found = b""
        while len(found) < size:
            piece = os.read(self.go, size - len(found))
            if not piece:
                os._exit(ENDED)
            found += piece
        return found


def can_look_into(pid: int, descriptor: int) -> bool:
    """Whether this process may look into its child, at a descriptor that this has: Yama forbids it, or a container's filter."""
    ahead.load(ahead.ANSWERING)
    from hermetic.linux.notify import take_descriptor

    try:
        os.close(take_descriptor(pid, descriptor))
    except OSError:
        return False
    return True


def framed(values: Any) -> bytes:
    """Plain values as they are told."""
    words = marshal.dumps(values)
    return len(words).to_bytes(LENGTH, "little") + words


def send(to: int, words: bytes) -> None:
    """To the child, which may have ended by now."""
    try:
        while words:
            words = words[os.write(to, words) :]
    except BrokenPipeError:
        return


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
