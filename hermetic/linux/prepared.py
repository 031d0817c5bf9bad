"""Programs of filters that are assembled already, for the runs that nearly all are: under a supervisor, with mounts.

To make rules into a program takes as long as all other rules of the kernel, and loading what does it as long again. Of what a run's filter holds
nearly all is the same for many, so it is put together from parts, in each of which a few numbers are the run's own. A part is what bpf.py makes of
rules of seccomp.py, and stands in a file of its machine's; `scripts/filters` writes those, and a test has both say the same.

One part follows another in the place of the instruction by which everything else is allowed. So the first part decides that does not allow a call,
and those that only refuse stand before those that ask the supervisor: the strictest wins, as always.
"""

from __future__ import annotations

import errno
import os

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import is_within_any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Network, Policy

    from hermetic.linux.exec_once import Opened
    from hermetic.linux.here import Here

ALLOWED = (0x06 | 0x7FFF0000 << 32).to_bytes(8, "little")
"""The instruction that allows, with which every program of bpf.py ends."""
DESCRIPTOR, NAME, TARGET = 0x5EC0A001, 0x5EC0A0035EC0A002, 0x5EC0A004
"""What stands in the files for the two values of Opened, and for the pid of the target."""
WORD = 0xFFFFFFFF


def made(policy: Policy, here: Here, once: Opened | None) -> bytes | None:
    """The program for a policy; None where it has to be made anew. Raises OSError where the file is damaged."""
    names = parts(policy, here, once)
    try:
        known = table(here.machine) if names else {}
        found = [bytes.fromhex(known.get(name, "")) for name in names]
    except ValueError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), file_of(here.machine)) from None
    if not found or not all(part.endswith(ALLOWED) for part in found):
        return None
    program = b"".join(part.removesuffix(ALLOWED) for part in found) + ALLOWED
    own = [(TARGET, here.pid), *(((DESCRIPTOR, once.descriptor), *_halves(once.name)) if once else ())]
    for placed, value in own:
        program = program.replace(_word(placed), _word(value))
    return program


def parts(policy: Policy, here: Here, once: Opened | None) -> list[str]:
    """Their names, those that only refuse first; none where there are no such parts."""
    programs = policy.subprocess.run if policy.subprocess else ()
    none_may_start = policy.subprocess is not None and not programs
    if not here.supervised or not here.namespaced or here.threads or is_limited(policy) or none_may_start is not bool(once):
        return []
    started = ["once-root" if here.root else "once"] if none_may_start else ["starts"] if programs else []
    reached = ["-".join(["network", *reach(policy.network)])] if policy.network else []
    return ["always", *(["filesystem"] if policy.filesystem else []), "turns", *started, *reached]


def is_limited(policy: Policy) -> bool:
    """Whether the parts, and what makes others, may be out of a run's reach once its mounts are there. What is hidden elsewhere is no matter."""
    files = policy.filesystem
    if files is None or files.read is not None:
        return files is not None
    gone = (*files.hide, *files.private)
    here = os.path.dirname(__file__)
    return any(is_within_any(place, gone) for place in {here, os.path.realpath(here)}) if gone else False


def reach(allowed: Network) -> list[str]:
    """What there may be under a supervisor: sockets of TCP, and such as tell of the machine's interfaces. And what it is asked besides: where
    datagrams go, and what is bound.
    """
    names, localhost = bool(allowed.domains), bool(allowed.localhost)
    found = {
        "tcp": names or localhost or bool(allowed.addresses),
        "interfaces": names or localhost or bool(allowed.listen),
        "datagrams": allowed.localhost != ANY,
        "bind": names or allowed.localhost != ANY,
    }
    return [name for name, is_so in found.items() if is_so]


def table(machine: str) -> dict[str, str]:
    """The parts by their names, in hexadecimal; none for a machine that has no file. Raises ValueError, OSError."""
    try:
        with open(file_of(machine), "rb") as file:
            words = file.read().decode("ascii").split()
    except FileNotFoundError:
        return {}
    return dict(zip(words[::2], words[1::2], strict=True))


def file_of(machine: str) -> str:
    return f"{os.path.dirname(__file__)}/filters.{machine}"


def _halves(name: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (NAME & WORD, name & WORD), (NAME >> 32, name >> 32)


def _word(value: int) -> bytes:
    return value.to_bytes(4, "little")
