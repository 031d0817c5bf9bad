"""Starts a command where system calls are refused, as in a container: by a filter of seccomp's that was there before.

container.py CALL,... COMMAND...
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bootstrap")]
# ruff: noqa: E402

from hermetic.linux import bpf, filters, seccomp, syscalls

DOCKER = "unshare,setns,mount,umount2,move_mount,open_tree,fsopen,fsmount,mount_setattr,pidfd_getfd,ptrace,process_vm_readv"
"""What matters here of Docker's default profile without capabilities."""


def container(*calls):
    """The command that starts another so."""
    return [sys.executable, "-IS", __file__, ",".join(calls) or DOCKER]


def main():
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    rules = [rule for call in sys.argv[1].split(",") for rule in seccomp.refuse(call)]
    filters.install(bpf.assemble(rules, os.uname().machine), False)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
