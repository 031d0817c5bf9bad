"""What the doctor says of machines that are not here: which layer is missing, and what would help."""

from __future__ import annotations

import json

import pytest

from hermetic import doctor
from hermetic.linux.attempts import ATTEMPTS
from hermetic.linux.here import Here

ALL = {"filtered": True, "supervised": True, "namespaced": True, "abi": 7}
ROWS = [
    # what is otherwise here, words of what is advised
    ({}, []),
    ({"abi": 5}, ["6.12"]),
    ({"abi": 0}, ["lsm=", "WSL2", "gVisor"]),
    ({"namespaced": False}, ["AppArmor", "apparmor_restrict_unprivileged_userns", "Docker", "user.max_user_namespaces"]),
    ({"supervised": False}, ["--cap-add SYS_PTRACE", "ptrace_scope"]),
    ({"filtered": False}, ["seccomp", "gVisor"]),
    # Docker's default profile; Ubuntu 24.04; WSL2 with its own kernel 6.6.
    ({"namespaced": False, "supervised": False}, ["Docker", "SYS_PTRACE"]),
    ({"namespaced": False}, ["Ubuntu"]),
    ({"abi": 3}, ["6.12"]),
]


@pytest.mark.parametrize(("fewer", "words"), ROWS)
def test_advice(fewer: dict[str, int], words: list[str]) -> None:
    found = doctor.Examination()
    found.here = Here(machine="x86_64", root=False, **{**ALL, **fewer})  # type: ignore[arg-type]
    assert all(any(word in text for text in found.advice) for word in words)
    assert len(found.advice) == len([name for name in fewer if name != "abi" or fewer["abi"] < doctor.SCOPES])
    report = doctor.report(found)
    assert all(word in report for word in words)


def test_where_nothing_could_be_started() -> None:
    found = doctor.Examination()
    found.failure = "the kernel's rules could not be put in place: seccomp: Operation not permitted"
    assert (found.advice, found.holds) == ([doctor.FILTERS], False)
    assert doctor.report(found).endswith(f"no kernel layer: {found.failure}\n\n{doctor.FILTERS}\n")
    assert found.as_data()["seccomp"] is False


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """Nothing is tried there."""
    monkeypatch.setattr(doctor.platform, "system", lambda: system)
    found = doctor.examine()
    assert (found.holds, found.findings, found.here) == (False, [], None)
    assert json.loads(json.dumps(found.as_data()))["advice"] == [doctor.NO_LINUX]
    assert {"macOS", "Windows"} <= set(doctor.NO_LINUX.replace(" only", "").split())
    assert doctor.report(found).startswith(f"{system} ")


def test_what_got_through_is_told() -> None:
    found = doctor.Examination()
    found.here = Here(machine="x86_64", root=False, **ALL)  # type: ignore[arg-type]
    found.findings = [doctor.Finding(ATTEMPTS[0], doctor.HELD), doctor.Finding(ATTEMPTS[1], doctor.UNTESTED)]
    assert found.holds
    found.findings.append(doctor.Finding(ATTEMPTS[-1], doctor.NOT_HELD))
    assert not found.holds
    assert f"not held           always       {ATTEMPTS[-1].what}" in doctor.report(found)


def test_each_attempt_is_another() -> None:
    assert len({attempt.what for attempt in ATTEMPTS}) == len({attempt.code + str(attempt.fields) for attempt in ATTEMPTS}) == len(ATTEMPTS)
