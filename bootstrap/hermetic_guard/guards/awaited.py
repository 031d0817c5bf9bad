"""Modules that something is replaced in once they are loaded. What does it (libraries.py) is loaded for the first of them: few programs have any.

It is there before the module is: who has that guard refused, for want of memory or of stack, does not get the module either.
"""

import sys

from hermetic_guard.guards.loading import when_loaded

PART = "libraries"
"""Where that is, see hermetic/launch/payload.py."""

LIBRARIES = "hermetic_guard.guards.libraries"
SEMAPHORES = "_multiprocessing"
NAMES = ("_dbm", "_gdbm", SEMAPHORES, "_posixshmem", "_sqlite3", "_ssl", "_tkinter", "readline", "spwd")
"""Of those that are replaced there the ones that are where there are audit events."""


def make_install(load):
    """load: see late.py"""

    def install(enforcer, asks):
        names = [name for name in NAMES if name != SEMAPHORES or not enforcer.scopes.keywords]
        if not enforcer.hooked or any(name in sys.modules for name in names):
            load(PART)[LIBRARIES].install(enforcer, asks)
            return
        find = make_find(load, asks, enforcer.ledger.later())
        for name in names:
            when_loaded(enforcer, name, make_act(find, name), find)

    return install


def make_find(load, asks, put):
    """find(): what is done with the modules, by name."""
    found = []  # type: list

    def find():
        if not found:
            found.append(load(PART)[LIBRARIES].make_acts(put, asks))
        return found[0]

    return find


def make_act(find, name):
    return lambda module: find()[name](module)
