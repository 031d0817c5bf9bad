"""Keeps children guarded: rewrites environment and command line at the points where CPython starts programs.

`subprocess`, `os.popen`, asyncio, multiprocessing, pty and the rest all come down to the few functions replaced here, whatever environment
and flags they are given. A program that is Python, directly or behind its `#!` line, is started in one of the two ways of injection.py; any
other gets the environment way, for the Python programs that it may start. What happens inside another program (`sh -c "python -I"`,
`env -i python`) cannot be held from here.

The run directory is compared with what it was before every start: a child must not load what the target put there.
"""

import os
import sys

from hermetic_guard import cmdline, injection, policy, programs
from hermetic_guard.policy import Request


def install(enforcer, handoff, staged):
    """Replace the spawn points. `staged` gives the run directory's checked files; its `proved` lists interpreters for the early way."""
    plan = make_plan(enforcer, handoff, frozenset(staged.read("proved").decode("utf-8", "surrogateescape").split("\0")))
    plan = _checked(plan, enforcer.check, [staged.run] + ["%s/%s" % (staged.run, name) for name in staged.digests])
    _replace_fork_exec(enforcer.ledger, plan)
    _replace_exec(enforcer.ledger, plan)
    _replace_posix_spawn(enforcer.ledger, plan)
    _replace_system(enforcer.ledger, plan)


class Start(object):
    """A program about to be started: executable and arguments as text (surrogateescape), environment as bytes.

    cwd: the directory it will start in, "" for the present one.
    """

    __slots__ = ("arguments", "cwd", "environment", "executable")

    def __init__(self, executable, arguments, environment, cwd=""):
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.cwd = cwd


def make_plan(enforcer, handoff, proved):
    """A function that makes a guarded Start of a Start."""
    check, scopes, base = enforcer.check, enforcer.scopes, enforcer.scopes.base
    loader = {name: os.environb[name] for name in injection.LOADER if name in os.environb}
    stub = os.fsdecode(handoff.run) + "/stub.py"
    realpath, read, parse, prepare = os.path.realpath, programs.read, cmdline.parse, injection.prepare_environment
    as_text, as_bytes = _text, _environment
    needs_stub, stub_arguments, dumps, loader_names = injection.needs_stub, injection.stub_arguments, policy.dumps, injection.LOADER

    def plan(start):
        for name in injection.OTHER_LIBRARY:
            if name in start.environment:
                check(Request("integrity", "start", "%s with %s" % (start.executable, name.decode())))
        program = read(start.executable, as_text(start.environment), start.cwd)
        if program is None or program.kind != "python":
            return in_way("early", start)
        for name in loader_names:
            start.environment.pop(name, None)
        start.environment.update(loader)
        return python(start, program)

    def python(start, program):
        line = parse(program.argv + start.arguments[1:])
        if line.kind == "x" or (realpath(program.interpreter) in proved and not needs_stub(line.letters)):
            return in_way("early", start)
        first = program.name if program.script else start.arguments[0]
        return in_way("stub", Start(program.interpreter, [first] + stub_arguments(line, stub), as_bytes(program.environ)))

    def in_way(way, start):
        current = scopes.current
        start.environment = prepare(start.environment, handoff, way, None if current is base else dumps(current))
        return start

    return plan


def _checked(plan, check, paths):
    """`plan`, refused when anything in the run directory is no longer what it was when this process started."""
    fingerprint = _make_fingerprint(paths)
    before = fingerprint()

    def checked(start):
        if fingerprint() != before:
            check(Request("integrity", "start", "%s: the run directory was altered" % start.executable))
        return plan(start)

    return checked


def _make_fingerprint(paths):
    """ctime cannot be set by an unprivileged process (utimensat(2)), so unchanged ctimes mean unchanged files."""
    stat, os_error = os.stat, OSError

    def fingerprint():
        try:
            found = [stat(path) for path in paths]
        except os_error:
            return None
        return [(item.st_ino, item.st_size, item.st_mtime_ns, item.st_ctime_ns) for item in found]

    return fingerprint


def _environment(pairs):
    """Bytes to bytes, from a mapping of what os.execve takes."""
    fsencode = os.fsencode
    return {fsencode(key): fsencode(value) for key, value in pairs.items()}


def _text(environment):
    fsdecode = os.fsdecode
    return {fsdecode(key): fsdecode(value) for key, value in environment.items()}


def _replace_fork_exec(ledger, plan):
    """subprocess, os.popen, asyncio, multiprocessing's spawn, forkserver and resource tracker; CPython raises no audit event here."""
    import _posixsubprocess

    original, environb, fsdecode = _posixsubprocess.fork_exec, os.environb, os.fsdecode
    executable = _first_executable

    def fork_exec(arguments, executables, close_fds, pass_fds, cwd, env, *rest):
        if env is None:
            environment = dict(environb)
        else:
            environment = dict(item.partition(b"=")[::2] for item in map(os.fsencode, env))
        place = fsdecode(cwd) if cwd else ""
        found = executable([fsdecode(path) for path in executables], place)
        start = plan(Start(found, [fsdecode(word) for word in arguments], environment, place))
        if start.executable is not found:
            arguments, executables = [os.fsencode(word) for word in start.arguments], (os.fsencode(start.executable),)
        env = [key + b"=" + value for key, value in start.environment.items()]
        return original(arguments, executables, close_fds, pass_fds, cwd, env, *rest)

    _replace_everywhere(ledger, fork_exec, original, [("_posixsubprocess", "fork_exec"), ("subprocess", "_fork_exec")])


def _first_executable(paths, cwd=""):
    """The one of the candidates that execve will take; the first if none is there, then the original tells the error."""
    for path in paths:
        there = os.path.join(cwd, path)
        if os.access(there, os.X_OK) and not os.path.isdir(there):
            return path
    return paths[0] if paths else ""


def _replace_exec(ledger, plan):
    original, environb, as_dict, path_of = os.execve, os.environb, _environment, _path_of

    def guarded(path, argv, environment):
        named = path_of(path)
        start = plan(Start(named, [os.fsdecode(word) for word in argv], environment))
        return original(path if start.executable is named else start.executable, start.arguments, start.environment)

    def execve(path, argv, env):
        return guarded(path, argv, as_dict(env))

    def execv(path, argv):
        return guarded(path, argv, dict(environb))

    for name, wrapper in (("execve", execve), ("execv", execv)):
        _replace_everywhere(ledger, wrapper, getattr(os, name), [("posix", name), ("os", name)])


def _path_of(path):
    """The path that is run; os.execve also takes a descriptor."""
    if isinstance(path, int):
        return os.readlink("/proc/self/fd/%d" % path)
    return os.fsdecode(path)


def _replace_posix_spawn(ledger, plan):
    """os.posix_spawn (3.8+) and its form that looks at PATH; subprocess uses the first where it can."""

    def guarded(original, find):
        def spawn(path, argv, env, **options):
            found = find(os.fsdecode(path))
            environment = dict(os.environb) if env is None else _environment(env)
            start = plan(Start(found, [os.fsdecode(word) for word in argv], environment))
            return original(path if start.executable is found else start.executable, start.arguments, start.environment, **options)

        return spawn

    for name, find in (("posix_spawn", str), ("posix_spawnp", _on_path)):
        if hasattr(os, name):
            original = getattr(os, name)
            _replace_everywhere(ledger, guarded(original, find), original, [("posix", name), ("os", name)])


def _on_path(name):
    if "/" in name:
        return name
    return _first_executable([os.path.join(folder, name) for folder in os.get_exec_path()] or [name])


def _replace_system(ledger, plan):
    """os.system takes the C environment, which other threads read: the shell is told to export the changes instead."""
    original, environb, fsencode, quote, shell = os.system, os.environb, os.fsencode, _quote, "/bin/sh"

    def system(command):
        before = dict(environb)
        start = plan(Start(shell, [shell, "-c"], dict(before)))
        changed = [key + b"=" + quote(value) for key, value in start.environment.items() if before.get(key) != value]
        return original(b"export " + b" ".join(changed) + b"; " + fsencode(command))

    _replace_everywhere(ledger, system, original, [("posix", "system"), ("os", "system")])


def _quote(value):
    return b"'" + value.replace(b"'", b"'\\''") + b"'"


def _replace_everywhere(ledger, wrapper, original, places):
    """Put the wrapper wherever the original is bound; a module that is not loaded yet will take it from where it stands by then."""
    wrapper.__name__ = wrapper.__qualname__ = original.__name__
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__
    for module, name in places:
        if hasattr(sys.modules.get(module), name):
            ledger.replace(sys.modules[module], name, wrapper)
