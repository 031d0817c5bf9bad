"""What becomes of a program that is about to be started, so that it starts guarded.

A program that is Python, directly, behind its `#!` line or behind `env`, is started in one of the two ways of injection.py. Any other gets the
environment way, for the Python programs that it may start in turn. What another program does to that environment or to a command line
(`sh -c "python -I"`, `sudo`) cannot be held from here.

What is judged is what is started: everything is copied to exact types first, for a subclass or a path-like object may answer differently when
it is asked again. The run directory is compared with what it was: a child must not load what the target has put there.
"""

import os

from hermetic_guard import cmdline, injection, programs
from hermetic_guard.policy import Request

UNCHANGED = os.fsdecode(injection.PREFIX)
"""A variable that goes with the environment while a program is followed: `env -i` takes it out."""


class Start(object):
    """A program about to be started.

    executables: paths as text (surrogateescape), tried in their order; cwd: the directory it will start in, "" for the present one.
    """

    __slots__ = ("arguments", "cwd", "environment", "executables")

    def __init__(self, executables, arguments, environment, cwd=""):
        # type: (list[str], list[str], dict[bytes, bytes], str) -> None
        self.executables = executables
        self.arguments = arguments
        self.environment = environment
        self.cwd = cwd


class Planner(object):
    """check, narrowed: ask for a violation, and for the policy that holds besides the run's own; proved: real paths of the interpreters
    for the early way; loader: what the dynamic loader was told when this process started; fingerprint: of the run directory."""

    def __init__(self, check, narrowed, handoff, proved, loader, fingerprint):
        self.check = check
        self.narrowed = narrowed
        self.handoff = handoff
        self.proved = proved
        self.loader = loader
        self.fingerprint = fingerprint
        self.before = fingerprint()
        self.stub = os.fsdecode(handoff.run) + "/stub.py"

    def plan(self, start):
        # type: (Start) -> Start
        """The same start, guarded. Raises a violation where that cannot be."""
        if self.fingerprint() != self.before:
            self.refuse(start, "after the run directory was altered or became unreadable")
        start = self.through_env(start)
        environ = dict(as_text(start.environment), **{UNCHANGED: ""})
        for index, executable in enumerate(start.executables):
            program = read(executable, environ, start.cwd)
            if program is not None:
                start.executables = start.executables[: index + 1]  # those before it will fail, and tell how
                if program.kind == "python":
                    return self.python(start, program, environ)
                break
        self.refuse_other_library(start, start.environment)
        return self.prepared("early", start)

    def python(self, start, program, environ):
        """Where `env` in a `#!` line changes the environment, the interpreter is started without it."""
        words = program.argv + start.arguments[1:] if program.script else start.arguments
        line = cmdline.parse(words)
        if program.environ != environ:
            start = Start([program.interpreter], words, as_bytes(program.environ), start.cwd)
        if not injection.ignores_environment(line.letters):
            self.refuse_other_library(start, start.environment)
        if injection.misled(line.flags):
            self.refuse(start, "with -X " + injection.misled(line.flags))
        self.take_out_loader(start.environment)
        if line.kind == "x" or (os.path.realpath(program.interpreter) in self.proved and not injection.needs_stub(line.letters)):
            return self.prepared("early", start)
        words = words[:1] + injection.stub_arguments(line, self.stub)
        return self.prepared("stub", Start([program.interpreter], words, start.environment, start.cwd))

    def through_env(self, start):
        """The start that comes of `env` with its options and assignments, so that emptying the environment does not empty ours."""
        while True:
            following = programs.through_env(start.executables[:1], start.arguments, as_text(start.environment), start.cwd)
            if following is None:
                return start
            executable, arguments, environ = following
            start = Start([executable], arguments, as_bytes(environ), start.cwd)

    def prepared(self, way, start):
        start.environment = injection.prepare_environment(start.environment, self.handoff, way, self.narrowed())
        return start

    def take_out_loader(self, environment):
        """An interpreter may need what the user has set to find its own libraries; what the target adds comes before the guards."""
        for name in injection.LOADER:
            if environment.get(name) != self.loader.get(name):
                environment.pop(name, None)

    def refuse_other_library(self, start, environment):
        name = injection.other_library(environment)
        if name:
            self.refuse(start, "with %s set" % name.decode())

    def refuse(self, start, why):
        self.check(Request("integrity", "start", "%s, %s" % (start.executables[0] if start.executables else "", why)))
