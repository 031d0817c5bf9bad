"""The way of a request: decide, tell the launcher, raise.

Guards hand requests in here. Everything is bound when the enforcer is made, because guards outlive module globals at interpreter shutdown,
and because a global that is looked up late is one the target can replace.
"""

import os
import sys

from hermetic_guard import errors
from hermetic_guard.patching import Ledger
from hermetic_guard.policy import Decision, Request, decide
from hermetic_guard.scopes import Scopes

UNGUARDED_EXIT = 125
VIOLATION_EXIT = 77


class Enforcer(object):
    """scopes: the policies in force; tell: writes an event; stack: lists the asking frames; run: the run directory or None."""

    def __init__(self, scopes: Scopes, tell, stack, run: "str | None" = None) -> None:
        self.scopes = scopes
        self.tell = tell
        self.run = run
        self.ledger = Ledger()
        self.hooked = hasattr(sys, "addaudithook") and sys.implementation.name == "cpython"
        self.check = _make_check(scopes, tell, stack)
        self.register, self.registered = _make_registry(run)


def _make_check(scopes, tell, stack):
    judge, violation, getpid, leave = decide, make_violation_factory(), os.getpid, os._exit

    def check(request: Request) -> None:
        """Return if the request is allowed; else tell and raise."""
        policy = scopes.current
        decision = judge(policy, request)
        if decision.allowed:
            return
        tell(refusal(request, decision, getpid(), stack()))
        if policy.on_violation == "kill":
            leave(VIOLATION_EXIT)
        raise violation(policy.on_violation, request, decision)

    def refusal(request: Request, decision: Decision, pid: int, frames: object) -> "dict[str, object]":
        return {
            "event": "refused",
            "pid": pid,
            "guard": request.guard,
            "action": request.action,
            "target": request.target,
            "rule": decision.rule,
            "hint": decision.hint,
            "stack": frames,
        }

    return check


def make_violation_factory():
    """A function that makes the exception for a refused request, in the policy's manner."""
    refused = {"integrity": errors.IntegrityViolation, "network": errors.NetworkRefused}
    raised = {"integrity": errors.IntegrityViolation, "network": errors.NetworkViolation}
    unnamed = errors.name_refused()

    def violation(manner, request, decision):
        kind = (refused if manner == "refuse" else raised)[request.guard]
        if manner == "refuse" and request.action == "DNS":
            kind = unnamed
        return kind(request.guard, request.action, request.target, decision.rule, decision.hint)

    return violation


def _make_registry(run):
    """Which AF_UNIX addresses were bound inside this run, by any of its processes.

    One FIFO per address in the run directory's `unix/`: making a FIFO is the one way to create a name for which CPython raises no audit
    event, so the guard can do it while the target, whose every other way is refused there, cannot.
    """
    mkfifo, lstat, os_error, exists, name = os.mkfifo, os.lstat, OSError, FileExistsError, _registry_name
    here = set()  # type: set[bytes]

    def path(address: bytes) -> str:
        return "%s/unix/%s" % (run, name(address))

    def register(address: bytes) -> None:
        here.add(address)
        if run is not None:
            try:
                mkfifo(path(address), 0o600)
            except exists:
                return

    def registered(address: bytes) -> bool:
        if address in here:
            return True
        if run is None:
            return False
        try:
            lstat(path(address))
        except os_error:
            return False
        return True

    return register, registered


def _registry_name(address: bytes) -> str:
    """A file name for an address; sun_path holds at most 108 bytes, so its hexadecimal form fits."""
    return "".join(["%02x" % byte for byte in bytearray(address)])
