"""Parts of the guard that are loaded late: with what there was before, as a whole or not at all, and once for all who ask."""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from types import ModuleType
from typing import Any

import pytest
from hermetic_guard import files, late
from hermetic_guard.sealing import seal
from hermetic_guard.start import own_os

PACKAGE = "hermetic_guard"
MAKE_LOAD = seal(vars(late))["make_load"]
STANDING = {name: importlib.import_module(name) for name in (PACKAGE, *(f"{PACKAGE}.{name}" for name in late.STANDING))}


def module(name: str, source: str) -> tuple[str, bool, str, bytes]:
    return f"{PACKAGE}.{name}", False, f"<hermetic>/{name}.py", source.encode()


def make(*modules: tuple[str, bool, str, bytes]) -> Any:
    return MAKE_LOAD({"part": lambda: modules}, STANDING, [].append)


def test_a_part_imports_from_itself_and_from_what_stands() -> None:
    load = make(module("first", "VALUE = 1"), module("second", "from hermetic_guard import files, first\nfound = files.HEAD, first.VALUE"))
    assert load("part")[f"{PACKAGE}.second"].found == (files.HEAD, 1)
    assert load("part") is load("part")
    assert f"{PACKAGE}.first" not in sys.modules
    assert not hasattr(sys.modules[PACKAGE], "first")


def test_each_side_has_an_os_of_its_own() -> None:
    """What a target puts into the one that it may come to has no effect on what judges."""
    start = f"{PACKAGE}.start"
    sides = [ModuleType(start), ModuleType(start)]
    for side in sides:
        vars(side).update(vars(importlib.import_module(start)), OWN=own_os())
    parts = {"part": lambda: (module("one", "import os"),)}
    judging, target = [MAKE_LOAD(parts, STANDING | {start: side}, [].append)("part")[f"{PACKAGE}.one"].os for side in sides]
    assert [judging, target] == [side.OWN for side in sides]
    target.path.stat = None
    assert judging.path.stat is not None


SOURCE = "import os, sys\nfrom hermetic_guard import files\nclass Made(object):\n    pass\nfound = os.stat, len, files.HEAD, sys.platform"
"""Of all that can be replaced."""


def tampered(load: Any) -> Any:
    """What `load` gives after everything was replaced. Nothing else is called meanwhile."""
    fake = ModuleType("fake")
    vars(fake).update(stat=None, HEAD=0, platform="", files=fake)
    names, original = vars(builtins), dict(vars(builtins))
    replaced = dict.fromkeys(
        ("__build_class__", "len", "exec", "compile", "type", "vars", "setattr", "dict", "isinstance"), lambda *_: None
    )
    modules, there = sys.modules, dict(sys.modules)
    try:
        modules.update(dict.fromkeys(("os", "sys", PACKAGE, f"{PACKAGE}.files"), fake))
        names.update(replaced)
        return load()
    finally:
        names.update(original)
        modules.update(there)


def test_what_was_replaced_is_not_asked() -> None:
    import os

    before = os.stat, len, files.HEAD, sys.platform
    load, code = make(module("one", SOURCE)), compile(SOURCE, "x", "exec")
    made = tampered(lambda: load("part"))[f"{PACKAGE}.one"]
    assert made.found == before
    assert isinstance(made.Made, type)
    namespace: dict[str, Any] = {}
    run = exec
    tampered(lambda: run(code, namespace))  # in the ordinary way
    assert all(found is not known for found, known in zip(namespace["found"], before, strict=True))
    assert namespace["Made"] is None


def test_what_fails_is_tried_again() -> None:
    tries: list[int] = []

    def payload() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise MemoryError
        return (module("one", "VALUE = 1"), module("two", "1 / 0" if len(tries) == 2 else "VALUE = 2"))

    load = MAKE_LOAD({"part": payload}, STANDING, [].append)
    with pytest.raises(MemoryError):
        load("part")
    with pytest.raises(ZeroDivisionError):
        load("part")
    assert load("part")[f"{PACKAGE}.two"].VALUE == 2
    assert len(tries) == 3


def test_threads_that_come_together_are_given_the_same() -> None:
    together, found = threading.Barrier(2), []

    def payload() -> Any:
        together.wait(10)  # both are loading it
        return (module("one", "VALUE = []"),)

    load = MAKE_LOAD({"part": payload}, STANDING, [].append)
    threads = [threading.Thread(target=lambda: found.append(load("part"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] is found[1] is load("part")


def test_a_module_that_asks_for_its_own_part_meanwhile() -> None:
    """As a signal handler does that comes in between."""
    first = [True]

    def payload() -> Any:
        if first:
            first.clear()
            assert load("part")[f"{PACKAGE}.one"].VALUE == 1
        return (module("one", "VALUE = 1"),)

    load = MAKE_LOAD({"part": payload}, STANDING, [].append)
    assert load("part") is load("part")
