"""Runs a command line twice, once by the interpreter itself and once through the stub, so that a test can compare the two."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import NamedTuple

from conftest import ROOT
from hermetic_guard import cmdline, injection
from launch.bare import state

GUARD = ROOT / "bootstrap/hermetic_guard"
OPTION = {"m": ["-m"], "c": ["-c"], "-": ["-"]}
PROMPT = re.compile(rb"(?:>>>>? |\(Pdb\) |typed: )(?:\x1b\[[0-9;?]*[a-zA-Z]|[\x01\x02])*$")
"""The end of what is on the terminal when something is to be typed; pyrepl moves the cursor after it."""


EDITING = re.compile(rb"\x1b\[\?1h\x1b=.*?\x1b\[\?1l\x1b>", re.DOTALL)
"""What pyrepl writes while a line is typed, between switching the keypad on and off: how often it draws anew depends on the moment."""


class Case(NamedTuple):
    """A command line, taken apart as the stub gets it."""

    kind: str
    words: tuple = ()
    flags: tuple = ()
    environment: tuple = ()
    stdin: bytes = b""
    before: tuple = ()
    """Put before the command: a shell, say, that starts it in another way."""
    since: tuple = (3, 6)

    def natively(self, python):
        return [*self.before, python, *self.flags, *OPTION.get(self.kind[0].lower(), ()), *self.words]

    def through(self, run, python):
        line = cmdline.parse([python, *self.flags, *OPTION.get(self.kind[0].lower(), ()), *self.words])
        environment = {os.fsencode(name): os.fsencode(value) for name, value in self.environment}
        return [*self.before, python, *injection.stub_arguments(line, str(run), injection.inspects(line, environment))]

    def __str__(self):
        words = [*(f"{name}={value}" for name, value in self.environment), *self.flags, *OPTION.get(self.kind[0].lower(), ()), *self.words]
        text = re.sub(r"[^ -~]+", " ", " ".join(words)) + (" <<<" + ascii(self.stdin[-20:]) if self.stdin else "")
        return text if len(text) <= 60 else text[:57] + "..."


class Place(NamedTuple):
    """Where both run: a directory with the targets, and one with the stub."""

    directory: object
    run: object

    def environment(self, case=None):
        base = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        return dict(base, **dict(case.environment if case else ()))

    def both(self, python, case):
        """(output, errors, exit code) of the command natively and through the stub."""
        commands = case.natively(python), case.through(self.run, python)
        started = [
            subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment(case),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for command in commands
        ]
        with contextlib.ExitStack() as stack:
            for process in started:
                stack.enter_context(process)
                stack.callback(process.kill)
            return [(*map(comparable, process.communicate(case.stdin, timeout=60)), process.returncode) for process in started]

    def both_on_terminals(self, python, case, typed):
        """(what the terminal shows, exit code) of both, each with a terminal of its own on which the lines are typed."""
        environment = dict(self.environment(case), TERM=dict(case.environment).get("TERM", "xterm"), PYTHON_HISTORY=os.devnull)
        commands = case.natively(python), case.through(self.run, python)
        return converse([Terminal(command, self.directory, environment, typed) for command in commands])


def comparable(output):
    """What is necessarily different is taken out: addresses of objects."""
    return re.sub(r"0x[0-9a-f]{6,}", "0x...", output.decode("utf-8", "backslashreplace"))


class Terminal:
    """A process on a pseudo-terminal, and the lines that are still to be typed there, each when it prompts."""

    def __init__(self, command, directory, environment, typed):
        self.pid, self.descriptor = pty.fork()
        if not self.pid:
            try:
                os.chdir(directory)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)
        self.typed = [*typed, "\x04"]
        self.shown = b""
        self.unanswered = b""

    def read(self):
        """Take what there is to be read. False when the process is gone."""
        try:
            new = os.read(self.descriptor, 65536)
        except OSError:
            new = b""
        self.shown += new
        self.unanswered += new
        return bool(new)

    def answer(self):
        """Type the next line, if something was asked and the process waits.

        What it waits in is what a Ctrl-C interrupts: the prompt of 3.13 compiles one statement of a line after the other, and one that comes between
        two of them shows no traceback.
        """
        if self.typed and PROMPT.search(self.unanswered) and state(self.pid) == "S":
            self.unanswered = b""
            os.write(self.descriptor, self.typed.pop(0).encode())

    def close(self, kill):
        """What was shown and the exit code; the latter is None for one that had to be killed."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return comparable(EDITING.sub(b"(typed)", self.shown)), None if kill else code


def converse(terminals, quiet=0.02, limit=60):
    """Serve terminals until all are done; a line is typed when a prompt has stood for `quiet` seconds."""
    open_ones = {terminal.descriptor: terminal for terminal in terminals}
    deadline = time.monotonic() + limit
    while open_ones and time.monotonic() < deadline:
        ready = select.select(list(open_ones), [], [], quiet)[0]
        for descriptor in ready:
            if not open_ones[descriptor].read():
                del open_ones[descriptor]
        for descriptor, terminal in open_ones.items():
            if descriptor not in ready:
                terminal.answer()
    outcomes = [terminal.close(kill=terminal.descriptor in open_ones) for terminal in terminals]
    assert not open_ones, f"still waiting: {outcomes}"
    return outcomes
