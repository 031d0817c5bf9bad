"""The terminal's modes, put back after a target that ended with them changed: in raw mode, or with echo off.

Imported only where a standard descriptor is a terminal.
"""

from __future__ import annotations

import os
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Terminal:
    """What `descriptor`, a terminal, is set to now."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = _modes(descriptor)

    def restore(self) -> None:
        """Set it to that again, unless it is another job's by now."""
        now = _modes(self._descriptor)
        if self._before and now and now != self._before and self._is_ours():
            try:
                # Not TCSADRAIN: a terminal halted by Ctrl-S would never drain.
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
            except termios.error:
                return

    def _is_ours(self) -> bool:
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return True  # not our controlling terminal, so nobody's job


def _modes(descriptor: int) -> list[Any] | None:
    """None for a terminal that was hung up."""
    try:
        return termios.tcgetattr(descriptor)
    except termios.error:
        return None
