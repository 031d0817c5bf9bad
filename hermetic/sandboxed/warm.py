"""The launcher of a warm interpreter (bootstrap/hermetic_guard/_warm.py): hands it what is to be run, one after the other, and sees each to its end.

There is one fork at a time. So whatever is told, used, or left behind between its begin and its end is its own: what runs still is ended, and
what it has left in the places that are the run's is removed, before the next one begins. The interpreter itself is out of its reach: each fork
is in a Landlock domain of its own below that of the interpreter, and may not change what others of this user may change of it.

Over the socket come a length and as many bytes of marshal: (source, input, timeout), timeout None for none but the policy's; an empty one ends the
fork that runs, for its output. Back go, besides what `launcher` names,

    warm    output: the bytes that a fork may write, 0 for any number: the interpreter is ready
    done    exit_code, refused, wall, cpu (microseconds), memory (bytes): the fork has ended, and nothing is left of it
    broken  text: it could not be begun
"""

from __future__ import annotations

import fcntl
import marshal
import os
import resource
import socket
import stat
import time

from hermetic_guard import serialized
from hermetic_guard.policy import ALIKE, is_within

from hermetic.errors import GuardUnavailable
from hermetic.events import EventReader
from hermetic.launch import removal
from hermetic.launch.ending import KILLED, LATE, UNCAUGHT, VIOLATION
from hermetic.launch.limits import FLAGS, Keeper
from hermetic.launch.process import FREEZING, GRACE
from hermetic.launch.signals import wake_when_readable
from hermetic.linux import bpf, landlock, mountinfo, numbers, processes, seccomp
from hermetic.linux.steps import words
from hermetic.sandboxed.launcher import HEAD, Asking, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from hermetic_guard.policy import Limits, Policy

    from hermetic.launch.run import Run
    from hermetic.linux.here import Here
    from hermetic.target.interrogate import Interpreter
else:
    import _signal

OLDEST = (3, 8)
"""Without audit events a policy cannot be narrowed in a process."""
CALLS = ("landlock_create_ruleset", "landlock_restrict_self", "seccomp")
BOUND_S = 3.0
"""In which what a fork has left running must have ended."""
SHM = "dev/shm"


class Messages:
    """What comes over a descriptor that does not wait: messages with their length in front."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._rest = b""
        wake_when_readable(descriptor)

    def take(self) -> Iterable[bytes]:
        """What `read` has completed."""
        while len(self._rest) >= HEAD:
            end = HEAD + int.from_bytes(self._rest[:HEAD], "little")
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[HEAD:end], self._rest[end:]
            yield message

    def read(self) -> Messages:
        pieces = [self._rest]
        try:
            while piece := os.read(self.descriptor, 1 << 20):
                pieces.append(piece)
            self.ended = True
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        self._rest = b"".join(pieces)
        return self

    def send(self, message: Any) -> None:
        """Raises OSError."""
        content = marshal.dumps(message, 2)
        write_all(self.descriptor, len(content).to_bytes(HEAD, "little") + content)


class Fork:
    """One that runs. pid: 0 until it is known; request: what it is to be told then; keeper: of its limits"""

    def __init__(self, limits: Limits | None, pool: Warm) -> None:
        self.pid = 0
        self.begun = time.monotonic()
        self.kill_at: float | None = None
        self.request: dict[str, Any] = {}
        self.refused = 0
        self.uncaught = False
        self.reached = ""
        self.keeper = ForkKeeper(limits, f"{os.getpid()}-{pool.count}", pool) if limits is not None else None

    def exit_code(self, status: int, killed: bool) -> int:
        if self.reached:
            return LATE if self.reached == "timeout" else KILLED
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return VIOLATION if killed or (code == UNCAUGHT and self.uncaught) else code


class ForkKeeper(Keeper):
    """The warm interpreter does not count, and is not ended."""

    def __init__(self, limits: Limits, name: str, pool: Warm) -> None:
        super().__init__(limits.replaced(output=None), name, lambda reached: None)
        self._pool = pool

    def members(self) -> Iterable[int]:
        return self._pool.members()


class Warm(Asking):
    """preload: names of modules that the interpreter loads ahead"""

    warm = True

    def __init__(self, descriptor: int, preload: list[str]) -> None:
        super().__init__(descriptor)
        self.count = 0
        self._preload = preload
        self._requests = Messages(descriptor)
        self._policy: Policy | None = None
        self._here: Here | None = None
        self._run: Run | None = None
        self._directory = ""
        self._mounted: list[str] = []
        self._flags = {stream: fcntl.fcntl(stream, fcntl.F_GETFL) for stream in (1, 2)}
        self._interpreter: Messages | None = None
        self._set_up = False
        self._fork: Fork | None = None

    # Before there is an interpreter.

    def admit(self, policy: Policy, facts: Interpreter | None) -> Policy:
        """What holds for all forks, and leaves the interpreter what it needs to make them."""
        if facts is None or facts.implementation != "cpython" or facts.version < OLDEST:
            raise GuardUnavailable("only CPython from 3.8 on can be kept warm", "run_code can run others")
        if policy.native is not None:
            raise GuardUnavailable("a pool cannot hold the native guard: its interpreters have ctypes loaded", "run_code can")
        if policy.subprocess is not None and policy.subprocess.run:
            raise GuardUnavailable("a pool lets any program be started, or none", "run_code can let some")
        if policy.builds != ALIKE:
            raise GuardUnavailable("a pool builds no packages", "hermetic.run can")
        self._policy = policy
        left: Policy = policy.replaced(subprocess=None, limits=None)
        return left

    def permit(self, here: Here) -> str:
        self._here = here
        if here.abi < landlock.SCOPES_SINCE:
            return "nothing keeps the runs of a pool from each other here: that takes Landlock as of Linux 6.12"
        if not here.namespaced:
            return "nothing keeps what the runs of a pool leave from each other here: that takes namespaces"
        return ""

    def attach(self, run: Run, directory: str) -> None:
        """The way to the interpreter is its standard input, which nobody else has any use for."""
        self._run, self._directory = run, directory
        own, other = socket.socketpair()
        os.dup2(other.fileno(), 0)
        other.close()
        self._interpreter = Messages(own.detach())

    # While there is one.

    def has_gone(self) -> bool:
        return self._gone or self._requests.read().ended

    def due(self) -> float | None:
        fork = self._fork
        times = [] if fork is None or fork.kill_at is None else [fork.kill_at]
        if fork is not None and fork.keeper is not None and not fork.reached:
            times.append(fork.keeper.due())
        return min(times, default=None)

    def write(self, event: str, fields: Mapping[str, Any]) -> None:
        """An event of the log's."""
        fork = self._fork
        if event == "refused" and fork is not None:
            fork.refused += 1
            self.tell(event, fields)
        elif event == "uncaught" and fork is not None:
            fork.uncaught = fork.uncaught or fields["pid"] == fork.pid

    def turn(self, guarded: bool, take: Callable[[], None]) -> None:
        if self._interpreter is None or not guarded:
            return
        try:
            if not self._set_up:
                self._prepare()
            for message in self._interpreter.read().take():
                self._hear(marshal.loads(message), take)
            for message in self._requests.take():
                self._begin(message)
            self._keep_limits()
        except OSError as error:
            self._fail(f"the warm interpreter: {error.strerror}")

    def _prepare(self) -> None:
        here, policy = self._here, self._policy
        assert here is not None
        assert self._run is not None
        assert policy is not None
        assert self._interpreter is not None
        scoped = (landlock.SIGNAL | landlock.ABSTRACT_UNIX) & landlock.known(landlock.SCOPES, here.abi)
        self._set_up = True
        self._interpreter.send(
            {
                "preload": self._preload,
                "calls": {name: numbers.native(name) for name in CALLS},
                "landlock": words(0, 0, scoped),
                "filter": bpf.assemble(seccomp.forked(policy, here), here.machine),
                "policy": serialized.dumps(self._run.policy.replaced(subprocess=policy.subprocess)),
            }
        )

    def _hear(self, message: tuple[Any, ...], take: Callable[[], None]) -> None:
        """What the interpreter says."""
        kind, *said = message
        if kind == "warm":
            limits = self._policy.limits if self._policy else None
            self._mounted = self._mounts()
            self.tell("warm", {"output": (limits and limits.output) or 0})
        elif kind == "forked":
            self._forked(*said)
        elif kind == "ended":
            self._over(take, *said)
        else:
            self._fail(*said)

    def _begin(self, message: bytes) -> None:
        """Something is to be run; nothing else runs. Or what runs has written too much."""
        if not message:
            return self._reached("output")
        assert self._interpreter is not None
        source, given, timeout = marshal.loads(message)
        self.count += 1
        limits = self._limits(timeout)
        self._fork = fork = Fork(limits, self)
        why_not = fork.keeper.why_not(best_effort=self._run is not None and self._run.best_effort) if fork.keeper else ""
        if why_not:
            return self._fail(why_not)
        fork.request = {"source": source, "input": given, "limits": rlimits(limits)}
        self._interpreter.send(None)

    def _limits(self, timeout: float | None) -> Limits | None:
        """Those of the policy, and the one of this fork."""
        from hermetic_guard.policy import Limits

        limits = self._policy.limits if self._policy else None
        if timeout is None:
            return limits
        if limits is None:
            return Limits(timeout=timeout)
        both: Limits = limits.replaced(timeout=min(timeout, limits.timeout or timeout))
        return both

    def _forked(self, pid: int) -> None:
        fork = self._fork
        assert fork is not None
        assert self._interpreter is not None
        fork.pid = pid
        fork.begun = time.monotonic()
        if fork.keeper:
            fork.keeper.begin(pid, self._spare())
        self._interpreter.send(fork.request)
        fork.request = {}

    def _spare(self) -> set[int]:
        """Children that are none of a fork's."""
        started = self._run.started if self._run else None
        return set() if started is None else {started.pid, *(started.spare or ())}

    def members(self) -> Iterable[int]:
        """The fork's processes: below the interpreter, and what has lost its parent."""
        spare = self._spare()
        for pid in spare:
            yield from processes.below(pid, ())
        yield from processes.below(os.getpid(), spare)

    def _keep_limits(self) -> None:
        fork = self._fork
        if fork is None or not fork.pid:
            return
        if fork.keeper and not fork.reached and fork.keeper.look():
            self._reached(fork.keeper.reached)
        if fork.kill_at is not None and time.monotonic() >= fork.kill_at:
            fork.kill_at = time.monotonic() + GRACE
            for pid in tuple(self.members()):
                processes.signal(pid, _signal.SIGKILL)

    def _reached(self, field: str) -> None:
        """A fork whose time is up may tidy up; one that uses too much of anything else may not."""
        fork = self._fork
        if fork is None or fork.reached:
            return
        self._note(fork, field)
        fork.kill_at = time.monotonic()
        if field == "timeout":
            fork.kill_at += GRACE
            processes.signal(fork.pid, _signal.SIGTERM)
            processes.signal(fork.pid, _signal.SIGCONT)

    def _note(self, fork: Fork, field: str) -> None:
        """The limit that was reached, if one was."""
        fork.reached = field
        if field:
            self.tell("limit", {"limit": FLAGS[field].removeprefix("--")})

    def _over(self, take: Callable[[], None], status: int, cpu: int, memory: int) -> None:
        """A fork has; now nothing is to be left of it."""
        fork = self._fork
        assert fork is not None
        assert self._run is not None
        assert self._run.started is not None
        if fork.keeper and not fork.reached:
            fork.keeper.last_look()
            self._note(fork, fork.keeper.reached)
        self._end_survivors()
        take()
        code = fork.exit_code(status, fork.pid in self._run.started.killed)
        self._run.started.killed.clear()
        self._run.told.reader = EventReader()  # half a line would make the next fork's first event none
        self._clear()
        if fork.keeper:
            fork.keeper.close()
        self._fork = None
        wall = int((time.monotonic() - fork.begun) * 1e6)
        self.tell("done", {"exit_code": code, "refused": fork.refused, "wall": wall, "cpu": cpu, "memory": memory << 10})

    def _mounts(self) -> list[str]:
        """Where something is mounted for the run. Who removes such a directory from outside takes away what is mounted there."""
        if self._here is None or not self._here.tmp or self._run is None or self._run.started is None:
            return []
        with open(f"/proc/{self._run.started.pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return [mount.point for mount in mountinfo.read(file.readlines())]

    def _end_survivors(self) -> None:
        """Raises OSError where something does not end."""
        until, spare = time.monotonic() + BOUND_S, self._spare()
        while left := [pid for pid in processes.children(os.getpid()) if pid not in spare]:
            if time.monotonic() > until:
                raise OSError(0, "what a run has started does not end")
            processes.kill(spare, FREEZING)
            for pid in left:
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.001)

    def _clear(self) -> None:
        """What is the run's own is as it was: its directories, its memory, and the flags of the outputs, which all forks share. Raises OSError."""
        assert self._run is not None
        assert self._here is not None
        for name in ("scratch", "unix"):
            clear(f"{self._directory}/{name}")
        for place, own in self._here.tmp:
            clear(own, [path[len(place) + 1 :] for path in self._mounted if is_within(path, place) and path != place])
        if self._policy and self._policy.filesystem is not None and self._run.started:
            clear_other(f"/proc/{self._run.started.pid}/root/{SHM}", f"/{SHM}")
        for stream, flags in self._flags.items():
            fcntl.fcntl(stream, fcntl.F_SETFL, flags)

    def _fail(self, why: str) -> None:
        """This interpreter is used no more."""
        self.tell("broken", {"text": why})
        self._gone = True


def rlimits(limits: Limits | None) -> list[tuple[int, int]]:
    """What a fork puts on itself. Of processes the watch is told all: what the kernel counts is all of the user's."""
    if limits is None:
        return []
    given: tuple[tuple[int, int | None], ...] = (
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_CPU, None if limits.cpu is None else int(limits.cpu) + 2),
    )
    return [(which, value) for which, value in given if value is not None]


def clear(path: str, kept: Iterable[str] = ()) -> None:
    """Remove what is in a directory of the run's. Raises OSError."""
    descriptor = removal.open_directory(path)
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) | 0o700)
        removal.clear(descriptor, kept)
    finally:
        os.close(descriptor)


def clear_other(path: str, ours: str) -> None:
    """The same, unless it is what everybody has."""
    if not os.path.samestat(os.stat(path), os.stat(ours)):
        clear(path)
