"""Which policy holds for a test, or a fixture of a class, module or package: a function of the session's and of markers.

Markers are read from the outside in, module, class, function: `hermetic` takes the place of all before it, `allow_*` adds to it. `no_hermetic`,
wherever it stands, has the last word.
"""

from __future__ import annotations

import inspect
from typing import NamedTuple

from hermetic import api
from hermetic.blocks import settings
from hermetic.errors import HermeticError
from hermetic.policy import WrongValue
from hermetic.testing import widening

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pytest
    from hermetic_guard.policy import Policy


HERMETIC, NO_HERMETIC = "hermetic", "no_hermetic"
NAMES = (HERMETIC, NO_HERMETIC, *widening.MARKERS)
DEFAULT_PROFILE = "pytest"

ARGUMENTS = inspect.signature(api.hermetic_blocker).parameters.keys() - {"scope", "profile"}
"""Those of a block that a marker takes as well. A test's policy holds for the whole process."""


class Project(NamedTuple):
    """root: where relative paths start; policy: the file that is followed, "" for none"""

    root: str
    policy: str = ""


class BadMark(HermeticError):
    """A marker that cannot be read: its test fails."""


class Policies:
    """session: what holds where no marker says anything, None for nothing; prepare: adds what pytest itself needs"""

    def __init__(self, session: Policy | None, prepare: Callable[[Policy], Policy], project: Project) -> None:
        self.session = session
        self._prepare = prepare
        self._project = project
        self._known: dict[str, Policy | None] = {}

    def of(self, node: pytest.Item | pytest.Collector) -> Policy | None:
        """None where nothing is guarded. Raises BadMark."""
        levels = levels_of(node)
        if not levels:
            return self.session
        key = repr(levels)
        if key not in self._known:
            policy = resolved(self.session, levels, self._project)
            self._known[key] = self._prepare(policy) if policy is not None else None
        return self._known[key]


def levels_of(node: pytest.Item | pytest.Collector) -> list[list[pytest.Mark]]:
    """Our markers, the outermost level first, and on each the one that is written last."""
    found: dict[object, list[pytest.Mark]] = {}
    for owner, mark in node.iter_markers_with_node():
        if mark.name in NAMES:
            found.setdefault(owner, []).append(mark)
    return [marks[::-1] for marks in reversed(found.values())]


def resolved(policy: Policy | None, levels: Sequence[Sequence[pytest.Mark]], project: Project) -> Policy | None:
    """Raises BadMark."""
    for mark in [mark for marks in levels for mark in marks if mark.name == NO_HERMETIC]:
        check_reason(mark)
        return None
    for marks in levels:
        for mark in sorted(marks, key=lambda mark: mark.name != HERMETIC):
            policy = applied(policy, mark, project)
    return policy


def check_reason(mark: pytest.Mark) -> None:
    reason = mark.kwargs.get("reason", *mark.args[:1])
    if not isinstance(reason, str) or not reason.strip() or len(mark.args) + len(mark.kwargs) != 1:
        raise BadMark("the marker no_hermetic needs a reason", 'as in no_hermetic(reason="asks the printer")')


def applied(policy: Policy | None, mark: pytest.Mark, project: Project) -> Policy | None:
    """Raises BadMark."""
    try:
        if mark.name == HERMETIC:
            return policy_of(mark.args, mark.kwargs, project)
        if mark.kwargs:
            raise BadMark(f"the marker {mark.name} takes no {', '.join(mark.kwargs)}")
        return policy if policy is None else widening.widened(policy, mark.name, mark.args, project.root)
    except WrongValue as error:
        raise BadMark(f"the marker {mark.name}({', '.join(map(repr, mark.args))}): {error.why}", error.hint) from None
    except HermeticError as error:
        raise error if isinstance(error, BadMark) else BadMark(f"the marker {mark.name}: {error.message}", error.hint) from None


def policy_of(profiles: Sequence[object], arguments: Mapping[str, object], project: Project) -> Policy:
    """What profiles and arguments as of `hermetic_blocker` come to; with neither the default profile. Raises HermeticError."""
    unknown = arguments.keys() - ARGUMENTS
    if unknown:
        raise BadMark(f"there is no argument {', '.join(sorted(unknown))}")
    given = {name: value for name, value in arguments.items() if value is not None}
    if profiles or not given:
        given["profile"] = list(profiles) or [DEFAULT_PROFILE]
    if project.policy:
        given.setdefault("policy", project.policy)
    policy = settings.policy_of(given, lifted=("environment",))
    if policy.on_violation == "kill":
        raise BadMark("on_violation cannot be kill: it would end pytest")
    return policy
