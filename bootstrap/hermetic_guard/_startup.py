"""Loads the guard into an interpreter that has not run any user code yet; staged into the run directory as sitecustomize.py.

It is reached by explicit path from `_early.py` or `_stub.py` beside it. If instead `site` imports it as `sitecustomize`, the guards would come
after the `.pth` lines: PYTHONWARNINGS was taken away on the way here. That, an interpreter older than 3.6, and anything that is not exactly as
the launcher wrote it ends the process with exit code 125 and one line: an exception would be printed and ignored (Lib/site.py,
execsitecustomize). Must parse on Python 2.7.
"""

import sys

EXIT = 125
OLDEST = (3, 6)


def refuse(why):
    """End the process: nothing of the target has run, and nothing shall."""
    import os

    os.write(2, ("hermetic: %s; nothing was run\n" % why).encode("utf-8", "replace"))
    os._exit(EXIT)


def start(way):
    """Put the guards in place, or end the process. `way` is "early" or "stub"."""
    if sys.version_info < OLDEST:
        refuse("Python %d.%d is too old to be guarded, 3.6 is the oldest" % sys.version_info[:2])
    try:
        _start(way)
    except BaseException as error:
        refuse("the guards could not be put in place: %s: %s" % (type(error).__name__, error))


def _start(way):
    import os

    protocol, digest, device, inode, _, run = os.environ["_HERMETIC"].split(":", 5)
    if protocol != "1":
        raise RuntimeError("the run has protocol %s, this guard speaks 1" % protocol)
    staged = _Staged(run, digest)
    modules = _load(staged.payload())
    modules["hermetic_guard.activate"].activate(way, staged, digest, (int(device), int(inode)))
    for name in modules:
        if name not in ("hermetic_guard", "hermetic_guard.errors"):
            del sys.modules[name]


class _Staged(object):
    """The run directory's files, each checked against the manifest and the manifest against the digest that came with the start."""

    def __init__(self, run, digest):
        self.run = run
        self.digests = {}
        manifest = self._content("manifest")
        self._check("manifest", manifest, digest)
        for line in manifest.decode("ascii").splitlines():
            expected, name = line.split(" ", 1)
            self.digests[name] = expected

    def read(self, name):
        """The bytes of a staged file. Raises RuntimeError if they are not what the launcher wrote."""
        if name not in self.digests:
            raise RuntimeError("%s is not part of this run" % name)
        content = self._content(name)
        self._check(name, content, self.digests[name])
        return content

    def payload(self):
        """The guard's modules: (name, is_package, file name, source or code), compiled if that was done for this interpreter."""
        import marshal
        from _frozen_importlib_external import MAGIC_NUMBER

        compiled = "payload.%s" % "".join(["%02x" % byte for byte in bytearray(MAGIC_NUMBER)])
        return marshal.loads(self.read(compiled if compiled in self.digests else "payload.src"))

    def _content(self, name):
        import io

        with io.open(self.run + "/" + name, "rb") as file:
            return file.read()

    def _check(self, name, content, expected):
        if _sha256(content) != expected:
            raise RuntimeError("%s in the run directory was altered" % name)


def _sha256(content):
    """hashlib would load OpenSSL; the C module alone costs a tenth. It is `_sha2` since 3.12; PyPy has hashlib only."""
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256
    except ImportError:
        from hashlib import sha256
    return sha256(content).hexdigest()


def _load(payload):
    """Execute the modules in their order, which is that of their dependencies; never through the import system."""
    loaded = {}
    for name, is_package, filename, code in payload:
        module = type(sys)(name)
        module.__file__ = filename
        module.__package__ = name if is_package else name.rpartition(".")[0]
        if is_package:
            module.__path__ = []
        sys.modules[name] = loaded[name] = module
        parent, _, leaf = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], leaf, module)
        if isinstance(code, bytes):
            code = compile(code, filename, "exec", 0, True)
        exec(code, module.__dict__)
    return loaded


if __name__ == "sitecustomize":
    refuse("this Python was started with the guards' PYTHONPATH but without their PYTHONWARNINGS, so .pth files came first")
