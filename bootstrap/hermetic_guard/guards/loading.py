"""Loading an extension module a second time brings its functions back as they were before they were replaced.

For a module of the old kind CPython even puts them back into the one that is loaded, with no audit event (Python/import.c,
import_find_extension). So whoever loads such a module again is given the one that stands; under another name (`x._socket`, from a copy of the
file) the load is refused. In other modules, which nobody has loaded yet, guards replace something as soon as they are.
"""

import _imp
import sys
from _frozen_importlib_external import _LoaderBasics

from hermetic_guard.guards import paths
from hermetic_guard.guards.paths import exact
from hermetic_guard.hook import make_ask
from hermetic_guard.sealing import seal

CREATE = "hermetic.create"
"""An audit event of our own."""

REPLACED = frozenset(["_imp", "_io", "_posixsubprocess", "_socket", "gc", "posix"])
"""The modules that guards replace something in, by the last part of their names: that is what their init functions are found by."""

ROOM = 50
"""Frames that what is done with a module may take."""

PYPY = sys.implementation.name == "pypy"
INTERPRETERS = {
    "_interpreters": ("create",),
    "_xxsubinterpreters": ("create",),
    "_testcapi": (
        "run_in_subinterp",
        "run_in_subinterp_with_config",
        "test_interp_view_after_shutdown",
        "test_interpreter_guards",
        "test_thread_state_ensure_crossinterp",
    ),
    "_testinternalcapi": (
        "create_interpreter",
        "run_in_subinterp_with_config",
        "test_interp_guard_countdown",
        "test_interp_view_countdown",
        "test_thread_state_ensure_from_view_interp_switch",
    ),
}
"""By module, what makes an interpreter. The event of that (see integrity.py) does not do: some raise none, and where it is refused others end the
process, by abort or SIGSEGV (3.12)."""

IMPORTLIB, IMPORTING = "<frozen importlib._bootstrap>", "_call_with_frames_removed"
"""The file and the function whose frames CPython leaves out of tracebacks (Python/import.c, remove_importlib_frames)."""

FIELDS = ("loader", "loader_state", "name", "origin", "parent", "submodule_search_locations")


Namespace = type(sys.implementation)
"""Nobody can change this type, so nothing of the target's runs when a field is read."""


def copy_of(spec):
    """Its fields are read once: what is judged is what is loaded."""
    found = [(name, getattr(spec, name, None)) for name in FIELDS]
    return Namespace(**{name: exact(value) if name == "name" else value for name, value in found})


def install(enforcer):
    refuse, acts = enforcer.refuse, make_acts(enforcer.before_loaded, enforcer.when_loaded, enforcer.made)
    for module, makers in INTERPRETERS.items():
        for name in makers:
            when_loaded(enforcer, module, replacer(enforcer, name, make_refuser(refuse)))
    for name in ("create_builtin", "create_dynamic"):
        original = getattr(_imp, name)
        enforcer.ledger.replace(_imp, name, dress(guarded(original, enforcer, acts), original))
    for name in ("exec_builtin", "exec_dynamic"):
        original = getattr(_imp, name)
        enforcer.ledger.replace(_imp, name, dress(executed(original, acts), original))
    if PYPY:
        original = _LoaderBasics.exec_module
        enforcer.ledger.replace(_LoaderBasics, "exec_module", dress(executed_in_python(original, acts), original))


def hide(enforcer, judge):
    """Have the hook make what is built in: no event tells of that, and with an original of what makes it `posix` or `_posixsubprocess` could be
    had once more, as they were. To be called last, for from here on importing asks the hook; returns the handler.

    judge: the native guard's
    """
    sealed, ask = seal(vars(paths), globals()), make_ask(CREATE)
    original = enforcer.ledger.original(_imp, "create_builtin")

    def create(spec):
        return ask(copy_of(spec))

    enforcer.ledger.replace(_imp, "create_builtin", dress(create, original))
    copies = [{name: tuple(found) for name, found in table.items()} for table in (enforcer.before_loaded, enforcer.when_loaded)]
    acts = sealed["make_acts"](*copies, enforcer.made)  # the others are in the target's reach
    return {CREATE: sealed["make_on_create"](judge, sealed["guarded"](original, enforcer, acts))}


def make_on_create(judge, create):
    kind = Namespace

    def on_create(answer, spec):
        name = getattr(spec, "name", None) if type(spec) is kind else None
        if type(answer) is list and type(name) is str:
            judge("import", name)
            answer.append(create(spec))

    return on_create


def when_loaded(enforcer, name, act, prepare=None):
    """Have act(module) called whenever an extension module of that name, without its packages, has been loaded, and prepare() before that."""
    enforcer.when_loaded.setdefault(name, []).append(act)
    if prepare is not None:
        enforcer.before_loaded.setdefault(name, []).append(prepare)


def make_acts(before, after, made):
    """What is done with modules: prepare(name), to be called while there is nothing to be had yet, and act(name, module).

    Where the second fails nobody gets the module: what CPython has put into sys.modules by then goes out again.
    made: modules that something is done with, and by which name they were made, whatever they are called by the time they are executed
    """
    modules, room = sys.modules, ROOM

    def prepare(name):
        if name in after:
            deeper(room)
        for one in before.get(name, ()):
            one()

    def act(name, module):
        try:
            for one in after.get(name, ()):
                one(module)
        except BaseException:
            for named in [named for named, found in list(modules.items()) if found is module]:
                del modules[named]
            raise

    def note(name, module):
        if name in after:
            made.append((module, name))

    def names_of(module):
        found = [name for one, name in list(made) if one is module]
        return found or [last_of(getattr(module, "__name__", None))]

    return prepare, act, note, names_of


def last_of(name):
    """By which the init function of a module is found."""
    return name.rpartition(".")[2] if type(name) is str else ""


def deeper(frames):
    """Raises RecursionError where there is no room for so many."""
    if frames:
        deeper(frames - 1)


def make_refuser(refuse):
    return lambda original: lambda *_, **__: refuse("use", "a sub-interpreter")


def guarded(original, enforcer, acts):
    standing, refuse, replaced = enforcer.ledger.modules, enforcer.refuse, REPLACED
    prepare, act, note, _ = acts

    def create(spec, *file):
        spec = copy_of(spec)
        name = spec.name
        last = last_of(name)
        if last in replaced and last in standing:
            if name != last:
                refuse("load again", name)
            return standing[last]
        prepare(last)
        module = original(spec, *file)
        note(last, module)
        act(last, module)
        return module

    return create


def executed(original, acts):
    """A module of the new kind gets its types when it is executed, which it is after it was made."""

    prepare, act, _, names_of = acts

    def execute(module):
        names = names_of(module)
        for name in names:
            prepare(name)
        result = original(module)
        for name in names:
            act(name, module)
        return result

    return execute


def executed_in_python(original, acts):
    """PyPy has modules in Python that are C's elsewhere."""

    act = acts[1]

    def exec_module(self, module):
        original(self, module)
        act(module.__name__, module)

    return exec_module


def replacer(enforcer, attribute, make):
    """What is to be done when a module is loaded: replace an attribute by make(original), once, whatever is made of the module twice."""
    ours = []  # type: list
    put = enforcer.ledger.later()

    def act(module):
        original = vars(module).get(attribute)
        if original is not None and not any(original is one for one in ours):
            ours.append(make(original))
            put(module, attribute, ours[-1])

    return act


def dress(wrapper, original):
    """Give a wrapper the name and documentation of what it stands for. Its frames are left out of tracebacks as importlib's are."""
    wrapper.__code__ = of_importlib(wrapper.__code__)
    wrapper.__name__ = original.__name__
    wrapper.__qualname__ = original.__qualname__
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = getattr(original, "__module__", None)
    return wrapper


def of_importlib(code):
    if hasattr(code, "replace"):
        return code.replace(co_filename=IMPORTLIB, co_name=IMPORTING)
    given = code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code
    names = code.co_consts, code.co_names, code.co_varnames
    place = IMPORTLIB, IMPORTING, code.co_firstlineno, code.co_lnotab
    return type(code)(*(given + names + place + (code.co_freevars, code.co_cellvars)))
