"""`--tmp private`: directories for temporary files that are the run's own, empty at first, and gone with the run directory.

They are mounted over everybody's where this user gets mounts of his own; where not, TMPDIR leads to one, and what does not heed it
goes where it always went, which is said. What is started from there stays, and so does what the command line names there.
"""

from __future__ import annotations

import os

from hermetic_guard import cmdline
from hermetic_guard.policy import is_within_any
from hermetic_guard.unions import whole

from hermetic.errors import UsageError, quoted
from hermetic.linux import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hermetic_guard.policy import Filesystem, Policy

    from hermetic.target.resolve import Target

USUAL = {"/tmp": "tmp", "/var/tmp": "var-tmp"}
"""What programs use without asking; and what it is called in the run directory."""
PARTIAL = "--tmp private is partial: no mounts of the run's own are permitted here, so TMPDIR alone leads to a directory of its own"


class PrivateTmp:
    """mounts: path, and name in the run directory, of each directory that will lie over another; empty where none can

    written, kept: what stays of what is there, as the policy lets it be written or not
    """

    __slots__ = ("kept", "mounts", "written")

    def __init__(self, mounts: dict[str, str], written: tuple[str, ...], kept: tuple[str, ...]) -> None:
        self.mounts = mounts
        self.written = written
        self.kept = kept

    def make(self, run: str) -> None:
        """The directories, in the run directory."""
        for name in self.mounts.values():
            os.mkdir(f"{run}/{name}")
            os.chmod(f"{run}/{name}", 0o1777)

    def tmpdir(self, run: str) -> bytes:
        return os.fsencode(next(iter(self.mounts), f"{run}/scratch"))

    def here(self, run: str) -> dict[str, Any]:
        """What the mounts are made from, see Here."""
        return {"tmp": tuple((place, f"{run}/{name}") for place, name in self.mounts.items()), "written": self.written, "kept": self.kept}


def prepare(policy: Policy, target: Target, cwd: str | None) -> tuple[Policy, PrivateTmp]:
    """What has to be made, and the policy in which that may be written. Raises UsageError where what is to be started would not be there."""
    if not namespaces.permitted(root=os.geteuid() == 0):
        return policy, PrivateTmp({}, (), ())
    mounts = {os.path.realpath(place): name for place, name in USUAL.items() if os.path.isdir(place)}
    places = tuple(mounts)
    files, any_files, any_network = policy.filesystem, whole(policy).filesystem, whole(policy).network
    given = tuple(path for path in (any_files.write if any_files else ()) if path not in places)
    needed = dict(started(target, cwd or "/"))
    named = (*(any_files.read or () if any_files else ()), *(any_network.unix if any_network else ()))
    kept = _below((*([os.path.realpath(cwd)] if cwd else []), *named, *needed.values()), places)
    written = tuple(dict.fromkeys((*_below(given, places), *(path for path in kept if is_within_any(path, given)))))
    for path in needed:
        if is_within_any(path, places) and not is_within_any(path, written + kept):
            raise UsageError(f"--tmp private hides {quoted(path)}, which is to be started", "in a directory below it could stay")
    if files is not None:
        policy = policy.replaced(filesystem=_with(files, places, kept))
    return policy, PrivateTmp(mounts, written, kept)


def _with(files: Filesystem, places: tuple[str, ...], kept: tuple[str, ...]) -> Filesystem:
    """The rules, and all may be done in these places, but in what is kept there what may be done anywhere. It can be read: it is mounted in them."""
    changed: Filesystem = files.replaced(
        read=files.read and (*files.read, *places),
        write=tuple(path for path in files.write if path not in places),
        private=places,
        kept=kept,
    )
    return changed


def _below(paths: tuple[str, ...], places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for path in dict.fromkeys(paths) if path not in places and is_within_any(path, places))


def started(target: Target, cwd: str) -> Iterator[tuple[str, str]]:
    """Each file that is needed to start, and the directory that stays for it: that of the interpreter's library, and of a script's modules."""
    for path in dict.fromkeys((os.path.join(cwd, target.interpreter), os.path.realpath(os.path.join(cwd, target.interpreter)))):
        above = os.path.dirname(path)
        yield path, os.path.dirname(above) if target.python else above
    line = cmdline.parse(target.argv) if target.python else None
    script = target.script or (line.target if line is not None and line.kind == "f" else None)
    if script:
        script = os.path.realpath(os.path.join(cwd, script))
        yield script, script if os.path.isdir(script) else os.path.dirname(script)
