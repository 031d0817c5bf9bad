"""What the last event of an interpreter is used for.

`cpython.PyInterpreterState_Clear` is the last that a hook gets. What `codecs.register_error` or `os.register_at_fork` hold is released after it,
and a `__del__` of such an object runs without any hook (3.8-3.13). So the sockets there are get closed, and with a hard limit of no descriptors
at all nothing can be opened any more, neither file nor socket nor pipe to a process. Standard streams stay as they were at the start.

Anybody can raise this event, and then other threads go on: nothing here may let anything pass.
"""

import sys
from posix import stat

FOLDERS = ("/lib/" + getattr(sys.implementation, "_multiarch", ""), "/lib64", "/usr/lib64", "/usr/lib", "/lib")


def find_unwinder():
    """The C library's own library for ending threads, None where it is elsewhere."""
    for folder in FOLDERS:
        path = folder + "/libgcc_s.so.1"
        try:
            stat(path)
        except OSError:
            continue
        return path
    return None


UNWINDER = find_unwinder() if (3, 9) <= sys.version_info < (3, 14) else None
"""Found before anything of the target's runs, which might put one there. The native guard lets it be loaded by this path."""


def at_clear(create):
    """The handler for that event. create: the original of `_imp.create_dynamic`, as modules and what looks up names in them are gone by then."""
    import os
    import resource

    setrlimit, nofile, none = resource.setrlimit, resource.RLIMIT_NOFILE, (0, 0)
    listdir, fstat, close, close_range, os_error = os.listdir, os.fstat, os.close, os.closerange, OSError
    kind, socket, number = 0o170000, 0o140000, int
    load_unwinder, streams = unwinder(create), standing_streams(fstat)

    def clear(*_):
        try:
            load_unwinder()
            for name in listdir("/proc/self/fd"):
                close_socket(number(name))
        except os_error:
            close_range(3, 1 << 16)
        finally:
            setrlimit(nofile, none)

    def close_socket(descriptor):
        try:
            found = fstat(descriptor)
            if found.st_mode & kind == socket and (found.st_dev, found.st_ino) not in streams:
                close(descriptor)
        except os_error:
            return

    return clear


def standing_streams(fstat):
    found = set()
    for descriptor in range(3):
        try:
            status = fstat(descriptor)
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def unwinder(create):
    """A function that loads, while it can be opened, what daemon threads need to end.

    Up to 3.13 a thread that asks for the lock of an interpreter that is ending is ended by pthread_exit(3) (Python/ceval_gil.c, `take_gil`).
    That of glibc loads libgcc_s.so.1 the first time and aborts the process where it cannot (misc/unwind-link.c).
    """
    import _thread

    if sys.version_info < (3, 9):
        load = make_end_thread()
    elif UNWINDER is not None:
        load = make_load(create)
    else:
        return lambda: None
    count = _thread._count

    def load_unwinder():
        if count():
            load()

    return load_unwinder


def make_load(create):
    """CPython keeps loaded what it loads as an extension module, also where it then finds that it is none."""
    from _frozen_importlib import ModuleSpec

    import_error = ImportError
    spec = ModuleSpec("libgcc_s", None, origin=UNWINDER)

    def load():
        try:
            create(spec)
        except import_error:
            return

    return load


def make_end_thread():
    """In 3.8 nothing can be imported at the last event, but a thread can be started, and ends as it asks for the lock."""
    import _thread
    import os
    import time

    start, nothing, sleep, tries = _thread.start_new_thread, bool, time.sleep, tuple(range(100))
    open_, read, close, flags, name = os.open, os.read, os.close, os.O_RDONLY, b"/libgcc_s.so"
    size = len(name)

    def end_thread():
        start(nothing, ())
        for _ in tries:
            sleep(0.005)
            if loaded():
                return

    def loaded():
        maps = open_("/proc/self/maps", flags)
        try:
            found = part = b" "
            while part and name not in found:
                part = read(maps, 1 << 16)
                found = found[-size:] + part
            return name in found
        finally:
            close(maps)

    return end_thread
