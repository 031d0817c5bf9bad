"""Which layer holds which guard, on this machine, for this policy: values that never lie, as they are reported and required.

`full` is what the guard says, held by the kernel against any program. `partial` has a gap, which is named. `none` is none.
"""

from __future__ import annotations

from hermetic.linux import gaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Policy

    from hermetic.linux.here import Here

FULL, PARTIAL, NONE = "full", "partial", "none"


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


def in_the_kernel(standing: Standing) -> str:
    return f"{standing.guard}: {standing.kernel}" + (f" ({standing.gap})" if standing.gap else "")


def shortly(found: list[Standing], more: str = "") -> str:
    """Which layers hold these guards, in a few words. more: what else stands behind them"""
    in_kernel = any(one.kernel != NONE for one in found)
    places = [*(["Python"] if all(one.python for one in found) else []), *(["the kernel"] if in_kernel else [])]
    return f"held in {' and '.join(places)}{but_for(found if in_kernel else [], more)}"


def but_for(found: list[Standing], more: str = "") -> str:
    """What the kernel holds in part, and what it does not hold; and `more`."""
    by_kernel = {kernel: [one.guard for one in found if one.kernel == kernel] for kernel in (PARTIAL, NONE)}
    less = [f"{how} for {' and '.join(by_kernel[kernel])}" for kernel, how in ((PARTIAL, "in part"), (NONE, "not")) if by_kernel[kernel]]
    aside = "; ".join([*([f"there {', '.join(less)}"] if less else []), *([more] if more else [])])
    return f" ({aside})" if aside else ""


def standings(policy: Policy, here: Here, *, python: bool) -> list[Standing]:
    """How the guards of a policy are held; python: whether the target is Python that carries the guard."""
    found = gaps.gaps(policy, here)
    return [_standing(guard, python, [gap for gap in found if gap.guarantee in (guard, gaps.PROCESSES)]) for guard in policy.guards()]


def _standing(guard: str, python: bool, found: list[gaps.Gap]) -> Standing:
    total = [gap for gap in found if gap.total]
    kernel = NONE if total else PARTIAL if found else FULL
    return Standing(guard, python, kernel, "; ".join(gap.what for gap in total or found))


def shortfall(found: list[Standing], *, require: str | None, best_effort: bool, needed: bool = False) -> str:
    """Why a target must not be started, "" if it may.

    require: `python`, `kernel` or `both`: every guard fully in this layer; None: a guard that no layer holds is enough to refuse
    needed: whether the policy asks for the kernel's part, full or not
    """
    for standing in found:
        missing = []
        if require in ("python", "both") and not standing.python:
            missing.append("the target cannot carry it")
        if require in ("kernel", "both") and standing.kernel != FULL:
            missing.append(f"the kernel's part is {standing.kernel}{f' ({standing.gap})' if standing.gap else ''}")
        elif needed and standing.kernel == NONE:
            missing.append(f"the kernel does not hold it ({standing.gap})")
        if not missing and not require and not best_effort and not standing.python and standing.kernel == NONE:
            missing.append(f"the target cannot carry it, and the kernel does not hold it ({standing.gap})")
        if missing:
            return f"the {standing.guard} guard cannot stand{' as required' if require or needed else ''}: {'; '.join(missing)}"
    return ""
