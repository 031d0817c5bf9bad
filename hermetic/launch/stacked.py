"""An inner hermetic is replaced by its target: in the kernel it stacks its own rules on the outer one's, which can only be stricter."""

from __future__ import annotations

import os

from hermetic_guard.policy import BUILD, Limits, is_within
from hermetic_guard.unions import whole

from hermetic.errors import GuardUnavailable, HermeticError, UsageError, quoted
from hermetic.linux import layers
from hermetic.linux.here import Here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from hermetic_guard.policy import Policy

    from hermetic.launch.speaker import Speaker
    from hermetic.options import Invocation
    from hermetic.target.resolve import Target

STACKED = ("network", "filesystem")
"""Guards whose kernel rules can be stacked. That of processes cannot: the outer guard has to rewrite the one exec that would be left."""


def become(target: Target, before: Policy, after: Policy, run: str, *, invocation: Invocation, say: Speaker) -> NoReturn:
    """Be replaced by the target. Raises HermeticError if it cannot be executed, or not under both policies, or not as `invocation` requires."""
    if not invocation.flag("best_effort"):
        refuse_limits(before, after)
    here = Here(machine=os.uname().machine, root=os.geteuid() == 0, run=run, program=target.interpreter, outer=whole(before))
    here.own = own(after, here)
    try:
        confine(narrower(before, after), here)
    except OSError as error:
        raise GuardUnavailable(f"the kernel's rules could not be put in place: {error.filename}: {error.strerror}") from None
    found = standings(before, after, here, python=target.python)
    needed = after.kernel == "required"
    why_not = layers.shortfall(found, require=invocation.text("require"), best_effort=invocation.flag("best_effort"), needed=needed)
    if why_not:
        raise GuardUnavailable(why_not)
    if not target.python:
        say.notice(
            f"{os.path.basename(target.interpreter)} is not Python, so the kernel alone holds it: {'; '.join(map(layers.in_the_kernel, found))}"
        )
    try:
        os.execve(target.interpreter, target.argv, target.environ)
    except OSError as error:
        raise HermeticError(f"{quoted(target.interpreter)}: {error.strerror}") from None


def own(after: Policy, here: Here) -> tuple[str, ...]:
    """What may be written in the run directory: of its scratch directory a build has what its policy names, anybody else all."""
    if after.builds != BUILD or after.filesystem is None:
        return here.own
    return ("unix", *(path[len(here.run) + 1 :] for path in after.filesystem.write if is_within(path, f"{here.run}/scratch")))


def narrower(before: Policy, after: Policy) -> Policy:
    """Of `after` those guards that the outer run does not hold already."""
    before, after = whole(before), whole(after)
    nothing = dict.fromkeys(after.guards(), None)
    added = {guard: getattr(after, guard) for guard in STACKED if getattr(after, guard) != getattr(before, guard)}
    policy: Policy = after.replaced(**{**nothing, **added}, limits=_added_limits(before, after), environment=None, tmp=before.tmp)
    return policy


def _added_limits(before: Policy, after: Policy) -> Limits | None:
    """What this process can put on itself, and no launcher has to see to."""
    if after.limits is None or after.limits.file_size == (before.limits and before.limits.file_size):
        return None
    return Limits(file_size=after.limits.file_size)


def refuse_limits(before: Policy, after: Policy) -> None:
    """Raises UsageError for what a launcher would have to see to and the outer run's does not: it knows nothing of us."""
    if after.tmp != before.tmp:
        raise UsageError("inside another hermetic nothing holds --tmp private", "give it to the outer one")
    added = _added_limits(before, after)
    for field in Limits.__slots__ if after.limits else ():
        value = getattr(after.limits, field)
        if value is not None and value not in (getattr(before.limits, field, None), getattr(added, field, None)):
            from hermetic.policy.limits import shown

            raise UsageError(f"inside another hermetic nothing holds this limit: {shown(field, value)}", "give it to the outer one")


def standings(before: Policy, after: Policy, here: Here, *, python: bool) -> list[layers.Standing]:
    """How each guard is held in here."""
    stacked = {one.guard: one for one in layers.standings(narrower(before, after), here, python=python)}
    return [stacked.get(guard) or _not_stacked(guard, before, after, python=python) for guard in after.guards()]


def _not_stacked(guard: str, before: Policy, after: Policy, *, python: bool) -> layers.Standing:
    if getattr(whole(before), guard) == getattr(whole(after), guard):
        return layers.Standing(guard, python, layers.PARTIAL, "as far as the outer run has it")
    return layers.Standing(guard, python, layers.NONE, "inside another hermetic the kernel gets no rules for it")


def confine(policy: Policy, here: Here) -> None:
    if not policy.guards() and policy.limits is None:
        return
    from hermetic.linux.confine import Confinement

    Confinement(policy, here).enter()
