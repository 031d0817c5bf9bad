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
    frames,
    hook,
    injection,
    late,
    packages,
    sealing,
    shutdown,
    traces,
)
from hermetic_guard.enforce import Enforcer
from hermetic_guard.errors import PolicyViolation
from hermetic_guard.guards import awaited, filesystem, integrity, native, network, process
from hermetic_guard.observers import make_observers, replace_listings
from hermetic_guard.sealing import seal
from hermetic_guard.unlisted import hide

GUARDS = (network, process)
NAMESPACE, ALTERED = "hermetic.namespace", "hermetic.altered"
"""Audit events of our own."""

BUILDING = "building"
"""What is loaded where builds are confined, see hermetic/launch/payload.py."""


def activate(way, staged, identity, before, modules, twins, listings):
    """staged: the run directory's checked files; identity: of the run's FIFO; before: see traces.py; modules: of the guard, by name
    twins: likewise, see sealing.py; listings: see unlisted.py

    What comes after the report may be the target's.
    """
    found = traces.Traces(way, staged.run, before)
    own = sealing.NAMESPACES = [vars(module) for found in (modules, twins) for module in found.values()]
    sealing.TWINS.update([(id(vars(modules[name])), vars(twin)) for name, twin in twins.items()])
    judging = twins or modules
    judging["hermetic_guard.sealing"].NAMESPACES = own
    policy = judging["hermetic_guard.serialized"].loads(staged.read("policy"))
    scopes = judging["hermetic_guard.scopes"].Scopes(policy, staged.run + "/scratch")
    if injection.NARROWED in os.environb:
        scopes.tighten(os.environb[injection.NARROWED])
    block = os.environb.get(injection.BLOCK)
    scopes.keywords = block is not None
    channel = judging["hermetic_guard.events"].Channel(staged.run + "/events", identity, block)
    channel.reach()
    privately, watch = make_observers()
    enforcer = Enforcer(scopes, channel.tell, make_stack(privately, own), staged.run, make_asked(scopes.base, privately, own))
    traces.restore_environment()
    if scopes.current.filesystem is not None:
        judging["hermetic_guard.guards.filesystem"].point_to_scratch(scopes.current.filesystem, scopes.scratch)
    protected = [path for path in staged.read("protected").decode("utf-8", "surrogateescape").split("\0") if path]
    native_files = staged.read("native")
    make_load, builds = seal(vars(late))["make_load"], None
    note = hook.make_ask(NAMESPACE) if enforcer.hooked else own.append
    handling = seal(globals())
    enforcer.handlers.update({ALTERED: handling["make_on_altered"](channel.tell), NAMESPACE: handling["make_on_namespace"](own)})
    told = hook.make_ask(ALTERED) if enforcer.hooked else None
    load = make_load({part: staged.part(part, told) for part in (children.PART, awaited.PART)}, modules, note)
    if scopes.current.builds == judging["hermetic_guard.policy"].CONFINED:
        builds = make_load({BUILDING: staged.part(BUILDING)}, judging, own.append)(BUILDING)["hermetic_guard.builds"]

    def guard_children():
        children.install(enforcer, handoff(staged, identity, block), staged, load)

    if enforcer.hooked:
        replace_listings(enforcer.ledger)
    install_libraries = awaited.make_install(load)
    hidden = classes_in([twin for name, twin in twins.items() if twin is not modules[name]]), listings
    install(enforcer, protected, native_files, channel, guard_children, install_libraries, builds, watch, hidden)
    if builds is not None and "launcher" in staged.digests:
        launcher = staged.read("launcher").decode("utf-8", "surrogateescape").split("\0")
        builds.confine(scopes, lambda: builds.own_words(staged.run), launcher, os.execve)
    sealing.NAMESPACES = judging["hermetic_guard.sealing"].NAMESPACES = None
    sealing.TWINS.clear()
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


def make_on_namespace(own):
    """Anybody can raise this event, and is left out of the stacks that are told: with the list itself he would have all that judges."""

    def on_namespace(answer, namespace):
        if type(answer) is list and type(namespace) is dict:
            own.append(namespace)
            answer.append(True)

    return on_namespace


def make_on_altered(tell):
    """For a part of the guard that is to be loaded, and is not what the launcher wrote: that has to know, for it may be what is kept."""
    getpid = os.getpid

    def on_altered(answer, name):
        if type(answer) is list and type(name) is str:
            tell({"event": "failed", "pid": getpid(), "why": "%s in the run directory was altered" % name[:100]})
            answer.append(True)

    return on_altered


def handoff(staged, identity, block):
    """What a child must know of the run."""
    return injection.Handoff(os.fsencode(staged.run), staged.digest.encode(), identity, block)


def classes_in(modules):
    """Those that are defined there."""
    return [
        value for module in modules for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__
    ]


def install(enforcer, protected, native_files, channel, guard_children, install_libraries, builds, watch, hidden):
    """Replacements first, the hook last: it would see our own imports. Every guard is there, for a policy can be tightened later."""
    handlers, protect = integrity.install(enforcer, (enforcer.run, *protected))
    on_files, replace = filesystem.prepare(enforcer, protect, channel.path, install_libraries)
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
    if hidden[0]:
        tables.append(hide(enforcer.ledger, *hidden))
    if hasattr(sys, "addaudithook"):
        hook.install(tables, watch=watch)
    if enforcer.hooked:
        frames.install(sealing.NAMESPACES)
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
