"""A policy that this process puts on itself for the rest of its life, and on all that it will start: pledge(2), for Python.

In Python it is the guard of a launched target, put in place while the process runs: what judges is held by an audit hook alone, which nothing leads
to and nobody takes off. In the kernel it is what one process can put on itself (hermetic/linux/own.py). Blocks that open later, and further seals,
can only take more away.
"""

from __future__ import annotations

import _imp
import gc
import signal
import sys
import threading
from contextlib import contextmanager

from hermetic_guard import collector, frames, hook, sealing, shutdown
from hermetic_guard.enforce import Enforcer
from hermetic_guard.observers import make_observers
from hermetic_guard.scopes import Scopes

from hermetic.blocks import settings
from hermetic.blocks.dormant import ALWAYS
from hermetic.blocks.opening import OUTSIDE
from hermetic.blocks.process import guards, make_stack, put_in_place
from hermetic.blocks.refusals import Run, begun
from hermetic.blocks.sealed_starts import Starts
from hermetic.errors import GuardUnavailable
from hermetic.linux import layers, opened, own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from hermetic_guard.policy import Policy

    from hermetic.blocks.process import Guards
    from hermetic.blocks.refusals import Refusal
    from hermetic.linux.here import Here
    from hermetic.linux.layers import Standing

LOCK = threading.RLock()


class Sealed:
    """What a seal holds.

    layers: by guard, how it is held: `python` (True), `kernel` ("full", "partial" or "none"), and `gap`, what is missing to full, in words
    open:   what was open already and stays as it was, in words
    """

    def __init__(self, policy: Policy, standings: list[Standing], found: tuple[str, ...], run: Run) -> None:
        self.policy = policy
        self.layers = {one.guard: one for one in standings}
        self.open = found
        self._run = run

    @property
    def violations(self) -> list[Refusal]:
        """What was refused so far, also in children; as `run.violations` of a block."""
        return self._run.violations

    @property
    def refused(self) -> int:
        return self._run.refused

    def __str__(self) -> str:
        return "\n".join([*map(str, self.layers.values()), *(f"open already: {one}" for one in self.open)])

    def __repr__(self) -> str:
        return f"<sealed: {', '.join(self.layers)}>"


def seal(policy: Policy, require: str | None) -> Sealed:
    """Raises GuardUnavailable: where that is because of `require`, nothing has changed."""
    with LOCK:
        standing = guards()
        with aside(standing):
            found = opened.look()
            here = own.look(sends=any(one.sends for one in found))
            permit(policy, here, require)
            original = standing.stay()
            run = begun(standing.post, OUTSIDE.rules)
            starts = Starts(standing, policy, run)
            here.run = starts.path
            try:
                own.enter(policy, here, lambda now: permit(policy, now, require))
            except GuardUnavailable:
                starts.drop()
                standing.go()
                raise
            except OSError as error:
                raise GuardUnavailable(f"the kernel's rules could not all be put in place: {error.filename}: {error.strerror}") from None
            held = standings(policy, here)
            starts.held = not here.unbound and here.synced and all(one.kernel != layers.NONE for one in held)
            put_on(standing, policy, run, starts, original)
        return Sealed(policy, held, tuple(map(str, found)), run)


def standings(policy: Policy, here: Here) -> list[Standing]:
    return layers.standings(policy, here, python=True)


def permit(policy: Policy, here: Here, require: str | None) -> None:
    why_not = layers.shortfall(standings(policy, here), require=require, best_effort=True)
    if why_not:
        raise GuardUnavailable(why_not)


@contextmanager
def aside(standing: Guards) -> Iterator[None]:
    """No block holds for this thread, which nothing interrupts meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    standing.inside.aside.add(threading.get_ident())
    try:
        yield
    finally:
        standing.inside.aside.discard(threading.get_ident())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def put_on(standing: Guards, policy: Policy, run: Run, starts: Starts, original: Callable[[Any, str], Any]) -> None:
    """The Python layer: as activate.py puts it into a fresh interpreter."""
    post = standing.post
    scopes = Scopes(policy)
    scopes.keywords = True
    standing.sealed = (*standing.sealed, run)

    def tell(event: dict[str, Any]) -> None:
        if event["event"] == "refused":
            post.tell(event, (run,))

    hook.PREFIX[0] = f"sealed{len(standing.sealed)}."
    privately, watch = make_observers()
    namespaces = sealing.NAMESPACES = [vars(module) for name, module in sys.modules.items() if name.partition(".")[0] == "hermetic_guard"]
    starts.stack = make_stack(privately, namespaces)
    enforcer = Enforcer(scopes, tell, starts.stack, starts.path or None)
    tables, ledger = put_in_place(enforcer, listed(policy), starts.install, (starts.path,) if starts.path else ())
    ledger.group = ALWAYS
    at_end, freeze = collector.install(enforcer)
    tables += [at_end, {"cpython.PyInterpreterState_Clear": shutdown.at_clear(original(_imp, "create_dynamic"))}]
    ledger.arm(frozenset([ALWAYS, *policy.guards()]))
    hook.install(tables, watch=watch)
    frames.install(namespaces)
    sealing.NAMESPACES = None
    gc.collect()
    freeze()


def listed(policy: Policy) -> tuple[dict[str, str], dict[str, str]]:
    """Files of the distributions that may be loaded, as native.read_listed gives them."""
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for name, path in settings.native_files(policy):
        found[path.endswith("/")][path] = name
    return found
