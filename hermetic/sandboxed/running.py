"""`run`, `run_code`, and the same for asyncio: each drives one exchange to its end, however the caller is interrupted meanwhile."""

from __future__ import annotations

import os
import select
import time
from typing import TypedDict

from hermetic.errors import BadArgument, BadBlock
from hermetic.options import EXEC, RUN
from hermetic.policy import limits
from hermetic.sandboxed.exchange import Exchange, Request
from hermetic.sandboxed.words import Words, command_of, option_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike
    from typing import Unpack

    from hermetic.sandboxed.result import Result

KEEP = 1 << 20
"""Bytes of each output, where nothing else is said."""
CODE_PROFILE = "llm-code"
"""Stands for code where no guard is asked for."""
LATEST_S = 30.0
"""Seconds beyond its timeout in which a launcher must have ended: it counts from when the target starts, asks that to end first, and tidies up."""
ENDING_S = 10.0
"""Seconds a launcher has to end a run that nobody wants any more."""


class Turns:
    """A `Watcher` without a loop: one turn after the other, by whoever waits."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], object]] = {}
        self._writers: dict[int, Callable[[], object]] = {}

    def add_reader(self, fd: int, callback: Callable[[], object], /) -> None:
        self._readers[fd] = callback
        self._register(fd)

    def remove_reader(self, fd: int, /) -> None:
        del self._readers[fd]
        self._register(fd)

    def add_writer(self, fd: int, callback: Callable[[], object], /) -> None:
        self._writers[fd] = callback
        self._register(fd)

    def remove_writer(self, fd: int, /) -> None:
        del self._writers[fd]
        self._register(fd)

    def _register(self, fd: int) -> None:
        wanted = (select.POLLIN if fd in self._readers else 0) | (select.POLLOUT if fd in self._writers else 0)
        if wanted:
            self._poll.register(fd, wanted)
        else:
            self._poll.unregister(fd)

    def until(self, over: Callable[[], bool], seconds: float | None = None) -> bool:
        """Take turns until it is over, for so many seconds. Whether it is."""
        end = None if seconds is None else time.monotonic() + seconds
        while not over():
            rest = None if end is None else end - time.monotonic()
            if rest is not None and rest <= 0:
                return False
            for fd, event in self._poll.poll(None if rest is None else rest * 1000 + 1):
                for table, kinds in ((self._readers, ~select.POLLOUT), (self._writers, ~select.POLLIN)):
                    if event & kinds and fd in table:
                        table[fd]()
        return True


def run(
    command: Iterable[str | PathLike[str]],
    *,
    input: bytes | str | None = None,
    cwd: str | PathLike[str] | None = None,
    keep_output: int = KEEP,
    **words: Unpack[Words],
) -> Result:
    """Run a command in a sandbox, as `hermetic run -- COMMAND`, and wait for it.

    command:     a program, found as a shell would, and its arguments
    input:       what it reads from standard input; else that is empty
    cwd:         its working directory, by which `allow_write="."` and profiles go as well
    keep_output: bytes of each output that are kept; what goes beyond is read, counted and dropped
    words:       the options of the command line by their names, as for `hermetic_blocker`, and limits besides. Where no guard is asked for the
                 profile stands that is for the command. No policy file is followed but the one that `policy` names.
    Raises HermeticError where nothing was run: BadArgument, BadBlock and UsageError for what is asked for wrongly, TargetNotFound,
    TargetNotExecutable, GuardUnavailable. A program's own exit codes are its result.
    """
    return finished(Request(RUN, option_values(words), command_of(command), **streams(input, cwd, keep_output)))


async def arun(
    command: Iterable[str | PathLike[str]],
    *,
    input: bytes | str | None = None,
    cwd: str | PathLike[str] | None = None,
    keep_output: int = KEEP,
    **words: Unpack[Words],
) -> Result:
    """`run` for asyncio. Cancelled, it ends the run, and returns when nothing is left of that."""
    from hermetic.sandboxed.awaiting import awaited  # asyncio takes longer to load than all the rest

    return await awaited(Request(RUN, option_values(words), command_of(command), **streams(input, cwd, keep_output)))


def run_code(
    source: str,
    *,
    python: str | PathLike[str] | None = None,
    input: bytes | str | None = None,
    cwd: str | PathLike[str] | None = None,
    keep_output: int = KEEP,
    **words: Unpack[Words],
) -> Result:
    """Run Python code in a sandbox, as `hermetic exec -- -c SOURCE`, and wait for it.

    python: a path, the directory of a virtual environment, or a version; else the interpreter that runs this
    Where no guard is asked for the profile llm-code stands. The rest is as for `run`. BadBlock is raised for code that is longer than Linux lets an
    argument be, 128 KiB: it belongs in a file.
    """
    return finished(of_code(source, python, words, **streams(input, cwd, keep_output)))


async def arun_code(
    source: str,
    *,
    python: str | PathLike[str] | None = None,
    input: bytes | str | None = None,
    cwd: str | PathLike[str] | None = None,
    keep_output: int = KEEP,
    **words: Unpack[Words],
) -> Result:
    """`run_code` for asyncio, see `arun`."""
    from hermetic.sandboxed.awaiting import awaited  # asyncio takes longer to load than all the rest

    return await awaited(of_code(source, python, words, **streams(input, cwd, keep_output)))


class Streams(TypedDict):
    cwd: str | None
    input: bytes
    keep: int


def streams(input: bytes | str | None, cwd: str | PathLike[str] | None, keep: int) -> Streams:
    """Raises BadArgument, BadBlock."""
    if isinstance(input, str):
        input = input.encode()
    if input is not None and not isinstance(input, (bytes, bytearray, memoryview)):
        raise BadArgument(f"input is bytes or a str, not {input!r}")
    if isinstance(keep, bool) or not isinstance(keep, int):
        raise BadArgument(f"keep_output is a number of bytes, not {keep!r}")
    if keep < 0:
        raise BadBlock("keep_output is less than nothing")
    if cwd is not None and not isinstance(cwd, (str, os.PathLike)):
        raise BadArgument(f"cwd is a path, not {cwd!r}")
    return {"cwd": None if cwd is None else os.fspath(cwd), "input": bytes(input or b""), "keep": keep}


LONGEST_CODE = (128 << 10) - 1
"""MAX_ARG_STRLEN without the null character that ends it (linux/binfmts.h)."""


def of_code(source: str, python: str | PathLike[str] | None, words: Words, **streams: Unpack[Streams]) -> Request:
    if not isinstance(source, str):
        raise BadArgument(f"code is a str, not {source!r}")
    if "\0" in source:
        raise BadBlock("there is a null character in the code")
    if len(os.fsencode(source)) > LONGEST_CODE:
        raise BadBlock(f"the code is longer than {LONGEST_CODE} bytes", "write it to a file, and run that")
    values = option_values(words, profile=CODE_PROFILE)
    if python is not None:
        values["python"] = os.fspath(python)
    return Request(EXEC, values, ["-c", source], **streams)


def patience(request: Request) -> float | None:
    """Seconds in which a run has ended by itself; None where there is nothing to go by."""
    timeout = request.values.get("timeout")
    try:
        return None if timeout is None else limits.duration(str(timeout)) + LATEST_S
    except limits.LimitError:
        return LATEST_S  # the launcher has something to say of it


def finished(request: Request) -> Result:
    """Wait for a run, in this thread."""
    over: list[bool] = []
    turns = Turns()
    exchange = Exchange(request, turns, lambda: over.append(True))
    try:
        turns.until(lambda: bool(over), patience(request))
    finally:
        if not over:
            exchange.abandon()
            if not turns.until(lambda: bool(over), ENDING_S):
                exchange.kill()
    return exchange.result()
