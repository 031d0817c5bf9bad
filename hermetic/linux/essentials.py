"""What the kernel has to let a program read and execute besides what the policy lists, so that it can be started.

Where a policy limits reading it lists what an interpreter needs (hermetic/target/needs.py). A rule of the kernel's holds for libraries too, which
read files of their own, and cannot tell one process's directory in /proc from another's.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIBRARIES = ("/etc/gitconfig", "/etc/group", "/etc/passwd")
"""What C libraries and git read whatever they are asked for, and do not go on without."""

MACHINE = ("/proc", "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage")
"""How many processors there are and how much memory. /proc shows other processes' memory and environment to none in a Landlock domain."""

ELF, SCRIPT = b"\x7fELF", b"#!"
HEAD = 256
LARGEST = 65536
PT_INTERP = 3
DEPTH = 6
"""How many files one start can go through: five interpreters in a row that are scripts, and a loader."""


def essentials(program: str) -> tuple[str, ...]:
    """Paths of what is read by `program`, the path of a binary, without anybody's asking; not all of them are there. Links are not resolved."""
    return (program, *LIBRARIES, *MACHINE)


def executables(programs: Iterable[str]) -> tuple[str, ...]:
    """`programs` and what the kernel executes with them: interpreters of scripts, what `env` finds for those, dynamic loaders."""
    found: dict[str, None] = {}
    for program in programs:
        for start in (program, *_through_env(program)):
            found[start] = None
            found.update(dict.fromkeys(_chain(start)))
    return tuple(found)


def _through_env(program: str) -> list[str]:
    """The binary that the first lines of a script lead to in the end."""
    from hermetic_guard import programs

    try:
        followed = programs.read(program)
    except programs.Unknown:
        return []
    return [followed.interpreter] if followed else []


def _chain(program: str) -> Iterator[str]:
    for _ in range(DEPTH):
        program = os.fsdecode(_executed_with(program))
        if not program.startswith("/"):
            return
        yield program


def _executed_with(file: str) -> bytes:
    """What the kernel executes in the place of a file, or together with it; b"" for nothing."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        head = os.pread(descriptor, HEAD, 0)
        return _loader(descriptor, head) if head.startswith(ELF) else _first_word(head)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _first_word(head: bytes) -> bytes:
    words = head.partition(b"\n")[0][len(SCRIPT) :].split() if head.startswith(SCRIPT) else []
    return words[0] if words else b""


def _loader(descriptor: int, head: bytes) -> bytes:
    """The PT_INTERP of a 64-bit little-endian ELF file (elf(5)). What edits such files may have moved it to their end."""
    table, size, count = _number(head, 32, 8), _number(head, 54, 2), _number(head, 56, 2)
    headers = _piece(descriptor, table, size * count)
    for start in range(0, len(headers), size or 1):
        if _number(headers, start, 4) == PT_INTERP:
            return _piece(descriptor, _number(headers, start + 8, 8), _number(headers, start + 32, 8)).rstrip(b"\0")
    return b""


def _piece(descriptor: int, offset: int, size: int) -> bytes:
    """Part of a file that may be damaged, or made to damage us."""
    return os.pread(descriptor, min(size, LARGEST), offset) if offset < 1 << 63 else b""


def _number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")
