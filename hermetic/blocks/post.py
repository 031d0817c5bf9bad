"""How what children are refused reaches the passes through blocks that they were started in.

A program that was started tells by the FIFO of its run directory, a fork by a pipe that was made before it. Nobody waits at either: what came is
read when somebody looks at a pass, or starts the next child. So there is no thread of ours in anybody's program, and whoever has waited for a child
sees all that it was refused. What the children write are their claims.
"""

from __future__ import annotations

import fcntl
import os
from _thread import RLock
from weakref import WeakValueDictionary

from hermetic_guard.events import encode_line

from hermetic.blocks.refusals import FIELDS, Run
from hermetic.events import EventReader
from hermetic.launch.stage import beyond_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Event = dict[str, Any]

ROOM = 1 << 20
"""Bytes that wait unread, where the system lets anybody have so many (fs.pipe-max-size); without, 64 KiB. What does not fit is counted."""
CHUNK = 1 << 16


class Pipe:
    """What forks of one process write to. It is told from whatever else may have come to be open by its number."""

    def __init__(self) -> None:
        self.reading, self._writing = map(beyond_standard, os.pipe())
        os.set_blocking(self.reading, False)
        os.set_blocking(self._writing, False)
        self._identity = identity(self._writing)

    def write(self, line: bytes) -> None:
        try:
            if identity(self._writing) == self._identity:
                os.write(self._writing, line)
        except OSError:
            return  # it is full, or closed: the refusal itself has reached who asked


def identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


class Source:
    """Where events come in. It may have been closed by whoever closes all there is, and something else be open by its number."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._identity = identity(descriptor)
        self.reader = EventReader()

    def unread(self) -> bytes:
        found = b""
        try:
            while identity(self._descriptor) == self._identity and (piece := os.read(self._descriptor, CHUNK)):
                found += piece
        except OSError:
            pass  # nothing more, or it is closed
        return found


class Post:
    """That of one process, and in its forks theirs."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._runs: WeakValueDictionary[int, Run] = WeakValueDictionary()
        self._sources: list[Source] = []
        self._pipes: dict[int, Pipe] = {}
        self._lock = RLock()

    def address(self, runs: Iterable[Run]) -> bytes:
        """What an event says whom it is for."""
        return b",".join(b"%d" % self._number(run) for run in runs)

    def _number(self, run: Run) -> int:
        """One that no other pass has, in whatever process."""
        if not run.number:
            run.number = int.from_bytes(os.urandom(7), "big")
            self._runs[run.number] = run
        return run.number

    def receive(self, descriptor: int) -> None:
        """Read events from here as well."""
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, ROOM)
        except OSError:
            pass  # this user has had his share
        self._sources.append(Source(descriptor))

    def before_fork(self, runs: Iterable[Run]) -> None:
        if self.pid not in self._pipes:
            self._pipes[self.pid] = Pipe()
            self.receive(self._pipes[self.pid].reading)
        self.address(runs)

    def in_child(self) -> None:
        self.pid = os.getpid()
        self._runs, self._sources, self._lock = WeakValueDictionary(), [], RLock()

    def tell(self, event: Event, runs: Iterable[Run]) -> None:
        """Add a refusal to these passes; those of a process that this one was forked from are told there too."""
        fields = [event[name] for name in FIELDS]
        for run in runs:
            run.add(fields, event["stack"])
            if run.pid != self.pid and run.pid in self._pipes and run.number:
                self._pipes[run.pid].write(encode_line({**event, "block": str(run.number)}))

    def collect(self) -> None:
        """Hand out what has come."""
        if not self._sources or os.getpid() != self.pid:
            return
        with self._lock:
            for source in tuple(self._sources):
                for event in source.reader.feed(source.unread()):
                    if event["event"] == "refused":
                        self._hand_out(event)

    def _hand_out(self, event: Event) -> None:
        for word in event.get("block", "").split(","):
            run = self._runs.get(int(word)) if word.isdigit() else None
            if run is not None:
                run.add([event[name] for name in FIELDS], [tuple(frame) for frame in event["stack"]])
                run.missed(event.get("lost", 0))
