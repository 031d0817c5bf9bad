"""Limits that a process puts on itself and that go on to what it starts (setrlimit(2)): per process, or per user, never per run.

So they stand behind the launcher's watch, but for the size of files, which is nobody else's. All are hard: nobody without privileges
raises them again.
"""

from __future__ import annotations

import functools
import math
import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Limits

SLACK = 1
"""One process more than is allowed, so that the watch sees that there are too many rather than as many as may be; one second likewise."""


OTHERS = 200
"""What else this user may start meanwhile, where that counts, the launcher's threads to begin with. It is the watch that is exact."""


def apply(limits: Limits, *, alone: bool) -> None:
    """Limit this process.

    alone: whether no other process of this user counts, as in a user namespace that was just made (user_namespaces(7); from Linux 5.14 on)
    Raises OSError whose filename is the limit.
    """
    if limits.file_size is not None:
        _set("RLIMIT_FSIZE", limits.file_size)
    if limits.cpu is not None:
        _set("RLIMIT_CPU", math.ceil(limits.cpu) + SLACK)
    if limits.processes is not None:
        _set("RLIMIT_NPROC", limits.processes + SLACK + (0 if alone else _of_user(os.getuid()) + OTHERS))


def _set(name: str, value: int) -> None:
    """An outer run's limit that is smaller stays."""
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (OSError, ValueError) as error:
        raise OSError(getattr(error, "errno", 0) or 0, str(error), name) from None


def _of_user(user: int) -> int:
    """How many threads a user's processes have, as the kernel counts them."""
    found = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == user:
                found += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue  # it has ended
    return found


@functools.cache
def binds_processes() -> bool:
    """Whether RLIMIT_NPROC keeps this user from starting one: not root, nor who has certain capabilities. Found by trying."""
    pid = os.fork()
    if not pid:
        os._exit(_try())
    return os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 0


def _try() -> int:
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        child = os.fork()
    except BlockingIOError:
        return 0
    except OSError:
        return 1
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return 1
