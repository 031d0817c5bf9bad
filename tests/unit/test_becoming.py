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
