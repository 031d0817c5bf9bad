"""What the supervisor's threads hand to the launcher's loop."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from hermetic_guard.policy import Policy

from hermetic.launch import confined
from hermetic.linux.here import Here


def test_refusals_that_nobody_comes_to_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *words: sent.append(words))
    monkeypatch.setattr(confined, "MOST_WAITING", 3)
    told: list[dict[str, Any]] = []
    here = Here(machine="x86_64", root=False, run="", protected=())
    execution = confined.ConfinedExecution("/x", [], {}, policy=Policy(), here=here, permit=lambda here: "", tell=told.append)
    execution._placed = True
    for number in range(5):
        execution._notice({"target": number})
    execution.proceed()
    execution._notice({"target": 5})
    execution._notice({"target": 6})
    execution.proceed()
    assert told == [{"target": 0}, {"target": 1}, {"target": 2}, {"target": 5, "lost": 2}, {"target": 6}]
    assert set(sent) == {(os.getpid(), signal.SIGCHLD)}
