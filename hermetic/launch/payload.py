"""Which files of `hermetic_guard` go into a run, and in which order they are loaded there.

`_loader.py` executes the modules one after the other, so each stands behind those it imports.
"""

from __future__ import annotations

import marshal
import os
import sys

import hermetic_guard
from hermetic_guard import injection, serialized
from hermetic_guard.policy import CONFINED

from hermetic import kept
from hermetic.digest import Content, digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Policy

    from hermetic.target.interrogate import Interpreter

MODULES = (
    "errors hosts files distributions policy packages unions intersection keywords decide serialized sealing scopes patching events attribution "
    "cmdline shebang pyenv pex programs standard_library injection shutdown hook collector enforce guards guards.paths guards.loading "
    "guards.integrity guards.addresses guards.canonical guards.operations guards.databases guards.silent guards.libraries "
    "guards.variables guards.filesystem guards.ownership guards.proxies guards.resolution guards.options guards.interrupted "
    "guards.sockets guards.names guards.network guards.native guards.process starts children setuptools trees builds traces activate"
).split()
SCRIPTS = {
    "sitecustomize.py": "_startup.py",
    "_hermetic_early.py": "_early.py",
    injection.STUB: "_stub.py",
    injection.REOPEN: "_reopen.py",
    "prompt.py": "_prompt.py",
    "warm.py": "_warm.py",
    "loader.src": "_loader.py",
}
"""Name in the run directory -> file of the package."""

COMPILED = {"loader": "_loader.py", "startup": "_startup.py"}
"""What `_interrogate.py` compiles besides the modules, by the name it is staged under, which an interpreter's magic number is added to."""

SOURCES = "payload.src"
"""The name of all modules in one, see `sources`."""

ENTRY = "guard"


def files(
    policy: Policy,
    interpreters: Iterable[Interpreter],
    protected: Iterable[str],
    native: Iterable[tuple[str, str]] = (),
    *,
    cache: str = "",
) -> dict[str, Content]:
    """Everything that is staged for a run, by name.

    interpreters: those that are known; each brings its compiled payload, and the proved ones may be started in the environment way.
    protected: absolute paths that the target must not change, besides the run directory.
    native: name and path of what the policy's distributions may load, see target/packages.py.
    cache: hermetic's directory for what it keeps, "" for none
    """
    known = list(interpreters)
    content = guard(cache)
    content["policy"] = Content(serialized.dumps(policy))
    content["protected"] = Content(joined(protected))
    content["native"] = Content(b"".join(os.fsencode(f"{name}\0{path}\0") for name, path in native))
    if policy.builds == CONFINED:
        content["launcher"] = Content(b"\0".join(os.fsencode(word) for word in launcher()))
    content["proved"] = Content(joined(one.path for one in known if one.proved))
    for one in known:
        content.update((f"{name}.{one.magic}", part) for name, part in one.compiled.items())
    return content


def launcher() -> list[str]:
    """The command that starts hermetic as it was started."""
    from hermetic.__main__ import ISOLATED

    return [sys.executable, *ISOLATED, f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/__main__.py"]


def joined(paths: Iterable[str]) -> bytes:
    """Paths as `activate.py` and `children.py` read them."""
    return b"\0".join(os.fsencode(os.path.realpath(path)) for path in paths)


def directory() -> str:
    """Where the guard's files are."""
    return hermetic_guard.__path__[0]


def identity() -> str:
    """Of the guard's files, as they are on the disk, and of this one, which knows how they are kept."""
    names = [*SCRIPTS.values(), "_interrogate.py", "__init__.py", *map(file_of, MODULES)]
    found = map(os.stat, [__file__, *(f"{directory()}/{name}" for name in names)])
    return digest_of("".join(f"{one.st_dev}:{one.st_ino}:{one.st_ctime_ns}:{one.st_mtime_ns}:{one.st_size}\n" for one in found).encode())


def guard(cache: str) -> dict[str, Content]:
    """What is the same in every run, by the name it is staged under."""
    key, entry = identity() if cache else "", f"{cache}/{ENTRY}"
    found = kept.read(entry, key) if cache else None
    known = split(*found) if found is not None else {}
    if [*known] == [*SCRIPTS, SOURCES]:
        return known
    made = {name: Content(read(source)) for name, source in SCRIPTS.items()}
    made[SOURCES] = Content(sources())
    if cache:
        words = [f"{name}:{len(content.data)}:{content.digest}" for name, content in made.items()]
        kept.write(entry, key, words, b"".join(content.data for content in made.values()))
    return made


def split(words: list[str], content: bytes) -> dict[str, Content]:
    """What was kept; nothing where the words do not fit the content."""
    try:
        names, sizes, digests = zip(*(word.split(":") for word in words), strict=True)
        found = kept.parts(content, [*map(int, sizes)])
    except ValueError:
        return {}
    return {name: Content(part, digest) for name, part, digest in zip(names, found, digests, strict=True)} if found else {}


def file_of(module: str) -> str:
    """The file of a module of the guard."""
    return module.replace(".", "/") + ("/__init__.py" if module == "guards" else ".py")


def sources() -> bytes:
    """All modules, as `payload.src` holds them: readable by every interpreter."""
    entries = [("hermetic_guard", True, "<hermetic>/__init__.py", read("__init__.py"))]
    for name in MODULES:
        path = file_of(name)
        entries.append((f"hermetic_guard.{name}", name == "guards", f"<hermetic>/{path}", read(path)))
    return marshal.dumps(tuple(entries), 2)


def compilable() -> bytes:
    """What an interpreter is given to compile, see `_interrogate.py`."""
    return marshal.dumps(({name: read(file) for name, file in COMPILED.items()}, marshal.loads(sources())), 2)


def read(name: str) -> bytes:
    with open(f"{directory()}/{name}", "rb") as file:
        return file.read()
