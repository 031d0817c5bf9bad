"""What a process can put on itself, and find out, before it is known which rules it will be under: namespaces, and whether it can be supervised.

Nothing of it is given back, and none of it is enough: what has begun goes on in confine.py, or ends.
"""

from __future__ import annotations

import errno

from hermetic.linux import descriptors, namespaces
from hermetic.linux.syscalls import set_dumpable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from hermetic.linux.descriptors import Descriptor

    class Launcher(Protocol):
        """Who stands by while a process is confined."""

        def ask(self, namespaced: bool) -> None:
            """Have it find out whether it can, this process being as it is now. namespaced: see Here"""

        def supervises(self) -> bool:
            """What it has found out, as often as one likes."""


UNPERMITTED = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL, errno.ENOSPC, errno.EUSERS)
"""What the kernel says where it gives this user no namespaces: to a container, by a limit, or as it was built without."""


class Begun:
    """inherited: the descriptors that exec would not close; namespaced: whether this process has namespaces of its own"""

    __slots__ = ("inherited", "namespaced")

    def __init__(self, inherited: list[Descriptor], *, namespaced: bool) -> None:
        self.inherited = inherited
        self.namespaced = namespaced


def begin(launcher: Launcher, *, root: bool, inside: bool = False) -> Begun:
    """inside: whether that is in another run, which refuses namespaces and what they take

    The launcher is asked whatever the guards will be, for when a thread runs is its own affair, and which threads are the run's only the supervisor
    knows; and as it will have to look into the target, from here. It answers while this process goes on. Raises OSError whose filename is the step.
    """
    inherited = descriptors.inherited()
    namespaced = not inside and _has_entered_namespaces(root=root)
    set_dumpable(True)
    launcher.ask(namespaced)
    return Begun(inherited, namespaced=namespaced)


def _has_entered_namespaces(*, root: bool) -> bool:
    """Where this user gets them. Whoever is refused half-way must not go on: mounts would be as nobody meant them."""
    try:
        namespaces.enter(root=root)
    except OSError as error:
        if error.filename == namespaces.UNSHARE and error.errno in UNPERMITTED:
            return False
        raise
    return True
