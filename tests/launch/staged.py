"""Starts an interpreter from a run directory without the launcher around it, so that many starts are quick, and so that it can be broken."""

import os
import socket
import subprocess
from typing import NamedTuple

from hermetic_guard.policy import Network, Policy

from hermetic.events import EventReader
from hermetic.launch import environ, payload
from hermetic.launch.stage import RunDirectory
from hermetic.target import interrogate
from hermetic.target.resolve import Target

NO_NETWORK = Policy(network=Network())
PATIENCE_S = 60


class Done(NamedTuple):
    """What came of a start."""

    code: int
    out: bytes
    err: bytes
    events: tuple = ()
    way: str = ""

    def told(self, kind):
        return [event for event in self.events if event["event"] == kind]

    @property
    def seen(self):
        """All that a user would see."""
        return self.code, self.out, self.err


class Staged:
    """A run directory for one interpreter. `python` is a path; `cache`: where the session keeps what interpreters answered."""

    def __init__(self, python, cache, policy=NO_NETWORK, protected=(), others=()):
        self.python = python
        self.facts = interrogate.interrogate(python, str(cache))
        known = [self.facts, *(interrogate.interrogate(other, str(cache)) for other in others)]
        self.run = RunDirectory.create(payload.files(policy, known, protected), os.environ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.remove()

    @property
    def path(self):
        return self.run.path

    def prepare(self, words, env, python=None):
        """What the launcher would hand to execve."""
        target = Target(python or self.python, [python or self.python, *words], env, [])
        return environ.prepare(target, self.facts, environ.handoff(self.run))

    def start(self, *words, env, python=None, **options):
        """Run the interpreter (or `python`, which leads to the same binary) with these words, guarded."""
        start = self.prepare(words, env, python)
        done = finished([start.interpreter, *start.argv[1:]], start.environment, options)
        return done._replace(events=tuple(self.events()), way=start.way)

    def events(self):
        reader = EventReader()
        found = []
        while True:
            try:
                found += reader.feed(os.read(self.run.events, 1 << 16))
            except BlockingIOError:
                return found


def native(*command, env, **options):
    """Run a command as it is."""
    return finished(command, env, options)


def finished(command, env, options):
    options = {"input": b"", "timeout": PATIENCE_S} | options
    done = subprocess.run(command, env=env, capture_output=True, **options)
    return Done(done.returncode, done.stdout, done.stderr)


class Listener:
    """A port of the loopback interface that nobody may reach. What was connected waits in its queue, so nothing is lost and nothing is late."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def visits(self):
        """How many have come since it was last asked."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
