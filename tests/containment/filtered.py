"""Acts and programs under a policy's filters, in forked children: what the launcher does between fork and exec, without the launcher.

`outcome` runs a function, `run` a program; with a policy of None both are bare, which is the control.
"""

import contextlib
import ctypes
import errno
import os
import signal
import sys
import tempfile
import traceback
from typing import NamedTuple

import pytest
from hermetic_guard.policy import Filesystem, Native, Network, Policy, Subprocess

from hermetic.linux import bpf, exec_once, filters, seccomp, syscalls
from hermetic.linux.here import Here
from hermetic.linux.numbers import native

MACHINE = os.uname().machine
NOBODY = 65534
USERS = ["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"]
users = pytest.mark.parametrize("user", USERS)

GUARDS = {
    "network": Policy(network=Network()),
    "subprocess": Policy(subprocess=Subprocess()),
    "filesystem": Policy(filesystem=Filesystem()),
    "native": Policy(native=Native()),
}
EVERYTHING = Policy(network=Network(), subprocess=Subprocess(), filesystem=Filesystem(), native=Native())

_libc = ctypes.CDLL(None, use_errno=True)


def system_call(name, *arguments):
    """syscall(2) as any program would make it; arguments are integers of 64 bits, or bytes and buffers. Raises OSError."""
    return numbered(native(name), *arguments)


def numbered(number, *arguments):
    padded = (*arguments, *(0,) * (6 - len(arguments)))  # else what happens to be in the registers
    words = [ctypes.c_uint64(word & 2**64 - 1) if isinstance(word, int) else word for word in padded]
    result = _libc.syscall(ctypes.c_long(number), *words)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def outer_filter():
    """Whether the tests themselves run under a filter, as in most containers: its refusals cannot be told from ours."""
    with open("/proc/self/status") as status:
        return "Seccomp:\t2" in status.read()


def become(user):
    """Be that for good, and as open to inspection as a process that has not changed its user."""
    if user == "ordinary" and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        syscalls.set_dumpable(True)


def confine(policy, once=None, *, listener=False, **here):
    """Put this process under the filter of a policy."""
    here = Here(**{"machine": MACHINE, "root": os.geteuid() == 0, "supervised": listener, **here})
    program = bpf.assemble(seccomp.rules(policy, here, once), MACHINE)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    return filters.install(program, listener)


def outcome(act, policy=None, user="root", **here):
    """What became of `act()`: what it returned, as text, "ok" for None, or the name of its errno or of the signal that ended it."""
    with tempfile.TemporaryFile() as answer:

        def child():
            become(user)
            if policy is not None:
                confine(policy, **here)
            os.pwrite(answer.fileno(), name_of(act).encode(), 0)

        code = in_child(child)
        if code < 0:
            return signal.Signals(-code).name
        assert code == 0
        return os.pread(answer.fileno(), 100000, 0).decode()


def name_of(act):
    try:
        returned = act()
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return "ok" if returned is None else str(returned)


def in_child(function):
    """The exit code of a fork that calls it, 99 for an exception; negative: the signal that ended it."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        try:
            signal.alarm(60)
            function()
        except BaseException:
            with contextlib.suppress(BaseException):
                os.write(2, traceback.format_exc().encode())
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Done(NamedTuple):
    code: int
    out: str
    err: str


def run(argv, policy=None, user="root", *, program=None, env=None, limits=None, **here):
    """A program to its end. Under a policy that lets no process be, by the one exec that is then to be had.

    limits: RLIMIT_NOFILE to have before
    """
    program = str(program or argv[0])
    environ = {os.fsencode(name): os.fsencode(value) for name, value in (os.environ if env is None else env).items()}
    argv = [str(word) for word in argv]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull) as nothing:

        def child():
            for number, file in enumerate((nothing, out, err)):
                os.dup2(file.fileno(), number)
            if limits:
                import resource

                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            become(user)
            start(program, argv, environ, policy, here)

        code = in_child(child)
        return Done(code, *(os.pread(file.fileno(), 1000000, 0).decode() for file in (out, err)))


def start(program, argv, environ, policy, here):
    if policy is not None and policy.subprocess is not None and not policy.subprocess.run:
        once = exec_once.prepare(program)
        confine(policy, once, **here)
        exec_once.execute(once, argv, environ)
    if policy is not None:
        confine(policy, **here)
    os.execve(program, argv, environ)
