"""The log file: every event of a run, one JSON line each; the schema stands in docs/log.md and has a version.

The launcher writes it, never the target. Lines are appended, so that several runs may share a file; each carries the run it belongs to.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from hermetic.errors import HermeticError, UsageError, printable
from hermetic.events import SCHEMA
from hermetic.launch.stage import beyond_standard


class Log:
    """path: the file, made if it is missing; run: names the run in every line; tell: writes to the user.

    Raises HermeticError if the file cannot be written.
    """

    def __init__(self, path: str, run: str, tell: Callable[[str], None]) -> None:
        if path == "-":
            raise UsageError("--log -: a file was expected", "/dev/stderr and /dev/stdout are such")
        try:
            self._descriptor = opened(path)
        except (OSError, ValueError) as error:
            raise HermeticError(f"--log {path}: {getattr(error, 'strerror', None) or error}") from None
        self._run = run
        self._path = printable(path)
        self._tell = tell

    def write(self, event: str, fields: Mapping[str, Any]) -> None:
        """Append one line; what the log itself says in it stands, whatever the fields are.

        A full disk must not change how the run ends; that lines are missing from then on is told.
        """
        own = {"v": SCHEMA, "event": event, "run": self._run, "time": time.time()}
        line = json.dumps({**own, **fields, **own})
        try:
            os.write(self._descriptor, line.encode() + b"\n")
        except OSError as error:
            self._descriptor = opened(os.devnull)
            self._tell(f"hermetic: --log {self._path}: {error.strerror}; from here on events are missing there\n")


def opened(path: str) -> int:
    return beyond_standard(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644))
