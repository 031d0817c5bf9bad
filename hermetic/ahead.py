"""Loads the modules that a run is known to need, without asking for each where it is.

The import system looks for a module as if it could be anywhere and of any kind, which takes longer than to read it. hermetic's own are in two places,
and which of them a run needs is known. So these are loaded from the same files by the same rule: bytecode beside the source, if it was made from a
source of that time and size (PEP 552). What has none is left to the import system, which writes it.

A list that is wrong costs time and nothing else: what is missing is imported when it is asked for, and what comes too late is there already.
"""

import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader
from _imp import _fix_co_filename  # type: ignore[attr-defined]
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, ModuleType

PACKAGE = ".__init__"
BY_TIME = b"\0\0\0\0"
"""The flags of bytecode that is good for a source of a time and a size, which come behind them."""
HEADER = 16
WORD = 0xFFFFFFFF
LARGEST = 1 << 16
"""Bytes of bytecode that are read at once; twice what any of these modules has."""
KEPT = f".{sys.implementation.cache_tag}.pyc"

PARSING = ["hermetic.errors", "hermetic.options"]
"""What reads the command line."""

BEGINNING = """
hermetic.launch.__init__ hermetic.linux.__init__ hermetic.linux.syscalls hermetic_guard.policy hermetic.launch.nested hermetic.launch.becoming
hermetic.launch.refusals hermetic.launch.execution hermetic.launch.signals hermetic.linux.processes hermetic.linux.here hermetic.launch.child
hermetic.launch.begin
""".split()
"""What forks the child."""

DECIDING = """
hermetic.places hermetic.kept hermetic.digest hermetic_guard.cmdline hermetic_guard.injection hermetic.launch.environ hermetic_guard.hosts
hermetic_guard.serialized hermetic.launch.stage hermetic.launch.payload hermetic.policy.__init__ hermetic.policy.discover hermetic.target.__init__
hermetic.target.interrogate hermetic.launch.beforehand hermetic.launch.moved hermetic.launch.confined hermetic.policy.context hermetic_guard.files
hermetic_guard.pex hermetic_guard.pyenv hermetic_guard.shebang hermetic_guard.programs hermetic.target.resolve hermetic.launch.finding
hermetic.launch.later hermetic.launch.made hermetic.launch.process hermetic.launch.speaker hermetic.policy.reader hermetic.policy.combine
hermetic.launch.run
""".split()
"""What finds out what the child is to become."""

READING = """
hermetic.policy.paths hermetic.policy.ports hermetic.policy.adjust hermetic.policy.parsed hermetic.policy.load hermetic.policy.library
hermetic.policy.described
""".split()
"""What reads profiles and policy files."""

CHOOSING = """
hermetic.target.names hermetic.policy.wildcards hermetic.policy.sets hermetic.indexes.__init__ hermetic.indexes.words hermetic.indexes.command
hermetic.policy.repositories hermetic.policy.environment
""".split()
"""What chooses a profile, and what most of these ask for."""

ANSWERING = "hermetic.linux.numbers hermetic.linux.steps hermetic.linux.notify".split()
"""What the launcher answers the child with when that asks."""

PERMITTING = "hermetic.linux.gaps hermetic.linux.layers hermetic.launch.permission hermetic.linux.supervisor".split()
"""What decides whether the child may go on."""

ENTERING = """
hermetic.linux.descriptors hermetic.linux.numbers hermetic.linux.steps hermetic.linux.namespaces hermetic.linux.beginning
""".split()
"""What the child does before it is told its rules."""

CONFINING = """
hermetic_guard.hosts hermetic.linux.prepared hermetic.linux.filters hermetic.linux.landlock hermetic.linux.mountinfo hermetic.linux.mounts
hermetic.linux.privileges hermetic_guard.files hermetic.linux.surroundings hermetic.linux.confine hermetic.linux.devices hermetic.linux.exec_once
""".split()
"""What puts the kernel's rules on the child."""

ATTENDING = """
hermetic_guard.distributions hermetic.distributions hermetic_guard.packages hermetic_guard.attribution hermetic_guard.decide hermetic.events
hermetic.launch.ending hermetic.launch.leftovers hermetic.launch.removal hermetic.report hermetic.launch.told
""".split()
"""What stays beside the target."""


def load(words: "Iterable[str]") -> None:
    """Have these modules, of which each comes behind what it imports; a package is called by its file."""
    if sys.flags.optimize or sys.pycache_prefix is not None or "importtime" in sys._xoptions:
        return  # the bytecode is elsewhere, or somebody wants to see what is imported
    for word in words:
        name = word.removesuffix(PACKAGE)
        if name not in sys.modules:
            _load(name, name != word)


def _load(name: str, is_package: bool) -> None:
    above, _, tail = name.rpartition(".")
    if above not in sys.modules:
        __import__(above)
    package = sys.modules[above]
    place = package.__path__[0]
    if is_package:
        place, tail = f"{place}/{tail}", "__init__"
    source, cached = f"{place}/{tail}.py", f"{place}/__pycache__/{tail}{KEPT}"
    code = _code(source, cached)
    if code is None:
        __import__(name)
        return
    module = _module(name, source, cached, [place] if is_package else None)
    try:
        exec(code, vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    setattr(package, name.rpartition(".")[2], module)


def _code(source: str, cached: str) -> "CodeType | None":
    data = bytecode(source, cached)
    if data is None:
        return None
    code: CodeType = loads(data)
    _fix_co_filename(code, source)
    return code


def bytecode(source: str, cached: str, directory: "int | None" = None) -> "memoryview | None":
    """What is in a file of bytecode; None where there is none, or none of this source. directory: where these names begin, if not here"""
    try:
        descriptor = os.open(cached, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        try:
            data = os.read(descriptor, LARGEST)
        finally:
            os.close(descriptor)
        found = os.stat(source, dir_fd=directory)
    except OSError:
        return None
    stands_for = (int(found.st_mtime) & WORD).to_bytes(4, "little") + (found.st_size & WORD).to_bytes(4, "little")
    if data[:HEADER] != MAGIC_NUMBER + BY_TIME + stands_for or len(data) == LARGEST:
        return None
    return memoryview(data)[HEADER:]


def _module(name: str, source: str, cached: str, path: "list[str] | None") -> "ModuleType":
    """A module as the import system would have it, before its code is run. path: of a package, where its modules are"""
    module = sys.modules[name] = type(sys)(name)
    spec = ModuleSpec(name, SourceFileLoader(name, source), origin=source)
    spec.has_location, spec.cached, spec.submodule_search_locations = True, cached, path
    module.__spec__, module.__loader__, module.__package__ = spec, spec.loader, spec.parent
    module.__file__, module.__cached__ = source, cached  # type: ignore[attr-defined]
    if path is not None:
        module.__path__ = path
    return module
