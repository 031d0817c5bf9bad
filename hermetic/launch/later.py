"""What the launcher may have to load while a target runs. Read before that begins: by then the target may have put other files in their place.

It is the launcher that no rule holds. So until the run is over nothing is imported from a file, but hermetic's own where mounts keep the run from
changing them; what is not listed here cannot be had.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import BuiltinImporter, FrozenImporter
from _frozen_importlib_external import ExtensionFileLoader, PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
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


class Later:
    """A finder for the import system (PEP 451). As a context: leaving it has everything imported as before.

    unknown: what could not be had
    """

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec] = {}
        self._finders = list(sys.meta_path)
        self._opened: dict[str, int] = {}
        self._own = False
        self.unknown: list[str] = []

    def __enter__(self) -> Later:
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path[:] = self._finders
        for name, descriptor in self._opened.items():
            if name not in sys.modules:  # a library that is loaded keeps its path, which no other may get
                os.close(descriptor)

    def hold(self, *, names: bool, own: bool) -> None:
        """names: whether some are allowed; own: whether a run may change hermetic's own files, which mounts keep it from. Raises OSError."""
        for name in LIBRARY + (OWN + (NAMES if names else []) if own else []):
            if name not in sys.modules:
                self._read(name)
        self._own = not own
        sys.meta_path[:] = [BuiltinImporter, FrozenImporter, self]

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        found = self._specs.get(name)
        if found is None and self._own and name.partition(".")[0] in PACKAGES:
            found = PathFinder.find_spec(name, path)
        if found is None:
            self.unknown.append(name)
        return found

    def _read(self, name: str) -> None:
        spec = PathFinder.find_spec(name, self._place(name.rpartition(".")[0]))
        if spec is None or spec.loader is None:
            return  # it is built in, or this interpreter has none
        if not isinstance(spec.loader, ExtensionFileLoader):
            spec.loader = Code(spec.loader.get_code(name))  # type: ignore[attr-defined, assignment]
            self._specs[name] = spec
        elif not self._is_copied(spec):
            __import__(name)

    def _place(self, package: str) -> Sequence[str] | None:
        """Where a package's modules are; it may be one that was read and not loaded."""
        if not package:
            return None
        return sys.modules[package].__path__ if package in sys.modules else self._specs[package].submodule_search_locations

    def _is_copied(self, spec: ModuleSpec) -> bool:
        """Have a library loaded from a copy in memory: to map its file is to read that when it is used, whoever has written to it by then.

        Not where nothing in memory may be executed (vm.memfd_noexec).
        """
        try:
            descriptor = self._opened[spec.name] = os.memfd_create(spec.name)
        except OSError:
            return False
        with open(str(spec.origin), "rb") as library:
            os.write(descriptor, library.read())
        spec.origin = f"/proc/self/fd/{descriptor}"
        spec.loader = ExtensionFileLoader(spec.name, spec.origin)
        self._specs[spec.name] = spec
        return True


class Code:
    """A loader of what was read."""

    def __init__(self, code: CodeType) -> None:
        self._code = code

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, vars(module))
