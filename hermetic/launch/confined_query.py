"""Runs an interpreter to ask it something: what has to be known before the run can be prepared that it is wanted for.

What a target calls its interpreter is as strange as the target: `#!` may lead to any program. So it is started under the kernel's rules for the
strictest policy: no connection, no process beside it, nothing written, nothing of the user's environment but what leads the dynamic loader, no
terminal, none of the launcher's descriptors. It reads its question and leaves its answer in memory files, which have a largest size; then it
is ended.

The rules are those this kernel and this user can be given, as for every run, and no answer is required of them here: what is missing to a policy
the run itself is judged by, before the target starts. Where no filter can be installed at all nothing is asked, for nothing could be run.
"""

from __future__ import annotations

import fcntl
import os
import time

from hermetic_guard import injection
from hermetic_guard.policy import Filesystem, Network, Policy, Subprocess

from hermetic.errors import GuardUnavailable
from hermetic.launch.execution import cannot_start
from hermetic.launch.signals import SET_BY_PYTHON
from hermetic.launch.stage import beyond_standard
from hermetic.linux.confine import Confinement
from hermetic.linux.here import Here
from hermetic.linux.syscalls import die_with_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping
    from typing import NoReturn
else:
    import _signal

TIMEOUT_S = 60
GLANCE_S = 0.002
"""Between two looks whether it has ended: a signal that tells so may be anybody's, and older kernels have no pidfd."""
LARGEST = 1 << 24
"""Bytes of an answer, and of any file; the payload of the newest interpreter is a thirtieth of that."""
RLIMIT_FSIZE = 1
FAILED = 125


class Answer:
    """code: the exit code, negative for a signal; out, err: what was written to the standard streams"""

    __slots__ = ("code", "err", "out")

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out
        self.err = err


def loader_variables() -> dict[bytes, bytes]:
    """What an interpreter may need of the user's environment to find its libraries."""
    return {name: os.environb[name] for name in injection.LOADER if name in os.environb}


def ask(command: list[str], environment: Mapping[bytes, bytes], *, question: bytes = b"", run: str = "", limited: bool = False) -> Answer:
    """Run a binary to its end, with `question` on its standard input, and return what it said.

    command: the absolute path of the binary, and its arguments
    run:     a run directory whose scratch directory may be written; "" for none
    limited: whether it may read no more than an interpreter needs. For runs that limit reading, or hide something: what it reads could come to
             the target by its answer
    Raises GuardUnavailable where the kernel takes no rules, HermeticError if no process can be started.
    """
    asked = _Asked(command, environment, run, limited)
    try:
        os.pwrite(asked.streams[0], question, 0)
        return asked.answer()
    finally:
        asked.close()


def rules(program: str, run: str, limited: bool) -> Policy:
    """Everything is refused; native code no kernel can tell from other."""
    files = Filesystem(write=(f"{run}/scratch",) if run else ())
    if limited:
        from hermetic.target import needs

        files = needs.of_interpreter(program, files)
    return Policy(network=Network(), subprocess=Subprocess(), filesystem=files)


class _Asked:
    """A program that is asked, from before its fork to its end.

    streams: descriptors of its standard streams; failure: of where the child says which rule could not be put in place
    """

    def __init__(self, command: list[str], environment: Mapping[bytes, bytes], run: str, limited: bool) -> None:
        self._command, self._environment = command, environment
        here = Here(machine=os.uname().machine, root=os.geteuid() == 0, run=run, program=command[0])
        self._confinement = Confinement(rules(command[0], run, limited), here)
        self.streams = [_memory_file() for _ in range(3)]
        self.failure = _memory_file()

    def close(self) -> None:
        for descriptor in (*self.streams, self.failure):
            os.close(descriptor)

    def answer(self) -> Answer:
        # Ignored, as a parent may hand it down, it would let the kernel discard the child's exit status (wait(2)).
        before = _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        try:
            code = self._run()
        finally:
            _signal.signal(_signal.SIGCHLD, before if before is not None else _signal.SIG_DFL)
        why = content(self.failure)
        if why:
            raise GuardUnavailable(f"the kernel's rules could not be put in place: {why.decode('utf-8', 'replace')}")
        return Answer(code, content(self.streams[1]), content(self.streams[2]))

    def _run(self) -> int:
        """The child's exit code. Nothing of it is left then: it is one process, or was never executed."""
        launcher = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            raise cannot_start(error) from error
        if not pid:
            self._become(launcher)
        try:
            _await(pid)
        finally:
            os.kill(pid, _signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    # In the child.

    def _become(self, launcher: int) -> NoReturn:
        try:
            die_with_parent(launcher)
            os.setsid()
            os.chdir("/")
            self._enter()
            self._confinement.execute(self._command, self._environment)
        finally:
            os._exit(FAILED)  # whatever was raised: who cannot be executed gives no answer

    def _enter(self) -> None:
        try:
            self._arrange()
            self._confinement.enter()
        except OSError as error:
            if error.filename != self._command[0]:  # that one is a script, or may not be opened
                os.write(self.failure, f"{error.filename or 'kernel rules'}: {error.strerror}".encode("utf-8", "backslashreplace"))
            raise

    def _arrange(self) -> None:
        """Streams, signals and limits."""
        import resource

        for number, descriptor in enumerate([fcntl.fcntl(stream, fcntl.F_DUPFD_CLOEXEC, 3) for stream in self.streams]):
            os.dup2(descriptor, number)
        for name in os.listdir("/proc/self/fd"):
            _close_at_exec(int(name))
        for number in SET_BY_PYTHON:
            _signal.signal(number, _signal.SIG_DFL)
        largest = resource.getrlimit(RLIMIT_FSIZE)[1]
        largest = LARGEST if largest == resource.RLIM_INFINITY else min(largest, LARGEST)
        resource.setrlimit(RLIMIT_FSIZE, (largest, largest))


def _memory_file() -> int:
    """A file of no file system's."""
    return beyond_standard(os.memfd_create("hermetic"))


def content(descriptor: int) -> bytes:
    return os.pread(descriptor, LARGEST, 0)


def _close_at_exec(descriptor: int) -> None:
    """Also a pipe that the user's shell handed to the launcher: whoever is asked is not the target."""
    if descriptor > 2:
        try:
            os.set_inheritable(descriptor, False)
        except OSError:
            return  # it listed the directory


def _await(pid: int) -> None:
    """Until the child has ended, or its time is up. It stays to be waited for, so its pid is nobody else's meanwhile."""
    end = time.monotonic() + TIMEOUT_S
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and time.monotonic() < end:
        time.sleep(GLANCE_S)
