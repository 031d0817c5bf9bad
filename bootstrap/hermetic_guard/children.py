"""Replaces the points where CPython starts programs, so that every start goes through starts.py.

`subprocess`, `os.popen`, asyncio, multiprocessing, pty and the rest all come down to the few functions replaced here, whatever environment
and flags they are given.

What is judged is what is started: arguments are copied to exact types once, for a subclass or a path-like object may answer differently
when it is asked again.
"""

import os
import posix
import sys
from os import fsdecode, fsencode

from hermetic_guard import injection
from hermetic_guard.errors import PolicyViolation
from hermetic_guard.guards import process
from hermetic_guard.start import OWN, Start, fingerprint, paths_in

SHELL = "/bin/sh"
PART = "starting"
"""What is loaded for the first start, see hermetic/launch/payload.py."""

LOADER = {name: os.environb[name] for name in injection.LOADER if name in os.environb}
"""What the dynamic loader was told when this process started: read as this module is loaded, before activate.py restores anything."""


def install(enforcer, handoff, staged, load):
    """Replace the spawn points. `staged` gives the run directory's checked files; its `proved` lists interpreters for the early way.

    load: gives modules that are not loaded yet, see late.py
    """
    proved = frozenset(staged.read("proved").decode("utf-8", "surrogateescape").split("\0"))
    files = ["manifest", "__pycache__"] + list(staged.digests)
    plan, on_path = _make_planning(load, process.questions(enforcer), handoff, files, proved, enforcer.read_head)
    run = staged.run
    replace_starts(enforcer, plan, on_path, _track_environment(enforcer.ledger), lambda: run)


def _make_planning(load, asked, handoff, files, proved, read_head):
    """What starts.py does with a start. It is loaded for the first one; what it compares with is looked at now."""
    before = fingerprint(paths_in(fsdecode(handoff.run), files))
    planners = []  # type: list

    def planner():
        if not planners:
            modules = load(PART)
            programs = modules["hermetic_guard.programs"]
            programs.read_head = read_head or programs.read_head
            planners.append(modules["hermetic_guard.starts"].Planner(asked, handoff, files, proved, LOADER, before))
        return planners[0]

    return lambda start: planner().plan(start), lambda *words: load(PART)["hermetic_guard.starts"].on_path(*words)


def replace_starts(enforcer, plan, on_path, current, find_run):
    """plan: of a Planner; on_path: of starts.py; current: gives the C environment; find_run: gives the run directory, None where there is none."""
    ledger, keep = enforcer.ledger, _keep_nothing if enforcer.closed() else _keep
    _replace_fork_exec(ledger, keep, plan, current, _make_user_check(enforcer.refuse, find_run))
    _replace_exec(ledger, keep, plan, current)
    _replace_posix_spawn(ledger, keep, plan, on_path, current, enforcer.refuse)
    _replace_system(ledger, keep, plan, current)


# What a replacement keeps of the original, which the target can take out of it: nothing, where it will never be called.


def _keep(original):
    return original


def _keep_nothing(original):
    return None


# Exact copies.


def _text(word):
    """What os.fspath() takes, as a str; join() copies a subclass."""
    return "".join((fsdecode(word),))


def _bytes(word):
    return b"".join((fsencode(word),))


def _texts(words, function):
    if not isinstance(words, (list, tuple)):
        raise TypeError("%s: argv must be a tuple or list" % function)
    return [_text(word) for word in words]


def _mapping(environment, function, other=""):
    """An environment as os.execve() takes it."""
    if not hasattr(environment, "items"):
        raise TypeError("%s: environment must be a mapping object%s" % (function, other))
    return {_bytes(name): _bytes(value) for name, value in environment.items()}


# The environment of programs that are given none.


def _track_environment(ledger):
    """A function that gives the C environment. os.environ does not know what os.putenv() did.

    3.14 can read it. Before, both functions are replaced; until 3.8 the two mappings keep references of their own.
    """
    if hasattr(posix, "_create_environ"):
        create = posix._create_environ
        return lambda: dict(create())
    environment = dict(os.environb)
    c_putenv, c_unsetenv = posix.putenv, posix.unsetenv

    def putenv(name, value):
        name, value = _bytes(name), _bytes(value)
        c_putenv(name, value)
        environment[name] = value

    def unsetenv(name):
        name = _bytes(name)
        c_unsetenv(name)
        environment.pop(name, None)

    for wrapper, original in ((putenv, c_putenv), (unsetenv, c_unsetenv)):
        _replace_everywhere(ledger, wrapper, original)
        for mapping in (os.environ, os.environb):
            if original.__name__ in vars(mapping):
                ledger.replace(mapping, original.__name__, wrapper)
    return lambda: dict(environment)


def _set_environment(before, after):
    for name in before:
        if name not in after:
            posix.unsetenv(name)
    for name, value in after.items():
        if before.get(name) != value:
            posix.putenv(name, value)


# The spawn points.


def _replace_fork_exec(ledger, keep, plan, current, check_user):
    """subprocess, os.popen, asyncio, multiprocessing's spawn, forkserver and resource tracker; CPython raises no audit event here."""
    import _posixsubprocess

    original = _posixsubprocess.fork_exec
    kept = keep(original)

    def fork_exec(arguments, executables, close_fds, pass_fds, cwd, env, *options):
        rest = list(options)  # type: list
        place = None if cwd is None else _text(cwd)
        environment = current() if env is None else dict(_bytes(item).partition(b"=")[::2] for item in env)
        paths = [_text(path) for path in executables]
        rest[:6] = [int(option) for option in rest[:6]]
        cwd, same = place if place and "\0" not in place else "", _make_same(rest[:6], place is not None)
        given = Start(paths, _texts(arguments, "fork_exec"), environment, cwd, same)
        start = plan(given)
        at = _preexec_index(rest)
        if sys.version_info >= (3, 9):
            rest[at - 2] = check_user(rest[at - 2], start)
        handed = [name + b"=" + value for name, value in start.environment.items()]  # type: list[bytes] | None
        if rest[at] is not None:
            rest[at] = _then_judge_again(rest[at], plan, given, start, current if env is None else None)
            handed = None if env is None else handed
        return kept(start.arguments, [fsencode(path) for path in start.executables], close_fds, pass_fds, place, handed, *rest)

    _replace_everywhere(ledger, fork_exec, original, ("_posixsubprocess", "fork_exec"), ("subprocess", "_fork_exec"))


def _make_same(given, moves):
    """See Start.same. Of a child's descriptors those stay that stand here, if none of the six `given` is or replaces them (child_exec() in
    Modules/_posixsubprocess.c); its directory, unless it `moves`."""

    def same(name):
        if name == "cwd":
            return not moves
        number = int(name) if name.isdigit() else -1
        stands = number not in given and (number > 2 or given[(0, 3, 5)[number]] == -1)
        return number >= 0 and stands and _is_open(number)

    return same


def _is_open(descriptor):
    try:
        OWN.fstat(descriptor)
    except OSError:
        return False
    return True


def _preexec_index(rest):
    """preexec_fn is last, but for 3.11 to 3.13, which have allow_vfork behind it."""
    return -2 if isinstance(rest[-1], bool) or (3, 11) <= sys.version_info < (3, 14) else -1


def _then_judge_again(preexec, plan, given, start, current):
    """preexec_fn, and then the plan once more: in the child it may have changed directory, root, user, or the environment that is used when
    none was given (`current`). What cannot be corrected there ends in the caller's SubprocessError."""

    def preexec_fn():
        preexec()
        environment = current() if current else given.environment
        again = plan(Start(given.executables, given.arguments, dict(environment), OWN.getcwd() if given.cwd else ""))
        if (again.executables, again.arguments) != (start.executables, start.arguments):
            raise RuntimeError("preexec_fn has changed which program is started")
        if current:
            _set_environment(environment, again.environment)

    return preexec_fn


def _make_user_check(refuse, find_run):
    def check_user(uid, start):
        """A child that cannot enter the run directory would start without its guards."""
        run = find_run()
        if uid is None or run is None or int(uid) in (-1, OWN.geteuid()) or OWN.stat(run).st_mode & 0o001:
            return uid if uid is None else int(uid)
        refuse("start", "%s: another user cannot read the run directory" % "".join(start.executables[-1:]))

    return check_user


def _replace_exec(ledger, keep, plan, current):
    original, c_execv = posix.execve, posix.execv
    kept = keep(original)

    def execve(path, argv, env):
        descriptor = int(path) if isinstance(path, int) else None
        named = _text(path) if descriptor is None else "/dev/fd/%d" % descriptor
        start = Start([named], _texts(argv, "execve"), _mapping(env, "execve"))
        return guarded(start, named if descriptor is None else descriptor, path)

    def execv(path, argv):
        named = _text(path)
        return guarded(Start([named], _texts(argv, "execv"), current()), named)

    def guarded(given, path, *shown):
        """path: what is executed if that is not changed; shown: what an error names, as the original does it: nothing by execv."""
        start = plan(given)
        path = path if start.executables == given.executables else start.executables[-1]
        try:
            return kept(path, start.arguments, start.environment)
        except OSError as error:
            raise OSError(error.errno, error.strerror, *shown) from None

    _replace_everywhere(ledger, execve, original)
    _replace_everywhere(ledger, execv, c_execv)


def _replace_posix_spawn(ledger, keep, plan, on_path, current, refuse):
    """os.posix_spawn (3.8) and its form that looks at PATH; subprocess uses the first where it can."""
    none_allowed = sys.version_info >= (3, 13)

    def guarded(kept, find, name):
        def spawn(path, argv, env, **options):
            environment = current() if env is None and none_allowed else _mapping(env, name, " or None" if none_allowed else "")
            actions = options.get("file_actions")
            bare = actions is None or (type(actions) in (list, tuple) and not actions)
            start = plan(Start([find(_text(path))], _texts(argv, name), environment, "", lambda own: bare or own == "cwd"))
            try:
                return kept(start.executables[-1], start.arguments, start.environment, **options)
            except PolicyViolation:
                raise
            except OSError as error:
                raise OSError(error.errno, error.strerror, path) from None

        return spawn

    for name, find in (("posix_spawn", str), ("posix_spawnp", lambda path: on_path(path, current(), refuse))):
        original = getattr(posix, name, None)
        if original is not None:
            _replace_everywhere(ledger, guarded(keep(original), find, name), original)


def _replace_system(ledger, keep, plan, current):
    """os.system hands over the C environment, which other threads read: the shell is told to make the changes instead."""
    original = posix.system
    kept = keep(original)

    def system(command):
        command = _bytes(command)
        before = current()
        after = plan(Start([SHELL], ["sh", "-c", fsdecode(command)], before)).environment
        return kept(_changes(before, after) + command)

    _replace_everywhere(ledger, system, original)


def _changes(before, after):
    """In sh's words. What goes is a name that we have set aside; sh passes over those that it could not have set."""
    gone = [name for name in before if name not in after and name.replace(b"_", b"a").isalnum()]
    changed = [name + b"='" + value.replace(b"'", b"'\\''") + b"'" for name, value in after.items() if before.get(name) != value]
    return b"".join(word + b" " + b" ".join(names) + b"; " for word, names in ((b"unset", gone), (b"export", changed)) if names)


def _replace_everywhere(ledger, wrapper, original, *places):
    """Put the wrapper wherever the original is bound; a module that is not loaded yet will take it from where it stands by then."""
    name = original.__name__
    wrapper.__name__ = wrapper.__qualname__ = name
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__
    for module, attribute in places or (("posix", name), ("os", name)):
        if hasattr(sys.modules.get(module), attribute):
            ledger.replace(sys.modules[module], attribute, wrapper)
