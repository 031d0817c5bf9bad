"""What is done with modules that are loaded later: it is there before they are, or nobody gets them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from hermetic_guard.guards import awaited, libraries
from hermetic_guard.guards.loading import ROOM, make_acts


def test_all_that_is_replaced_where_there_are_events_is_awaited() -> None:
    assert {*awaited.NAMES} == {*libraries.PATCHES} - {"fcntl", "zipimport"}


def test_what_cannot_be_prepared_is_not_made() -> None:
    def fail() -> None:
        raise MemoryError

    prepare, *_ = make_acts({"made": [fail]}, {"made": [str]}, [])
    with pytest.raises(MemoryError):
        prepare("made")
    assert prepare("other") is None


def test_a_module_that_nothing_could_be_done_with_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("made")
    monkeypatch.setitem(sys.modules, "made", module)
    monkeypatch.setitem(sys.modules, "package.made", module)

    def fail(_: Any) -> None:
        raise RecursionError

    _, act, *_ = make_acts({}, {"made": [fail]}, [])
    with pytest.raises(RecursionError):
        act("made", module)
    assert module not in sys.modules.values()


def test_there_is_room_for_what_is_done() -> None:
    """Without it neither is the module made, nor anything done with it in part."""
    prepare, *_ = make_acts({}, {"made": [str]}, [])
    limit = sys.getrecursionlimit()

    def depth() -> int:
        frame, found = sys._getframe(), 0
        while frame is not None:
            frame, found = frame.f_back, found + 1  # type: ignore[assignment]
        return found

    sys.setrecursionlimit(depth() + ROOM // 2)
    try:
        with pytest.raises(RecursionError):
            prepare("made")
        prepare("other")
    finally:
        sys.setrecursionlimit(limit)
    prepare("made")


def test_it_is_loaded_once_and_for_the_first_module() -> None:
    done: list[Any] = []

    class Libraries:
        def make_acts(self, put: Any, asks: Any) -> dict[str, Any]:
            done.append("loaded")
            return {"readline": done.append}

    find = awaited.make_find(lambda part: {awaited.LIBRARIES: Libraries()}, {}, setattr)
    act = awaited.make_act(find, "readline")
    assert done == []
    act("a module")
    act("another")
    assert done == ["loaded", "a module", "another"]
