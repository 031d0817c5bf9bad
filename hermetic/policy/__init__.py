"""What is allowed, as people write it: flags and profiles, made into the one policy that is enforced."""

from __future__ import annotations

from hermetic_guard.policy import PARTS as PARTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT = "default"
"""The profile that stands where no guard is asked for."""

FIELDS = {
    "allow-localhost": "localhost",
    "allow-domain": "domains",
    "allow-address": "addresses",
    "deny-address": "denied",
    "allow-listen": "listen",
    "allow-unix": "unix",
    "allow-run": "run",
    "root": "read",
    "allow-read": "read",
    "allow-write": "write",
    "protect": "protect",
    "hide": "hide",
    "allow-native": "distributions",
    "allow-env": "keep",
    "timeout": "timeout",
    "max-memory": "memory",
    "max-cpu": "cpu",
    "max-file-size": "file_size",
    "max-processes": "processes",
    "max-output": "output",
}
"""The field of a guard's rules (hermetic_guard/policy.py) that a key of its table fills."""


def put_up(part: str) -> Any:
    """The rules of a part of the policy that has just been put up, before anything is said of it."""
    if part == "environment":
        from hermetic.policy import environment

        return PARTS[part](keep=tuple(sorted(environment.BASE)))
    return PARTS[part]()


class WrongValue(ValueError):
    """A value of a policy's that cannot be. Whoever knows where it stands makes a UsageError or a PolicyFileError of it.

    value: as it was written, None where it is not that which is wrong; hint: what would do
    """

    def __init__(self, value: str | None, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.value = value
        self.why = why
        self.hint = hint
