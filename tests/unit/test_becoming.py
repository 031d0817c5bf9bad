"""What the launcher and the forked child have to say to each other."""

from __future__ import annotations

import marshal
import os

import pytest
from hermetic_guard.policy import Policy
from hypothesis import given
from unit.policies_made import policies

from hermetic.errors import GuardUnavailable
from hermetic.launch import becoming, child, confined
from hermetic.launch.becoming import ALONE, ASKED, FAILED, SUPERVISED
from hermetic.linux.here import Here


@given(policies)
def test_a_policy_comes_to_the_child_as_it_is(policy: Policy) -> None:
    """But for packages, which the kernel cannot tell."""
    assert child.from_plain(marshal.loads(marshal.dumps(child.plain(policy)))) == policy.replaced(packages=())


def test_the_answer_is_heard_once() -> None:
    """What comes after it is another: whether the child may go on."""
    said, say = os.pipe()
    launcher = becoming.Launcher(os.open("/dev/null", os.O_WRONLY), said)
    os.write(say, SUPERVISED + ALONE)
    assert [launcher.supervises(), launcher.supervises(), launcher.hear()] == [True, True, ALONE]


def test_a_child_that_fails_before_it_has_heard_anything() -> None:
    """All that it said comes at once, and a step may be called anything."""
    here = Here(machine="x86_64", root=False, run="", protected=())
    execution = confined.ConfinedExecution("/x", [], {}, policy=Policy(), here=here, permit=lambda here: "", tell=lambda event: None)
    os.set_blocking(execution.answers, False)
    execution._can_supervise = lambda: True  # type: ignore[method-assign]
    speaker = becoming.Launcher(execution._answer, -1)
    speaker.say(ASKED, "0")
    speaker.say(FAILED, "mount /a\nb", "no")
    execution.proceed()
    assert os.read(execution._go, 9) == SUPERVISED
    with pytest.raises(GuardUnavailable, match=r"could not be put in place: mount /a\\nb: no"):
        execution.raise_failure()


@pytest.mark.parametrize(
    ("said", "namespaced", "left"), [(b"asked\0001\0\n", True, b""), (b"asked\0000\0\nfailed\0x\0y\0\n", False, b"failed\0x\0y\0\n")]
)
def test_a_child_that_has_asked_already_is_answered_at_once(
    said: bytes, namespaced: bool, left: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = forked_already(monkeypatch)
    os.write(asking.answer, said)
    asking.answer_early()
    assert (asking.namespaced, asking.said, os.read(asking.go, 9)) == (namespaced, left, SUPERVISED)


@pytest.mark.parametrize("said", [b"", b"failed\0x\0y\0\n"])
def test_a_child_that_has_not_asked_yet_is_answered_later(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = forked_already(monkeypatch)
    if said:
        os.write(asking.answer, said)
    asking.answer_early()
    assert (asking.namespaced, asking.said) == (None, said)
    os.set_blocking(asking.go, False)
    with pytest.raises(BlockingIOError):
        os.read(asking.go, 9)


def forked_already(monkeypatch: pytest.MonkeyPatch) -> child.Child:
    """As it is in the launcher, with the child's ends of its pipes open still."""
    monkeypatch.setattr(child, "can_look_into", lambda pid, descriptor: True)
    made = object.__new__(child.Child)
    made.pid, made.namespaced, made.said = 0, None, b""
    made.answers, made.answer = os.pipe()
    made.go, made.went = os.pipe()
    return made
