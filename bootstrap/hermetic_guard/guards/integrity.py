"""What keeps the guards standing, in every policy.

A target that can write into the run directory decides what its children load; one that makes a sub-interpreter has one without a hook; one
that writes /proc/PID/mem or attaches to its parent rewrites code that stands. What must not be loaded a second time is in loading.py.
What keeps files from being changed here is asked by operations.py, beside the filesystem guard. The run directory is compared besides, before
every child starts (starts.py).
"""

from hermetic_guard.decide import Request
from hermetic_guard.errors import IntegrityViolation
from hermetic_guard.guards import loading, paths
from hermetic_guard.guards.paths import LINK, READS
from hermetic_guard.sealing import seal
from hermetic_guard.violations import make_builder

NAME = "integrity"
READING = (READS, LINK)
REFUSED = {
    "sys.remote_exec": "remote execution",
    "cpython.remote_debugger_script": "remote execution",
    "cpython.PyInterpreterState_New": "a sub-interpreter",
}
TYPING = {0x5412: "TIOCSTI", 0x541C: "TIOCLINUX"}
"""Requests that type at a terminal, which its shell reads when the run is over; ioctl_tty(2). The kernel's rules refuse them in every run too."""
"""Events that no guarded program may cause. What makes a sub-interpreter is replaced besides (loading.py)."""


def install(enforcer, protected):
    """protected: absolute real paths of directories and files that the target must not change.

    Returns the handlers of audit events, and judge(action, path, directory, what), which raises what would change them; see operations.py.
    """
    judging = seal(vars(paths), globals())
    free = enforcer.run + "/scratch" if enforcer.run is not None else None
    judge = judging["make_judge"](enforcer.check, judging["make_is_protected"](protected, free))
    loading.install(enforcer)
    return judging["make_handlers"](enforcer.check), judge


def make_judge(check, is_protected):
    violation = make_builder(IntegrityViolation)

    def judge(action, path, directory, what):
        place = None if what in READING else is_protected(path, directory, what)
        if place is None:
            return
        if "/__pycache__" in place:
            # An interpreter that caches its bytecode means no harm, and goes on without.
            raise violation(NAME, "write", place, "guards stay in place")
        check(Request(NAME, "write", place))

    return judge


def make_handlers(check):
    handlers = {name: make_refuser(check, what) for name, what in REFUSED.items()}
    handlers["import"] = make_on_import(check)
    handlers["fcntl.ioctl"] = make_on_ioctl(check)
    return handlers


def make_on_ioctl(check):
    requests = TYPING

    def on_ioctl(_, request, *__):
        name = requests.get(request & 0xFFFFFFFF) if type(request) is int else None
        if name is not None:
            check(Request(NAME, "use", name))

    return on_ioctl


def make_on_import(check):
    replaced = loading.REPLACED

    def on_import(name, filename, *_):
        """The file name is given only where an extension module is about to be loaded (Python/import.c, _imp_create_dynamic_impl)."""
        if filename is not None and str.__str__(name).rpartition(".")[2] in replaced:
            check(Request(NAME, "load again", str.__str__(name)))

    return on_import


def make_refuser(check, what):
    def refuse(*_):
        check(Request(NAME, "use", what))

    return refuse
