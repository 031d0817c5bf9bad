"""Checks what is staged, and loads the guard from it: never through the import system, which can be led elsewhere.

Run by _startup.py, staged as loader.src and, compiled, as loader.MAGIC.
"""

import builtins
import sys

SHARED = "hermetic_guard.errors"
TWINNED = sys.version_info >= (3, 8) and sys.implementation.name == "cpython"
"""Whether the guard's modules are executed twice: what judges has modules of its own, behind the audit hook, see sealing.py."""

PACKAGE = "hermetic_guard"
JUDGING = """
violations hosts distributions policy packages unions intersection keywords decide serialized scopes events attribution intact
guards.canonical guards.nearness guards.ownership guards.proxies guards.resolution guards.uris
""".split()
STANDING = "activate children traces guards.awaited guards.interrupted guards.silent patching".split()
"""Modules that are needed on one side only: among the twins, or by what stands in the target's reach. The other has empty ones in their place."""

LISTED = (object, ValueError)
"""What the twins' classes are directly below of."""

FIRST = "payload"
"""The part of the guard that is loaded at once; of the others see late.py."""


def load(way, run, digest, identity, before):
    """digest: of the manifest; identity: (st_dev, st_ino) of the run's FIFO; before: what traces.py compares with."""
    staged = Staged(run, digest)
    listings = find_listings() if TWINNED else []
    payload = compiled(staged.part(FIRST)())
    twins = execute(payload, {}, STANDING) if TWINNED else {}
    modules = execute(payload, {SHARED: twins[SHARED]}, JUDGING) if twins else execute(payload, {})
    for name in STANDING if twins else ():
        del twins["%s.%s" % (PACKAGE, name)]
    modules["hermetic_guard.activate"].activate(way, staged, identity, before, modules, twins, listings)


def find_listings():
    """The dicts in which types keep the classes below them, see unlisted.py. To find one the collector looks at all there is: now that is little."""
    import gc
    from _weakref import getweakrefs

    some = [kind.__subclasses__()[0] for kind in LISTED]
    return [found for found in gc.get_referrers(*[one for kind in some for one in getweakrefs(kind)]) if type(found) is dict]


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

    def part(self, name, told=None):
        """A function that gives modules of the guard: (name, is_package, file name, source or code), compiled if that was done for this interpreter.

        They are read now: later there may be neither descriptors nor the directory any more. With `told`, which is called with the name of what was
        altered, they are checked when they are asked for: that takes as long as to load them, and nobody can alter what was read.
        """
        from _frozen_importlib_external import MAGIC_NUMBER
        from marshal import loads

        staged = "%s.%s" % (name, MAGIC_NUMBER.hex())
        staged = staged if staged in self.digests else name + ".src"
        content, check = self.content(staged), make_check(self.blake2b, staged, self.digests[staged], told)
        if told is None:
            check(content)
            return lambda: loads(content)

        def give():
            check(content)
            return loads(content)

        return give

    def content(self, name):
        with open(self.run + "/" + name, "rb") as file:
            return file.read()

    def check(self, name, content, expected):
        make_check(self.blake2b, name, expected)(content)


def make_check(blake2b, name, expected, told=None):
    """check(content): raises if that is not what the launcher wrote. Nothing is looked up that the target could replace."""
    altered = RuntimeError

    def check(content):
        if blake2b(content, digest_size=32).hexdigest() != expected:
            if told is not None:
                told(name)
            raise altered("%s in the run directory was altered" % name)

    return check


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


class Absent(object):
    """What is taken from a module that is not needed here. To do anything with it is an error: nobody shall go on with what means nothing."""

    def refuse(self, *_, **__):
        raise RuntimeError("a module of the other side is used")

    __call__ = __bool__ = __eq__ = __ne__ = __hash__ = __iter__ = __len__ = __contains__ = __getattr__ = refuse  # type: ignore[assignment]


ABSENT = Absent()


def execute(payload, standing, left_out=()):
    """Execute the modules in their order, which is that of their dependencies. They are in sys.modules until traces.py takes them out.

    standing: those that are taken as they are, by name; left_out: names of those that stay empty
    """
    loaded, empty = {}, frozenset(["%s.%s" % (PACKAGE, name) for name in left_out])
    before = builtins.__import__
    builtins.__import__ = make_import(sys.modules, empty, before)
    try:
        for name, is_package, filename, code in payload:
            module = loaded[name] = standing.get(name) or type(sys)(name)
            place(module, name, is_package, filename)
            if name not in standing and name not in empty:
                exec(code, module.__dict__)
    finally:
        builtins.__import__ = before
    return loaded


def place(module, name, is_package, filename):
    module.__file__ = filename
    module.__package__ = name if is_package else name.rpartition(".")[0]
    if is_package:
        module.__path__ = []
    sys.modules[name] = module
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)


def make_import(modules, empty, elsewhere):
    """What `import` calls meanwhile. The interpreter's own asks every module that something is taken from whether it is a package, and words an error
    of each that is none: half of what the guard's modules take to execute.
    """

    def __import__(name, namespace=None, local=None, wanted=None, level=0):
        found = modules.get(name) if wanted or "." not in name else None
        if name in empty:
            vars(found).update(dict.fromkeys(wanted, ABSENT))
        return elsewhere(name, namespace, local, wanted, level) if found is None else found

    return __import__
