"""The only foreign calls: what the kernel offers and the standard library does not.

`import ctypes` costs a start four times what its C half `_ctypes` does (4 ms against 1), and of it only `dlsym` and a
plain call are needed. Those have stood unchanged from 3.11 to 3.15, but they are private: an interpreter without them
gets `ctypes`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SIGKILL = 9
EINVAL, ENOSYS = 22, 38


def become_subreaper() -> None:
    """Make this process the parent of every orphan below it, so that it can end what a target leaves running."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, the pid of the one that forked it, ends in whatever way.

    A parent that ended before the call would never be noticed: then this process ends at once. The kernel forgets the
    wish when a set-user-ID program is executed, and children do not inherit it.
    """
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + SIGKILL)


def prctl(option: int, argument: int) -> None:
    """prctl(2). Raises OSError; always EINVAL, for a plain call does not hand out errno, and that is its answer here."""
    try:
        refused = _prctl()(option, argument)
    except ImportError as error:
        raise OSError(ENOSYS, "this Python was built without ctypes") from error
    if refused:
        raise OSError(EINVAL, f"the kernel refuses prctl {option}")


def _prctl() -> Callable[[int, int], int]:
    try:
        from _ctypes import call_function, dlopen, dlsym
    except ImportError:
        return _prctl_by_ctypes()
    address = dlsym(dlopen(None, 0), "prctl")  # type: ignore[arg-type]
    return lambda option, argument: int(call_function(address, (option, argument)))


def _prctl_by_ctypes() -> Callable[[int, int], int]:
    import ctypes

    function = ctypes.CDLL(None).prctl
    return lambda option, argument: int(function(option, argument))
