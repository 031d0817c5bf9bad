"""Writes down all that the process it runs in can see of how it was started, as a literal. Valid on Python 3.6."""

import ctypes
import os
import signal
import sys
import warnings

OUT = "@OUT@"


def facts():
    names = [name for name in dir(sys.flags) if name[0] != "_" and isinstance(getattr(sys.flags, name), int)]
    return {
        "argv": sys.argv,
        "orig_argv": getattr(sys, "orig_argv", None),
        "flags": {name: getattr(sys.flags, name) for name in names},
        "xoptions": getattr(sys, "_xoptions", None),
        "warnoptions": sys.warnoptions,
        "filters": [str(item) for item in warnings.filters],
        "prefixes": [sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix],
        "path": sys.path,
        "pycache_prefix": getattr(sys, "pycache_prefix", None),
        "encoding": [sys.getfilesystemencoding(), sys.stdout.encoding],
        "environ": dict(os.environ),
        "C environ": c_environ(),
        "directory": os.getcwd(),
        "umask": os.umask(0),
        "session": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
        "user": [os.getuid(), os.getgid(), os.getgroups()],
        "descriptors": [descriptor for descriptor in range(64) if is_open(descriptor)],
        "signals": {number: str(signal.getsignal(number)) for number in (2, 13, 15, 17, 25)},
        "mask": sorted(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "main": sorted(vars(sys.modules["__main__"])),
        "hermetic": sorted(name for name in sys.modules if "hermetic" in name and not name.startswith("hermetic_guard")),
    }


def c_environ():
    variables = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found = []
    while variables[len(found)]:
        found.append(os.fsdecode(variables[len(found)]))
    return sorted(found)


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def tell(name):
    told = facts()
    with open(OUT + "/" + name + ".told", "w") as file:
        file.write(ascii(told))


if __name__ == "__main__":
    tell(globals().get("NAME") or sys.argv[1])
