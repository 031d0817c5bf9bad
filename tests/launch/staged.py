"""Starts an interpreter from a run directory without the launcher around it, so that many starts are quick, and so that it can be broken."""

import fcntl
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

    def told(self, *kinds):
        return [event for event in self.events if event["event"] in kinds]

    @property
    def seen(self):
        """All that a user would see."""
        return self.code, self.out, self.err


class Staged:
    """A run directory for one interpreter.

    python: its path; cache: the session's, see conftest.py; change: is given the files, by name, before they are staged.
    """

    def __init__(self, python, cache, policy=NO_NETWORK, protected=(), change=None):
        self.python = python
        self.facts = interrogate.interrogate(python, f"{cache}/hermetic")
        files = payload.files(policy, [self.facts], protected)
        if change is not None:
            change(files, self.facts)
        self.run = RunDirectory.create(files, os.environ)

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
        return environ.prepare(target, self.facts, environ.handoff(self.run), environ.as_bytes(env))

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


class TwoRuns:
    """A place with what tests name, and a run directory for each interpreter. `cache`: see Staged."""

    def __init__(self, place, cache):
        self.place = place
        self.cache = cache
        self._staged = {}
        place.joinpath("user").mkdir()
        place.joinpath("home").mkdir()
        place.joinpath("user/user_warnings.py").write_text("class Odd(UserWarning): pass\n")

    def staged(self, python):
        if python.path not in self._staged:
            self._staged[python.path] = Staged(python.path, self.cache)
        return self._staged[python.path]

    def env(self, more=None):
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.place / "home"), "LANG": "C.UTF-8", **(more or {})}

    def both(self, python, *words, env=None, **options):
        """Unguarded and guarded."""
        return self.bare(python, *words, env=env, **options), self.guarded(python, *words, env=env, **options)

    def bare(self, python, *words, env=None, through=None, **options):
        """through: another path of the interpreter, as that of a virtual environment."""
        return native(through or python.path, *words, env=self.env(env), **{"cwd": self.place} | options)

    def guarded(self, python, *words, env=None, through=None, **options):
        done = self.staged(python).start(*words, env=self.env(env), python=through, **{"cwd": self.place} | options)
        assert done.told("ready"), done
        return done

    def close(self):
        for staged in self._staged.values():
            staged.run.remove()


def make_venv(place, python):
    """A virtual environment of nothing but its interpreter (PEP 405), whose path is returned; `python` is not run."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{place}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.joinpath("pyvenv.cfg").exists():
            site_packages(place, python).mkdir(parents=True)
            place.joinpath("bin").mkdir()
            base = os.path.realpath(python.path)
            place.joinpath("bin/python").symlink_to(base)
            place.joinpath("pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
    return str(place / "bin/python")


def site_packages(prefix, python):
    return prefix / "lib" / (python.name if python.implementation == "pypy" else f"python{python.name}") / "site-packages"


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
