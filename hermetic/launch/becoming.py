"""How the forked child becomes the target under kernel rules: its side of what it and the launcher have to say to each other.

The child asks whether it can be supervised, since to a filter that needs a supervisor there is no way back; puts on itself what does not depend
on the answer, and then the rest; says what it could put in place; and is told whether it may go on. A child that hears nothing ends: nothing is
ever executed under fewer rules than were agreed on. With the last word comes what it is to execute the program with, which is known only when all
is there that the program needs.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from hermetic_guard.policy import Policy

    from hermetic.linux.beginning import Begun
    from hermetic.linux.here import Here

    Order = tuple[list[str], Mapping[bytes, bytes]]

ASKED, PLACED, FAILED = b"asked", b"placed", b"failed"
END = b"\0\n"
"""Of what the child says; it says more than one thing at a time where it fails before it has heard anything."""
SUPERVISED, ALONE = b"s", b"a"
NONE = -1
ENDED = 125


class Launcher:
    """The launcher, as the child sees it. answer: descriptor to tell it by; go: by which it answers"""

    def __init__(self, answer: int, go: int) -> None:
        self._answer, self._go = answer, go
        self._heard: bytes | None = None

    def ask(self, namespaced: bool) -> None:
        self.say(ASKED, str(int(namespaced)))

    def supervises(self) -> bool:
        self._heard = self._heard or self.hear()
        return self._heard == SUPERVISED

    def say(self, kind: bytes, *words: str) -> None:
        os.write(self._answer, b"\0".join([kind, *(word.encode("utf-8", "surrogateescape") for word in words)]) + END)

    def hear(self) -> bytes:
        """SUPERVISED or ALONE. Ends this process where the launcher has ended, or lets nobody go on."""
        word = os.read(self._go, 1)
        if word not in (SUPERVISED, ALONE):
            os._exit(ENDED)
        return word


def begin(launcher: Launcher, *, root: bool) -> Begun:
    """What can be done before anything is known of the run. Ends this process where it fails."""
    from hermetic.linux import beginning

    try:
        return beginning.begin(launcher, root=root)
    except OSError as error:
        fail(launcher, error)


def fail(launcher: Launcher, error: OSError) -> NoReturn:
    launcher.say(FAILED, str(error.filename or "kernel rules"), os.strerror(error.errno or 0))
    os._exit(ENDED)


def become(
    program: str, policy: Policy, here: Here, launcher: Launcher, order: Callable[[], Order], begun: Begun | None = None
) -> NoReturn:
    """order: argv and environment, once the launcher has let this process go on. Raises OSError where the program cannot be executed."""
    from hermetic.linux.confine import Confinement

    here.program = program
    confinement = Confinement(policy, here, launcher, begun)
    try:
        listener = confinement.enter()
    except OSError as error:
        fail(launcher, error)
    placed = (here.namespaced, here.filtered, here.abi, confinement.reads_anew, NONE if listener is None else listener)
    launcher.say(PLACED, *map(str, map(int, placed)))
    supervised = launcher.hear() == SUPERVISED
    if listener is not None:
        os.close(listener)
        if not supervised:
            confinement.refuse_what_nobody_answers()
    confinement.execute(*order())
