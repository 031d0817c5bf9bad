"""What the launcher says on its standard error, beside what the target writes there."""

from __future__ import annotations

import os

from hermetic.errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.options import Invocation


class Speaker:
    """Writes to the launcher's stderr."""

    def __init__(self, invocation: Invocation) -> None:
        self._quiet = bool(invocation.values.get("quiet"))
        self.verbose = bool(invocation.values.get("verbose"))

    def notice(self, text: str) -> None:
        if text and not self._quiet:
            self.write(f"hermetic: {printable(text)}\n")

    def detail(self, text: str) -> None:
        if self.verbose and text:
            self.write(f"hermetic: {printable(text)}\n")

    def nothing_ran(self, why: str) -> None:
        """The guards could not be put in place, so the target was ended before any of its code."""
        self.told(why)

    def told(self, text: str) -> None:
        """What is said even to those who want nothing but errors."""
        self.write(f"hermetic: {printable(text)}\n")

    def write(self, text: str) -> None:
        write(text)


def write(text: str) -> None:
    """One write, so that lines of several processes do not mix. A reader that has gone is no reason to stop."""
    try:
        os.write(2, on_terminal(text).encode("utf-8", "backslashreplace"))
    except OSError:
        return


def on_terminal(text: str) -> str:
    """`text` as stderr needs it: a prompt like Python 3.13's has its terminal in raw mode, where lines begin below where the last one ended."""
    if not os.isatty(2):
        return text
    import termios

    raw = not termios.tcgetattr(2)[1] & termios.OPOST
    return "\r\n" + text.replace("\n", "\r\n") if raw else text
