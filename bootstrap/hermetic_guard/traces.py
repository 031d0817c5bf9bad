"""Takes every trace of the injection out again, so that the target finds what it would have found without it.

These are the environment, sys.path, sys.modules, sys.path_importer_cache and, in the environment way, what PYTHONWARNINGS left in `warnings`.
What stays is listed in the README.
"""

import _frozen_importlib_external
import os
import sys

from hermetic_guard import injection

PYPY = sys.implementation.name == "pypy"
PACKAGE, ERRORS = "hermetic_guard", "hermetic_guard.errors"
KEPT = [PACKAGE, ERRORS] + "_abc _collections_abc _stat abc errno genericpath os os.path posixpath stat".split()
"""Modules that stay: violations are pickled by the first names; the others are `os`, which `site` would load now, and what it loads. Those in
which something is replaced stay as well."""

if not hasattr(sys, "addaudithook") or PYPY:
    KEPT.append("atexit")  # functions of ours; those of the instance that was made last are called


class Traces(object):
    """way: "early" or "stub"; run: the run directory; before: names in sys.modules and in sys.path_importer_cache when the injection began."""

    def __init__(self, way, run, before) -> None:
        self.way = way
        self.run = run
        self.modules, self.importers = map(frozenset, before)
        self.restored = 0
        self.entries = len(os.environ.get("PYTHONPATH", "").split(":"))

    def take_out(self, kept) -> None:
        """To be called when all is in place. kept: names of modules in which something is replaced."""
        kept = frozenset(kept).union(KEPT)
        hide_package()
        if not sys.flags.ignore_environment:
            self.restore_path()
            restore_pycache_prefix()
        # A codec that was looked up is remembered, and would not be loaded again.
        new = [name for name in sys.modules if name not in self.modules and name not in kept and not name.startswith("encodings.")]
        if PYPY:
            # Its digests load cffi, which cannot be loaded a second time.
            new = [name for name in new if name.startswith(PACKAGE)]
        forget_modules(new)
        if self.way == "early":
            self.tidy_before_site(kept)
        else:
            self.restore_importers()

    def restore_path(self) -> None:
        """The interpreter puts PYTHONPATH's entries first; 3.11 and later make them absolute (Modules/getpath.py)."""
        value = os.environ.get("PYTHONPATH")
        entries = [absolute(entry) for entry in value.split(":")] if value else []
        count = self.entries if self.run in sys.path else 0
        sys.path[:count] = entries
        self.restored = len(entries)

    def restore_importers(self) -> None:
        """The interpreter has looked into the entries of PYTHONPATH, for `encodings`, before it came to its own library."""
        for entry in [entry for entry in sys.path_importer_cache if entry not in self.importers]:
            del sys.path_importer_cache[entry]
        for entry in sys.path[: self.restored]:
            _frozen_importlib_external.PathFinder._path_importer_cache(entry)  # type: ignore[attr-defined]

    def process_warnings(self) -> None:
        """Heed the user's PYTHONWARNINGS, as the interpreter has done already in the other way. Categories may be any module's."""
        value = os.environ.get("PYTHONWARNINGS")
        if self.way == "stub" and value and not sys.flags.ignore_environment:
            behind = 1 if getattr(sys.flags, "dev_mode", False) else 0  # config_init_warnoptions() in Python/initconfig.c
            sys.warnoptions[behind:behind] = value.split(",")
            sys.modules.pop("warnings", None)
            import warnings  # noqa: F401

    def tidy_before_site(self, kept) -> None:
        """Remove what PYTHONWARNINGS left, at the first import after `warnings` is done: that of `site`.

        Until then `warnings` needs the module it has named, and so does the import system.
        """

        class Tidy(object):
            def find_spec(self, name, path=None, target=None):
                if name == "site":
                    sys.meta_path.remove(self)
                    tidy_warnings(kept)

        sys.meta_path.insert(0, Tidy())
        sys.path_importer_cache.pop(self.run, None)


def hide_package() -> None:
    """Of the package only `errors` stays in sight."""
    package = sys.modules[PACKAGE]
    for name, value in list(vars(package).items()):
        if type(value) is type(sys) and value is not sys.modules[ERRORS]:
            delattr(package, name)


def forget_modules(names) -> None:
    for name in names:
        for entry in getattr(sys.modules.pop(name, None), "__path__", ()):
            sys.path_importer_cache.pop(entry, None)


def tidy_warnings(kept) -> None:
    warnings = sys.modules["warnings"]
    category = getattr(sys.modules.pop(injection.EARLY_MODULE), injection.EARLY_CLASS)
    sys.warnoptions.remove(injection.WARNING.decode())
    warnings.filters[:] = [item for item in warnings.filters if item[2] is not category]
    if sys.warnoptions:
        warnings._filters_mutated()
    else:
        # Without an option `warnings` would not be loaded yet, nor what it loads. The one that is loaded later finds its state as it was.
        names = list(sys.modules)
        late = names[names.index("warnings") :] + ["_contextvars", "_py_warnings"]
        forget_modules([name for name in late if name not in kept])


def restore_environment() -> None:
    """Give os.environ, the C environment and `posix.environ` (which os.environ was made from) the values the user set."""
    import posix

    before = dict(os.environb)
    after = injection.restore_environment(before)
    for name in before:
        if name not in after:
            del os.environb[name]
            posix.environ.pop(name, None)
    for name, value in after.items():
        if before.get(name) != value:
            os.environb[name] = value
            posix.environ[name] = value


def restore_pycache_prefix() -> None:
    """PYTHONPYCACHEPREFIX was not there at start; -X pycache_prefix, even without a value, goes before it (config_init_pycache_prefix)."""
    prefix = os.environ.get("PYTHONPYCACHEPREFIX")
    if prefix and hasattr(sys, "pycache_prefix") and "pycache_prefix" not in sys._xoptions:
        sys.pycache_prefix = prefix  # novm


def absolute(entry: str) -> str:
    try:
        return os.path.abspath(entry) if sys.version_info >= (3, 11) else entry
    except OSError:
        return entry  # the working directory is gone
