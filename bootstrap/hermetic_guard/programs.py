"""Finds programs as the kernel, `env` and shells would, and follows `#!` lines to the interpreter, by reading only.

hermetic must know which interpreter will run before anything of the target's runs, in the launcher and at every spawn
point. So nothing is executed here, not even `pyenv`: what a shim of it would start is worked out from the files it
would read. Paths are kept as they are found, links and all, because a virtual environment is known by the unresolved
path of its interpreter; links are resolved only to learn a file's own name.

`environ` is always the environment, as text, that the program is meant to get, and `cwd` the directory it will start
in, "" for the present one.
"""

import os

from hermetic_guard import files, pex, pyenv, shebang

DEFAULT_PATH = "/bin:/usr/bin"
"""Where execvp(3) looks when PATH is not set; an empty PATH is the working directory."""

DEPTH = 5
"""How many interpreters in a row may be scripts themselves, as in the kernel's exec_binprm()."""

ENOENT, ENOTDIR, ELOOP, ENFILE, EMFILE = 2, 20, 40, 23, 24
ABSENT = (ENOENT, ENOTDIR, ELOOP)
"""Nothing can be started there, now or by the kernel."""

EFFECTIVE = os.access in os.supports_effective_ids
"""Asked before the filesystem guard has put another function there."""

NAME_MAX = 255
MOST_LINKS = 41
"""The kernel follows 40 (MAXSYMLINKS)."""

SELVES, DESCRIPTORS = ("self", "thread-self"), ("fd", "map_files")
"""Names in /proc, and in a process's directory there."""

MANAGERS = ("mise", "rtx")
"""Binaries that stand in for every program they manage, by links of its name."""


class Unresolved(Exception):
    """The program cannot be run. `exit_code` is what a shell would end with; the message is one line."""

    exit_code = 126


class NotFound(Unresolved):
    """There is no such program."""

    exit_code = 127


class NotExecutable(Unresolved):
    """It is there, but is no program, or its first line leads nowhere."""


class Unknown(NotExecutable):
    """Nobody can say from here what would run: the kernel may find and read what we cannot.

    The other two are errors that the start itself would end with, and may be left to tell.

    file: the path that cannot be read, "" where it is something else that keeps us from knowing
    """

    def __init__(self, message: str, file: str = "") -> None:
        Unresolved.__init__(self, message)
        self.file = file


class Program(object):
    """What the kernel would come to run in the end.

    kind:        "python", or "other" for a binary that is no Python interpreter
    interpreter: path of that binary, its links unresolved
    name:        its argv[0]
    flags:       what stands between it and the script
    script:      the script's path, None if the program is the binary itself
    environ:     the environment, with what `env` or pyenv changed on the way
    steps:       in words, what led from one file to the next
    """

    __slots__ = ("environ", "flags", "interpreter", "kind", "name", "script", "steps")

    def __init__(self, interpreter, words, environ, steps):
        # type: (str, list[str], dict[str, str], list[str]) -> None
        self.kind = "python" if is_python(interpreter) else "other"
        self.interpreter = interpreter
        self.name = words[0]
        self.flags = words[1:-1]
        self.script = words[-1] if len(words) > 1 else None
        self.environ = environ
        self.steps = steps

    @property
    def argv(self) -> "list[str]":
        """The command line, as far as it stands before the arguments given by the user."""
        return [self.name] + self.flags + ([] if self.script is None else [self.script])


def find(name: str, path: "str | None", cwd: str = "") -> str:
    """The file that execvp(3) would run for `name`; itself if it has a slash.

    path: PATH's value, None if it is not set. Directories are passed over. Raises NotFound or NotExecutable.
    """
    if "/" in name:
        problem = _refusal(os.path.join(cwd, name))
        if problem:
            raise problem
        return name
    denied = None
    for folder in (DEFAULT_PATH if path is None else path).split(":") if name else ():
        candidate = os.path.join(folder, name)
        problem = _problem(os.path.join(cwd, candidate))
        if problem is None:
            return candidate
        if isinstance(problem, Unknown):
            raise problem
        if isinstance(problem, NotExecutable) and not os.path.isdir(os.path.join(cwd, candidate)):
            denied = denied or problem
    raise denied or NotFound("%s: command not found" % (name or "''"))


def _problem(file: str) -> "Unresolved | None":
    """Why the kernel would not execute this file, or why we do not know; None if it would."""
    if own_name(file) is not None:
        return Unknown("%s: leads through what this process has open or is in, which is something else in another" % file)
    return _refusal(file)


def _refusal(file: str) -> "Unresolved | None":
    try:
        os.stat(file)
    except PermissionError:
        return NotExecutable("%s: permission denied" % file)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", ENOENT) in ABSENT or len(max(os.fsencode(file).split(b"/"), key=len)) > NAME_MAX:
            return NotFound("%s: no such file" % file)
        return Unknown("%s: cannot be found: %s" % (file, error.strerror))  # type: ignore[union-attr]
    if os.path.isdir(file):
        return NotExecutable("%s: is a directory" % file)
    if not os.path.isfile(file):
        return NotExecutable("%s: is not a regular file" % file)
    return None if _may_execute(file) else NotExecutable("%s: no permission to execute it" % file)


def _may_execute(file: str) -> bool:
    """For the effective user, as the kernel will ask; access(2) asks for the real one."""
    return os.access(file, os.X_OK, effective_ids=EFFECTIVE)


def executable(file: str) -> bool:
    """Whether the kernel would try to run it."""
    return _refusal(file) is None


def present(file: str) -> bool:
    """Whether there is something at this path that could be tried."""
    return not isinstance(_refusal(file), NotFound)


def own_name(path: str) -> "str | None":
    """What of its own a process comes by on this path: the number of a descriptor, or "cwd"; None if nothing of the kind.

    /proc/self is a link to the number of whoever follows it (proc(5)), so /dev/stdin, /dev/fd/3 and /proc/self/cwd/x are other files in a
    child. Links are followed one by one, to see that step.
    """
    place, inside, links = "/" if path[:1] == "/" else "", False, 0
    rest = path.split("/")[::-1]
    while rest and links < MOST_LINKS:
        step = rest.pop()
        if inside and step not in ("", ".", "..") and (step == "cwd" or os.path.basename(place) in DESCRIPTORS):
            return step
        link = _link(os.path.join(place, step)) if step not in ("", ".", "..") else ""
        if link and not (step in SELVES and link[:1].isdigit()):
            rest += link.split("/")[::-1]
            place, inside = ("/", False) if link[:1] == "/" else (place, inside)
            links += 1
        elif step not in ("", "."):
            place, inside = os.path.join(place, step), inside or bool(link)
    return None


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except (OSError, ValueError):
        return ""


def is_python_name(name: str) -> bool:
    """Whether a file of this name is called like an interpreter: python, python3.13t, pypy3.9, pypy3-c, python3-dbg."""
    for family in ("python", "pypy"):
        if name.startswith(family):
            rest = name[len(family) :]
            for suffix in ("-dbg", "-c"):
                rest = rest[: -len(suffix)] if rest.endswith(suffix) else rest
            version = rest.rstrip("dmtu")
            return not version.strip("0123456789.") and bool(version or not rest)
    return False


def is_python(binary: str) -> bool:
    """Whether a binary is an interpreter, by its name or the name of the file it is a link to."""
    own = os.path.basename(os.path.realpath(binary))
    return own not in MANAGERS and (is_python_name(own) or is_python_name(os.path.basename(binary)))


def is_script(file: str) -> bool:
    """Whether the file begins with `#!`."""
    return _head(file)[:2] == b"#!"


def _head(file: str) -> bytes:
    """The kernel runs what may be executed and not read, scripts too (binfmt_script.c), so what cannot be read may be anything."""
    try:
        return read_head(file)
    except OSError as error:
        if error.errno in (EMFILE, ENFILE):
            raise
        raise Unknown("%s: cannot be read: %s" % (file, error.strerror), file)


def read_head(file: str) -> bytes:
    return files.read_file(file, files.HEAD)


def read(file: str, environ: "dict[str, str] | None" = None, cwd: str = "") -> "Program | None":
    """`follow`, with None for what cannot be run: the start itself will tell the error. Raises Unknown."""
    try:
        return follow(file, dict(os.environ) if environ is None else environ, cwd)
    except Unknown:
        raise
    except Unresolved:
        return None


def follow(file: str, environ: "dict[str, str]", cwd: str = "", name: "str | None" = None) -> Program:
    """Follow a program's `#!` lines to the binary that runs it.

    file: a path; name: the argv[0] it is started with, if that is another word.
    Raises NotFound if the file is not there, NotExecutable if it or anything on the way cannot be run, Unknown if something on the way cannot
    be read, or is another thing in another process: of `file` the caller asks that (`own_name`).
    """
    problem = _refusal(os.path.join(cwd, file))
    if problem:
        raise problem
    stop = Stop(file, [name or file], environ, cwd)
    steps = []  # type: list[str]
    for _ in range(DEPTH + 1):
        head = _head(stop.path)
        if head.startswith(files.BINARY):
            return Program(stop.path, stop.words, stop.environ, steps)
        stop = _next(stop, head, steps)
    raise NotExecutable("%s: more than %d interpreters in a row are scripts" % (file, DEPTH))


class Stop(object):
    """One file on the way: as it is named, its command line before the user's arguments, and its environment."""

    __slots__ = ("cwd", "environ", "file", "words")

    def __init__(self, file: str, words: "list[str]", environ: "dict[str, str]", cwd: str) -> None:
        self.file = file
        self.words = words
        self.environ = environ
        self.cwd = cwd

    @property
    def path(self) -> str:
        return os.path.join(self.cwd, self.file)

    def interpreted(self, line: "shebang.Shebang", file: str, name: str) -> "Stop":
        """What runs this script: its arguments and the script's path take the place of the script's argv[0]."""
        words = [name] + [os.fsdecode(word) for word in line.arguments] + [self.file] + self.words[1:]
        return Stop(file, words, self.environ, self.cwd)


def _next(stop: Stop, head: bytes, steps: "list[str]") -> Stop:
    """From a script to what runs it."""
    environ = stop.environ.items() if b"${" in head else ()
    line = shebang.parse(head, {os.fsencode(name): os.fsencode(value) for name, value in environ})
    if line is None:
        raise NotExecutable("%s: is neither a binary nor a script with a #! line" % stop.file)
    try:
        following, why = LOOKERS[line.via](stop, line)
        problem = _problem(following.path)
        if problem:
            raise problem
    except Unresolved as error:
        if line.via == "pyenv" or isinstance(error, Unknown):
            raise
        crlf = " (the line ends with a carriage return)" if b"\r\n" in head[: shebang.KERNEL_LIMIT] else ""
        raise NotExecutable("%s: its first line names no program that can be run: %s%s" % (stop.file, error, crlf))
    steps.append("%s is run by %s (%s)" % (stop.file, following.file, why))
    return following


def _by_kernel(stop: Stop, line: "shebang.Shebang") -> "tuple[Stop, str]":
    interpreter = os.fsdecode(line.interpreter)
    return stop.interpreted(line, interpreter, interpreter), "its #! line"


def _by_env(stop: Stop, line: "shebang.Shebang") -> "tuple[Stop, str]":
    environ = edited(stop.environ, line.edits)
    stop = Stop(stop.file, stop.words, environ, stop.cwd)
    interpreter = os.fsdecode(line.interpreter)
    found = find(interpreter, environ.get("PATH"), stop.cwd)
    return stop.interpreted(line, found, interpreter), "its #! line, through env"


def edited(environ: "dict[str, str]", edits: "list[tuple[bytes | None, bytes | None]]") -> "dict[str, str]":
    """An environment with the changes that `env` was told to make."""
    environ = dict(environ)
    for name, value in edits:
        if name is None:
            environ.clear()
        elif value is None:
            environ.pop(os.fsdecode(name), None)
        else:
            environ[os.fsdecode(name)] = os.fsdecode(value)
    return environ


def _by_sh(stop: Stop, line: "shebang.Shebang") -> "tuple[Stop, str]":
    interpreter = os.fsdecode(line.interpreter)
    if line.base:
        script = os.path.realpath(stop.path) if line.base == shebang.BESIDE_REAL else stop.file
        interpreter = (os.path.dirname(script) or ".") + interpreter
    found = find(interpreter, stop.environ.get("PATH"), stop.cwd)
    return stop.interpreted(line, found, interpreter), "its exec line, through sh"


def _by_hermetic(stop: Stop, line: "shebang.Shebang") -> "tuple[Stop, str]":
    """hermetic's own command looks for the library that hermetic is in, then for an interpreter of its version."""
    script = stop.file if "/" in stop.file else "./" + stop.file
    while os.path.islink(os.path.join(stop.cwd, script)):
        script = os.path.join(os.path.dirname(script), os.readlink(os.path.join(stop.cwd, script)))
    stop = Stop(script, stop.words, stop.environ, stop.cwd)
    prefix = os.path.dirname(script) + "/.."
    for version in _listed(os.path.join(stop.cwd, prefix, "lib"), "python3.", ""):
        library = os.path.join(stop.cwd, prefix, "lib", version)
        packages = [library + "/" + name for name in _listed(library, "", "-packages")]
        if not any(_listed(folder, "hermetic-", ".dist-info") for folder in packages):
            continue
        for folder in (prefix + "/bin", "/usr/local/bin", "/usr/bin"):
            found = folder + "/" + version
            if _problem(os.path.join(stop.cwd, found)) is None:
                return stop.interpreted(line, found, found), "hermetic's own command"
    raise NotFound("no interpreter has hermetic installed")


def _listed(folder: str, begin: str, end: str) -> "list[str]":
    return sorted(name for name in files.names_in(folder) if name.startswith(begin) and name.endswith(end))


def _by_pyenv(stop: Stop, line: "shebang.Shebang") -> "tuple[Stop, str]":
    """A shim starts the program of its own name that the first of the selected versions has (libexec/pyenv-which)."""
    root = os.fsdecode(line.interpreter)
    folder, name = os.path.split(stop.file)
    path = stop.environ.get("PATH", DEFAULT_PATH)
    versions = pyenv.selected(root, stop.environ, stop.cwd)
    environ = dict(stop.environ, PYENV_ROOT=root, PYENV_VERSION=":".join(versions))
    elsewhere = ":".join(entry for entry in path.split(":") if entry not in (folder, root + "/shims"))
    for version in versions + ["system"]:
        file = "%s/versions/%s/bin/%s" % (root, version, name)
        if version == "system":
            try:
                file = find(name, elsewhere, stop.cwd)
            except Unknown:
                raise
            except Unresolved:
                continue
        elif _problem(file):
            continue
        else:
            environ["PATH"] = os.path.dirname(file) + ":" + path
        return Stop(file, [file] + stop.words[1:], environ, stop.cwd), "pyenv, version %s" % version
    raise NotFound("%s: command not found in pyenv's version %s" % (name, ":".join(versions)))


def _by_pex(stop: Stop, line: "shebang.Shebang") -> "tuple[Stop, str]":
    def on_path(name, path):
        try:
            return find(name, path, stop.cwd)
        except Unknown:
            raise
        except Unresolved:
            return None

    command = pex.command(line.interpreter, stop.file, stop.environ, stop.cwd, on_path)
    if command is None:
        raise NotFound("none of the interpreters it looks for is on PATH")
    words, added = command
    return Stop(words[0], words + stop.words[1:], dict(stop.environ, **added), stop.cwd), "its shell part, made by pex"


LOOKERS = {"kernel": _by_kernel, "env": _by_env, "sh": _by_sh, "pyenv": _by_pyenv, "pex": _by_pex, "hermetic": _by_hermetic}
"""Who looks for the interpreter, by Shebang.via."""
