"""Imported through PYTHONWARNINGS before `site`, so before any user code; see injection.py. Must parse on Python 2.7.

The class is what `warnings` looks for. It is imported from the run directory, beside sitecustomize.py, which does the work and is run by
explicit path.
"""

import sys


class Guard(Warning):
    """Named in PYTHONWARNINGS; nothing is ever warned of with it."""


def load_startup():
    """Run sitecustomize.py, compiled if that was done for this interpreter; returns its namespace."""
    run = __file__.rpartition("/")[0]
    namespace = {"__name__": "hermetic_guard._startup"}
    try:
        exec(compiled(run) or compile(read(run + "/sitecustomize.py"), "<hermetic>/_startup.py", "exec", 0, True), namespace)
    except BaseException as error:
        import os

        os.write(2, ("hermetic: the guards could not be loaded: %s; nothing was run\n" % error).encode("utf-8", "replace"))
        os._exit(125)
    return namespace


def compiled(run):
    import marshal

    try:
        from _frozen_importlib_external import MAGIC_NUMBER

        return marshal.loads(read("%s/startup.%s" % (run, MAGIC_NUMBER.hex())))
    except (ImportError, IOError):
        return None


def read(path):
    with open(path, "rb") as file:
        return file.read()


STARTUP = load_startup()
if "site" in sys.modules and not sys.flags.no_site:
    # PyPy imports warnings after site: whoever chose this way chose wrongly.
    STARTUP["refuse"]("this interpreter runs .pth files before the guards")
STARTUP["start"]("early")
