"""The filter of a run: made from its rules, and put in place (linux/seccomp.h)."""

from __future__ import annotations

import errno

from hermetic.linux import prepared, syscalls
from hermetic.linux.numbers import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Policy

    from hermetic.linux.exec_once import Opened
    from hermetic.linux.here import Here

SET_MODE_FILTER = 1
GET_ACTION_AVAIL = 2
TSYNC, NEW_LISTENER, WAIT_KILLABLE_RECV = 1 << 0, 1 << 3, 1 << 5
ERRNO = 0x00050000
"""SECCOMP_RET_ERRNO, the action that every filter of ours has."""


def made(policy: Policy, here: Here, once: Opened | None) -> bytes:
    """The program; a function of its arguments."""
    return prepared.made(policy, here, once) or assembled(policy, here, once)


def load(policy: Policy, here: Here) -> None:
    """What `made` will need that cannot be loaded later: to be called before this process sees less of the files that there are.

    Where there are no mounts nothing is prepared; where there are, all can be read but what a policy keeps from it.
    """
    if not here.namespaced or prepared.is_limited(policy):
        from hermetic.linux import bpf, seccomp  # noqa: F401


def assembled(policy: Policy, here: Here, once: Opened | None) -> bytes:
    """The same in one piece, from the rules."""
    from hermetic.linux import bpf, seccomp  # few runs need them

    return bpf.assemble(seccomp.rules(policy, here, once), here.machine)


def install(program: bytes, listener: bool) -> int | None:
    """Put this thread, and what it will start, under a filter for good. With `listener`, a descriptor on which USER_NOTIF is heard.

    Needs no_new_privs. Raises OSError: EBUSY where an outer filter has a listener already.
    """
    if not listener:
        _install(program, 0)
        return None
    try:
        # A signal does not interrupt a call that is being answered. Kernels before 5.19 have it no other way.
        return _install(program, NEW_LISTENER | WAIT_KILLABLE_RECV)
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
    return _install(program, NEW_LISTENER)


def available() -> bool:
    """Whether this kernel, and what filters this process is under, let it have one more. Nothing is changed."""
    try:
        syscalls.call(native("seccomp"), GET_ACTION_AVAIL, 0, ERRNO.to_bytes(4, "little"))
    except (OSError, KeyError):
        return False
    return True


def install_for_all_threads(program: bytes) -> int:
    """Put all threads of this process under a filter for good, and have none gain privileges.

    Returns 0, or the number of a thread that is under filters which this one is not: then nothing has changed. Needs no_new_privs. Raises OSError.
    """
    return _install(program, TSYNC)


def _install(program: bytes, flags: int) -> int:
    """struct sock_fprog is a count of instructions and where they are."""
    described = (len(program) // 8).to_bytes(8, "little") + syscalls.pointers([program])
    return syscalls.call(native("seccomp"), SET_MODE_FILTER, flags, described)
