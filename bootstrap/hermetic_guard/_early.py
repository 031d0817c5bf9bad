"""Imported through PYTHONWARNINGS before `site`, so before any user code; see injection.py. Must parse on Python 2.7.

The class is what `warnings` looks for. It is imported from the run directory, beside sitecustomize.py, which does the work and is run by
explicit path.
"""

import sys


class Guard(Warning):
    """Named in PYTHONWARNINGS; nothing is ever warned of with it."""


def _run_startup():
    startup = {"__name__": "_hermetic_startup"}
    path = __file__.rpartition("/")[0] + "/sitecustomize.py"
    try:
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec", 0, True), startup)
    except BaseException as error:
        import os

        os.write(2, ("hermetic: the guards could not be loaded: %s; nothing was run\n" % error).encode("utf-8", "replace"))
        os._exit(125)
    startup["start"]("early")


if "site" in sys.modules and sys.flags.no_site == 0:
    # PyPy imports warnings after site: whoever chose this way chose wrongly.
    import os

    os.write(2, b"hermetic: this interpreter runs .pth files before the guards; nothing was run\n")
    os._exit(125)
_run_startup()
