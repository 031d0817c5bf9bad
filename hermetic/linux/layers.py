"""Which layer holds which guard, on this machine, for this policy: values that never lie, as they are reported and required.

`full` is what the guard says, held by the kernel against any program. `partial` has a gap, which is named. `none` is none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here

FULL, PARTIAL, NONE = "full", "partial", "none"

PRIVATE = 1
TRUNCATE = 3
SCOPES = 6
"""Versions of Landlock's interface: the first, the one that knows truncation, the one that knows scopes."""


class Standing:
    """How a guard is held.

    python: whether the guard's own code is in the target's interpreter
    kernel: FULL, PARTIAL or NONE; gap: what is missing to FULL, in words
    """

    __slots__ = ("gap", "guard", "kernel", "python")

    def __init__(self, guard: str, python: bool, kernel: str, gap: str = "") -> None:
        self.guard = guard
        self.python = python
        self.kernel = kernel
        self.gap = gap

    def __str__(self) -> str:
        gap = f" ({self.gap})" if self.gap else ""
        return f"{self.guard}: python {'stands' if self.python else 'none'}, kernel {self.kernel}{gap}"


def standings(policy: Policy, here: Here, *, python: bool) -> list[Standing]:
    """How the guards of a policy are held; python: whether the target is Python that carries the guard."""
    return [Standing(guard, python, *weakest(KERNEL[guard](policy, here), isolation(here))) for guard in policy.guards()]


def weakest(*found: tuple[str, str]) -> tuple[str, str]:
    order = (NONE, PARTIAL, FULL)
    kernel = min((one for one, _ in found), key=order.index)
    return kernel, "; ".join(gap for one, gap in found if gap and one == kernel)


def isolation(here: Here) -> tuple[str, str]:
    """What every guard rests on: that the target cannot reach into processes that are not guarded."""
    if not here.filtered:
        return NONE, "this kernel takes no seccomp filter"
    if here.abi < PRIVATE:
        return PARTIAL, "without Landlock other processes of this user can be looked into"
    if here.abi < SCOPES:
        return PARTIAL, f"Landlock {here.abi} lets signals out"
    return FULL, ""


def network(policy: Policy, here: Here) -> tuple[str, str]:
    rules = policy.network
    assert rules is not None
    if rules.domains:
        return NONE, "the kernel knows no names"
    if here.supervised:
        return FULL, ""
    if rules.localhost:
        return NONE, "without a supervisor addresses are not told apart"
    return FULL, ""


def subprocess(policy: Policy, here: Here) -> tuple[str, str]:
    rules = policy.subprocess
    assert rules is not None
    if not rules.run:
        return FULL, ""
    if here.abi < PRIVATE:
        return NONE, "without Landlock any program may be started"
    return PARTIAL, "what is allowed may start itself again, and what it may read as a library it may run by the dynamic loader"


def filesystem(policy: Policy, here: Here) -> tuple[str, str]:
    rules = policy.filesystem
    assert rules is not None
    if here.namespaced and (here.abi >= PRIVATE or rules.read is None):
        return FULL, ""
    if here.abi < PRIVATE:
        return NONE, "there is no mount namespace and no Landlock"
    gaps = ["times and modes can be changed"] if any(not path.startswith(here.run) for path in rules.write) else []
    gaps += ["files can be truncated"] if here.abi < TRUNCATE else []
    gaps += ["what is hidden can be read"] if rules.hide else []
    gaps.append("/dev/shm is shared")
    return PARTIAL, f"no mount namespace: {', '.join(gaps)}"


def native(policy: Policy, here: Here) -> tuple[str, str]:
    return NONE, "the kernel cannot tell a library from data"


KERNEL: dict[str, Callable[[Policy, Here], tuple[str, str]]] = {
    "network": network,
    "subprocess": subprocess,
    "filesystem": filesystem,
    "native": native,
}


def shortfall(found: list[Standing], *, require: str | None, best_effort: bool) -> str:
    """Why a target must not be started, "" if it may.

    require: `python`, `kernel` or `both`: every guard fully in this layer; None: a guard that no layer holds is enough to refuse
    """
    for standing in found:
        missing = []
        if require in ("python", "both") and not standing.python:
            missing.append("the target is no Python that can carry it")
        if require in ("kernel", "both") and standing.kernel != FULL:
            missing.append(f"the kernel's part is {standing.kernel}{f' ({standing.gap})' if standing.gap else ''}")
        if not require and not best_effort and not standing.python and standing.kernel == NONE:
            missing.append(f"the target is no Python, and the kernel does not hold it ({standing.gap})")
        if missing:
            return f"the {standing.guard} guard cannot stand as required: {'; '.join(missing)}"
    return ""
