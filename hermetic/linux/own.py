"""The kernel's rules for a process that runs already, which puts them on itself: static ones, since nobody outside stands by to answer.

Namespaces are not for it: one that has threads cannot have a user namespace (unshare(2)), and through what it has open it would reach the mounts
as they were. A filter of seccomp's can be put on all threads at once (SECCOMP_FILTER_FLAG_TSYNC). A Landlock domain is the calling thread's, until
ABI 8, and so are capabilities (capabilities(7)); what is started from now on by another thread is as free as that is.
"""

from __future__ import annotations

import os
import sys

from hermetic.linux import filters, landlock, privileges, surroundings
from hermetic.linux.here import Here
from hermetic.linux.numbers import MACHINES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic_guard.policy import Policy

TASKS = "/proc/self/task"
SEVERAL = 2
"""Threads of which nobody knows how many there are."""


def look(sends: bool) -> Here:
    """What can be had here; nothing is changed. sends: see Here"""
    machine = os.uname().machine
    known = sys.platform == "linux" and machine in MACHINES
    here = Here(
        machine=machine,
        root=os.geteuid() == 0,
        filtered=known and filters.available(),
        abi=landlock.abi() if known else 0,
        pid=os.getpid(),
        threads=threads(),
        sends=sends,
    )
    here.unbound = landlock.left_out(here.abi, here.threads)
    return here


def threads() -> int:
    try:
        return len(os.listdir(TASKS))
    except OSError:
        return SEVERAL


def enter(policy: Policy, here: Here, permit: Callable[[Here], None]) -> None:
    """Put the policy's rules on this process, for good. here: as `look` gives it, completed with what could be put in place

    permit: raises if that is too little; called before anything is changed, and again if it turns out to be less
    Raises OSError whose filename is the step that failed. What comes before that step holds then.
    """
    permit(here)
    if not here.filtered and not here.abi:
        return
    around = surroundings.look(policy, here) if here.abi else None
    program = filters.made(policy, here, None) if here.filtered else b""
    privileges.no_new_privileges()
    if program:
        _filter(program, here, permit)
    if policy.filesystem is not None:
        privileges.no_core_files()
    privileges.drop_capabilities()
    if around is not None:
        landlock.apply(landlock.ruleset(policy, here, around), all_threads=here.threads > 1 and not here.unbound)


def _filter(program: bytes, here: Here, permit: Callable[[Here], None]) -> None:
    """First, for only this can fail without anything being done. It refuses nothing that the other steps need: nothing is mounted or executed."""
    try:
        stranger = filters.install_for_all_threads(program)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "seccomp") from None
    if stranger:
        here.synced = False
        permit(here)
        filters.install(program, listener=False)
