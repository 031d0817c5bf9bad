"""The only foreign calls: what the kernel offers and the standard library does not.

`import ctypes` costs a start four times what its C half `_ctypes` does (4 ms against 1), and of it only one function with
words for its arguments and its result is needed: syscall(2), with errno kept for us. Its classes are made here the way
ctypes makes them, which has not changed from 3.11 to 3.15.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_SET_MDWE = 65
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


def set_dumpable(dumpable: bool) -> None:
    """Whether others of the same user may look into this process; prctl(2) says what becomes of its files in /proc."""
    prctl(PR_SET_DUMPABLE, int(dumpable))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2). Raises OSError."""
    return _function("prctl")(option, *arguments)


def call(number: int, *arguments: Any) -> int:
    """syscall(2): what the system call of that number returns. Raises OSError.

    arguments: integers, of which negative ones and addresses are handed on as they are, and bytes for memory that the kernel reads, or what
    `writable` gives for such as it writes.
    The interpreter's lock is let go meanwhile, so other threads run on.
    """
    return _function("syscall")(number, *arguments)


def prepared(name: str, words: int) -> Callable[..., int]:
    """libc's function of that name, for what is called often: it returns its result, or a negative errno. Raises OSError where there is none.

    words: how many arguments it is given, as `call` takes them
    """
    key = f"{name} {words}"
    if key not in _functions:
        try:
            _functions[key] = _bound(name, "l" if name in LONGS else "i", words)
        except (ImportError, AttributeError, OSError) as error:
            raise OSError(ENOSYS, f"no foreign calls can be made: {error}") from error
    return _functions[key]


def load_library(name: str) -> None:
    """dlopen(3). Raises OSError."""
    import _ctypes

    _ctypes.dlopen(name, 2)  # RTLD_NOW


def find_by(database: str, services: str) -> None:
    """Have the C library look up a database (nsswitch.conf(5)) by these services for as long as this process lives. Raises OSError.

    glibc then looks at its configuration no more (__nss_configure_lookup, nss/nss_database.c); others have no such function.
    """
    _function("__nss_configure_lookup")(database.encode() + b"\0", services.encode() + b"\0")


def pointers(memories: Iterable[bytes]) -> bytes:
    """An array of pointers to these, for a structure that has some. Good for as long as the caller keeps what they point to."""
    import _ctypes

    class Pointer(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "z"

    return b"".join(bytes(Pointer(memory)) for memory in memories)


def address_of(memory: Any) -> int:
    """Where that which `writable` gives is. Good for as long as the caller keeps it."""
    import _ctypes

    return _ctypes.addressof(memory)


def writable(size: int) -> Any:
    """Memory that the kernel writes, to be handed to `call`; bytes() of it, or of a slice, says what stands there. What a slice is set to as well."""
    import _ctypes

    class Char(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "c"

    class Memory(_ctypes.Array):  # type: ignore[type-arg]
        _type_ = Char
        _length_ = size

    return Memory()


_functions: dict[str, Callable[..., int]] = {}

LONGS = "syscall", "process_vm_readv"
"""Those of `prepared` that return a long, as ctypes has it, and no int."""

SHAPES = {"prctl": ("i", 5), "syscall": ("l", 7), "__nss_configure_lookup": ("i", 2)}
"""The functions of libc that are called, with what they return, as ctypes has it, a C int or a long, and how many words they take."""


def _function(name: str) -> Callable[..., int]:
    if name not in _functions:
        try:
            _functions[name] = _checked(_bound(name, *SHAPES[name]), SHAPES[name][1])
        except ImportError as error:
            raise OSError(ENOSYS, f"no foreign calls can be made: {error}") from error
    return _functions[name]


def _checked(function: Callable[..., int], count: int) -> Callable[..., int]:
    """With errors raised. Words that are not given are 0."""

    def checked(*arguments: Any) -> int:
        result = function(*arguments, *(0,) * (count - len(arguments)))
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    return checked


def _bound(name: str, kind: str, count: int) -> Callable[..., int]:
    """libc's function of that name: its result, or a negative errno.

    As a pointer ctypes takes integers, of all 64 bits, and memory.
    """
    import _ctypes

    class Word(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "P"

    class Result(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = kind

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
        _argtypes_ = (Word,) * count
        _restype_ = Result

    function: Any = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), name))  # type: ignore[arg-type]
    errno = _ctypes.get_errno

    def bound(*arguments: Any) -> int:
        result: int = function(*arguments)
        return result if result != -1 else -(errno() or EINVAL)

    return bound
