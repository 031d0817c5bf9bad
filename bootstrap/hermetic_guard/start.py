"""A program that is about to be started, and what the spawn points need at once: all else is in starts.py, which is loaded when something is started.

The run directory is compared with what it was when this process started: a child must not load what the target has put there.
"""

import genericpath
import os
import stat
from os import fsdecode, fsencode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FunctionType = type(lambda: None)

SUPPORTED = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")
"""Sets of functions, which the ledger changes (patching.py)."""


def own_os() -> "Any":
    """A copy of `os` and `os.path`: whatever the target, or a test in it, puts in the place of their functions decides nothing here."""
    own, path, modes = type(os)("os"), type(os)("posixpath"), type(os)("stat")
    for name, value in list(vars(genericpath).items()) + list(vars(os.path).items()):
        if type(value) is FunctionType:
            copy = FunctionType(value.__code__, vars(path), name, value.__defaults__, value.__closure__)
            copy.__kwdefaults__ = value.__kwdefaults__
            value = copy
        setattr(path, name, value)
    vars(modes).update(vars(stat))
    vars(path).update(os=own, stat=modes)
    vars(own).update(vars(os), path=path, **{name: frozenset(getattr(os, name, ())) for name in SUPPORTED})
    return own


OWN = own_os()


class Start(object):
    """A program about to be started.

    executables: paths that are tried in their order; cwd: the directory it will start in, "" for the present one; text with surrogateescape
    same: whether a name of `programs.own_name` means there what it means here
    """

    __slots__ = ("arguments", "cwd", "environment", "executables", "same")

    def __init__(
        self,
        executables: "list[str]",
        arguments: "list[str]",
        environment: "dict[bytes, bytes]",
        cwd: str = "",
        same: "Callable[[str], bool]" = lambda name: True,
    ) -> None:
        self.executables = executables
        self.arguments = arguments
        self.environment = environment
        self.cwd = cwd
        self.same = same

    def changed(self, executables, arguments, environment):
        """Another one in the same place."""
        return Start(executables, arguments, environment, self.cwd, self.same)


def paths_in(run: str, files: "list[str]") -> "list[str]":
    """The run directory and files in it."""
    return [run] + ["%s/%s" % (run, name) for name in files]


def fingerprint(paths: "list[str]") -> "list[Any] | None":
    """Of files; None if one cannot be seen.

    ctime cannot be set by an unprivileged process (utimensat(2)), so unchanged ctimes mean unchanged files.
    """
    try:
        found = [OWN.stat(path) for path in paths]
    except OSError:
        return None
    return [(item.st_ino, item.st_size, item.st_mtime_ns, item.st_ctime_ns) for item in found]


def as_text(environment: "dict[bytes, bytes]") -> "dict[str, str]":
    return {fsdecode(name): fsdecode(value) for name, value in environment.items()}


def as_bytes(environ: "dict[str, str]") -> "dict[bytes, bytes]":
    return {fsencode(name): fsencode(value) for name, value in environ.items()}
