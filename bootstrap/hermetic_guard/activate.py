"""Puts the guards in place in a fresh interpreter and takes every trace of the injection out again.

Called by _startup.py with everything checked and nothing of the target run. Any exception here ends the process (exit 125).
"""

import os
import sys

from hermetic_guard import attribution, children, hook, injection, policy
from hermetic_guard.enforce import Enforcer
from hermetic_guard.events import Channel
from hermetic_guard.guards import integrity, network
from hermetic_guard.scopes import Scopes

GUARDS = (network,)


def activate(way, staged, digest, channel_identity):
    """staged: the run directory's checked files; digest and channel_identity: as in injection.Handoff."""
    scopes = Scopes(policy.loads(staged.read("policy")))
    if injection.NARROWED in os.environb:
        scopes.push(policy.loads(os.environb[injection.NARROWED]))
    channel = Channel(staged.run + "/events", channel_identity)
    protected = staged.read("protected").decode("utf-8", "surrogateescape").split("\0") + [os.path.realpath(staged.run)]
    stack = attribution.make_stack(lambda name: name.startswith("<hermetic>"))
    enforcer = Enforcer(scopes, channel.tell, stack, staged.run)
    handoff = injection.Handoff(os.fsencode(staged.run), digest.encode(), channel_identity)
    restore_environment()
    sys.modules["hermetic_guard"].tighten = lambda data: scopes.push(policy.loads(data)) and None  # type: ignore[attr-defined]
    _install(enforcer, scopes, protected, channel, lambda: children.install(enforcer, handoff, staged))
    _take_out(way, staged.run)
    channel.tell(_ready(way))


def _install(enforcer, scopes, protected, channel, guard_children):
    """Replacements first, the hook last: it would see our own imports. Every guard is there, for a policy can be tightened later."""
    handlers = [integrity.install(enforcer, tuple(protected), channel.path)]
    handlers.extend(guard.install(enforcer) for guard in GUARDS)
    guard_children()
    handlers.append(_exit_handlers(channel.tell, _violation_classes()))
    if hasattr(sys, "addaudithook"):
        hook.install(_merge(handlers))
    if not enforcer.hooked:
        _tell_uncaught_at_exit(channel.tell, _violation_classes())


def _merge(tables):
    """One handler per event; where two guards look at the same event both are asked."""
    merged = {}  # type: ignore[var-annotated]
    for table in tables:
        for event, handler in table.items():
            merged[event] = _both(merged[event], handler) if event in merged else handler
    return merged


def _both(first, second):
    def both(*arguments):
        first(*arguments)
        second(*arguments)

    return both


def _violation_classes():
    from hermetic_guard.errors import PolicyViolation

    return PolicyViolation


def _uncaught(tell, kind):
    """The launcher makes exit code 77 of an exit code 1 that an uncaught violation caused."""
    getpid, is_a = os.getpid, isinstance

    def uncaught(error):
        if is_a(error, kind):
            tell({"event": "uncaught", "pid": getpid()})

    return uncaught


def _exit_handlers(tell, kind):
    """`sys.excepthook` is raised for an exception that leaves the main thread, whatever hook is set (Python/pythonrun.c)."""
    uncaught = _uncaught(tell, kind)
    return {
        "sys.excepthook": lambda hook, kind, value, traceback: uncaught(value),
        "cpython.PyInterpreterState_Clear": hook.at_clear(),
    }


def _tell_uncaught_at_exit(tell, kind):
    import atexit

    uncaught = _uncaught(tell, kind)
    atexit.register(lambda: uncaught(getattr(sys, "last_value", None)))


def _ready(way):
    version = "%d.%d.%d" % sys.version_info[:3]
    return {"event": "ready", "pid": os.getpid(), "way": way, "python": version, "implementation": sys.implementation.name}


def restore_environment() -> None:
    """Give os.environ, the C environment and `posix.environ` (which os.environ was made from) the values the user set."""
    import posix

    before = dict(os.environb)
    after = injection.restore_environment(before)
    for name in before:
        if name not in after:
            del os.environb[name]
            posix.environ.pop(name, None)
    for name, value in after.items():
        if before.get(name) != value:
            os.environb[name] = value
            posix.environ[name] = value
    _restore_pycache_prefix()


def _restore_pycache_prefix() -> None:
    prefix = os.environ.get("PYTHONPYCACHEPREFIX")
    if prefix and not sys.flags.ignore_environment and hasattr(sys, "pycache_prefix"):
        if sys.pycache_prefix is None:
            sys.pycache_prefix = prefix


def _take_out(way: str, run: str) -> None:
    """Leave sys.path as the user's PYTHONPATH makes it; the warning filter is removed when `warnings` has finished with it."""
    if not sys.flags.ignore_environment:
        _restore_path(run)
    if way == "early":
        _tidy_before_site()


def _restore_path(run: str) -> None:
    """The interpreter puts PYTHONPATH's entries first, as they are; 3.11 and later make them absolute (Modules/getpath.py)."""
    value = os.environ.get("PYTHONPATH")
    entries = value.split(":") if value else []
    if sys.version_info >= (3, 11):
        entries = [os.path.abspath(entry) for entry in entries]
    at = sys.path.index(run) if run in sys.path else 0
    sys.path[at : at + (run in sys.path)] = entries


def _tidy_before_site() -> None:
    """Remove what PYTHONWARNINGS left, at the first import after `warnings` is done: that of `site`.

    A module that a loader still works on must stay in sys.modules until then, else the import system raises KeyError.
    """

    class Tidy(object):
        def find_spec(self, name, path=None, target=None):
            if name == "site":
                sys.meta_path.remove(self)
                _tidy_warnings()

    sys.meta_path.insert(0, Tidy())


def _tidy_warnings() -> None:
    warnings = sys.modules["warnings"]
    ours = sys.modules.pop(injection.EARLY_MODULE)
    category = getattr(ours, injection.EARLY_CLASS)
    sys.warnoptions.remove(injection.WARNING.decode())
    warnings.filters[:] = [item for item in warnings.filters if item[2] is not category]
    if sys.warnoptions:
        warnings._filters_mutated()
    else:
        # Unasked-for, `warnings` would not be loaded yet; loaded again later it finds the state as native.
        for name in ("warnings", "_py_warnings"):
            sys.modules.pop(name, None)
