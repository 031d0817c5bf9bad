"""One step of making an environment: a run of hermetic's own beside this process, whose output is shown here.

It has a launcher of its own, forked from this one, so that its standard streams can be others. Those are read here: what an installer prints for
people becomes one line on a terminal, and what goes to standard error is passed on as it is.
"""

from __future__ import annotations

import os
import select

from hermetic.errors import HermeticError, printable
from hermetic.launch import speaker
from hermetic.launch.signals import ENDING
from hermetic.launch.stage import beyond_standard
from hermetic.linux.syscalls import die_with_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from typing import Any, NoReturn
else:
    import _signal

FAILED = 125
PIECE = 65536
KEPT = 1 << 20
"""Bytes of what is not shown unless the step fails."""
ERASE = "\r\x1b[K"
COLUMNS = 80


class Ended(HermeticError):
    """A signal has ended it before the target was started."""

    def __init__(self, number: int) -> None:
        super().__init__("it was ended while an environment was made; nothing of that is kept")
        self.exit_code = 128 + number


class Screen:
    """What is seen of a step. quiet: nothing, unless it fails; verbose: all"""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._terminal = os.isatty(2) and not quiet and not verbose
        self._title = ""
        self._shown = False
        self._held = b""

    def begin(self, title: str) -> None:
        self._title = title
        self._progress("")

    def out(self, line: bytes) -> None:
        """A line for people."""
        if self._verbose:
            speaker.write(line.decode("utf-8", "replace") + "\n")
        self._progress(line.decode("utf-8", "replace").strip())

    def err(self, data: bytes) -> None:
        if self._quiet:
            self._held = (self._held + data)[-KEPT:]
        else:
            self.clear()
            _write(data)

    def failed(self) -> None:
        self.clear()
        _write(self._held)

    def clear(self) -> None:
        if self._shown:
            _write(ERASE.encode())
        self._shown = False

    def _progress(self, what: str) -> None:
        if self._terminal:
            line = printable(f"hermetic: {self._title}{': ' if what else ''}{what}")
            _write(f"{ERASE}{line[: _columns() - 1]}".encode("utf-8", "replace"))
            self._shown = True


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or COLUMNS
    except OSError:
        return COLUMNS


def _write(data: bytes) -> None:
    try:
        os.write(2, data)
    except OSError:
        return  # the reader has gone


class Step:
    """work: the run; returns its exit code and how much it refused"""

    def __init__(self, work: Callable[[], tuple[int, int]], screen: Screen) -> None:
        self._work, self._screen = work, screen
        self._pid, self._caught = 0, 0
        self._rest = b""
        (self._out, self._out_end), (self._err, self._err_end), (self._told, self._told_end) = _pipe(), _pipe(), _pipe()

    def result(self) -> tuple[int, int]:
        """Wait for it; its exit code, and how much it refused. Raises Ended, when nothing of it runs any more."""
        before = {number: _signal.getsignal(number) for number in ENDING}
        for number, handler in before.items():
            if handler is not _signal.SIG_IGN:
                _signal.signal(number, self._end)
        try:
            self._start(before)
            self._pass_on()
            _, status = os.waitpid(self._pid, 0)
            blocked = os.read(self._told, 32)
        finally:
            for number, handler in before.items():
                _signal.signal(number, handler)
            for descriptor in (self._out, self._err, self._told):
                os.close(descriptor)
        if self._caught:
            raise Ended(self._caught)
        code = os.waitstatus_to_exitcode(status)
        return (code if code >= 0 else 128 - code), int(blocked or b"0")

    def _end(self, number: int, frame: object) -> None:
        """Somebody says that it shall be over. Who ends a job by its terminal has said it to the step as well."""
        self._caught = number
        if self._pid:
            os.kill(self._pid, _signal.SIGTERM)

    def _start(self, handlers: dict[Any, Any]) -> None:
        launcher = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            self._become(launcher, handlers)
        for descriptor in (self._out_end, self._err_end, self._told_end):
            os.close(descriptor)
        if self._caught:
            os.kill(self._pid, _signal.SIGTERM)

    def _become(self, launcher: int, handlers: dict[Any, Any]) -> NoReturn:
        """In the child: a launcher, of which no more than this is left when it has done its work."""
        code = FAILED
        try:
            die_with_parent(launcher)
            for number, handler in handlers.items():
                _signal.signal(number, handler)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._out_end, 1)
            os.dup2(self._err_end, 2)
            code, blocked = self._work()
            os.write(self._told_end, b"%d" % blocked)
        except HermeticError as error:
            speaker.write(f"hermetic: {error}\n")
        except Exception:
            import traceback

            speaker.write(traceback.format_exc())
        finally:
            os._exit(code)

    def _pass_on(self) -> None:
        """Until both streams have ended, and with them all that could write there."""
        waiting = select.poll()
        for descriptor in (self._out, self._err):
            waiting.register(descriptor, select.POLLIN)
        left = {self._out, self._err}
        while left:
            for descriptor, _ in waiting.poll():
                data = os.read(descriptor, PIECE)
                if not data:
                    waiting.unregister(descriptor)
                    left.remove(descriptor)
                elif descriptor == self._err:
                    self._screen.err(data)
                else:
                    *lines, self._rest = (self._rest + data).split(b"\n")
                    for line in lines:
                        self._screen.out(line)


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    return beyond_standard(reading), beyond_standard(writing)
