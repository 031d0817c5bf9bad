"""Loading an extension module a second time brings its functions back as they were before they were replaced.

For a module of the old kind CPython even puts them back into the one that is loaded, with no audit event (Python/import.c,
import_find_extension). So whoever loads such a module again is given the one that stands; under another name (`x._socket`, from a copy of the
file) the load is refused. In other modules guards replace something as soon as they are loaded.
"""

import _imp
import sys
from _frozen_importlib_external import _LoaderBasics

from hermetic_guard.guards.paths import exact

REPLACED = frozenset(["_imp", "_io", "_posixsubprocess", "_socket", "posix"])
"""The modules that guards replace something in, by the last part of their names: that is what their init functions are found by."""

PYPY = sys.implementation.name == "pypy"
INTERPRETERS = "_interpreters"
IMPORTLIB, IMPORTING = "<frozen importlib._bootstrap>", "_call_with_frames_removed"
"""The file and the function whose frames CPython leaves out of tracebacks (Python/import.c, remove_importlib_frames)."""

FIELDS = ("loader", "loader_state", "name", "origin", "parent", "submodule_search_locations")


class Spec(object):
    """A copy of a module spec. Its fields were read once: what is judged is what is loaded."""

    __slots__ = FIELDS

    def __init__(self, original):
        for name in FIELDS:
            value = getattr(original, name, None)
            setattr(self, name, exact(value) if name == "name" else value)


def install(enforcer):
    ledger, refuse = enforcer.ledger, enforcer.refuse
    enforcer.when_loaded[INTERPRETERS] = lambda module: ledger.replace(
        module, "create", lambda *_, **__: refuse("use", "a sub-interpreter")
    )
    for name in ("create_builtin", "create_dynamic"):
        ledger.replace(_imp, name, as_importlib(guarded(getattr(_imp, name), enforcer), getattr(_imp, name)))
    for name in ("exec_builtin", "exec_dynamic"):
        ledger.replace(_imp, name, as_importlib(executed(getattr(_imp, name), enforcer.when_loaded), getattr(_imp, name)))
    if PYPY:
        original = _LoaderBasics.exec_module
        ledger.replace(_LoaderBasics, "exec_module", as_importlib(executed_in_python(original, enforcer.when_loaded), original))


def guarded(original, enforcer):
    standing, refuse, replaced, when_loaded = enforcer.ledger.modules, enforcer.refuse, REPLACED, enforcer.when_loaded

    def create(spec, *file):
        spec = Spec(spec)
        name = spec.name
        last = name.rpartition(".")[2] if type(name) is str else ""
        if last in replaced and last in standing:
            if name != last:
                refuse("load again", name)
            return standing[last]
        module = original(spec, *file)
        if last in when_loaded:
            when_loaded[last](module)
        return module

    return create


def executed(original, when_loaded):
    """A module of the newer kind has its types only when it has been executed."""

    def execute(module):
        result = original(module)
        name = getattr(module, "__name__", None)
        last = name.rpartition(".")[2] if type(name) is str else ""
        if last in when_loaded:
            when_loaded[last](module)
        return result

    return execute


def executed_in_python(original, when_loaded):
    """PyPy has modules in Python that are C's elsewhere."""

    def exec_module(self, module):
        original(self, module)
        if module.__name__ in when_loaded:
            when_loaded[module.__name__](module)

    return exec_module


def as_importlib(wrapper, original):
    wrapper.__code__ = of_importlib(wrapper.__code__)
    wrapper.__name__ = wrapper.__qualname__ = original.__name__
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__
    return wrapper


def of_importlib(code):
    if hasattr(code, "replace"):
        return code.replace(co_filename=IMPORTLIB, co_name=IMPORTING)
    given = code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code
    names = code.co_consts, code.co_names, code.co_varnames
    place = IMPORTLIB, IMPORTING, code.co_firstlineno, code.co_lnotab
    return type(code)(*(given + names + place + (code.co_freevars, code.co_cellvars)))
