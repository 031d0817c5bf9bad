"""Starts `bare_launcher.py`, on pipes or on a terminal, for the tests that look at it from outside."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMMAND = [sys.executable, "-I", "-S", str(HERE / "bare_launcher.py")]
JOB_SHELL = [sys.executable, "-I", str(HERE / "job_shell.py")]
PATIENCE_S = 30

OWN_SESSION = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""

TELLING = """
import os, signal, sys, time
counts = dict.fromkeys(map(int, sys.argv[1:]), 0)
def tell(number, frame):
    counts[number] += 1
    os.write(1, b"<%d>" % number)
def end(number, frame):
    os.write(1, b"counts " + ascii([counts[number] for number in sorted(counts)]).encode() + b"\\n")
    os._exit(0)
for number in counts:
    signal.signal(number, tell)
signal.signal(signal.SIGUSR2, end)
os.write(1, b"up\\n")
while True:
    time.sleep(0.01)  # a pause would miss a signal that came just before it
"""
"""A target that says which of the signals named as its arguments it gets, and at SIGUSR2 how many of each."""


def python(code, *arguments):
    """The command line of a Python target; without site, for speed."""
    return [sys.executable, "-I", "-S", "-c", code, *map(str, arguments)]


def shell(code):
    return ["/bin/sh", "-c", code]


def telling(*numbers):
    return python(TELLING, *map(int, numbers))


class Bare:
    """Bare launchers whose run directories are made in one directory; what still runs at the end is killed."""

    def __init__(self, directory):
        self.place = directory / "runs"
        self.place.mkdir()
        self._outcome = directory / "outcome"
        self._started = []
        self._terminals = []

    def environment(self, **extra):
        return {**os.environ, "TMPDIR": str(self.place), "OUTCOME": str(self._outcome), **extra}

    def run(self, target, *options, env=None, **more):
        """Run to the end; with the exit code, and stdout and stderr as bytes."""
        more = {"stdin": subprocess.DEVNULL, **more} if "input" not in more else more
        command = [*COMMAND, *options, *target]
        return subprocess.run(command, env=self.environment(**(env or {})), capture_output=True, timeout=PATIENCE_S, check=False, **more)

    def start(self, target, *options, env=None, **more):
        """Start with pipes; returns when the target has written its first line, "up"."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen([*COMMAND, *options, *target], env=self.environment(**(env or {})), **{**pipes, **more})
        self._started.append(process)
        assert process.stdout.readline() == b"up\n"
        return process

    def on_terminal(self, target, *options, before=()):
        """Start on a terminal of its own; `before` is a command that shall start the launcher."""
        return self.terminal([*before, *COMMAND, *options, *target])

    def terminal(self, command):
        """Start any command on a terminal of its own, in the environment of these launchers."""
        terminal = Terminal(command, self.environment())
        self._terminals.append(terminal)
        return terminal

    @property
    def outcome(self):
        return json.loads(self._outcome.read_text())

    @property
    def directories(self):
        """The run directories there are."""
        return sorted(self.place.iterdir())

    def close(self):
        for terminal in self._terminals:
            terminal.close()
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


class Terminal:
    """A pseudo-terminal, and a process that leads a session on it."""

    def __init__(self, command, environment, cwd=None):
        self.master, self.slave = pty.openpty()
        self._open = (self.master, self.slave)
        self.output = ""
        starter = [sys.executable, "-I", "-S", "-c", OWN_SESSION, *command]
        standard = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave}
        self.process = subprocess.Popen(starter, env=environment, cwd=cwd, **standard)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, within=PATIENCE_S):
        """Read until `text` comes; returns what came before it."""
        until = time.monotonic() + within
        while text not in self.output:
            rest = until - time.monotonic()
            if rest <= 0 or not select.select([self.master], [], [], rest)[0]:
                raise AssertionError(f"no {text!r} in {self.output!r}")
            self.output += os.read(self.master, 65536).decode(errors="replace")
        before, _, self.output = self.output.partition(text)
        return before

    def rest(self):
        """What is left to read when everything on the terminal has ended."""
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65536).decode(errors="replace")
        return self.output

    def hang_up(self):
        """Take the terminal away; the kernel sends SIGHUP."""
        for descriptor in self._open:
            os.close(descriptor)
        self._open = ()

    def close(self):
        self.hang_up()
        self.process.kill()
        self.process.wait()


def is_alive(pid):
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return state(pid) not in "ZX"
    except FileNotFoundError:
        return False


def is_stopped(pid):
    return state(pid) == "T"


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_until(condition, within=PATIENCE_S):
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.005)
