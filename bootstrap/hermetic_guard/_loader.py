"""Checks what is staged, and loads the guard from it: never through the import system, which can be led elsewhere.

Run by _startup.py, staged as loader.src and, compiled, as loader.MAGIC.
"""

import builtins
import sys

SHARED = "hermetic_guard.errors"
TWINNED = sys.version_info >= (3, 8) and sys.implementation.name == "cpython"
"""Whether the guard's modules are executed twice: what judges has modules of its own, behind the audit hook, see sealing.py."""

FIRST = "payload"
"""The part of the guard that is loaded at once; of the others see late.py."""


def load(way, run, digest, identity, before):
    """digest: of the manifest; identity: (st_dev, st_ino) of the run's FIFO; before: what traces.py compares with."""
    staged = Staged(run, digest)
    payload = compiled(staged.part(FIRST)())
    twins = execute(payload, {}) if TWINNED else {}
    modules = execute(payload, {SHARED: twins[SHARED]} if twins else {})
    modules["hermetic_guard.activate"].activate(way, staged, identity, before, modules, twins)


class Staged(object):
    """The run directory's files, each checked against the manifest, and the manifest against the digest that came with the start.

    digests: in hex, by name; _loader.py and what loads it are among them, but have run before they could be checked
    """

    def __init__(self, run, digest):
        self.run = run
        self.digest = digest
        self.digests = {}
        self.blake2b = find_blake2b()
        manifest = self.content("manifest")
        self.check("manifest", manifest, digest)
        for line in manifest.decode("utf-8").splitlines():
            expected, name = line.split(" ", 1)
            self.digests[name] = expected

    def read(self, name):
        """The bytes of a staged file. Raises RuntimeError if they are not what the launcher wrote."""
        if name not in self.digests:
            raise RuntimeError("%s is not part of this run" % name)
        content = self.content(name)
        self.check(name, content, self.digests[name])
        return content

    def part(self, name):
        """A function that gives modules of the guard: (name, is_package, file name, source or code), compiled if that was done for this interpreter.

        They are read and checked now: what was altered starts nothing, and later there may be neither descriptors nor the directory any more.
        """
        from _frozen_importlib_external import MAGIC_NUMBER
        from marshal import loads

        compiled = "%s.%s" % (name, MAGIC_NUMBER.hex())
        content = self.read(compiled if compiled in self.digests else name + ".src")
        return lambda: loads(content)

    def content(self, name):
        with open(self.run + "/" + name, "rb") as file:
            return file.read()

    def check(self, name, content, expected):
        if self.blake2b(content, digest_size=32).hexdigest() != expected:
            raise RuntimeError("%s in the run directory was altered" % name)


def find_blake2b():
    """hashlib would load OpenSSL; the C module alone costs a tenth."""
    try:
        from _blake2 import blake2b
    except ImportError:  # a Python that was built to have all digests from OpenSSL
        from hashlib import blake2b
    return blake2b


def compiled(payload):
    found = []
    for name, is_package, filename, code in payload:
        if isinstance(code, bytes):
            code = compile(code, filename, "exec", 0, True)
        found.append((name, is_package, filename, code))
    return found


def execute(payload, standing):
    """Execute the modules in their order, which is that of their dependencies. They are in sys.modules until traces.py takes them out.

    standing: those that are taken as they are, by name
    """
    loaded = {}
    before = builtins.__import__
    builtins.__import__ = make_import(sys.modules, before)
    try:
        _execute(payload, standing, loaded)
    finally:
        builtins.__import__ = before
    return loaded


def make_import(modules, elsewhere):
    """What `import` calls meanwhile. The interpreter's own asks every module that something is taken from whether it is a package, and words an error
    of each that is none: half of what the guard's modules take to execute.
    """

    def __import__(name, namespace=None, local=None, wanted=None, level=0):
        found = modules.get(name) if wanted or "." not in name else None
        return elsewhere(name, namespace, local, wanted, level) if found is None else found

    return __import__


def _execute(payload, standing, loaded):
    for name, is_package, filename, code in payload:
        module = standing.get(name) or type(sys)(name)
        module.__file__ = filename
        module.__package__ = name if is_package else name.rpartition(".")[0]
        if is_package:
            module.__path__ = []
        sys.modules[name] = loaded[name] = module
        parent, _, leaf = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], leaf, module)
        if name in standing:
            continue
        exec(code, module.__dict__)
