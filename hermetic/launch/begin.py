"""How a run begins: the process that will be the target is forked first, and only then is loaded what finds out what that is to become.

So what the one and the other have to load is loaded at once.
"""

from __future__ import annotations

import os

from hermetic import ahead
from hermetic.launch import nested
from hermetic.launch.child import Child
from hermetic.linux import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.launch.company import Company
    from hermetic.options import Invocation

COERCED = b"LC_CTYPE"
"""What a Python that was started in the C locale adds to its environment (PEP 538)."""


def main(invocation: Invocation) -> int:
    """Do what the command line asks for; returns the exit code.

    Raises HermeticError, with its exit code, for whatever keeps the target from being started.
    """
    cwd = working_directory()
    restore_environment()
    if nested.is_inside():
        from hermetic import places

        places.account()  # which of a user who is in no file asks a service: the outer run tells of that where it may not look who asks for what
    syscalls.set_dumpable(False)
    if invocation.flag("with"):
        from hermetic.launch.speaker import Speaker
        from hermetic.throwaway import entering

        entering.enter(invocation, cwd, Speaker(invocation))
    return carry_out(invocation, cwd)[0]


def carry_out(invocation: Invocation, cwd: str | None, fills: str = "", company: Company | None = None) -> tuple[int, int]:
    """The exit code, and how many actions were blocked.

    fills: a directory of hermetic's own that this run may write, as no other may; company: the program that has asked for this run
    """
    if nested.is_inside() or (company and company.warm):  # that one is handed a socket, which is made later
        return _decide_and_run(invocation, cwd, fills, company)
    with Child() as child:
        return _decide_and_run(invocation, cwd, fills, company, child)


def _decide_and_run(
    invocation: Invocation, cwd: str | None, fills: str, company: Company | None, child: Child | None = None
) -> tuple[int, int]:
    ahead.load(ahead.DECIDING)
    from hermetic.launch import run

    return run.decide_and_run(invocation, cwd, fills, company, child)


def working_directory() -> str | None:
    """None where it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


def restore_environment() -> None:
    """Make our environment what the user's shell gave us. To be called before the launcher is made not dumpable: it may not read its own then."""
    if COERCED not in os.environb:
        return
    from hermetic.launch import environ

    with open("/proc/self/environ", "rb") as file:
        if COERCED not in environ.uncoerced(os.environb, file.read()):
            del os.environb[COERCED]
