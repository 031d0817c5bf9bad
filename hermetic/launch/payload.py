"""Which files of `hermetic_guard` go into a run, and in which order they are loaded there.

`_loader.py` executes the modules one after the other, so each stands behind those it imports.
"""

from __future__ import annotations

import marshal
import os

import hermetic_guard
from hermetic_guard import injection, serialized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Policy

    from hermetic.target.interrogate import Interpreter

MODULES = (
    "errors hosts files distributions policy decide serialized sealing scopes patching events attribution cmdline shebang pyenv pex "
    "programs standard_library injection shutdown hook collector enforce guards guards.paths guards.loading guards.integrity "
    "guards.addresses guards.canonical guards.operations guards.databases guards.silent guards.libraries guards.variables "
    "guards.filesystem guards.ownership guards.resolution guards.options guards.interrupted guards.sockets guards.names guards.network "
    "guards.native guards.process starts children traces activate"
).split()
SCRIPTS = {
    "sitecustomize.py": "_startup.py",
    "_hermetic_early.py": "_early.py",
    injection.STUB: "_stub.py",
    injection.REOPEN: "_reopen.py",
    "prompt.py": "_prompt.py",
    "loader.src": "_loader.py",
}
"""Name in the run directory -> file of the package."""

COMPILED = {"loader": "_loader.py", "startup": "_startup.py"}
"""What `_interrogate.py` compiles besides the modules, by the name it is staged under, which an interpreter's magic number is added to."""

_sources: list[bytes] = []


def files(
    policy: Policy, interpreters: Iterable[Interpreter], protected: Iterable[str], native: Iterable[tuple[str, str]] = ()
) -> dict[str, bytes]:
    """Everything that is staged for a run, by name.

    interpreters: those that are known; each brings its compiled payload, and the proved ones may be started in the environment way.
    protected: absolute paths that the target must not change, besides the run directory.
    native: name and path of what the policy's distributions may load, see target/packages.py.
    """
    known = list(interpreters)
    content = {name: read(source) for name, source in SCRIPTS.items()}
    content["policy"] = serialized.dumps(policy)
    content["payload.src"] = sources()
    content["protected"] = joined(protected)
    content["native"] = b"".join(os.fsencode(f"{name}\0{path}\0") for name, path in native)
    content["proved"] = joined(one.path for one in known if one.proved)
    for one in known:
        content.update((f"{name}.{one.magic}", part) for name, part in one.compiled.items())
    return content


def joined(paths: Iterable[str]) -> bytes:
    """Paths as `activate.py` and `children.py` read them."""
    return b"\0".join(os.fsencode(os.path.realpath(path)) for path in paths)


def directory() -> str:
    """Where the guard's files are."""
    return hermetic_guard.__path__[0]


def sources() -> bytes:
    """All modules, as `payload.src` holds them: readable by every interpreter."""
    if not _sources:
        entries = [("hermetic_guard", True, "<hermetic>/__init__.py", read("__init__.py"))]
        for name in MODULES:
            path = name.replace(".", "/") + ("/__init__.py" if name == "guards" else ".py")
            entries.append((f"hermetic_guard.{name}", name == "guards", f"<hermetic>/{path}", read(path)))
        _sources.append(marshal.dumps(tuple(entries), 2))
    return _sources[0]


def compilable() -> bytes:
    """What an interpreter is given to compile, see `_interrogate.py`."""
    return marshal.dumps(({name: read(file) for name, file in COMPILED.items()}, marshal.loads(sources())), 2)


def read(name: str) -> bytes:
    with open(f"{directory()}/{name}", "rb") as file:
        return file.read()
