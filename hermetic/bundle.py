"""The modules of a run in one file, so that a start need not find each of them anew.

For every module the import system looks at directories, at the source and at its bytecode, and reads that: a fifth of what loading the eighty of a
run takes. What runs have loaded is kept here together, and of each module only the source is looked at, whether it is still the one that was
compiled, as Python does with its own bytecode. What is stale or missing is imported as ever, and kept for the next run.

This is code that the launcher executes. It is kept in the cache only where the installation is this user's own as well: whoever could change the
one could change the other, and a run is kept from both. Elsewhere, and inside another hermetic, modules are imported as ever.
"""

from __future__ import annotations

import marshal
import os
import sys
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader, spec_from_file_location

from hermetic import kept
from hermetic.digest import digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    Entry = tuple[str, tuple[int, ...], bytes | memoryview]
    """Path of the source, its identity, bytecode."""

PACKAGES = "hermetic.", "hermetic_guard."
HERE = os.path.dirname(__file__)


class Loader(SourceFileLoader):
    """Of a module whose bytecode is here already."""

    def __init__(self, name: str, path: str, bytecode: bytes | memoryview) -> None:
        super().__init__(name, path)
        self._bytecode = bytecode

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = marshal.loads(self._bytecode)
        return code


class Bundle:
    """entry: the file; known: what is in it; before: names of the modules that were loaded without it and always will be"""

    def __init__(self, entry: str, known: dict[str, Entry], before: frozenset[str]) -> None:
        self.entry, self.known, self.before = entry, known, before

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """As sys.meta_path asks. path: where the package's modules are"""
        source, made_from, bytecode = self.known.get(name, ("", (), b""))
        places = places_of(source)
        if not path or places[-1] not in path or identity(source) != made_from:
            return None
        return spec_from_file_location(name, source, loader=Loader(name, source, bytecode), submodule_search_locations=places[:-1] or None)

    def keep(self, modules: Mapping[str, ModuleType]) -> None:
        """Write what these modules are made of, if there is something new among them."""
        if any(self._is_new(name, module) for name, module in [*modules.items()]):
            from hermetic.linux import confine  # noqa: F401  (what only the forked child loads, of which nobody else hears)

            new = {name: made for name, module in [*modules.items()] if self._is_new(name, module) and (made := compiled(name, module))}
            still = {name: entry for name, entry in self.known.items() if identity(entry[0]) == entry[1]}
            kept.write(self.entry, key(), *serialized({**still, **new}))

    def _is_new(self, name: str, module: ModuleType) -> bool:
        return name.startswith(PACKAGES) and name not in self.before and type(module.__loader__) is SourceFileLoader


def compiled(name: str, module: ModuleType) -> Entry | None:
    """None where the source changes meanwhile."""
    source, loader = str(module.__file__), module.__loader__
    before = identity(source)
    try:
        bytecode = marshal.dumps(loader.get_code(name)) if isinstance(loader, SourceFileLoader) else b""
    except (OSError, SyntaxError):
        return None
    return (source, before, bytecode) if before and before == identity(source) else None


def places_of(source: str) -> list[str]:
    """The directory that a source is found in; before it, for a package, that of its modules."""
    directory, _, name = source.rpartition("/")
    return [directory, directory.rpartition("/")[0]] if name == "__init__.py" else [directory]


def identity(path: str) -> tuple[int, ...]:
    """Of a source as it is now; empty where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def key() -> str:
    """What all of a file is good for: this interpreter's bytecode."""
    return f"{MAGIC_NUMBER.hex()}-{sys.flags.optimize}"


def serialized(entries: Mapping[str, Entry]) -> tuple[list[str], bytes]:
    """The words and the content of the file: what there is, then bytecode after bytecode, so that only what is imported is taken out."""
    index = marshal.dumps([(name, source, made_from, len(bytecode)) for name, (source, made_from, bytecode) in entries.items()])
    return [str(len(index))], b"".join([index, *(bytecode for _, _, bytecode in entries.values())])


def read(words: list[str], content: memoryview) -> dict[str, Entry]:
    """What `serialized` made; nothing where it is anything else."""
    try:
        (size,) = map(int, words)
        index = marshal.loads(content[:size])
        parts = kept.parts(content[size:], [length for _, _, _, length in index])
    except (EOFError, TypeError, ValueError):
        return {}
    return {name: (source, made_from, part) for (name, source, made_from, _), part in zip(index, parts or (), strict=False)}


def use(cache: str) -> Bundle | None:
    """Have modules imported from what is kept in `cache`, "" for none. None where that may not be."""
    if not cache or "hermetic_guard" in sys.modules or os.stat(HERE).st_uid != os.geteuid():
        return None
    entry = f"{cache}/start-{digest_of(os.fsencode(HERE))}"
    found = kept.read(entry, key())
    bundle = Bundle(entry, read(*found) if found else {}, frozenset(sys.modules))
    sys.meta_path.insert(0, bundle)
    return bundle
