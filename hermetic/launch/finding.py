"""What the command line names, for the launcher to start and for policies to ask about."""

from __future__ import annotations

import os
import sys

from hermetic.errors import TargetNotExecutable, TargetNotFound
from hermetic.policy.context import Known
from hermetic.target import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.options import Invocation


def find_target(invocation: Invocation, environment: dict[str, str], cwd: str) -> resolve.Target:
    """What the command line names."""
    try:
        if invocation.command == "run":
            return resolve.resolve_run(invocation.target, environment, cwd, sys.executable)
        return resolve.resolve_exec(invocation.text("python"), invocation.target, environment, cwd, sys.executable)
    except (TargetNotFound, TargetNotExecutable) as error:
        if not invocation.meant:
            raise
        raise type(error)(error.message, f'a value goes with "=": {invocation.meant}') from None


class Sought(Known):
    """The target, found when the first question comes: by the user's environment, of which a policy may take away afterwards."""

    def __init__(self, invocation: Invocation, cwd: str) -> None:
        super().__init__()
        self._invocation = invocation
        self._cwd = cwd
        self._found: resolve.Target | None = None

    def _target(self) -> resolve.Target:
        if self._found is None:
            self._found = find_target(self._invocation, dict(os.environ), self._cwd)
        return self._found

    def interpreter(self) -> str:
        target = self._target()
        return target.interpreter if target.python else ""

    def names(self) -> tuple[str, ...]:
        from hermetic.target.names import names  # only where a profile is chosen by them

        return names(self._target())

    def words(self) -> list[str]:
        target = self._target()
        return [target.interpreter, *target.argv[1:]]

    def shadowing(self) -> str:
        from hermetic.target.names import shadowing

        return shadowing(self._target(), self._cwd)
