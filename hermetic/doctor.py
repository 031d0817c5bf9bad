"""`hermetic doctor`: which layer holds which guard on this machine, found by having small programs try what is forbidden.

Each attempt runs the way a target does, under the kernel's rules alone, and once without any, to see that it succeeds then.
Nothing is concluded from a version or a configuration file.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermetic_guard.policy import GUARDS, Policy

from hermetic.errors import HermeticError
from hermetic.linux import layers
from hermetic.linux.attempts import ATTEMPTS, REFUSED
from hermetic.linux.here import Here
from hermetic.target import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hermetic.linux.attempts import Attempt

SCOPES = 6
"""The version of Landlock's interface that keeps signals in."""

HELD, NOT_HELD, UNTESTED = "held", "not held", "not testable here"
OUTCOMES = {0: NOT_HELD, REFUSED: HELD}
"""What the exit code of an attempt under the rules says."""

ALWAYS = "always"
"""Whose rules forbid what is refused in every run."""
ANY_GUARD = "network"
"""What is refused in every run is tried under the rules of this one."""

NAMESPACES = (
    "an ordinary user gets no mount namespace here. Ubuntu 23.10 and later: an AppArmor profile that grants `userns`, or "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0. Docker: its default seccomp profile refuses them; --security-opt "
    "seccomp=FILE with unshare and mount allowed. Elsewhere: sysctl user.max_user_namespaces"
)
LANDLOCK = (
    "Landlock is missing or old: Linux 5.13 has the first version, 6.12 the one that keeps signals in. It must be among the kernel's "
    "lsm= (WSL2 from 6.6 on has it; gVisor does not)"
)
SUPERVISOR = (
    "the launcher may not look into what it starts, so it answers no connections. Docker: --cap-add SYS_PTRACE; elsewhere: sysctl "
    "kernel.yama.ptrace_scope below 2"
)
FILTERS = "no seccomp filter can be installed. gVisor, and containers that refuse seccomp(2) or prctl(2), need another profile"
INSIDE = "inside another hermetic nothing can be told of this machine"
OUTSIDE = "run it outside"
PROCESSES = "there is no /proc, by which the kernel's rules are put in place: mount it"
NO_LINUX = "the kernel layer is Linux's: on macOS and Windows only the Python layer can stand"

ADVICE: tuple[tuple[Callable[[Here], bool], str], ...] = (
    (lambda here: not here.filtered, FILTERS),
    (lambda here: here.abi < SCOPES, LANDLOCK),
    (lambda here: not here.namespaced, NAMESPACES),
    (lambda here: not here.supervised, SUPERVISOR),
)
"""What helps where something is missing."""

WORLD = """
import os, socket, sys
place = sys.argv[1]
tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
local = socket.socket(socket.AF_UNIX)
local.bind(place + "/socket")
local.listen(64)
datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagrams.bind(place + "/datagrams")
try:
    with open("/proc/self/maps") as maps:
        mapped = int(maps.read().partition("-")[0], 16)
except OSError:
    mapped = 0  # without a /proc nothing that uses it can be tried
for name, number in (("port", tcp.getsockname()[1]), ("outside", os.getpid()), ("mapped", mapped)):
    with open(place + "/" + name, "w") as file:
        file.write(str(number))
print(flush=True)
sys.stdin.read()
"""
"""A process outside: it listens, and is there."""


class Finding:
    """What came of an attempt: HELD, NOT_HELD, or UNTESTED where it does not succeed without any rules either, or fails under them in another
    way than by a refusal.
    """

    __slots__ = ("attempt", "guard", "outcome")

    def __init__(self, attempt: Attempt, outcome: str) -> None:
        self.attempt = attempt
        self.guard = attempt.guard or ALWAYS
        self.outcome = outcome


class Examination:
    """here: what the kernel gave; None where nothing could be started under its rules, for the reason `failure`; limits: what would hold each"""

    def __init__(self) -> None:
        self.here: Here | None = None
        self.failure = ""
        self.standings: list[layers.Standing] = []
        self.findings: list[Finding] = []
        self.limits: dict[str, str] = {}

    @property
    def advice(self) -> list[str]:
        if not is_linux():
            return [NO_LINUX]
        if self.failure == INSIDE:
            return [OUTSIDE]
        here = self.here
        if here is None:
            return [FILTERS if os.path.exists("/proc/self") else PROCESSES]
        return [text for needed, text in ADVICE if needed(here)]

    @property
    def holds(self) -> bool:
        """Whether nothing that was tried got through."""
        return self.here is not None and all(finding.outcome != NOT_HELD for finding in self.findings)

    def as_data(self) -> dict[str, Any]:
        """For --json; the names are the ones that are printed."""
        here = self.here
        return {
            "version": 1,
            "kernel": platform.release(),
            "machine": platform.machine(),
            "seccomp": here is not None and here.filtered,
            "supervisor": here is not None and here.supervised,
            "mount_namespace": here is not None and here.namespaced,
            "landlock": 0 if here is None else here.abi,
            "failure": self.failure,
            "guards": {one.guard: {"kernel": one.kernel, "gap": one.gap} for one in self.standings},
            "limits": self.limits,
            "attempts": [{"guard": one.guard, "what": one.attempt.what, "outcome": one.outcome} for one in self.findings],
            "advice": self.advice,
        }


def is_linux() -> bool:
    return platform.system() == "Linux"


def examine() -> Examination:
    """Try everything, one program after the other. Takes some seconds."""
    found = Examination()
    if not is_linux():
        found.failure = "it is Linux's"
        return found
    from hermetic.launch import nested

    if nested.is_inside():
        found.failure = INSIDE
        return found
    try:
        with _world() as place:
            for attempt in ATTEMPTS:
                found.findings.append(_tried(found, attempt, place))
    except HermeticError as error:
        found.failure = str(error)
    if found.here is not None:
        everything = Policy(**{guard: rules() for guard, rules in GUARDS.items()})
        found.standings = layers.standings(everything, found.here, python=True)
        from hermetic.launch import limits

        found.limits = limits.holders(found.here)
    return found


def _tried(found: Examination, attempt: Attempt, place: str) -> Finding:
    """An attempt, first without any rules; what that has destroyed is made anew."""
    guard = attempt.guard or ANY_GUARD
    policy = Policy(**{guard: GUARDS[guard](**{name: (f"{place}/{path}",) for name, path in attempt.fields.items()})})
    command = [sys.executable, "-I", "-S", "-c", attempt.code, place]
    if policy.filesystem is not None and policy.filesystem.read is not None:
        policy = policy.replaced(filesystem=needs.of_interpreter(sys.executable, policy.filesystem))
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return Finding(attempt, UNTESTED)
    _lay_files(place)
    return Finding(attempt, OUTCOMES.get(_under_rules(found, command, policy), UNTESTED))


def learned(policy: Policy) -> Here | None:
    """What the kernel's rules for a policy come to on this machine, found by putting a program under them; None where there is no kernel layer."""
    from hermetic.launch import nested

    found = Examination()
    if is_linux() and not nested.is_inside():
        if policy.filesystem is not None and policy.filesystem.read is not None:
            policy = policy.replaced(filesystem=needs.of_interpreter(sys.executable, policy.filesystem))
        _under_rules(found, [sys.executable, "-I", "-S", "-c", "pass"], policy)
    return found.here


def _lay_files(place: str) -> None:
    Path(place, "new").unlink(missing_ok=True)
    Path(place, "file").write_text("content")


@contextmanager
def _world() -> Iterator[str]:
    place = os.path.realpath(tempfile.mkdtemp(prefix="hermetic-doctor-"))
    try:
        os.mkdir(f"{place}/directory")
        _lay_files(place)
        with subprocess.Popen([sys.executable, "-I", "-c", WORLD, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as outside:
            assert outside.stdin is not None
            assert outside.stdout is not None
            outside.stdout.read(1)
            yield place
            outside.kill()
    finally:
        shutil.rmtree(place)


def _under_rules(found: Examination, command: list[str], policy: Policy) -> int:
    """The exit code of a program under the kernel's rules."""
    from hermetic.launch.confined import ConfinedExecution  # of Linux alone
    from hermetic.launch.process import launch
    from hermetic.launch.stage import RunDirectory

    def permit(here: Here) -> str:
        found.here = here
        return ""

    with RunDirectory.create({}, os.environ) as run:
        here = Here(machine=os.uname().machine, root=os.geteuid() == 0, run=run.path)
        execution = ConfinedExecution(
            command[0], command, dict(os.environb), policy=policy, here=here, permit=permit, tell=lambda event: None
        )
        return launch(execution, run, on_events=lambda data: None, ready=lambda pid: True, deadline=60.0).code


def report(found: Examination) -> str:
    """For people."""
    here = found.here
    system = f"{platform.system()} {platform.release()} on {platform.machine()}"
    if here is None:
        lines = [f"{system}: no kernel layer: {found.failure}"]
    else:
        parts = {"seccomp": here.filtered, "supervisor": here.supervised, "mount namespace": here.namespaced}
        lines = [f"{system}: {', '.join(f'{name} {_yes(there)}' for name, there in parts.items())}, Landlock {here.abi or 'no'}", ""]
    lines += [f"{one.guard:12} kernel {one.kernel}{f': {one.gap}' if one.gap else ''}" for one in found.standings]
    lines += ["", *(f"{flag:15} {holder}" for flag, holder in found.limits.items())] if found.limits else []
    lines += ["", *(f"{one.outcome:18} {one.guard:12} {one.attempt.what}" for one in found.findings)] if found.findings else []
    return "\n".join([*lines, "", *found.advice]).rstrip() + "\n"


def _yes(there: bool) -> str:
    return "yes" if there else "no"
