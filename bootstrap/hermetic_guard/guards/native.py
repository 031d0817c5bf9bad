"""The native guard: no extension module but the standard library's own and those of the distributions listed, no foreign function calls.

What is the standard library's is known by where the file lies, which the target cannot write to unless the interpreter is its own. Whether a
file is a listed distribution's was found out by the launcher, before anything ran: what stands beside a file later anybody may have put there.

`_ctypes` is the standard library's and refused all the same: a union of a number and a pointer reads and writes any memory, with no event and
no call. Its absence is an ImportError that programs know. `_tkinter` is likewise: its language loads libraries.

A package that has its modules both compiled and in Python is found in Python: the path finder passes over what would be refused. Nobody is
told of that; it is an event when an import fails.
"""

import _frozen_importlib_external as external
import _imp
import os
import sys

from hermetic_guard import distributions, files, shutdown
from hermetic_guard.decide import Request
from hermetic_guard.distributions import OPEN_ENDED
from hermetic_guard.guards import loading, paths, variables
from hermetic_guard.guards.loading import copy_of, dress, replacer, when_loaded
from hermetic_guard.guards.paths import exact
from hermetic_guard.guards.variables import PRELOADS, PUTENV_IS_SILENT, READ, VARIABLES, make_on_putenv, replace_putenv
from hermetic_guard.hook import make_ask
from hermetic_guard.patching import assign
from hermetic_guard.sealing import seal

NAME = "native"
JUDGE, PASSES = "hermetic.native", "hermetic.native.passes"
"""Audit events of our own."""

TESTS = ("_ctypes_test", "_test", "_xxtest", "xx")
"""How modules begin that are there to test the interpreter. Some write any memory."""

CALLS = {
    "ctypes.PyObj_FromPtr": "call",
    "ctypes.call_function": "call",
    "ctypes.cdata": "call",
    "ctypes.dlopen": "load",
    "ctypes.dlsym": "call",
    "ctypes.dlsym/handle": "call",
    "ctypes.memoryview_at": "call",
    "ctypes.set_errno": "call",
    "ctypes.string_at": "call",
    "ctypes.wstring_at": "call",
}
"""Events of a `ctypes` that was loaded before the guard stood, and what they are requests for."""

PACKAGES = ("site-packages", "dist-packages")
PYPY = sys.implementation.name == "pypy"


def install(enforcer, listed=b""):
    """Replace the path finder's look-up, and what loads without an event; returns the handlers of the events.

    listed: the files of the policy's distributions, as hermetic/target/packages.py finds them: of each the distribution's name and its path,
    both ended by a null byte. A path that ends in a slash is all that lies below. Or what read_listed makes of that, to be added to.
    """
    sealed = seal(vars(files), vars(distributions), vars(paths), vars(variables), globals())
    standard = standard_folders()
    facts = sealed["make_facts"](standard, *(read_listed(listed) if type(listed) is bytes else listed))
    judge, passes = sealed["make_judge"](enforcer.check, enforcer.allows, facts), sealed["make_passes"](enforcer.allows, facts)
    if PYPY:
        forget_open_ended(passes)
    ask, ask_passes = (make_ask(JUDGE), make_ask(PASSES)) if hasattr(sys, "audit") else (judge, passes)
    replace_finder(enforcer.ledger, ask_passes, standard)
    if not enforcer.hooked:
        replace_loading(enforcer.ledger, ask)
    if PUTENV_IS_SILENT:
        replace_putenv(enforcer.ledger, ask)
    if not enforcer.hooked or sys.version_info < (3, 10):
        when_loaded(enforcer, "_sqlite3", replacer(enforcer, "Connection", make_without_extensions(ask)))
    handlers = sealed["make_handlers"](judge, passes)
    if enforcer.hooked:
        handlers.update(loading.hide(enforcer, judge))
    return handlers


def asker(enforcer):
    """A function that raises if a program may not be started with this value of a variable; the filesystem guard is asked as well."""
    judge = make_ask(JUDGE) if hasattr(sys, "audit") else make_judge(enforcer.check, enforcer.allows, None)
    on_native, ask_files = make_on_putenv(judge, VARIABLES + PRELOADS), enforcer.ask_variable
    on_files = make_on_putenv(lambda _, shown: ask_files(shown), VARIABLES + READ)

    def set_variable(name, value):
        on_native(name, value)
        on_files(name, value)

    return set_variable


def standard_folders():
    """Where the interpreter keeps its own extension modules: PYTHONPATH is not in sys.path yet, and nothing of the target's has run."""
    if PYPY:
        return (os.path.dirname(os.__file__),)
    return tuple([entry for entry in sys.path if entry.endswith("/lib-dynload")])


def read_listed(listed):
    """(files, folders): dicts of path to distribution."""
    words = listed.decode("utf-8", "surrogateescape").split("\0")
    owners = dict(zip(words[1::2], words[0::2]))
    folders = {path: owner for path, owner in owners.items() if path.endswith("/")}
    return {path: owner for path, owner in owners.items() if path not in folders}, folders


# Judging.


def make_facts(standard, files, folders):
    """facts(name, path): what decide.py looks at. path: of the file, None for what is built into the interpreter."""
    unwinder = shutdown.UNWINDER

    def facts(name, path):
        if path is None or is_standard(path):
            last = (path or name).rpartition("/")[2].partition(".")[0]
            named = OPEN_ENDED.get(last, "")
            return {"distribution": named, "standard": not named and not last.startswith(TESTS)}
        return {"distribution": files.get(path) or below(path), "standard": False}

    def is_standard(path):
        folder = path.rpartition("/")[0]
        if folder in standard or path == unwinder:
            return True
        inner = folder[len(standard[0]) + 1 :] if PYPY and folder.startswith(standard[0] + "/") else ""
        return bool(inner) and not inner.startswith(PACKAGES) and ".." not in inner

    def below(path):
        return "" if ".." in path else "".join([owner for folder, owner in folders.items() if path.startswith(folder)][:1])

    return facts


def make_judge(check, allows, facts):
    """judge(action, shown, path, distribution): raise what is refused. path: of what is imported, as for `facts`."""
    claimed_by = distributions.claimed_by

    def judge(action, shown, path=None, distribution=""):
        found = facts(shown, path) if action == "import" else {"distribution": distribution}
        if not allows(Request(NAME, action, shown, **found)):
            check(Request(NAME, action, shown, claimed=claimed_by(path) if path else "", **found))
        return True

    return judge


def make_passes(allows, facts):
    """passes(name, path): whether the path finder is to pass over this file."""

    def passes(name, path):
        return not allows(Request(NAME, "import", name, **facts(name, path)))

    return passes


def make_handlers(judge, passes):
    handlers = {event: make_on_call(judge, event, action) for event, action in CALLS.items()}
    handlers["import"] = make_on_import(judge)
    handlers["os.putenv"] = make_on_putenv(judge)
    handlers["sqlite3.enable_load_extension"] = make_on_extension(judge)
    handlers["sqlite3.load_extension"] = make_on_loaded_extension(judge)
    handlers["fcntl.ioctl"] = handlers["fcntl.fcntl"] = make_on_control(judge)
    handlers[JUDGE] = make_on_ask(judge)
    handlers[PASSES] = make_on_ask(passes)
    return handlers


def make_on_import(judge):
    """The file name is given only where an extension module is about to be loaded."""

    def on_import(name, filename, *_):
        if filename is not None:
            path = exact(filename)
            judge("import", str.__str__(name), path if type(path) is str else "")

    return on_import


def make_on_call(judge, event, action):
    def on_call(first=None, *_):
        judge(action, first if type(first) is str else event, None, "ctypes")

    return on_call


def make_on_extension(judge):
    def on_extension(_, enabled):
        if enabled is not False:
            judge("load", "extensions of sqlite3")

    return on_extension


def make_on_loaded_extension(judge):
    """Debian's SQLite loads some without being switched to it."""

    def on_loaded_extension(*_):
        judge("load", "extensions of sqlite3")

    return on_loaded_extension


LOWEST = 0x400000
"""Where programs of the older kind begin in memory: a number below is no address of anything."""

POINTERS = frozenset([0x8912, 0x8940, 0x8941, 0x8946, 0x2285, 0x4B72, 0x40806685, 0xC0286687]).union(
    range(0x8B00, 0x8C00), range(0x89F0, 0x8A00), range(0x4B60, 0x4B70)
)
"""Requests with an address in their structure: SIOCGIFCONF, bridges, SIOCETHTOOL, SG_IO, fonts, fs-verity, wireless, devices' own; ioctl_list(2)."""


def make_on_control(judge):
    """ioctl and fcntl write to the address that they are given, and would give whoever chooses it all of memory."""
    add, buffer = int.__add__, memoryview

    def on_control(descriptor, request, argument=None, *_):
        kind = type(argument)
        if type(request) is int and request & 0xFFFFFFFF in POINTERS:
            judge("call", "ioctl(%#x)" % (request & 0xFFFFFFFF), None, "ctypes")
        elif issubclass(kind, int):
            number = add(argument, 0)
            if number >= LOWEST:
                judge("call", "ioctl or fcntl with an address", None, "ctypes")
        elif kind not in (bytes, str, bytearray, type(None)) and not is_buffer(argument):
            judge("call", "ioctl or fcntl with an object", None, "ctypes")

    def is_buffer(value):
        try:
            buffer(value)
        except TypeError:
            return False
        return True

    return on_control


def make_on_ask(function):
    """Anybody can raise these events. What comes with them is used only if it is what we send."""

    def on_ask(answer, *words):
        if type(answer) is list and all(word is None or type(word) is str for word in words):
            answer.append(function(*words))

    return on_ask


# Replacing.


def replace_finder(ledger, passes, standard):
    """FileFinder looks for extension modules first. The method is replaced, since finders are made and remembered everywhere.

    standard: where nothing is passed over
    """
    kind, extension = external.FileFinder, external.ExtensionFileLoader
    original, make = kind.find_spec, object.__new__

    def find_spec(self, fullname, target=None):
        spec = original(self, fullname, target)
        if spec is None or not isinstance(spec.loader, extension) or (spec.origin or "").rpartition("/")[0] in standard:
            return spec
        if not passes(exact(fullname), exact(spec.origin)):
            return spec
        pure = make(type(self))
        vars(pure).update(vars(self), _loaders=[pair for pair in self._loaders if not loads_extensions(pair[1])])
        found = original(pure, fullname, target)
        return spec if found is None or found.loader is None else found

    def loads_extensions(loader):
        return isinstance(loader, type) and issubclass(loader, extension)

    ledger.replace(kind, "find_spec", dress(find_spec, original))


def replace_loading(ledger, judge):
    """On 3.6, 3.7 and PyPy. Elsewhere there is an event, and what is built in is made by the hook (loading.py)."""

    def guarded(original, built_in):
        def create(spec, *file):
            spec = copy_of(spec)
            path = None if built_in else exact(spec.origin)
            if type(spec.name) is str:
                judge("import", spec.name, path if built_in or type(path) is str else "")
            return original(spec, *file)

        return create

    for name in ("create_builtin", "create_dynamic"):
        original = getattr(_imp, name)
        ledger.replace(_imp, name, dress(guarded(original, name == "create_builtin"), original))


def forget_open_ended(passes):
    """PyPy has some of these loaded from its start."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OPEN_ENDED]:
        if passes(name, None):
            del sys.modules[name]


def make_without_extensions(judge):
    """A function that replaces the method of a type; that is there only if the interpreter was built with it."""
    on_extension = make_on_extension(judge)

    def without_extensions(connection):
        original = vars(connection).get("enable_load_extension")
        if original is not None:

            def enable_load_extension(self, enabled):
                on_extension(self, bool(enabled))
                return original(self, enabled)

            assign(connection, "enable_load_extension", dress(enable_load_extension, original))
        return connection

    return without_extensions
