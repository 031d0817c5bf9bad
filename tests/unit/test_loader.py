"""How the guard's modules are executed: those that one side does not need are empty there."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import hermetic_guard
import pytest
from hermetic_guard import _loader

from hermetic.launch.payload import FIRST


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two modules, of which the second takes from the first, which is left out."""
    sources = {"hermetic_guard.first": "number = 1", "hermetic_guard.second": "from hermetic_guard.first import number"}
    for name in sources:
        monkeypatch.setitem(sys.modules, name, None)  # to be taken out again
        monkeypatch.setattr(hermetic_guard, name.rpartition(".")[2], None, raising=False)
    payload = [(name, False, name, compile(source, name, "exec")) for name, source in sources.items()]
    return _loader.execute(payload, {}, ["first"])


@pytest.mark.parametrize("act", [bool, int, len, iter, hash, lambda it: it(), lambda it: it == 1, lambda it: it.x, lambda it: it | 1])
def test_what_is_left_out_cannot_be_used(loaded: dict[str, Any], act: Any) -> None:
    with pytest.raises((RuntimeError, TypeError)):
        act(loaded["hermetic_guard.second"].number)


def test_imports_are_as_before(loaded: dict[str, Any]) -> None:
    assert builtins.__import__("sys") is sys
    assert builtins.__import__.__module__ == "builtins"


def test_only_modules_that_there_are_are_left_out() -> None:
    assert {*_loader.JUDGING, *_loader.STANDING} <= {*FIRST}
    assert not {*_loader.JUDGING} & {*_loader.STANDING}
