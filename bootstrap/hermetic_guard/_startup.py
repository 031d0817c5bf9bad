"""Starts the guards in an interpreter that has not run any user code yet; staged into the run directory as sitecustomize.py.

It is reached by explicit path from `_early.py` or `_stub.py` beside it. If instead `site` imports it as `sitecustomize`, the guards would come
after the `.pth` lines: PYTHONWARNINGS was taken away on the way here. That, an interpreter older than 3.6, and anything that is not exactly as
the launcher wrote it ends the process with exit code 125 and one line: an exception would be printed and ignored (Lib/site.py,
execsitecustomize). Must parse on Python 2.7.

The work is done by _loader.py: this file is compiled at every start.
"""

__package__ = ""  # else 2.7 warns of a parent package that is not there

import sys

EXIT = 125
OLDEST = (3, 6)
EVENTS = []  # the path of the run's FIFO, once it is known


def refuse(why):
    """End the process: nothing of the target has run, and nothing shall. If the launcher cannot be told, it is said on stderr."""
    import os

    try:
        told = tell(os, why)
    except Exception:
        told = False
    if not told:
        os.write(2, ("hermetic: %s; nothing was run\n" % why).encode("utf-8", "replace"))
    os._exit(EXIT)


def tell(os, why):
    """Write the event `failed`, see events.py, to the run's FIFO and nothing else."""
    import stat

    plain = "".join([char if " " <= char <= "~" and char not in '"\\' else "?" for char in why])
    line = '{"v":1,"event":"failed","pid":%d,"why":"%s"}\n' % (os.getpid(), plain[:1000])
    channel = os.open(EVENTS[0], os.O_WRONLY | os.O_NONBLOCK)
    return stat.S_ISFIFO(os.fstat(channel).st_mode) and os.write(channel, line.encode("ascii")) == len(line)


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

    before = list(sys.modules), list(sys.path_importer_cache)
    protocol, digest, device, inode, _, run = os.environ["_HERMETIC"].split(":", 5)
    EVENTS.append(run + "/events")
    if protocol != "1":
        raise RuntimeError("the run has protocol %s, this guard speaks 1" % protocol)
    loader = {"__name__": "hermetic_guard._loader"}
    exec(_code_of_loader(run), loader)
    resume = _without_collector()
    loader["load"](way, run, digest, (int(device), int(inode)), before)
    resume()


def _without_collector():
    """Nothing of what is loaded is garbage, and to look for some takes a tenth of the time. Returns what has it look again."""
    if sys.implementation.name != "cpython":
        return bool
    import gc

    gc.disable()
    return gc.enable


def _code_of_loader(run):
    """Compiled, if that was done for this interpreter."""
    import marshal
    from _frozen_importlib_external import MAGIC_NUMBER

    try:
        with open("%s/loader.%s" % (run, MAGIC_NUMBER.hex()), "rb") as file:
            return marshal.loads(file.read())
    except FileNotFoundError:
        with open(run + "/loader.src", "rb") as file:
            return compile(file.read(), "<hermetic>/_loader.py", "exec", 0, True)


if __name__ == "sitecustomize":
    refuse("this Python was started with the guards' PYTHONPATH but without their PYTHONWARNINGS, so .pth files came first")
