"""What becomes of a program that is about to be started, so that it starts guarded.

A program that is Python, directly, behind its `#!` line or behind `env`, is started in one of the two ways of injection.py. Any other gets
the environment way, for the Python programs that it may start in turn. What another program does to that environment, or to a command line
(`sh -c "python -I"`, `sudo`), cannot be held from here.
"""

from os import fsdecode, fsencode

from hermetic_guard import cmdline, injection, programs, shebang, standard_library
from hermetic_guard.guards.variables import PRELOADS, VARIABLES
from hermetic_guard.start import OWN, as_bytes, as_text, fingerprint, paths_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.start import Start  # noqa: F401 - in comments

ENOENT = 2
NOT_PYTHON = "not Python, so nothing would hold it", "block_subprocess=True, allow_run=[...], which lets it do as it likes"
"""A rule of those who start only what carries the guards, and what would allow it."""

SURVIVOR = fsdecode(injection.PREFIX)
"""A variable that is added while a program is followed, to learn whether `env` in its `#!` line empties the environment."""


class Planner(object):
    """Makes starts guarded.

    asked: what may be started, see guards/process.py; files: names of what the run directory holds; proved: real paths of the interpreters for
    the early way; loader: what the dynamic loader was told when this process started; before: what the run directory was then, if not what it is now
    """

    def __init__(self, asked, handoff, files, proved, loader, before=()):
        self.asked = asked
        self.handoff = handoff
        self.proved = proved
        self.loader = loader
        self.run = fsdecode(handoff.run)
        self.paths = paths_in(self.run, files)
        self.before = self.fingerprint() if before == () else before

    def plan(self, start):
        # type: (Start) -> Start
        """The same program, guarded. Raises a violation where that cannot be."""
        if self.before is None or self.fingerprint() != self.before:
            self.refuse(start, "the run directory was altered, or cannot be read any more")
        try:
            return self.guarded(start)
        except programs.Unknown as error:
            why, file = "nobody can say what it is: %s" % error, error.file
        if file:
            self.asked.judge_reading(OWN.path.abspath(file))  # what the policy keeps from being read is refused as that
        return self.refuse(start, why)

    def fingerprint(self):
        return fingerprint(self.paths)

    def guarded(self, start):
        # type: (Start) -> Start
        self.settle(start)
        environ = dict(as_text(start.environment), **{SURVIVOR: ""})
        start, program = follow(start, environ)
        self.judge(start)
        if program is None:
            return self.other(start)
        words = program.argv + start.arguments[1:] if program.script else start.arguments
        if program.environ != environ:
            # `env` in the #! line would change what we add. It is passed over, and so is pyenv.
            start = start.changed([absolute(program.interpreter, start.cwd)], words, as_bytes(program.environ))
        if program.kind == "python":
            return self.python(start, program, words)
        if OWN.path.basename(program.interpreter) == "env" and not program.script:
            return self.behind_env(start)
        return self.other(start)

    def settle(self, start):
        """What is read here has to be what will be started there."""
        for path in [start.cwd] + [OWN.path.join(start.cwd, path) for path in start.executables]:
            name = programs.own_name(path)
            if name is not None and not start.same(name):
                self.refuse(start, "%s is something else in the process that will start" % path)

    def judge(self, start):
        """Ask for the program: the file that is named, be it a binary or a script, whatever runs that.

        Of several the kernel takes the first that it can run, which may be one that cannot be read here: all are asked for. What is not there
        fails by itself, or here, where nothing may even fork to find out.
        """
        paths = [OWN.path.join(start.cwd, path) for path in start.executables]
        for path in [path for path in paths if programs.executable(path)] or [path for path in paths if programs.present(path)][:1]:
            path = OWN.path.realpath(path)
            self.asked.judge("start", path, path)
        if not self.asked.allows("fork"):
            name = start.executables[0] if len(start.executables) == 1 else OWN.path.basename("".join(start.executables[:1]))
            raise FileNotFoundError(ENOENT, OWN.strerror(ENOENT), name)

    def python(self, start, program, words):
        for name in VARIABLES:
            if name in start.environment:
                self.asked.set_variable(name, start.environment[name])
        if not program.script:
            start = self.named(start, program)
            words = start.arguments
        line = cmdline.parse(words)
        misled = injection.misleading(start.environment, line)
        if misled:
            self.refuse(start, "%s would load other code before the guards" % misled)
        if line.kind == "x" or (OWN.path.realpath(program.interpreter) in self.proved and not injection.needs_stub(line.letters)):
            return self.prepared("early", start, self.loader)
        words = (words[:1] or [""]) + injection.stub_arguments(line, self.run, injection.inspects(line, start.environment))
        interpreter = absolute(program.interpreter, start.cwd)
        return self.prepared("stub", start.changed([interpreter], words, start.environment), self.loader)

    def named(self, start, program):
        """argv[0] is kept, but where it would have the interpreter find another standard library: then it is the program's path."""
        path = fsdecode(start.environment.get(b"PATH", b""))
        if not standard_library.misleads("".join(start.arguments[:1]), program.interpreter, path, start.cwd):
            return start
        own = start.executables[-1]
        return start.changed(start.executables, [own if "/" in own else "./" + own] + start.arguments[1:], start.environment)

    def behind_env(self, start):
        """What `env` is to start is started without it, for it may empty the environment. Alone it prints that, and starts nothing."""
        if len(start.arguments) == 1:
            return start
        line = shebang.env([fsencode(word) for word in start.arguments[1:]], start.environment)
        if line is None:
            return self.other(start)
        environ = programs.edited(as_text(start.environment), line.edits)
        words = [fsdecode(word) for word in [line.interpreter] + line.arguments]
        if "/" in words[0]:
            self.settle(start.changed([words[0]], words, start.environment))
        try:
            found = programs.find(words[0], environ.get("PATH"), start.cwd)
            programs.follow(found, environ, start.cwd)
        except programs.Unknown:
            raise
        except programs.Unresolved:
            return self.other(start)  # `env` has its own words for that, and has sh run what the kernel will not
        return self.guarded(start.changed([found], words, as_bytes(environ)))

    def other(self, start):
        """A program that is not Python may start one."""
        if injection.ONLY_PYTHON in (self.handoff.block or b"").split(b",") and self.asked.allows("start", ""):
            self.refuse(start, "%s; it is allowed by %s" % NOT_PYTHON)
        misled = injection.misleading(start.environment)
        if misled:
            self.refuse(start, "%s would make Python load other code before the guards" % misled)
        for name in PRELOADS:
            if start.environment.get(name) not in (None, self.loader.get(name)):
                self.judge_preload(start, name)
        return self.prepared("early", start)

    def judge_preload(self, start, name):
        """With a library of the target's in it a program is another one than what may be started, and native code."""
        self.asked.set_variable(name, start.environment[name])
        if not self.asked.allows("start", ""):
            self.refuse(start, "%s would make another program of it" % fsdecode(name))

    def prepared(self, way, start, loader=None):
        environment = injection.prepare_environment(start.environment, self.handoff, way, self.asked.narrowed(), loader)
        return start.changed(start.executables, start.arguments, environment)

    def refuse(self, start, why):
        self.asked.refuse("start", "%s: %s" % ("".join(start.executables[-1:]), why))


def follow(start, environ):
    """The program that will be run, None if none can. Those before it stay: the start itself tells their errors."""
    for index, executable in enumerate(start.executables):
        program = programs.read(executable, environ, start.cwd)
        if program is not None:
            return start.changed(start.executables[: index + 1], start.arguments, start.environment), program
    return start, None


def absolute(path, cwd):
    # type: (str, str) -> str
    """A path that was joined to `cwd`, for a process that is there already."""
    if not cwd or OWN.path.isabs(path):
        return path
    return OWN.path.join(OWN.path.realpath(cwd), path[len(cwd) :].lstrip("/"))


def on_path(name, environment, refuse):
    """The file that is executed for a name that is looked for on PATH; the name where that will fail by itself."""
    try:
        return programs.find(name, as_text(environment).get("PATH"))
    except programs.Unknown as error:
        return refuse("start", "%s: nobody can say what it is: %s" % (name, error))
    except programs.Unresolved:
        return name
