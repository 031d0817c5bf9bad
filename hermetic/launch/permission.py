"""Whether the target may be executed under what could be put in place, and what the user is told of that. Loaded while the child tries: what it
needs the target waits for.
"""

from __future__ import annotations

import os

from hermetic.linux import layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.launch.run import Run
    from hermetic.linux.here import Here

GUARDED_TOO = "Python programs that it starts get the guards as well"


def permit(run: Run, here: Here) -> str:
    """Why the target may not be executed under what the kernel could be given; "" if it may."""
    found = layers.standings(run.whole, here, python=run.carries)
    run.all_counted = here.supervised or not (run.policy.network or run.policy.subprocess)
    needed = run.policy.kernel == "required"
    why_not = layers.shortfall(found, require=run.require, best_effort=run.best_effort, needed=needed)
    if run.private and run.private.mounts and not here.namespaced:
        why_not = "--tmp private cannot be held: the mounts that were permitted a moment ago are not any more"
    if run.company and not why_not:
        why_not = run.company.permit(here)
    if not why_not:
        _tell_layers(run, found)
    if run.keeper and not why_not:
        why_not = run.keeper.why_not(best_effort=run.best_effort)
        run.say.detail("" if why_not else "limits: " + "; ".join(run.keeper.how(here)))
    if why_not:
        why_not += _whose(run, why_not)
    return why_not + without(why_not)


def _tell_layers(run: Run, found: list[layers.Standing]) -> None:
    """Which profile was chosen and which layers hold it, in one line; all about the layers where that is asked for, or where the kernel has to
    hold by itself what was asked for.
    """
    held = "; ".join(map(layers.in_the_kernel, found))
    alone = f"{_what_it_is(run)}, so the kernel alone holds it"
    if run.choice:
        more = "" if run.say.verbose else "-v says more"
        run.say.notice(f"{run.choice}; {layers.shortly(found, more) if run.carries else alone + layers.but_for(found, more)}")
    if run.carries:
        run.say.detail("; ".join(map(str, found)))
    elif run.say.verbose or not run.choice:
        run.say.notice(f"{alone} ({GUARDED_TOO}): {held}{_uncounted(run)}")


def _whose(run: Run, why_not: str) -> str:
    """Which policy files ask for the guard that cannot stand, where nobody else does."""
    narrowed = run.told.report.narrowed
    asking = [one.shown for guard, one in narrowed.items() if one.alone and why_not.startswith(f"the {guard} guard ")]
    return f" (asked for by {asking[0]})" if asking else ""


def _uncounted(run: Run) -> str:
    """What of the kernel's refusals nobody will hear of, as a sentence's end."""
    if not run.all_counted:
        return "; what it refuses is not counted"
    return "; what it refuses of files is not counted" if run.policy.filesystem else ""


def _what_it_is(run: Run) -> str:
    name = os.path.basename(run.target.interpreter)
    return f"{name} is not Python" if run.facts is None else f"{name} is {run.facts.name}, which cannot carry the guards"


def without(why_not: str) -> str:
    """How to start what cannot be guarded, where it is for no other reason that it is not started."""
    guard, found, _ = why_not.removeprefix("the ").partition(" guard cannot stand: ")
    if not found:
        return ""
    from hermetic import options

    ways = "with --best-effort" if " (asked for by " in why_not else f"without {options.flag_of(guard)}, or with --best-effort"
    return f"; it starts {ways}"
