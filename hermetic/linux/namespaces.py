"""Mounts and System V IPC of one's own, where the kernel lets this user have them.

Root does so directly. An ordinary user needs a user namespace around it, in which it keeps its user and group and every other owner is
nobody: a program that is particular about who owns its files notices (ssh, git), so root does not take that way.
"""

from __future__ import annotations

import os

from hermetic.linux.steps import failed, step
from hermetic.linux.syscalls import set_dumpable

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x40000000

UNSHARE = "unshare"
"""The step after whose failure a process is what it was before. One that has failed in another has to end."""


def enter(*, root: bool) -> None:
    """Move this process, which must have one thread, into namespaces of its own.

    Raises OSError whose filename is the step that failed.
    """
    owners = (("setgroups", "deny"), ("uid_map", _only(os.geteuid())), ("gid_map", _only(os.getegid())))
    step(UNSHARE, CLONE_NEWNS | CLONE_NEWIPC | (0 if root else CLONE_NEWUSER))
    if not root:
        set_dumpable(True)  # /proc/self is root's without: the launcher is not dumpable, and we are its child
        for name, content in owners:
            _write(f"/proc/self/{name}", content)
        set_dumpable(False)


def permitted(*, root: bool) -> bool:
    """Whether this user gets them, by trying in a child."""
    child = os.fork()
    if not child:
        try:
            enter(root=root)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _only(number: int) -> str:
    """The one owner that keeps its number, for uid_map (user_namespaces(7))."""
    return f"{number} {number} 1"


def _write(file: str, content: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, content.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        failed(error, file)
