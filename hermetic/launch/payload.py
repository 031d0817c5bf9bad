"""Which files of `hermetic_guard` go into a run, and in which order they are loaded there.

`_loader.py` executes the modules of a part one after the other, so each stands behind those it imports.
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
from hermetic.launch.stage import BYTECODE, MODIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Policy

    from hermetic.target.interrogate import Interpreter

FIRST = (
    "errors violations hosts files distributions policy packages unions intersection keywords decide serialized sealing scopes patching events "
    "attribution injection start late shutdown hook unlisted intact frames observers collector enforce guards guards.paths guards.loading "
    "guards.integrity guards.addresses guards.canonical guards.operations guards.uris guards.silent "
    "guards.variables guards.filesystem guards.ownership guards.proxies guards.resolution guards.nearness guards.options "
    "guards.interrupted guards.sockets guards.names guards.network guards.native guards.process guards.awaited children traces activate"
).split()
PARTS = {
    "libraries": "guards.uris guards.databases guards.libraries".split(),
    "building": "cmdline setuptools trees builds".split(),
    "starting": "cmdline shebang pyenv pex programs standard_library starts".split(),
    "payload": FIRST,
}
"""By the name it is staged under. The last is loaded at once, the others when they are needed (late.py); they import from that and themselves."""

MODULES = list(dict.fromkeys(name for part in PARTS.values() for name in part))
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

EARLY = "early"
COMPILED = {"loader": "_loader.py", "startup": "_startup.py", EARLY: "_early.py"}
"""What `_interrogate.py` compiles besides the modules, by the name it is staged under, which an interpreter's magic number is added to."""

SOURCES = {f"{part}.src": part for part in PARTS}
"""The names of all modules of a part in one, see `sources`."""

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
        content.update(compiled(one))
    return content


def compiled(one: Interpreter) -> dict[str, Content]:
    """What an interpreter has compiled, by the names it is staged under.

    The first module has to be imported, and `compile` would make some hundred types first, for syntax trees (Python/Python-ast.c, init_types):
    that takes as long as a quarter of a start. So its bytecode is where the import system looks for it. Who has no cache tag of this form, or
    looks elsewhere (-O), compiles it.
    """
    found = {f"{name}.{one.magic}": part for name, part in one.compiled.items() if name != EARLY}
    if EARLY in one.compiled and one.implementation == "cpython":
        major, minor, _ = one.version
        name = f"{BYTECODE}/{injection.EARLY_MODULE}.cpython-{major}{minor}.pyc"
        flags = 0 if one.version >= (3, 7) else None
        header = [flags, MODIFIED, len(read("_early.py"))]
        words = b"".join(word.to_bytes(4, "little") for word in header if word is not None)
        found[name] = Content(bytes.fromhex(one.magic) + words + one.compiled[EARLY].data)
    return found


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


_identity: list[str] = []


def identity() -> str:
    """Of the guard's files, and of this one, which knows how they are kept: as they were on the disk when it was first asked for. What is loaded
    of them stays as it was, too.
    """
    if not _identity:
        _identity.append(_look())
    return _identity[0]


def _look() -> str:
    names = [*SCRIPTS.values(), "_interrogate.py", "__init__.py", *map(file_of, MODULES)]
    found = map(os.stat, [__file__, *(f"{directory()}/{name}" for name in names)])
    return digest_of("".join(f"{one.st_dev}:{one.st_ino}:{one.st_ctime_ns}:{one.st_mtime_ns}:{one.st_size}\n" for one in found).encode())


def guard(cache: str) -> dict[str, Content]:
    """What is the same in every run, by the name it is staged under."""
    key, entry = identity() if cache else "", f"{cache}/{ENTRY}"
    found = kept.read(entry, key) if cache else None
    known = split(*found) if found is not None else {}
    if [*known] == [*SCRIPTS, *SOURCES]:
        return known
    made = {name: Content(read(source)) for name, source in SCRIPTS.items()}
    made.update((name, Content(sources(part))) for name, part in SOURCES.items())
    if cache:
        words = [f"{name}:{len(content.data)}:{content.digest}" for name, content in made.items()]
        kept.write(entry, key, words, b"".join(content.data for content in made.values()))
    return made


def split(words: list[str], content: kept.Piece) -> dict[str, Content]:
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


def sources(part: str) -> bytes:
    """All modules of a part, as `payload.src` holds them: readable by every interpreter."""
    entries = [("hermetic_guard", True, "<hermetic>/__init__.py", read("__init__.py"))] if PARTS[part] is FIRST else []
    for name in PARTS[part]:
        path = file_of(name)
        entries.append((f"hermetic_guard.{name}", name == "guards", f"<hermetic>/{path}", read(path)))
    return marshal.dumps(tuple(entries), 2)


def compilable() -> bytes:
    """What an interpreter is given to compile, see `_interrogate.py`."""
    scripts = {name: read(file) for name, file in COMPILED.items()}
    return marshal.dumps((scripts, {part: marshal.loads(sources(part)) for part in PARTS}), 2)


def read(name: str) -> bytes:
    with open(f"{directory()}/{name}", "rb") as file:
        return file.read()
