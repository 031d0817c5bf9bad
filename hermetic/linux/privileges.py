"""What a process can give up before it becomes the target, whatever guards stand: none of it comes back."""

from __future__ import annotations

from hermetic.linux.steps import failed, step, words
from hermetic.linux.syscalls import PR_CAP_AMBIENT, PR_CAPBSET_DROP, PR_SET_MDWE, PR_SET_NO_NEW_PRIVS, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here

PR_CAP_AMBIENT_CLEAR_ALL = 4
PR_MDWE_REFUSE_EXEC_GAIN = 1
"""It goes on to what is executed, so only where nothing else is."""
RLIMIT_CORE = 4
CAPABILITY_VERSION_3 = 0x20080522
CAPABILITIES = 64
"""More than there are: the kernel tells where they end."""
EPERM, EINVAL = 1, 22


def drop_capabilities() -> None:
    """Give up all capabilities, and what an executed file could bring back. Needs none to begin with. Raises OSError."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    _drop_bounding_set()
    step("capset", words(CAPABILITY_VERSION_3), bytes(24))  # for this process: two words of each of the three sets


def _drop_bounding_set() -> None:
    for capability in range(CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno in (EINVAL, EPERM):
                return  # that was the last one; or we may not, and no_new_privs alone keeps files from bringing any
            failed(error, "prctl", f"PR_CAPBSET_DROP {capability}")


def no_core_files() -> None:
    """Have the kernel write no core file when the target crashes: abort() is a way to write into the working directory.

    A limit of 1 and not 0, because a core_pattern that is a pipe is not bound by 0, but by 1 (fs/coredump.c). One that is 0 already only root
    can raise.
    """
    try:
        step("prlimit64", 0, RLIMIT_CORE, words(1, 1), 0, on="RLIMIT_CORE")
    except OSError:
        import resource  # a library to load, which hardly any run needs

        if resource.getrlimit(RLIMIT_CORE)[1] != 0:
            raise


def no_new_privileges() -> None:
    """No executed file brings rights of its own: set-user-ID programs run with the user's."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def makes_no_code(policy: Policy, here: Here) -> bool:
    """Whether no code is made in memory where all goes as it should: by an interpreter that makes none, which loads nobody else's and starts nothing.

    Of the native guard the kernel holds no more than this: a library it cannot tell from data.
    """
    native, subprocess = policy.native, policy.subprocess
    if native is None or native.distributions or subprocess is None or subprocess.run:
        return False
    return not here.compiles


def no_writable_code() -> None:
    """Memory that was written cannot become code, and code cannot be written. PyPy, node and PCRE2 compile such; numpy does not.

    Nothing on a kernel that does not know it (before 6.3).
    """
    try:
        prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN)
    except OSError as error:
        if error.errno != EINVAL:
            failed(error, "prctl", "PR_SET_MDWE")
