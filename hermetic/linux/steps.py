"""System calls by name, each a step of setting up a run, with errors that tell which step failed and on what.

A kernel refuses these calls for many reasons (a container's filter, AppArmor, a limit on namespaces), often with the same errno: without the
step nobody could tell what to change, nor whether anything has been done already.
"""

from __future__ import annotations

import os

from hermetic.linux import syscalls
from hermetic.linux.numbers import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Memory = Any

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
RESOLVE_NO_SYMLINKS = 0x04


def step(name: str, *arguments: int | bytes | Memory, on: str = "") -> int:
    """What the system call of that name returns. Raises OSError whose filename is the step: the name, and what it was made on."""
    try:
        return syscalls.call(_numbers.get(name) or _number(name), *arguments)
    except OSError as error:
        failed(error, name, on)


_numbers: dict[str, int] = {}


def _number(name: str) -> int:
    """Looked up once: uname(2) takes as long as half of the calls here."""
    return _numbers.setdefault(name, native(name))


def failed(error: OSError, name: str, on: str = "") -> NoReturn:
    """Raise `error` anew as that of a step."""
    raise OSError(error.errno, error.strerror, f"{name} {on}".rstrip()) from None


def words(*values: int) -> bytes:
    """A C structure of 64-bit words; both machines that have numbers are little-endian."""
    return b"".join(value.to_bytes(8, "little") for value in values)


def open_exactly(path: str, *, link: bool = False) -> int:
    """A descriptor for what `path` names, not opened for reading (O_PATH). Raises OSError, with ELOOP if a symbolic link is on the way.

    A policy's paths hold no links. One that does now was put there since, by somebody who wants another place opened.
    link: whether it may be one itself, which then is what is meant
    """
    how = words(os.O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if link else 0), 0, RESOLVE_NO_SYMLINKS)
    return step("openat2", AT_FDCWD, os.fsencode(path), how, len(how), on=path)
