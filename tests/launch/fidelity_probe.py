"""Says what a program can see of the interpreter it runs in. Valid on Python 3.6; looks before it imports anything."""

import sys

SUPPORTED = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


def look(loaded):
    main = vars(sys.modules["__main__"])
    return {
        "modules": loaded,
        "path": list(sys.path),
        "argv": list(sys.argv),
        "orig_argv": list(getattr(sys, "orig_argv", ())),
        "flags": repr(sys.flags),
        "options": sorted(sys._xoptions.items()) if hasattr(sys, "_xoptions") else [],
        "warnoptions": list(sys.warnoptions),
        "meta_path": [anonymous(finder) for finder in sys.meta_path],
        "path_hooks": [anonymous(hook) for hook in sys.path_hooks],
        "importers": sorted((entry, type(finder).__name__) for entry, finder in sys.path_importer_cache.items()),
        "pycache_prefix": getattr(sys, "pycache_prefix", None),
        "main": sorted((name, anonymous(value)) for name, value in main.items()),
        "sys": sorted(vars(sys)),
        "dont_write_bytecode": sys.dont_write_bytecode,
        "prefixes": [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.executable, getattr(sys, "_base_executable", None)],
        "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.gettrace(), sys.getprofile()],
        "limits": [sys.getrecursionlimit(), sys.getswitchinterval()],
        "bottom": [frame.f_code.co_filename for frame in frames() if "fidelity_probe" not in frame.f_code.co_filename],
    }


def anonymous(value):
    return repr(value).split(" at 0x")[0]


def frames():
    found, frame = [], sys._getframe(1)
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def look_with_imports():
    import os

    seen = {
        "environ": sorted(os.environ.items()),
        "posix.environ": sorted([ascii(pair) for pair in sys.modules["posix"].environ.items()]),
        "C environment": c_environment(),
        "os": sorted(vars(os)),
        "supported": [sorted(function.__name__ for function in value) for value in map(vars(os).get, SUPPORTED) if value is not None],
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "umask": umask(os),
        "cwd": os.getcwd(),
    }
    import warnings

    seen["filters"] = [repr(entry) for entry in warnings.filters]
    seen["warnings"] = sorted(vars(warnings))
    import atexit
    import builtins
    import gc
    import signal
    import threading

    seen["builtins"] = sorted(vars(builtins))
    seen["gc"] = [gc.isenabled(), getattr(gc, "get_threshold", int)(), len(getattr(gc, "callbacks", ()))]
    seen["signals"] = [repr(signal.getsignal(number)) for number in range(1, 32)]
    seen["threads"] = [thread.name for thread in threading.enumerate()]
    seen["at exit"] = atexit._ncallbacks() if hasattr(atexit, "_ncallbacks") else None
    seen["streams"] = [anonymous(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]
    site = sys.modules.get("site")
    seen["site"] = sorted((name, repr(value)) for name, value in vars(site).items() if name.isupper()) if site else None
    return seen


def umask(os):
    before = os.umask(0)
    os.umask(before)
    return before


def c_environment():
    """What the C library holds, which os.environ only mirrors."""
    import ctypes

    variables = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found = []
    while variables[len(found)]:
        found.append(ascii(variables[len(found)]))
    return sorted(found)


def report(loaded):
    seen = look(loaded)
    seen.update(look_with_imports())
    import json

    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    report(sorted(sys.modules))
