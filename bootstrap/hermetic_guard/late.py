"""Parts of the guard that are loaded when something is first to be done with them: few programs start others, and none does all.

By then the target runs, and nothing that is loaded may depend on what it has changed. So the bytes are read and checked before, and are executed
with builtins and modules to import from as they were then; nothing is looked up in, or put into, sys.modules. A part is there as a whole or not
at all: what fails while it is loaded (there may be no memory or no stack left) goes to who wanted something done, as a refusal does, and the next
one tries again.

There is no lock, for a signal handler or a fork may come in between: of two that load a part the first one's is taken by both.
"""

import builtins
import sys

from hermetic_guard.start import OWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PACKAGE = "hermetic_guard"
START = PACKAGE + ".start"
PYPY = sys.implementation.name == "pypy"
"""There a namespace cannot have an `import` of its own, so nothing is late."""


STANDING = (
    "decide files policy intersection injection start hook patching guards guards.variables guards.loading guards.operations guards.paths"
).split()
"""Modules of the guard that late ones import from, as far as that side has them. Of the others no copy is kept."""


def make_load(
    parts: "dict[str, Callable[[], Any]]", standing: "dict[str, Any]", note: "Callable[[dict[str, Any]], Any]"
) -> "Callable[[str], dict[str, Any]]":
    """load(part): its modules by name. To be called of a sealed copy, for it too runs when builtins may be others.

    parts: by name what gives the modules, see _loader.py; standing: the guard's modules that there are, by name
    note: is called with the namespaces of what is loaded; it is in the target's reach
    """
    if PYPY:
        return {part: execute_at_once(payload()) for part, payload in parts.items()}.__getitem__
    execute, world, given, loaded = make_execute(note), snapshots(standing), dict(parts), {}  # type: Any, Any, Any, dict[str, Any]

    def load(part):
        found = loaded.get(part)
        return loaded.setdefault(part, execute(given[part](), world)) if found is None else found

    return load


def execute_at_once(payload):
    """Before the target runs, with what is in sys.modules, from which traces.py takes them out again."""
    made = {}
    for name, _, filename, code in payload:
        module = made[name] = sys.modules[name] = type(sys)(name)
        parent, _, leaf = name.rpartition(".")
        module.__package__, module.__file__ = parent, filename
        setattr(sys.modules[parent], leaf, module)
        exec(compile(code, filename, "exec", 0, True) if isinstance(code, bytes) else code, module.__dict__)
        if hasattr(module, "os"):
            module.os = OWN  # type: ignore[attr-defined]
    return made


def snapshots(standing):
    """The modules that may be imported from, as they are now."""
    own = standing[START].OWN  # of the side that it is loaded on: the other one's may be in the target's reach
    copies = {"os": own, "sys": copy_of(sys), PACKAGE: type(sys)(PACKAGE)}
    for name in [name for name in map((PACKAGE + ".").__add__, STANDING) if name in standing]:
        copies[name] = copy_of(standing[name])
        parent, _, leaf = name.rpartition(".")
        setattr(copies[parent], leaf, copies[name])
    return copies


def copy_of(module):
    copy = type(sys)(module.__name__)
    vars(copy).update(vars(module))
    return copy


def make_execute(note):
    builtin, module_type, run, make, is_source = dict(vars(builtins)), type(sys), exec, compile, bytes
    elsewhere = builtin["__import__"]

    def execute(payload, world):
        """The modules of a part in their order, which is that of their dependencies."""
        modules = dict(world)
        names = dict(builtin, __import__=make_import(modules, elsewhere))
        made = {}
        for name, _, filename, code in payload:
            module = made[name] = modules[name] = module_type(name)
            parent, _, leaf = name.rpartition(".")
            module.__package__, module.__file__ = parent, filename
            module.__dict__["__builtins__"] = names
            note(module.__dict__)
            if parent not in made:
                modules[parent] = made[parent] = renewed(modules[parent])
            setattr(modules[parent], leaf, module)
            run(make(code, filename, "exec", 0, True) if type(code) is is_source else code, module.__dict__)
        return made

    def renewed(package):
        """One of this part's own, in which its modules are seen: another thread may be loading the same."""
        copy = module_type(package.__name__)
        copy.__dict__.update(package.__dict__)
        return copy

    return execute


def make_import(modules, elsewhere):
    """What `import` calls in them. A module of the library that there was none of is imported as ever."""

    def __import__(name, namespace=None, local=None, wanted=(), level=0):
        if name not in modules:
            return elsewhere(name, namespace, local, wanted, level)
        return modules[name if wanted else name.partition(".")[0]]

    return __import__
