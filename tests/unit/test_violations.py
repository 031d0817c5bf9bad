"""What violations are: what callers of each surface catch already, and picklable."""

from __future__ import annotations

import errno
import pickle

import pytest
from hermetic_guard import errors
from hermetic_guard.violations import make_builder

FIELDS = ("g", "connect", "example.com", "it is disabled", "--allow it")
CASES = [(guard, manner, kind) for guard, manners in errors.VIOLATIONS.items() for manner, kind in manners.items()]


@pytest.mark.parametrize(("guard", "manner", "kind"), CASES)
def test_every_violation(guard: str, manner: str, kind: type[errors.PolicyViolation]) -> None:
    violation = kind(*FIELDS)
    assert isinstance(violation, errors.PolicyViolation)
    assert str(violation) == "it is disabled: connect(example.com) (allow it: --allow it)"
    copy = pickle.loads(pickle.dumps(violation))
    assert type(copy) is kind
    assert (copy.guard, copy.action, copy.target, copy.rule, copy.hint) == FIELDS
    assert str(copy) == str(violation)


@pytest.mark.parametrize("action", ["connect", "read"])
@pytest.mark.parametrize(("guard", "manner", "kind"), CASES)
def test_what_is_built_is_what_the_class_makes(guard: str, manner: str, kind: type[errors.PolicyViolation], action: str) -> None:
    made, built = kind("g", action, *FIELDS[2:]), make_builder(kind)("g", action, *FIELDS[2:])
    assert (type(built), built.args, str(built), vars(built)) == (kind, made.args, str(made), vars(made))
    for name in ("errno", "strerror", "name", "msg"):
        assert getattr(built, name, None) == getattr(made, name, None)
    assert make_builder(kind)("g", action, *FIELDS[2:], "given").filename == "given"  # type: ignore[attr-defined]


def test_nothing_of_the_class_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    build, called = make_builder(errors.NetworkRefused), []
    monkeypatch.setattr(errors.NetworkRefused, "__init__", lambda *_: called.append(True), raising=False)
    monkeypatch.setattr(errors.PolicyViolation, "filename", property(lambda _: called.append(True)), raising=False)
    errors.NetworkRefused(*FIELDS)
    assert called.pop()
    assert build(*FIELDS, "given").args
    assert called == []


def test_every_guard_has_both_manners() -> None:
    assert {frozenset(manners) for manners in errors.VIOLATIONS.values()} == {frozenset(["refuse", "raise"])}


@pytest.mark.parametrize(
    ("guard", "manner", "kinds", "others"),
    [
        ("subprocess", "refuse", [PermissionError], [ImportError]),
        ("subprocess", "raise", [], [OSError]),
        ("native", "refuse", [ImportError], [OSError]),
        ("native", "raise", [ImportError], [OSError]),
        ("network", "refuse", [PermissionError], []),
        ("network", "raise", [], [OSError]),
    ],
)
def test_what_they_are_caught_as(guard: str, manner: str, kinds: list[type], others: list[type]) -> None:
    kind = errors.VIOLATIONS[guard][manner]
    assert all(issubclass(kind, other) for other in kinds)
    assert not any(issubclass(kind, other) for other in others)


def test_numbers_and_names() -> None:
    assert errors.ProcessRefused(*FIELDS).errno == errno.EPERM
    native = errors.NativeRefused("native", "import", "pack.mod", "native code disabled")
    assert (native.name, native.msg, native.args) == ("pack.mod", str(native), (str(native),))
