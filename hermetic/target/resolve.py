"""From what the user typed to the interpreter that will run it, by reading only.

Nothing of the target's is executed here: not the command, not `pyenv`, not the interpreter, which would run its
environment's `.pth` lines. The interpreter's path keeps its links, for a virtual environment is known by it; the
flags of a `#!` line are kept as well.
"""

from __future__ import annotations

import os

from hermetic_guard import cmdline, programs, pyenv, shebang

from hermetic.errors import HermeticError, NotPython, TargetNotExecutable, TargetNotFound, UsageError, cut, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES = (".py", ".pyz")
"""Files that are Python by their name, and are run by the default interpreter if they cannot be run by themselves."""


NEEDED = {
    "m": ("-m needs the name of a module", "hermetic exec -m MODULE"),
    "c": ("-c needs code", "hermetic exec -c CODE"),
}
"""What is said of -m and -c where nothing follows them."""


class Target:
    """What to run, and as what.

    interpreter: path of the interpreter's binary, absolute unless the working directory is gone
    argv:        what the kernel would hand it: the interpreter as it was named, flags, script, arguments
    environ:     the user's environment, with what `env` or pyenv would have changed
    how:         what led to this, one line a step
    python:      whether it is a Python interpreter; any other program is held by the kernel alone
    script:      path of the script that another program interprets, "" for none
    """

    __slots__ = ("argv", "environ", "how", "interpreter", "python", "script")

    def __init__(
        self, interpreter: str, argv: list[str], environ: Mapping[str, str], how: list[str], python: bool = True, script: str = ""
    ) -> None:
        self.script = script
        self.interpreter = interpreter
        self.argv = argv
        self.environ = dict(environ)
        self.how = how
        self.python = python


class _Finder:
    """Looks things up in one environment and working directory, and notes what it found."""

    def __init__(self, environ: Mapping[str, str], cwd: str, own: str) -> None:
        self.environ = dict(environ)
        self.path = environ.get("PATH")
        self.cwd = cwd
        self.own = own
        self.how: list[str] = []
        self.last = ""

    def target(self, program: programs.Program, arguments: list[str]) -> Target:
        python = program.kind == "python"
        if not python:
            refuse_privileged(self.file(program.interpreter), program.interpreter)
        return Target(program.interpreter, program.argv + arguments, program.environ, self.how, python, program.script or "")

    def file(self, path: str) -> str:
        return os.path.join(self.cwd, path)

    def find(self, name: str) -> str:
        self.last = name
        found = programs.find(name, self.path, self.cwd)
        if found != name:
            self.how.append(f"{name} is {found} (found on PATH)")
        return found

    def follow(self, file: str, name: str | None = None) -> programs.Program:
        self.last = file
        try:
            program = programs.follow(file, self.environ, self.cwd, name)
        except programs.Unknown:
            refuse_privileged(self.file(file), file)  # of which many may not be read either
            raise
        self.how += program.steps
        return program

    def command(self, name: str) -> programs.Program:
        """The program a command stands for, whatever runs it."""
        return self.follow(self.find(name), name)

    def behind_env(self, program: programs.Program, arguments: list[str]) -> tuple[programs.Program, list[str]] | None:
        """What `env` is to start, and with which arguments: it is started without it. None where it starts nothing, or nobody can tell from here;
        `env` has its own words for that.
        """
        if program.script is not None or os.path.basename(program.interpreter) != "env":
            return None
        variables = {os.fsencode(name): os.fsencode(value) for name, value in program.environ.items()}
        line = shebang.env([os.fsencode(word) for word in arguments], variables)
        if line is None:
            return None
        environ, name = programs.edited(program.environ, line.edits), os.fsdecode(line.interpreter)
        try:
            found = programs.find(name, environ.get("PATH"), self.cwd)
            behind = programs.follow(found, environ, self.cwd, name)
        except programs.Unknown:
            raise
        except programs.Unresolved:
            return None
        self.how += [f"{name} is {found} (env)", *behind.steps]
        return behind, [os.fsdecode(word) for word in line.arguments]

    def interpreter(self, file: str) -> programs.Program:
        """An interpreter itself; a script in its place would run before the guards stand."""
        program = self.follow(file)
        if program.script is not None:
            raise NotPython(f"{file} is a script, not a Python interpreter")
        if program.kind != "python":
            raise NotPython(f"{file} is not a Python interpreter")
        return program

    def default(self) -> programs.Program:
        """The active virtual environment's interpreter, else the first python3 on PATH, else hermetic's own."""
        active = os.path.join(self.environ.get("VIRTUAL_ENV") or "", "bin/python")
        if self.environ.get("VIRTUAL_ENV") and os.path.lexists(self.file(active)):
            self.how.append(f"the default interpreter is {active} (VIRTUAL_ENV)")
            return self.interpreter(active)
        try:
            return self.interpreter(self.find("python3"))
        except programs.NotFound:
            self.how.append(f"the default interpreter is hermetic's own, {self.own} (no python3 on PATH)")
            return self.interpreter(self.own)

    def named(self, python: str) -> programs.Program:
        """The interpreter that `--python` names: a version, a name, a directory or a path."""
        if python[:1].isdigit():
            return self.by_name(f"python{python}")
        if programs.is_python_name(python):
            return self.by_name(python)
        path = f"{self.environ.get('HOME', '~')}{python[1:]}" if python.startswith("~/") else python
        if path and os.path.isdir(self.file(path)):
            return self.in_directory(path)
        return self.interpreter(path) if "/" in path else self.by_name(path)

    def by_name(self, name: str) -> programs.Program:
        try:
            return self.interpreter(self.find(name))
        except programs.NotFound:
            installed = self.in_pyenv(name)
            if installed is None:
                raise
            return self.interpreter(installed)

    def in_pyenv(self, name: str) -> str | None:
        root = self.environ.get("PYENV_ROOT") or f"{self.environ.get('HOME', '')}/.pyenv"
        version = pyenv.latest(root, name.removeprefix("python"))
        if version is None:
            return None
        self.how.append(f"{name} is pyenv's {version}")
        return f"{root}/versions/{version}/bin/python"

    def in_directory(self, folder: str) -> programs.Program:
        for name in ("python", "python3", "pypy3"):
            file = os.path.join(folder, "bin", name)
            if os.path.lexists(self.file(file)):
                return self.interpreter(file)
        raise TargetNotFound(f"{folder}: there is no bin/python in this directory")


def resolve_run(argv: list[str], environ: Mapping[str, str], cwd: str, own: str) -> Target:
    """What `hermetic run -- ARGV` runs.

    argv: the command and its arguments; own: hermetic's own interpreter, the last resort for a bare `.py` file.
    Raises TargetNotFound, TargetNotExecutable, NotPython.
    """
    finder = _Finder(environ, cwd, own)
    name, arguments = argv[0], argv[1:]
    try:
        source = _bare_source(name, finder)
        if source is not None:
            return finder.target(finder.default(), [source, *arguments])
        program = finder.command(name)
        while (behind := finder.behind_env(program, arguments)) is not None:
            program, arguments = behind
        return finder.target(program, arguments)
    except programs.Unresolved as error:
        raise _translated(error, finder, name) from None


def resolve_exec(python: str | None, command: list[str], environ: Mapping[str, str], cwd: str, own: str) -> Target:
    """What `hermetic exec [--python PYTHON] -- COMMAND` runs.

    python: a path, a directory (a virtual environment), a version (3.9) or a name (pypy3.9); None for the default one.
    command: the interpreter's own arguments: flags, then a script, -m, -c or -; empty for an interactive session.
    Raises TargetNotFound, TargetNotExecutable, NotPython, UsageError.
    """
    finder = _Finder(environ, cwd, own)
    try:
        program = finder.default() if python is None else finder.named(python)
    except programs.Unresolved as error:
        raise _translated(error, finder, python or "") from None
    _check_script([*program.argv, *command], finder)
    return finder.target(program, command)


def _check_script(argv: list[str], finder: _Finder) -> None:
    """Raise what keeps an interpreter from running what it is told to. It would say so itself, with an exit code like the target's own."""
    line = cmdline.parse(argv)
    if line.kind == "f" and line.target:  # an empty name is the working directory
        _check_readable(line.target, finder.file(line.target))
    elif line.kind == "x" and cmdline.parse([*argv, "value"]).kind in cmdline.COMMANDS:
        raise UsageError(*NEEDED[argv[-1][-1]])


def _check_readable(name: str, file: str) -> None:
    try:
        os.stat(file)
    except PermissionError as error:
        raise TargetNotExecutable(f"{cut(name)}: {error.strerror}") from None
    except OSError as error:
        if not _is_in_archive(file):
            raise TargetNotFound(f"{cut(name)}: {error.strerror}") from None
    else:
        if not os.access(file, os.R_OK):
            raise TargetNotExecutable(f"{cut(name)} cannot be read")


def _is_in_archive(file: str) -> bool:
    """Whether a path leads into a file that is an archive; Python runs what is there (zipimport)."""
    import zipfile  # only on the way to an error

    parents = [file]
    while (parent := os.path.dirname(parents[-1])) != parents[-1]:
        parents.append(parent)
    return any(os.path.isfile(parent) and zipfile.is_zipfile(parent) for parent in parents[1:])


def refuse_privileged(file: str, name: str) -> None:
    """Raise TargetNotExecutable for a program that works by privileges its caller has not: under no_new_privs it gets none (prctl(2))."""
    try:
        mode = os.stat(file).st_mode
        by = "the set-user-ID bit" if mode & 0o4000 else "the set-group-ID bit" if mode & 0o2000 else ""
        by = by or ("file capabilities" if "security.capability" in os.listxattr(file) else "")
    except OSError:
        return
    if by:
        raise TargetNotExecutable(cut(f"{name} works by privileges that its file gives ({by}), and nothing run by hermetic gains any"))


def _bare_source(name: str, finder: _Finder) -> str | None:
    """The path, if this is a Python file that the kernel would not run: without a `#!` line, or not executable."""
    if not name.endswith(SOURCES):
        return None
    try:
        file = programs.find(name, finder.path, finder.cwd)
        if programs.is_script(finder.file(file)):
            return None
    except programs.Unresolved:
        file = name
        if not os.path.isfile(finder.file(file)):
            return None
    finder.how.append(f"{file} cannot be run by itself")
    return file


def _translated(error: programs.Unresolved, finder: _Finder, name: str) -> HermeticError:
    if not isinstance(error, programs.NotFound):
        return _for_windows(finder) or TargetNotExecutable(cut(str(error)))
    near = "/" not in name and os.path.isfile(finder.file(name))
    return TargetNotFound(cut(str(error)), f"there is a ./{name}" if near else None)


def _for_windows(finder: _Finder) -> HermeticError | None:
    from hermetic.target import windows

    found = windows.launcher(finder.file(finder.last))
    if found is None:
        return None
    interpreter, script = found
    hint = f"hermetic exec --python PYTHON {quoted(script)} runs what it starts"
    return TargetNotExecutable(f"{cut(finder.last)} is a launcher for Windows, of {cut(interpreter)}", hint)
