"""What the last event of an interpreter is used for.

`cpython.PyInterpreterState_Clear` is the last that a hook gets. What `codecs.register_error` or `os.register_at_fork` hold is released after it,
and a `__del__` of such an object runs without any hook (3.8-3.13). So the sockets there are get closed, and with a hard limit of no descriptors
at all nothing can be opened any more, neither file nor socket nor pipe to a process. Standard streams stay.
"""

import sys


def at_clear(handlers):
    """The handler for that event. handlers: the hook's own, by event."""
    import os
    import resource

    setrlimit, nofile, none = resource.setrlimit, resource.RLIMIT_NOFILE, (0, 0)
    listdir, fstat, close, close_range, os_error = os.listdir, os.fstat, os.close, os.closerange, OSError
    kind, socket, number = 0o170000, 0o140000, int
    load_unwinder = unwinder()

    def clear(*_):
        # What we do here is judged by nobody. No other thread runs meanwhile: each ends where it asks for the interpreter's lock.
        standing = handlers.copy()
        handlers.clear()
        load_unwinder()
        try:
            for name in listdir("/proc/self/fd"):
                close_socket(number(name))
        except os_error:
            close_range(3, 1 << 16)
        handlers.update(standing)
        setrlimit(nofile, none)

    def close_socket(descriptor):
        try:
            if descriptor > 2 and fstat(descriptor).st_mode & kind == socket:
                close(descriptor)
        except os_error:
            return

    return clear


def unwinder():
    """A function that loads, while it can be opened, what daemon threads need to end.

    Up to 3.13 a thread that asks for the lock of an interpreter that is ending is ended by pthread_exit(3) (Python/ceval_gil.c, `take_gil`).
    That of glibc loads libgcc_s.so.1 the first time and aborts the process where it cannot (misc/unwind-link.c).
    """
    if sys.version_info >= (3, 14):
        return lambda: None
    import _thread
    import os

    count, os_error, read = _thread._count, OSError, make_read_maps(os)
    load = make_load(read) if sys.version_info >= (3, 9) else make_end_thread(read)

    def load_unwinder():
        try:
            if count():
                load()
        except os_error:
            return

    return load_unwinder


def make_load(read):
    """CPython keeps loaded what it loads as an extension module, also where it then finds that it is none."""
    import _imp
    from _frozen_importlib import ModuleSpec

    create, import_error, spec = _imp.create_dynamic, ImportError, ModuleSpec("libgcc_s", None)

    def load():
        maps = read()
        before = maps.partition("/libc.so.6\n" if "/libc.so.6\n" in maps else "/libc-2.")[0]
        spec.origin = before[before.find("/", before.rfind("\n")) :] + "/libgcc_s.so.1"
        try:
            create(spec)
        except import_error:
            return

    return load


def make_end_thread(read):
    """In 3.8 nothing can be imported at the last event, but a thread can be started, and ends as it asks for the lock."""
    import _thread
    import time

    start, nothing, sleep, tries = _thread.start_new_thread, bool, time.sleep, tuple(range(100))

    def end_thread():
        start(nothing, ())
        for _ in tries:
            if "/libgcc_s.so" in read():
                return
            sleep(0.001)

    return end_thread


def make_read_maps(os):
    open_, read, close, join, flags = os.open, os.read, os.close, "".join, os.O_RDONLY

    def read_maps():
        maps, parts, part = open_("/proc/self/maps", flags), [], " "
        while part:
            part = read(maps, 1 << 16).decode("utf-8", "surrogateescape")
            parts.append(part)
        close(maps)
        return join(parts)

    return read_maps
