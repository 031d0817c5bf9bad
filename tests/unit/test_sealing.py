"""Functions in a namespace of their own."""

from __future__ import annotations

import builtins

import pytest
from hermetic_guard.sealing import seal

SOURCE = """
LIMIT = 100
def small(value): return divmod(ord(value), LIMIT)[0] == 0
def judge(value):
    def inner(): return "small" if small(value) else "large"
    return inner()
def with_default(value, judge=judge): return judge(value)
"""


def module():
    namespace: dict[str, object] = {}
    exec(SOURCE, namespace)
    return namespace


def test_does_not_look_back(monkeypatch):
    namespace = module()
    sealed = seal(namespace)
    namespace["small"] = lambda value: True
    namespace["LIMIT"] = 200
    monkeypatch.setattr(builtins, "divmod", lambda *_: (0, 0))
    assert sealed["judge"]("z") == "large"
    assert namespace["judge"]("z") == "small"


def test_survives_emptied_namespaces():
    namespace = module()
    judge = seal(namespace)["judge"]
    for name in namespace:
        namespace[name] = None
    assert judge("a") == "small"


def test_copies_do_not_know_each_other():
    namespace = module()
    one, two = seal(namespace), seal(namespace)
    one["small"] = lambda value: True
    assert one["judge"]("z") == "small"
    assert two["judge"]("z") == "large"


def test_importers_see_the_copy_too():
    owner = module()
    importer = {"judge": owner["judge"]}
    exec("def ask(value): return judge(value)", importer)
    ask = seal(owner, importer)["ask"]
    owner["small"] = lambda value: True
    assert ask("z") == "large"


def test_defaults_are_kept():
    assert seal(module())["with_default"]("a") == "small"


def test_strangers_functions_stay_as_they_are():
    def stranger():
        return LIMIT

    assert seal(module(), {"stranger": stranger})["stranger"] is stranger


LIMIT = 5


def test_one_name_for_two_things_is_refused():
    """The functions of one module would call those of the other."""
    with pytest.raises(RuntimeError, match="LIMIT"):
        seal(module(), {"LIMIT": 7})
