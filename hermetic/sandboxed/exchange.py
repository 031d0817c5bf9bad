"""A launcher, seen from the program that has started it: it is fed, listened to, and its end waited for. `Exchange` is that of one run.

Nothing here waits. What has to be waited for is given to a `Watcher`, which an asyncio loop is already, and `running.Turns` where there is none.
The launcher is started by C code alone (`_posixsubprocess`), so threads of the caller's are no matter.
"""

from __future__ import annotations

import contextlib
import functools
import json
import marshal
import os
import signal
import socket
import subprocess
import sys

from hermetic_guard.injection import OTHER_PLACE

from hermetic import errors
from hermetic.__main__ import ISOLATED
from hermetic.blocks.process import guards
from hermetic.blocks.refusals import FIELDS, MOST, Refusal
from hermetic.errors import GuardUnavailable, HermeticError
from hermetic.launch import nested
from hermetic.sandboxed.result import Result, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Watcher(Protocol):
        """Calls back whenever something can be read, or written."""

        def add_reader(self, fd: int, callback: Callable[[], object], /) -> object: ...
        def remove_reader(self, fd: int, /) -> object: ...
        def add_writer(self, fd: int, callback: Callable[[], object], /) -> object: ...
        def remove_writer(self, fd: int, /) -> object: ...


ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "entry.py")
HEAD = 8
PIECE = 65536
LAST_PIECES = 64
"""So much is read when the launcher has ended: a pipe holds 64 KiB, or a MiB where somebody has enlarged it, and nobody writes any more."""


class Request:
    """command, values, target: as `options.Invocation` has them; cwd: of the run; input: what it reads; keep: bytes kept of each output

    preload: names of modules, for a warm interpreter; None for a run
    """

    __slots__ = ("command", "cwd", "input", "keep", "preload", "target", "values")

    def __init__(self, command: str, values: dict[str, object], target: list[str], *, cwd: str | None, input: bytes, keep: int) -> None:
        self.command, self.values, self.target = command, values, target
        self.cwd, self.input, self.keep = cwd, input, keep
        self.preload: list[str] | None = None

    def dump(self) -> bytes:
        content = marshal.dumps((self.command, self.values, self.target, self.preload))
        return headed(content)


def headed(content: bytes) -> bytes:
    """A message as the launcher reads it."""
    return len(content).to_bytes(HEAD, "little") + content


class Kept:
    """The beginning of a stream. What goes beyond is counted: who writes is never made to wait."""

    __slots__ = ("content", "dropped", "_most")

    def __init__(self, most: int) -> None:
        self.content = bytearray()
        self.dropped = 0
        self._most = most

    def add(self, data: bytes) -> None:
        room = self._most - len(self.content)
        self.content += data[:room]
        self.dropped += max(len(data) - room, 0)

    @property
    def count(self) -> int:
        """Of all bytes."""
        return len(self.content) + self.dropped


class Told:
    """What the launcher has said, a line at a time."""

    def __init__(self) -> None:
        self.violations: list[Refusal] = []
        self.notices: list[str] = []
        self.limit = ""
        self.refused = 0
        self.exit_code: int | None = None
        self.used: dict[str, int] = {}
        self.error: dict[str, Any] | None = None
        self.warm, self.most = False, 0
        """Of a warm interpreter: whether it is ready, and how much may be written."""
        self.broken = ""
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            getattr(self, f"_on_{event['event']}")(event)

    def _on_refused(self, event: dict[str, Any]) -> None:
        if len(self.violations) < MOST:
            fields = {name: event[name] for name in FIELDS}
            stack = tuple((file, line, function) for file, line, function in event["stack"])
            self.violations.append(Refusal(**fields, stack=stack, program=event.get("program", "")))

    def _on_limit(self, event: dict[str, Any]) -> None:
        self.limit = event["limit"]

    def _on_end(self, event: dict[str, Any]) -> None:
        self.exit_code, self.refused = event["exit_code"], sum(event["blocked"].values())

    def _on_said(self, event: dict[str, Any]) -> None:
        self.notices.append(event["text"])

    def _on_used(self, event: dict[str, Any]) -> None:
        self.used = event

    def _on_warm(self, event: dict[str, Any]) -> None:
        self.warm, self.most = True, event["output"]

    def _on_done(self, event: dict[str, Any]) -> None:
        self.exit_code, self.refused, self.used = event["exit_code"], event["refused"], event

    def _on_broken(self, event: dict[str, Any]) -> None:
        self.broken = event["text"]

    def _on_error(self, event: dict[str, Any]) -> None:
        self.error = event

    def usage(self) -> Usage:
        return Usage(self.used["wall"] / 1e6, self.used["cpu"] / 1e6, self.used["memory"])


class Line:
    """The way to a launcher.

    request: what is asked of it; take: is given what it says, of each stream; watcher: calls back, see `watch`
    Raises HermeticError where none can be started.
    """

    def __init__(self, request: Request) -> None:
        refuse_inside()
        self.told = Told()
        self.out, self.err = Kept(request.keep), Kept(request.keep)
        self._watcher: Watcher | None = None
        self._ended: Callable[[], object] = bool
        self._reading: dict[int, Callable[[bytes], None]] = {}
        self._writing: dict[int, memoryview] = {}
        with contextlib.ExitStack() as opened:
            self._asked, self._process = started(request, opened)
            self._pidfd = os.pidfd_open(self._process.pid)
            opened.pop_all()
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        for descriptor, take in (
            (process.stdout.fileno(), lambda data: self.out.add(data)),
            (process.stderr.fileno(), lambda data: self.err.add(data)),
            (self._asked.fileno(), lambda data: self.told.feed(data)),
        ):
            os.set_blocking(descriptor, False)
            self._reading[descriptor] = take
        self.write(self._asked.fileno(), request.dump())
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self.write(process.stdin.fileno(), request.input)

    @property
    def is_over(self) -> bool:
        """Whether the launcher has ended."""
        return self._pidfd < 0

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    def watch(self, watcher: Watcher, ended: Callable[[], object]) -> None:
        """Be called back by this watcher until `leave`. ended: is called when the launcher has ended"""
        self._watcher, self._ended = watcher, ended
        for descriptor in self._reading:
            watcher.add_reader(descriptor, functools.partial(self._read, descriptor))
        for descriptor in self._writing:
            watcher.add_writer(descriptor, functools.partial(self._write, descriptor))
        watcher.add_reader(self._pidfd, self.end)

    def leave(self) -> None:
        """Be called back no more."""
        watcher, self._watcher = self._watcher, None
        if watcher is None or self.is_over:
            return
        for descriptor in self._reading:
            watcher.remove_reader(descriptor)
        for descriptor in self._writing:
            watcher.remove_writer(descriptor)
        watcher.remove_reader(self._pidfd)

    def ask(self, data: bytes) -> None:
        """Say something more to the launcher."""
        self.write(self._asked.fileno(), data)

    def write(self, descriptor: int, data: bytes) -> None:
        waiting = descriptor in self._writing
        self._writing[descriptor] = memoryview(bytes(self._writing.get(descriptor, b"")) + data)
        if self._watcher and not waiting:
            self._watcher.add_writer(descriptor, functools.partial(self._write, descriptor))

    def _write(self, descriptor: int) -> None:
        """As much as there is room for. Who is to read it may not want it."""
        rest = self._writing[descriptor]
        try:
            rest = rest[os.write(descriptor, rest[:PIECE]) :]
        except BlockingIOError:
            return
        except OSError:
            rest = rest[:0]
        self._writing[descriptor] = rest
        if not rest:
            self._stop_writing(descriptor)

    def _stop_writing(self, descriptor: int) -> None:
        del self._writing[descriptor]
        if self._watcher:
            self._watcher.remove_writer(descriptor)
        stdin = self._process.stdin
        if stdin is not None and descriptor == stdin.fileno():
            stdin.close()

    def _read(self, descriptor: int) -> bool:
        """Whether there was something."""
        try:
            data = os.read(descriptor, PIECE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._reading[descriptor](data)
        else:
            del self._reading[descriptor]
            if self._watcher:
                self._watcher.remove_reader(descriptor)
        return bool(data)

    def drain(self) -> None:
        """Read what is there. Nobody writes any more."""
        for descriptor in tuple(self._reading):
            for _ in range(LAST_PIECES):
                if descriptor not in self._reading or not self._read(descriptor):
                    break

    def abandon(self) -> None:
        """Nobody wants the run any more: the launcher ends it and all that is left of it."""
        with contextlib.suppress(OSError):
            self._asked.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """The launcher itself, which has not answered in time, and its target goes with it. All is over then."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """The launcher has ended, and so has whoever wrote into the pipes."""
        self._process.wait()
        self.drain()
        self._close()
        self._ended()

    def _close(self) -> None:
        """Let go of everything."""
        self.leave()
        os.close(self._pidfd)
        self._pidfd = -1
        self._asked.close()
        for stream in filter(None, (self._process.stdin, self._process.stdout, self._process.stderr)):
            stream.close()


class Exchange(Line):
    """One run. watcher: calls back; ended: is called once all is over

    Whoever makes one calls `abandon` or waits for its end, and then `result`.
    """

    def __init__(self, request: Request, watcher: Watcher, ended: Callable[[], object]) -> None:
        super().__init__(request)
        self.watch(watcher, ended)

    def result(self) -> Result:
        """What came of it, once it has ended. Raises HermeticError where nothing was run."""
        told = self.told
        if told.error is not None:
            raise raised(told.error)
        if told.exit_code is None or not told.used:
            raise silent(self)
        return result_of(self, told.exit_code)


def result_of(line: Line, exit_code: int) -> Result:
    """What was told and written."""
    told = line.told
    return Result(
        exit_code=exit_code,
        stdout=bytes(line.out.content),
        stderr=bytes(line.err.content),
        usage=told.usage(),
        violations=tuple(told.violations),
        refused=told.refused,
        limit=told.limit,
        stdout_dropped=line.out.dropped,
        stderr_dropped=line.err.dropped,
        notices=tuple(told.notices),
    )


def silent(line: Line) -> HermeticError:
    said = line.err.content[-200:].decode("utf-8", "replace")
    return GuardUnavailable(f"the launcher ended without a word (exit code {line.exit_code}): {said}")


def raised(event: dict[str, Any]) -> HermeticError:
    """The error that the launcher has met."""
    kind = getattr(errors, event["kind"], None) if event["kind"] else None
    if kind is None:
        return HermeticError(f"the launcher failed: {event['text']}")
    found: HermeticError = kind(event["text"], event["hint"] or None)
    return found


def refuse_inside() -> None:
    """Raises GuardUnavailable inside of a block or of another run, whose rules a launcher started from there could not keep."""
    if nested.is_inside():
        raise GuardUnavailable("a run cannot be asked for inside of another hermetic", "ask for it outside")
    if guards().inside.find().rules.policy.guards():
        raise GuardUnavailable("a run cannot be asked for inside of a block", "ask for it outside")


def started(request: Request, opened: contextlib.ExitStack) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The launcher, and a socket to it. In a session of its own: a Ctrl-C at the caller's terminal is for the caller to answer."""
    misled = next((os.fsdecode(name) for name in OTHER_PLACE if os.environb.get(name)), None)
    if misled:
        raise GuardUnavailable(f"{misled} would have Python load other code before the guards", f"unset {misled}")
    own, other = socket.socketpair()
    opened.enter_context(own)
    with other:
        try:
            process = subprocess.Popen(
                [sys.executable, *ISOLATED, ENTRY, str(other.fileno())],
                stdin=subprocess.PIPE if request.input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=request.cwd,
                pass_fds=(other.fileno(),),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise HermeticError(f"no launcher can be started: {error.strerror}: {error.filename}") from error
    return own, process
