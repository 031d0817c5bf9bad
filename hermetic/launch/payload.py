"""Which files of `hermetic_guard` go into a run, and in which order they are loaded there.

`_startup.py` executes the modules one after the other, so each stands behind those it imports.
"""

from __future__ import annotations

import marshal
import os

import hermetic_guard
from hermetic_guard import policy as policies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic.target.interrogate import Interpreter

MODULES = (
    "errors policy sealing scopes patching events attribution cmdline shebang pyenv programs injection enforce hook guards "
    "guards.integrity guards.addresses guards.ownership guards.resolution guards.sockets guards.names guards.network "
    "children activate"
).split()
SCRIPTS = {"sitecustomize.py": "_startup.py", "_hermetic_early.py": "_early.py", "stub.py": "_stub.py"}
"""Name in the run directory -> file of the package."""

SOURCE = "payload.src"


def files(policy: policies.Policy, interpreters: Iterable[Interpreter], protected: Iterable[str]) -> dict[str, bytes]:
    """Everything that is staged for a run, by name.

    interpreters: those that are known; each brings its compiled payload, and the proved ones may be started in the environment way.
    protected: absolute paths that the target must not change, besides the run directory.
    """
    known = list(interpreters)
    content = {
        **scripts(),
        "policy": policies.dumps(policy),
        SOURCE: sources(),
        "protected": joined(protected),
        "proved": joined(one.path for one in known if one.proved),
    }
    content.update((f"payload.{one.magic}", one.compiled) for one in known)
    return content


def joined(paths: Iterable[str]) -> bytes:
    """Paths as `activate.py` and `children.py` read them."""
    return b"\0".join(os.fsencode(os.path.realpath(path)) for path in paths)


def directory() -> str:
    """Where the guard's files are."""
    return hermetic_guard.__path__[0]


def scripts() -> dict[str, bytes]:
    """The files an interpreter starts with, by their names in the run directory."""
    return {name: read(source) for name, source in SCRIPTS.items()}


def sources() -> bytes:
    """All modules, as `payload.src` holds them: readable by every interpreter."""
    entries = [("hermetic_guard", True, "<hermetic>/__init__.py", read("__init__.py"))]
    for name in MODULES:
        path = name.replace(".", "/") + ("/__init__.py" if name == "guards" else ".py")
        entries.append((f"hermetic_guard.{name}", name == "guards", f"<hermetic>/{path}", read(path)))
    return marshal.dumps(tuple(entries), 2)


def read(name: str) -> bytes:
    with open(f"{directory()}/{name}", "rb") as file:
        return file.read()
