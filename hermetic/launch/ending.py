"""What a run comes to: what is told of it at its end, and the exit code. Loaded while the target starts."""

from __future__ import annotations

import os

from hermetic import kept
from hermetic.errors import printable
from hermetic.launch import beforehand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermetic.launch.process import Outcome
    from hermetic.launch.run import Run

UNGUARDED = 125
VIOLATION = 77
LATE = 124
"""As timeout(1) has it."""
KILLED = 128 + 9
"""A limit was reached: the run was ended by SIGKILL, whoever of its processes was first."""
TOO_LARGE = 128 + 25
"""SIGXFSZ has ended the target, or what a shell was waiting for."""
UNCAUGHT = 1
"""The exit code CPython gives an uncaught exception."""


def finish(run: Run, outcome: Outcome, *, killed: bool) -> int:
    """Tell the count, and make the exit code. killed: whether the supervisor ended the target for what it tried."""
    told, say = run.told, run.say
    code = VIOLATION if killed else exit_code(run, outcome)
    if outcome.code == TOO_LARGE:
        told.at_file_size()
    lost = run.keeper.lost() if run.keeper else ""
    if lost:
        say.write(f"hermetic: not all output could be handed on: {lost}\n")
        code = code or UNGUARDED
    for line in (*run.brought(), *_planted(run)):
        say.notice(line)
    told.report.finish(told.reader.foreign)
    if told.reasons or (run.carries and run.runs and not outcome.guarded):
        kept.forget(kept.directory(os.environ))  # it may be the cause
    if outcome.survivors:
        say.write(f"hermetic: {outcome.survivors} processes of the target could not be ended\n")
    if told.log:
        told.log.write("end", {"exit_code": code, "blocked": told.report.blocked})
    return code


def exit_code(run: Run, outcome: Outcome) -> int:
    if run.keeper and run.keeper.reached:
        return LATE if run.keeper.reached == "timeout" else KILLED
    if not run.runs:
        return outcome.code
    if run.told.failed:
        return UNGUARDED
    if not outcome.guarded and (outcome.late or outcome.signal is None):
        why = "did not report its guards in time and was ended" if outcome.late else "ended without reporting its guards"
        run.say.nothing_ran(f"{run.target.interpreter} {why}")
        return UNGUARDED
    if outcome.code == UNCAUGHT and run.told.uncaught:
        return VIOLATION
    if outcome.code == 0 and run.strict and run.told.report.blocked:
        return VIOLATION
    return outcome.code


def tell_of_moved(run: Run, places: list[str]) -> None:
    """What is kept there now somebody else has put there: it is forgotten, as far as it is a cache. What was trusted is the user's to look at."""
    for place in places:
        run.say.write(f"hermetic: {printable(place)} is not what it was when the run began: look at it before the next run\n")
    if places:
        from hermetic.throwaway.store import Store  # hardly ever

        for cache in {kept.directory(os.environ), kept.directory(beforehand.plain(os.environ))} - {""}:
            kept.forget(cache)
            Store(cache).forget()


def _planted(run: Run) -> Iterator[str]:
    """What git would run from now on, where the policy keeps that from being changed."""
    if run.repositories:
        from hermetic.policy import repositories  # which then is loaded

        yield from repositories.planted(run.repositories.entered)
