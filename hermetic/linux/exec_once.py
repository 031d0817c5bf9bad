"""One program executed, and none after it: what the guard of subprocesses needs before the target exists.

No filter can tell the first exec from the second by its path, which is in memory. So the program is opened as descriptor N and
executed by that, the hard limit of descriptors becomes N, and the filter lets pass only an execveat(2) of N. N is closed by the
exec, and no descriptor from N on can be had again.

That holds only if the name beside N is empty: of an absolute path the kernel executes that and never looks at N. The filter
knows the empty name by its address, the last byte that a process can have: whatever is put there, only an empty string ends in time.

A target can see that its limit of descriptors is N, that AT_EXECFN is /dev/fd/N, and that ps(1) calls it by the name of the file
where it was started by that of a link (by N before 6.14).
"""

from __future__ import annotations

import errno
import fcntl
import os

from hermetic.linux import syscalls
from hermetic.linux.numbers import native
from hermetic.linux.steps import step, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HIGHEST = 2**16 - 1
"""N is the highest descriptor that may be had, so that the limit is what it was, less one; but not above this. The kernel makes, and
keeps, a table with a pointer for every number up to N: half a megabyte for this one, eight for the 2**20 that containers often have."""

AT_EMPTY_PATH = 0x1000

ENDS = {
    "x86_64": tuple((1 << bits) - 4096 for bits in (56, 47)),
    "aarch64": tuple(1 << bits for bits in (52, 48, 47, 42, 39, 36)),
}
"""Where the addresses of a process end (TASK_SIZE_MAX, asm/page_64_types.h, and TASK_SIZE_64, asm/processor.h), by what the processor
and the kernel's configuration have; the highest first."""

RLIMIT_NOFILE, INFINITY = 7, 2**64 - 1
PROT_READ = 1
MAP_PRIVATE_ANONYMOUS_NOREPLACE = 0x100022


class Opened:
    """The program that is about to be executed, by the two values that the filter knows it by.

    descriptor: N
    name:       address of an empty string at the end of all memory
    """

    __slots__ = ("descriptor", "name")

    def __init__(self, descriptor: int, name: int) -> None:
        self.descriptor = descriptor
        self.name = name


def foreseen() -> Opened:
    """What the filter will know the program by, before there is a descriptor N. Raises OSError."""
    return Opened(highest_below(_limits()[1]), _last_byte())


def prepare(program: str, once: Opened | None = None) -> Opened:
    """Open a binary for its one execution, as foreseen, and lower this process's limit of descriptors for good. Raises OSError.

    A script is refused: the kernel would have its interpreter open /dev/fd/N, which is closed by then.
    """
    once = once or foreseen()
    opened = os.open(program, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if os.pread(opened, 2, 0) == b"#!":
            raise OSError(errno.ENOEXEC, os.strerror(errno.ENOEXEC), program)
        _copy_to(opened, once.descriptor)
        return once
    finally:
        os.close(opened)


def execute(opened: Opened, argv: list[str], environ: Mapping[bytes, bytes]) -> None:
    """Become the program. Returns only by raising OSError."""
    arguments = [os.fsencode(word) + b"\0" for word in argv]
    settings = [name + b"=" + value + b"\0" for name, value in environ.items()]
    null = bytes(8)
    arrays = (syscalls.pointers(arguments) + null, syscalls.pointers(settings) + null)
    syscalls.call(native("execveat"), opened.descriptor, opened.name, *arrays, AT_EMPTY_PATH)


def highest_below(limit: int) -> int:
    """N, by the hard limit there is."""
    return min(limit - 1, HIGHEST)


def _copy_to(opened: int, highest: int) -> None:
    """A duplicate with the highest number there can be, which is the limit from now on."""
    soft, hard = _limits()
    _set_limits(highest + 1, hard)
    fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, highest)
    _set_limits(min(soft, highest), highest)


def _limits() -> tuple[int, int]:
    """Of descriptors, the soft one and the hard one. To load `resource` for this takes as long as ten of these calls."""
    found = syscalls.writable(16)
    step("prlimit64", 0, RLIMIT_NOFILE, 0, found, on="RLIMIT_NOFILE")
    soft, hard = memoryview(bytes(found)).cast("Q")
    return soft, hard


def _set_limits(soft: int, hard: int) -> None:
    step("prlimit64", 0, RLIMIT_NOFILE, words(soft, hard), 0, on="RLIMIT_NOFILE")


def _last_byte() -> int:
    """The address of the last byte of this process's memory, which is zero."""
    page = os.sysconf("SC_PAGESIZE")
    end = next((end for end in ENDS.get(os.uname().machine, ()) if _is_memory(end - page, page)), 0)
    if not end or _is_memory(end, page):
        raise OSError(errno.ENOSYS, "it is not known where the memory of a process ends on this machine")
    return end - 1


def _is_memory(address: int, length: int) -> bool:
    """Whether there can be memory at this address. From then on there is: zeros, if nothing was there before."""
    try:
        return syscalls.call(native("mmap"), address, length, PROT_READ, MAP_PRIVATE_ANONYMOUS_NOREPLACE, -1, 0) == address
    except OSError as problem:
        return problem.errno == errno.EEXIST
