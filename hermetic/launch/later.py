"""What the launcher may have to load while a target runs, which may by then have put other files in their place.

It is the launcher that no rule holds. So until the run is over nothing is imported but what was read before; and hermetic's own, where mounts keep
the run from changing them. Those are found from their directories, which were opened before: a run that may write above them cannot write in them,
but it can move them away, and make others of the same path. What is not listed here cannot be had.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import BuiltinImporter, FrozenImporter, ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader, PathFinder, _code_to_timestamp_pyc  # type: ignore[attr-defined]
from marshal import loads

from hermetic import ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType

LIBRARY = "_socket _json select termios encodings.ascii".split()
OWN = """
hermetic_guard.decide hermetic_guard.packages hermetic_guard.unions hermetic_guard.intersection hermetic_guard.distributions
hermetic_guard.guards hermetic_guard.guards.addresses hermetic_guard.guards.proxies hermetic_guard.programs
hermetic.distributions hermetic.launch.leftovers hermetic.launch.removal
hermetic_guard.guards.options hermetic.linux.bpf hermetic.linux.prepared hermetic.linux.seccomp hermetic.linux.exec_once
hermetic.linux.steps hermetic.linux.looking
hermetic.linux.notify hermetic.linux.numbers hermetic.linux.supervisor hermetic.linux.answers hermetic.linux.judge hermetic.linux.process_answers
hermetic.linux.socket_answers hermetic.linux.socket_calls hermetic.linux.socket_filters hermetic.linux.socket_turns hermetic.linux.udp_sockets
hermetic.linux.local_answers hermetic.linux.local_sockets
hermetic.linux.waiting hermetic.linux.essentials
hermetic.linux.lookups hermetic.linux.resolver hermetic.linux.lookup_sources hermetic.linux.questions hermetic.linux.dns
hermetic.linux.handed_out
hermetic.throwaway hermetic.throwaway.store hermetic_guard.keywords
hermetic.policy.paths hermetic.policy.ports hermetic.policy.domains hermetic.policy.adjust hermetic.policy.git_index
""".split()
"""A package comes before what is in it."""
NAMES = """
hermetic.linux.name_server hermetic.linux.name_streams hermetic.linux.crew hermetic.linux.loopback_server hermetic.linux.datagrams
hermetic.linux.namespaces hermetic.linux.routes hermetic_guard.guards.nearness
""".split()
"""Where names are allowed."""
PACKAGES = ("hermetic", "hermetic_guard")
LARGEST = 1 << 24
"""Bytes that are copied at once; no library has as many."""


class Later:
    """A finder for the import system (PEP 451). As a context: leaving it has everything imported as before.

    unknown: what could not be had
    """

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec] = {}
        self._finders = list(sys.meta_path)
        self._opened: dict[str, int] = {}
        self._tops: dict[str, tuple[str, int]] = {}
        self._loaders: list[Own] = []
        self.unknown: list[str] = []

    def __enter__(self) -> Later:
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path[:] = self._finders
        for name, descriptor in self._opened.items():
            if name not in sys.modules:  # a library that is loaded keeps its path, which no other may get
                os.close(descriptor)
        for loader in self._loaders:
            loader.keep()
        self._close()

    def _close(self) -> None:
        while self._tops:
            os.close(self._tops.popitem()[1][1])

    def hold(self, *, names: bool, own: bool) -> None:
        """names: whether some are allowed; own: whether a run may change hermetic's own files, which mounts keep it from. Raises OSError."""
        for name in LIBRARY:
            if name not in sys.modules:
                self._read(name)
        for top in PACKAGES:
            place = sys.modules[top].__path__[0]
            self._tops[top] = place, os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if own:
            for name in OWN + (NAMES if names else []):
                if name not in sys.modules:
                    self._specs[name] = self._known(name)
            self._loaders.clear()
            self._close()
        sys.meta_path[:] = [BuiltinImporter, FrozenImporter, self]

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        found = self._specs.get(name)
        if found is None and name.partition(".")[0] in self._tops:
            try:
                found = self._known(name)
            except OSError:
                found = None
        if found is None:
            self.unknown.append(name)
        return found

    def _known(self, name: str) -> ModuleSpec:
        """A module of hermetic's own, as it is in the directory of its package that was opened. Raises OSError."""
        place, directory = self._tops[name.partition(".")[0]]
        within = "/".join(name.split(".")[1:])
        is_package = False
        try:
            loader = Own(place, directory, within)
        except FileNotFoundError:
            is_package = True
            loader = Own(place, directory, f"{within}/__init__")
        self._loaders.append(loader)
        spec = ModuleSpec(name, loader, origin=loader.origin)  # type: ignore[arg-type]
        spec.has_location = True
        spec.submodule_search_locations = [f"{place}/{within}"] if is_package else None
        return spec

    def _read(self, name: str) -> None:
        package = name.rpartition(".")[0]
        spec = PathFinder.find_spec(name, sys.modules[package].__path__ if package else None)
        if spec is None or spec.loader is None:
            return  # it is built in, or this interpreter has none
        if not isinstance(spec.loader, ExtensionFileLoader):
            made = ahead.bytecode(str(spec.origin), str(spec.cached))
            code = loads(made) if made is not None else spec.loader.get_code(name)  # type: ignore[attr-defined]
            spec.loader = Code(lambda: code)  # type: ignore[assignment]
            self._specs[name] = spec
        elif not self._is_copied(spec):
            __import__(name)

    def _is_copied(self, spec: ModuleSpec) -> bool:
        """Have a library loaded from a copy in memory: to map its file is to read that when it is used, whoever has written to it by then.

        Not where nothing in memory may be executed (vm.memfd_noexec).
        """
        try:
            descriptor = self._opened[spec.name] = os.memfd_create(spec.name)
        except OSError:
            return False
        library = os.open(str(spec.origin), os.O_RDONLY | os.O_CLOEXEC)
        try:
            while os.sendfile(descriptor, library, None, LARGEST):
                pass
        finally:
            os.close(library)
        spec.origin = f"/proc/self/fd/{descriptor}"
        spec.loader = ExtensionFileLoader(spec.name, spec.origin)
        self._specs[spec.name] = spec
        return True


def _kept(within: str) -> str:
    above, slash, tail = within.rpartition("/")
    return f"{above}{slash}__pycache__/{tail}{ahead.KEPT}"


class Code:
    """A loader of what was read."""

    def __init__(self, make: Callable[[], CodeType]) -> None:
        self._make = make

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        exec(self._make(), vars(module))


class Own(Code):
    """Of a module of hermetic's, of which all that is in files is read at once.

    place, directory: of the package above all; within: the module in there, without what its file's name ends with. Raises OSError.
    """

    def __init__(self, place: str, directory: int, within: str) -> None:
        self.origin, self._within, self._directory = f"{place}/{within}.py", within, directory
        self._bytecode = ahead.bytecode(f"{within}.py", _kept(within), directory)
        self._compiled: CodeType | None = None
        if self._bytecode is None:
            with open(os.open(f"{within}.py", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory), "rb") as file:
                self._status, self._source = os.fstat(file.fileno()), file.read()
        super().__init__(self._made)

    def _made(self) -> CodeType:
        if self._bytecode is not None:
            return loads(self._bytecode)  # type: ignore[no-any-return]
        self._compiled = compile(self._source, self.origin, "exec", dont_inherit=True)
        return self._compiled

    def keep(self) -> None:
        """Write the bytecode of what had none, as the import system would have, in the directory that was opened."""
        if self._compiled is None or sys.dont_write_bytecode:
            return
        data = _code_to_timestamp_pyc(self._compiled, int(self._status.st_mtime), self._status.st_size)
        kept = _kept(self._within)
        flags, mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._status.st_mode & 0o666
        try:
            with open(os.open(f"{kept}.{os.getpid()}", flags, mode, dir_fd=self._directory), "wb") as file:
                file.write(data)
            os.replace(f"{kept}.{os.getpid()}", kept, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except OSError:
            return
