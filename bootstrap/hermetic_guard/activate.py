"""Puts the guards in place in a fresh interpreter, and takes every trace of the injection out again.

Called by _loader.py with everything checked and nothing of the target run. Any exception here ends the process (exit 125).
"""

import _imp
import os
import sys

from hermetic_guard import (
    attribution,
    children,
    collector,
    distributions,
    files,
    hook,
    injection,
    late,
    packages,
    sealing,
    serialized,
    shutdown,
    traces,
)
from hermetic_guard.enforce import Enforcer
from hermetic_guard.errors import PolicyViolation
from hermetic_guard.events import Channel
from hermetic_guard.guards import filesystem, integrity, native, network, process
from hermetic_guard.observers import make_observers
from hermetic_guard.policy import CONFINED
from hermetic_guard.scopes import Scopes
from hermetic_guard.sealing import seal

GUARDS = (network, process)
BUILDING = "building"
"""What is loaded where builds are confined, see hermetic/launch/payload.py."""


def activate(way, staged, identity, before, modules):
    """staged: the run directory's checked files; identity: of the run's FIFO; before: see traces.py; modules: of the guard, by name

    What comes after the report may be the target's.
    """
    found = traces.Traces(way, staged.run, before)
    own = sealing.NAMESPACES = [vars(module) for module in modules.values()]
    scopes = Scopes(serialized.loads(staged.read("policy")), staged.run + "/scratch")
    if injection.NARROWED in os.environb:
        scopes.tighten(os.environb[injection.NARROWED])
    block = os.environb.get(injection.BLOCK)
    scopes.keywords = block is not None
    channel = Channel(staged.run + "/events", identity, block)
    channel.reach()
    privately, watch = make_observers()
    enforcer = Enforcer(scopes, channel.tell, make_stack(privately, own), staged.run, make_asked(scopes.base, privately, own))
    traces.restore_environment()
    if scopes.current.filesystem is not None:
        filesystem.point_to_scratch(scopes.current.filesystem, scopes.scratch)
    protected = [path for path in staged.read("protected").decode("utf-8", "surrogateescape").split("\0") if path]
    native_files = staged.read("native")
    parts = (children.PART, BUILDING) if scopes.current.builds == CONFINED else (children.PART,)
    load = seal(vars(late))["make_load"]({part: staged.part(part) for part in parts}, modules, own)
    builds = load(BUILDING)["hermetic_guard.builds"] if BUILDING in parts else None

    def guard_children():
        children.install(enforcer, handoff(staged, identity, block), staged, load)

    install(enforcer, protected, native_files, channel, guard_children, builds, watch)
    if builds is not None and "launcher" in staged.digests:
        launcher = staged.read("launcher").decode("utf-8", "surrogateescape").split("\0")
        builds.confine(scopes, lambda: builds.own_words(staged.run), launcher, os.execve)
    sealing.NAMESPACES = None
    found.take_out(enforcer.ledger.modules)
    channel.tell(ready(way))
    found.process_warnings()


def make_stack(privately, own):
    return seal(vars(attribution))["make_stack"](is_own, privately, own)


def make_asked(policy, privately, own):
    sealed = seal(vars(files), vars(distributions), vars(packages), vars(attribution))
    return sealed["make_asked"](is_own, frozenset([name for package in policy.packages for name in package.through]), privately, own)


def is_own(name):
    return name.startswith("<hermetic>")


def handoff(staged, identity, block):
    """What a child must know of the run."""
    return injection.Handoff(os.fsencode(staged.run), staged.digest.encode(), identity, block)


def install(enforcer, protected, native_files, channel, guard_children, builds, watch):
    """Replacements first, the hook last: it would see our own imports. Every guard is there, for a policy can be tightened later."""
    handlers, protect = integrity.install(enforcer, (enforcer.run, *protected))
    on_files, replace = filesystem.prepare(enforcer, protect, channel.path)
    tables = [enforcer.handlers, handlers, on_files]
    tables.extend(guard.install(enforcer) for guard in GUARDS)
    guard_children()
    replace()
    at_end, freeze = collector.install(enforcer, fresh=True)
    tables.append(at_end)
    if builds is not None:
        tables.append({"open": builds.make_on_open(enforcer.check)})
    if enforcer.hooked:
        create = enforcer.ledger.original(_imp, "create_dynamic")
        on_uncaught = seal(globals())["make_on_uncaught"](channel.tell, PolicyViolation, largest_file(enforcer.scopes))
        tables.append({"sys.excepthook": on_uncaught, "cpython.PyInterpreterState_Clear": shutdown.at_clear(create)})
    else:
        tell_uncaught_at_exit(channel.tell, largest_file(enforcer.scopes))
    tables.append(native.install(enforcer, native_files))  # from here on importing asks the hook
    if hasattr(sys, "addaudithook"):
        hook.install(tables, watch=watch)
    freeze()


EFBIG = 27


def largest_file(scopes):
    """Its size, None where that is not limited."""
    return scopes.current.limits and scopes.current.limits.file_size


def make_on_uncaught(tell, kind, largest):
    """`sys.excepthook` is raised for an exception that leaves the main thread, whatever hook is set (Python/pythonrun.c).

    The launcher makes exit code 77 of an exit code 1 that an uncaught violation caused. At a prompt such an exception ends nothing.
    largest: what files may grow to, of which the kernel tells the process alone
    """
    getpid, os_error, too_large = os.getpid, OSError, EFBIG

    def on_uncaught(_, error_type, error, *__):
        if hasattr(sys, "ps1"):
            return
        if type(error_type) is type and issubclass(error_type, kind):
            tell({"event": "uncaught", "pid": getpid()})
        elif largest is not None and type(error) is os_error and error.errno == too_large:
            tell({"event": "limit", "pid": getpid(), "limit": "max-file-size", "value": largest})

    return on_uncaught


def tell_uncaught_at_exit(tell, largest):
    """Before 3.8, and on PyPy, nothing says so but the traceback that was kept for a debugger."""
    import atexit

    on_uncaught = make_on_uncaught(tell, PolicyViolation, largest)

    def tell_uncaught():
        error = getattr(sys, "last_value", None)
        if error is not None:
            on_uncaught(None, type(error), error)

    atexit.register(tell_uncaught)


def ready(way):
    version = "%d.%d.%d" % sys.version_info[:3]
    return {"event": "ready", "pid": os.getpid(), "way": way, "python": version, "implementation": sys.implementation.name}
