"""Functions of extension modules that open files inside a library, where no audit event tells: replaced when the module is loaded.

Under whatever name a module is loaded, and however often: it is known by the last part of its name, by which its init function is found.
"""

import os
import sys

from hermetic_guard.guards import databases
from hermetic_guard.guards.loading import when_loaded
from hermetic_guard.guards.operations import DATABASE, FILE, IOCTLS, OPEN, USE
from hermetic_guard.guards.paths import exact
from hermetic_guard.hook import make_ask
from hermetic_guard.patching import builtin

DBM_SUFFIXES = {"_gdbm": ("",), "_dbm": ("", ".db", ".dir", ".pag")}
SHADOW = "/etc/shadow"
DEEPEST = 10
"""Files that include each other."""
WRITTEN_IN_C = sys.version_info < (3, 8)
EVENTS = hasattr(sys, "audit") and sys.implementation.name == "cpython"


def install(enforcer, asks):
    """Tell loading.py what to do with the modules that it loads, and do it with those that are there, which the ledger notes."""
    replacer = Replacer(enforcer.ledger.replace, asks)
    for name, patch in PATCHES.items():
        if patch is patch_semaphores and enforcer.scopes.keywords:
            continue  # those of before a block are its program's own, and nobody has noted them
        act = replacer.apply(patch)
        when_loaded(enforcer, name, act)
        if name in sys.modules:
            act(sys.modules[name])
    replacer.put = enforcer.ledger.later()  # what is kept in sight from now on must not lead to the ledger, which knows the originals


def make_acts(put, asks):
    """What is done with the modules, by name; put(owner, name, new) replaces something."""
    replacer = Replacer(put, asks)
    return {name: replacer.apply(patch) for name, patch in PATCHES.items()}


class Replacer(object):
    """put: replaces an attribute; asks: the functions to ask with, by the event they raise."""

    def __init__(self, put, asks) -> None:
        self.put = put
        self.file, self.open = asks[FILE], asks[OPEN]
        self.database, self.use = asks[DATABASE], asks[USE]
        self.native = native_of_sqlite()
        self.done = set()  # type: set[tuple[int, str]]

    def apply(self, patch):
        return lambda module: patch(self, module)

    def replace(self, owner, name, make):
        """make(original) gives the replacement. What is there already, or not yet, is left alone."""
        original = vars(owner).get(name)
        if original is not None and (id(owner), name) not in self.done:
            self.put(owner, name, make(original))
            self.done.add((id(owner), name))

    def function(self, module, name, before):
        """before(*arguments) gives the arguments to go on with."""

        def make(original):
            def function(*arguments, **options):
                arguments, options = before(*arguments, **options)
                return original(*arguments, **options)

            return builtin(function, original)

        self.replace(module, name, make)


# SQLite.


def patch_sqlite(to, module):
    if hasattr(module, "Connection") and (id(module), "Connection") not in to.done:
        text_of = str_of_pointer(module._ffi) if hasattr(module, "_ffi") else exact
        connection, cursor = databases.make_classes(module.Connection, module.Cursor, text_of, to.database, to.file, to.use, to.native)
        to.replace(module, "Connection", lambda _: connection)
        to.replace(module, "Cursor", lambda _: cursor)
        to.function(module, "connect", lambda *given, **named: (given, named if len(given) > 5 else dict({"factory": connection}, **named)))


def native_of_sqlite():
    """See databases.make_classes. Where there are no audit events the native guard does not get that far."""
    if not EVENTS:
        return lambda what: False
    judge, passes = make_ask("hermetic.native"), make_ask("hermetic.native.passes")
    return lambda what: passes("_ctypes", None) if what is None else judge("call", what, None, "ctypes")


def str_of_pointer(ffi):
    """PyPy hands on what SQLite gave it."""
    return lambda pointer: ffi.string(pointer).decode("utf-8", "surrogateescape") if pointer else None


# TLS.


def patch_ssl(to, module):
    kind = getattr(module, "_SSLContext", None)
    if kind is not None:
        to.replace(kind, "load_verify_locations", lambda original: method(to, original, ("cafile", "capath")))
        to.replace(kind, "load_cert_chain", lambda original: method(to, original, ("certfile", "keyfile")))
        to.replace(kind, "load_dh_params", lambda original: method(to, original, ("path",)))
        to.replace(kind, "keylog_filename", lambda original: key_log(to, original))
    to.function(module, "_test_decode_cert", lambda path: ((reads(to, path),), {}))


def method(to, original, names):
    """A method whose first arguments are paths to read, or None."""

    def load(self, *given, **named):
        given = tuple([reads(to, value) if index < len(names) else value for index, value in enumerate(given)])
        named = {name: reads(to, value) if name in names else value for name, value in named.items()}
        return original(self, *given, **named)

    load.__name__, load.__doc__ = original.__name__, original.__doc__
    load.__qualname__ = original.__qualname__
    return load


def key_log(to, original):
    def assign(self, path):
        path = exact(path)
        if path is not None:
            to.file("write", path, -1)
        original.__set__(self, path)

    return property(lambda self: original.__get__(self), assign, None, original.__doc__)


def reads(to, path):
    path = exact(path)
    if type(path) in (str, bytes):
        to.file("read", path, -1)
    return path


# The others.


def patch_readline(to, module):
    def with_path(operation, index):
        def before(*given):
            path = exact(given[index]) if len(given) > index else None
            if path is None:
                path = os.path.expanduser("~/.history")  # rl_read_history(3)
            to.file(operation, path, -1)
            return (*given[:index], path), {}

        return before

    to.function(module, "read_history_file", with_path("read", 0))
    to.function(module, "write_history_file", with_path("write", 0))
    to.function(module, "append_history_file", with_path("write", 1))

    def before_init(*given):
        given = tuple([exact(path) for path in given])
        for path in given:
            judge_init(to, path)
        return given, {}

    def before_bind(line):
        line = exact(line)
        judge_line(to, line if type(line) is str else "")
        return (line,), {}

    to.function(module, "read_init_file", before_init)
    to.function(module, "parse_and_bind", before_bind)


def judge_init(to, path, depth=0):
    """An init file, and those that it includes."""
    if type(path) not in (str, bytes):
        return
    to.file("read", path, -1)
    try:
        with open(path, "rb") as file:
            lines = file.read().decode("utf-8", "surrogateescape").split("\n")
    except OSError:
        return
    for line in lines if depth < DEEPEST else ():
        judge_line(to, line, depth + 1)


def judge_line(to, line, depth=0):
    """In which readline reads another init file; readline(3). It may be of either case."""
    head, _, rest = line.strip().partition(" ") if "\t" not in line else line.replace("\t", " ").strip().partition(" ")
    if head.lower() == "$include":
        judge_init(to, os.path.expanduser(rest.strip()), depth)


def patch_shared_memory(to, module):
    """A file in /dev/shm; shm_overview(7)."""

    def at(name):
        return "/dev/shm/" + os.fsdecode(name).lstrip("/")

    def before_open(path, flags, mode=0o777):
        path = exact(path)
        to.open(at(path), None, flags)
        return (path, flags, mode), {}

    def before_unlink(path):
        path = exact(path)
        to.file("delete", at(path), -1)
        return (path,), {}

    to.function(module, "shm_open", before_open)
    to.function(module, "shm_unlink", before_unlink)


def patch_semaphores(to, module):
    """A file in /dev/shm; sem_overview(7). Those that the run has made it may take away."""

    def at(name):
        return "/dev/shm/sem." + os.fsdecode(name).lstrip("/")

    def before_unlink(name):
        name = exact(name)
        to.file("delete", at(name), -1)
        return (name,), {}

    def make(base):
        """Not a class below it: until 3.9 an instance of such a one ends the interpreter when it is released."""

        def new(cls, kind, value, maxvalue, name, unlink):
            name = exact(name)
            if not os.path.lexists(at(name)):
                to.file("create", at(name), -1)
            return base(kind, value, maxvalue, name, unlink)

        described = {name: value for kind in reversed(base.__mro__[:-1]) for name, value in vars(kind).items() if name != "__slots__"}
        described.update(__new__=new, _rebuild=staticmethod(base._rebuild))
        return type(base.__name__, (object,), described)

    to.replace(module, "SemLock", make)
    to.function(module, "sem_unlink", before_unlink)


def patch_dbm(to, module):
    suffixes = DBM_SUFFIXES[module.__name__.rpartition(".")[2]]

    def before(filename, flags="r", *mode):
        path, flags = exact(filename), exact(flags)
        for suffix in suffixes:
            to.file("read" if flags[:1] == "r" else "write", os.fsdecode(path) + suffix, -1)
        return (path, flags, *mode), {}

    to.function(module, "open", before)


def patch_shadow(to, module):
    def before(*given):
        to.file("read", SHADOW, -1)
        return given, {}

    for name in ("getspnam", "getspall"):
        to.function(module, name, before)


def patch_tcl(to, module):
    """Tcl has files, sockets and processes of its own."""

    def before(*given, **named):
        to.use("Tcl")
        return given, named

    to.function(module, "create", before)


def patch_ioctl(to, module):
    """The audit event tells, where there is one."""

    def before(descriptor, request, *rest):
        if not EVENTS and type(request) is int and request & 0xFFFFFFFF in IOCTLS:
            number = descriptor if type(descriptor) is int else descriptor.fileno()
            to.file("os.chmod", number, -1)
        return (descriptor, request, *rest), {}

    if not EVENTS:
        to.function(module, "ioctl", before)


def patch_zipimport(to, module):
    """Written in C before 3.8. An archive is found by the part of the path that is a file (Modules/zipimport.c)."""
    base = module.zipimporter
    if WRITTEN_IN_C and (id(module), "zipimporter") not in to.done:
        importer = make_zipimporter(base, to.file)
        to.replace(module, "zipimporter", lambda _: importer)
        sys.path_hooks[:] = [importer if hook is base else hook for hook in sys.path_hooks]


def make_zipimporter(base, tell):
    class zipimporter(base):  # type: ignore[misc,valid-type]
        __doc__ = base.__doc__
        __module__ = "zipimport"

        def __init__(self, path):
            path = exact(path)
            archive = archive_in(os.fsdecode(path)) if type(path) in (str, bytes) else None
            if archive is not None:
                tell("read", archive, -1)
            base.__init__(self, path)

    zipimporter.__qualname__ = "zipimporter"
    return zipimporter


def archive_in(path):
    while not os.path.isfile(path):
        if os.path.dirname(path) in ("", path):
            return None
        path = os.path.dirname(path)
    return path


PATCHES = {
    "_sqlite3": patch_sqlite,
    "_ssl": patch_ssl,
    "readline": patch_readline,
    "_posixshmem": patch_shared_memory,
    "_multiprocessing": patch_semaphores,
    "_gdbm": patch_dbm,
    "_dbm": patch_dbm,
    "spwd": patch_shadow,
    "_tkinter": patch_tcl,
    "fcntl": patch_ioctl,
    "zipimport": patch_zipimport,
}
