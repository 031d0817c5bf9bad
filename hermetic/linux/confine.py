"""Puts the kernel's rules on this process, the forked child, in the one order that works, and executes the target.

Namespaces and mounts come first, since Landlock forbids mounting; privileges go before the filters, which need none; the
filter is last, for it refuses what the steps before it need.
"""

from __future__ import annotations

import errno
import os

from hermetic.linux import beginning, descriptors, filters, landlock, mounts, privileges, surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from hermetic_guard.policy import Policy

    from hermetic.linux.beginning import Begun, Launcher
    from hermetic.linux.exec_once import Opened
    from hermetic.linux.here import Here


RESOLVER, USE_TCP = b"RES_OPTIONS", b"use-vc"
"""Have glibc ask name servers by TCP (resolv.conf(5)), which the supervisor leads to the run's own."""


class Alone:
    """Nobody stands by: nothing is supervised."""

    def ask(self, namespaced: bool) -> None:
        """Nobody is there."""

    def supervises(self) -> bool:
        return False


class Confinement:
    """policy: with the scratch directory; here: what is known, completed with what could be put in place; launcher: who stands by

    begun: what this process has put on itself already
    """

    def __init__(self, policy: Policy, here: Here, launcher: Launcher | None = None, begun: Begun | None = None) -> None:
        self.policy = policy
        self.here = here
        self._launcher = launcher or Alone()
        self._begun = begun
        self._once: Opened | None = None
        self.reads_anew = False
        """Whether standard input was opened once more."""

    def enter(self) -> int | None:
        """Confine this process.

        Returns the descriptor that a supervisor answers at, None if nothing is left to one. Raises OSError, whose `filename` is the step
        that failed: this process must not execute anything then.
        """
        self.here.pid = os.getpid()
        begun = self._begun or beginning.begin(self._launcher, root=self.here.root, inside=self.here.outer is not None)
        self.here.namespaced = begun.namespaced
        descriptors.sort(self.policy, begun.inherited)
        filters.load(self.policy, self.here)
        if self.policy.limits is not None:
            from hermetic.linux import rlimits

            rlimits.apply(self.policy.limits, alone=self.here.namespaced and not self.here.root)
        if self.policy.subprocess is not None and not self.policy.subprocess.run:
            from hermetic.linux import exec_once

            self._once = exec_once.foreseen()
        around = surroundings.look(self.policy, self.here)
        if around.resolver:
            self.here.supervised = self._launcher.supervises()
        if self.here.namespaced:
            mounts.apply(mounts.plan(self.policy, self.here, around))
            if self.policy.filesystem is not None:
                self.reads_anew = descriptors.open_anew()
        privileges.no_core_files()
        if self._once is not None:
            from hermetic.linux import exec_once

            exec_once.prepare(self.here.program, self._once)
        privileges.drop_capabilities()
        privileges.no_new_privileges()
        if privileges.makes_no_code(self.policy, self.here):
            privileges.no_writable_code()
        self.here.abi = landlock.abi()
        self.here.supervised = self._launcher.supervises()
        if self.here.abi:
            landlock.apply(landlock.ruleset(self.policy, self.here, around))
        return self._filter()

    def _filter(self) -> int | None:
        if not self.here.supervised:
            self._install(listener=False)
            return None
        try:
            return self._install(listener=True)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.EINVAL):  # an outer run's supervisor; a kernel before 5.0
                raise
        self._install(listener=False)
        return None

    def _install(self, *, listener: bool) -> int | None:
        self.here.supervised = listener
        return filters.install(filters.made(self.policy, self.here, self._once), listener)

    def refuse_what_nobody_answers(self) -> None:
        """There is a listener, and the launcher could not take it after all: a second filter, of which what is stricter counts.

        What only the first one asks about is refused as if the kernel did not have it.
        """
        self._install(listener=False)

    def _needs_telling(self) -> bool:
        """Whether resolvers go by the machine's own configuration."""
        rules = self.policy.network
        return bool(rules and rules.domains) and self.here.supervised and not self.here.namespaced

    def execute(self, argv: list[str], environment: Mapping[bytes, bytes]) -> NoReturn:
        """Become the program. Raises OSError."""
        if self._needs_telling():
            environment = {**environment, RESOLVER: b" ".join(filter(None, (environment.get(RESOLVER), USE_TCP)))}
        if self._once is not None:
            from hermetic.linux import exec_once

            exec_once.execute(self._once, argv, environment)
        os.execve(self.here.program, argv, environment)
