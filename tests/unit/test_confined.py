"""What the supervisor's threads hand to the launcher's loop."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from hermetic_guard.policy import Policy

from hermetic.launch import confined, refusals
from hermetic.linux.here import Here


def test_refusals_that_nobody_comes_to_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *words: sent.append(words))
    monkeypatch.setattr(refusals, "MOST_WAITING", 3)
    told: list[dict[str, Any]] = []
    here = Here(machine="x86_64", root=False, run="", protected=())
    execution = confined.ConfinedExecution("/x", [], {}, policy=Policy(), here=here, permit=lambda here: "", tell=told.append)
    execution._placed = True
    for number in range(5):
        execution._notice({"guard": "network", "target": number})
    execution.proceed()
    execution._notice({"guard": "network", "target": 5})
    execution._notice({"guard": "network", "target": 6})
    execution.settle()
    assert [(event["target"], event.get("lost")) for event in told] == [(0, None), (1, None), (2, None), (5, 2), (6, None)]
    assert execution.refusals.untold == {"network": 2}
    assert set(sent) == {(os.getpid(), signal.SIGCHLD)}


def test_a_child_that_ends_before_it_has_said_anything() -> None:
    """What is left of the run is ended after that, and the loop turns on meanwhile."""
    here = Here(machine="x86_64", root=False, run="", protected=())
    execution = confined.ConfinedExecution("/x", [], {}, policy=Policy(), here=here, permit=lambda here: "", tell=lambda event: None)
    os.close(execution._answer)
    execution.proceed()
    execution.raise_failure()
    execution.proceed()


@pytest.mark.parametrize(("namespaced", "at_once"), [(True, False), (False, True)])
def test_what_no_mount_keeps_is_loaded_before_the_run(namespaced: bool, at_once: bool) -> None:
    loaded: list[bool] = []
    execution = confined.ConfinedExecution(
        "/x",
        [],
        {},
        policy=Policy(),
        here=Here(machine="x86_64", root=False),
        permit=lambda here: "",
        tell=lambda event: None,
        load=lambda: loaded.append(True),
    )
    execution._read_ahead(namespaced=namespaced)
    assert bool(loaded) == at_once
