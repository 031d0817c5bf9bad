"""What keeps the guards standing, in every policy.

A target that can write into the run directory decides what its children load; one that makes a sub-interpreter has one without a hook; one
that loads `_socket` a second time has it without wrappers; one that writes /proc/PID/mem or attaches to its parent rewrites code that stands.
On 3.6, 3.7 and PyPy, where these raise no audit events, the run directory is still compared before every child starts (children.py).
"""

import _imp
import os
import sys

from hermetic_guard.policy import Request

NAME = "integrity"

LOADED_ONCE = ("_socket", "_posixsubprocess", "posix", "_interpreters", "_xxsubinterpreters")
"""Modules with replaced functions: a second load, under whatever package name, would bring the originals back."""

ONE_PATH = "os.chflags os.chmod os.chown os.mkdir os.remove os.removexattr os.rmdir os.setxattr os.truncate os.utime".split()
TWO_PATHS = "os.rename os.link os.symlink".split()
REFUSED = {
    "sys.remote_exec": "remote execution",
    "cpython.remote_debugger_script": "remote execution",
    "cpython.PyInterpreterState_New": "sub-interpreter",
}
"""Events that no guarded program may cause. `_interpreters.create` (3.13+) raises none and is replaced."""


def install(enforcer, protected, channel_path):
    """protected: absolute real paths of directories and files that the target must not change.

    channel_path: the run's FIFO, as the very object that events.py opens it by.
    """
    check_path, check_descriptor = _make_path_checks(enforcer.check, protected)
    _replace_silent_makers(enforcer.ledger, check_path)
    _refuse_subinterpreters(enforcer)
    _refuse_second_loads(enforcer)
    handlers = {name: _refuser(enforcer.check, what) for name, what in REFUSED.items()}
    handlers.update({name: _on_one(check_path) for name in ONE_PATH})
    handlers.update({name: _on_two(check_path) for name in TWO_PATHS})
    handlers["open"] = _on_open(check_path, check_descriptor, channel_path)
    handlers["import"] = _on_import(enforcer.check)
    return handlers


def _make_path_checks(check, protected):
    """Two functions of a path: may it be changed, and may a directory descriptor of it be had."""
    realpath, fspath, fsdecode, text, integer = os.path.realpath, os.fspath, os.fsdecode, str, int
    prefixes = tuple(path + "/" for path in protected)

    def resolve(path):
        path = fspath(path)
        return realpath(text.__str__(path) if isinstance(path, text) else fsdecode(path))

    def check_path(path):
        if path is None or isinstance(path, integer):
            return
        real = resolve(path)
        if (real + "/").startswith(prefixes):
            check(Request(NAME, "write", real))
        if real.startswith("/proc/") and real.endswith("/mem"):
            check(Request(NAME, "write", real))

    def check_descriptor(path):
        """An event for a path relative to a directory descriptor does not name the directory; so none is given out."""
        if not isinstance(path, integer):
            real = resolve(path)
            if real in protected or (real + "/").startswith(prefixes):
                check(Request(NAME, "open", real))

    return check_path, check_descriptor


def _on_open(check_path, check_descriptor, channel_path):
    """`open` carries a mode from io.open and None from os.open; ssl's key log has flags 0 and says what it does in the mode only."""
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    letters = frozenset("wax+")

    def on_open(path, mode, flags):
        if flags & writes or (mode is not None and not letters.isdisjoint(mode)):
            if path is not channel_path:
                check_path(path)
        elif mode is None:
            check_descriptor(path)

    return on_open


def _on_one(check_path):
    def on_one(path, *_):
        check_path(path)

    return on_one


def _on_two(check_path):
    def on_two(source, destination, *_):
        check_path(source)
        check_path(destination)

    return on_two


def _refuser(check, what):
    def refuse(*_):
        check(Request(NAME, "use", what))

    return refuse


def _replace_silent_makers(ledger, check_path):
    """os.mkfifo and os.mknod raise no audit event."""

    def guarded(original):
        def make(path, *arguments, **options):
            check_path(path)
            return original(path, *arguments, **options)

        make.__name__ = make.__qualname__ = original.__name__
        make.__doc__ = original.__doc__
        return make

    for name in ("mkfifo", "mknod"):
        if hasattr(os, name):
            wrapper = guarded(getattr(os, name))
            for module in (os, sys.modules["posix"]):
                ledger.replace(module, name, wrapper)


def _refuse_subinterpreters(enforcer):
    """3.13 renamed the module and raises no event; before, only some builds have it and `cpython.PyInterpreterState_New` tells."""
    if sys.version_info >= (3, 13) and "_interpreters" in sys.builtin_module_names:
        import _interpreters

        enforcer.ledger.replace(_interpreters, "create", _refuser(enforcer.check, "sub-interpreter"))


def _second_load(check):
    text, once, modules = str, frozenset(LOADED_ONCE), sys.modules

    def second_load(name):
        last = text.__str__(name).rpartition(".")[2]
        if last in once and loaded(last):
            check(Request(NAME, "second load", last))

    guarded = frozenset(name for name in once if name in modules)

    def loaded(name):
        return name in guarded or name in modules

    return second_load


def _on_import(check):
    second_load = _second_load(check)

    def on_import(name, filename, *_):
        """The file name is given only where an extension module is about to be loaded (Python/import.c, _imp_create_dynamic_impl)."""
        if filename is not None:
            second_load(name)

    return on_import


def _refuse_second_loads(enforcer):
    """`_imp.create_builtin` raises no event; `_imp.create_dynamic` does on 3.8+."""
    second_load = _second_load(enforcer.check)
    spec_type = type(sys.__spec__)
    same, refuse = type, _refuser(enforcer.check, "a module spec that is not a ModuleSpec")

    def guarded(original):
        def create(spec, *file):
            if same(spec) is not spec_type:
                refuse()
            second_load(spec.name)
            return original(spec, *file)

        create.__name__ = create.__qualname__ = original.__name__
        return create

    names = ("create_builtin",) if enforcer.hooked else ("create_builtin", "create_dynamic")
    for name in names:
        enforcer.ledger.replace(_imp, name, guarded(getattr(_imp, name)))
