"""What holds of all policies: two never allow more together than each does, what is written is what was read, and a stranger's file only takes away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hermetic_guard import serialized
from hermetic_guard.decide import Request, decide, decide_for_packages
from hermetic_guard.intersection import intersect
from hermetic_guard.policy import Policy, PolicyError
from hermetic_guard.unions import views, whole
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from unit.policies_made import PLACE, asked, policies, requests

from hermetic import options
from hermetic.errors import HermeticError
from hermetic.policy import combine, dump, load
from hermetic.policy.context import Context
from hermetic.policy.library import allows_no_more
from hermetic.policy.reader import Reader

pytestmark = pytest.mark.examples

many = settings(max_examples=int(os.environ.get("EXAMPLES", "150")), deadline=None)


def both(one: Policy, other: Policy) -> Policy:
    try:
        found: Policy = intersect(one, other)
    except PolicyError:
        assume(False)
    return found


@many
@given(policies, policies, requests)
def test_two_never_allow_more_than_each(one: Policy, other: Policy, request: Request) -> None:
    if decide(both(one, other), request).allowed:
        assert decide(one, request).allowed
        assert decide(other, request).allowed


Asked = tuple[tuple[str, str], ...]


def allows(policy: Policy, request: Request, asked: Asked) -> bool:
    """As the guards judge it."""
    return bool(decide(policy, request).allowed or decide_for_packages(policy, views(policy), request, asked).allowed)


@many
@given(policies, policies, requests, asked)
def test_two_never_allow_more_to_a_package_than_each(one: Policy, other: Policy, request: Request, asked: Asked) -> None:
    if allows(both(one, other), request, asked):
        assert allows(one, request, asked)
        assert allows(other, request, asked)


@many
@given(policies, requests, asked)
def test_what_is_said_of_packages_only_adds(policy: Policy, request: Request, asked: Asked) -> None:
    """And the kernel's rules are of all that any of them may do."""
    if decide(policy, request).allowed:
        assert all(decide(wide, request).allowed for _, wide in views(policy))
    if allows(policy, request, asked):
        assert decide(whole(policy), request).allowed


@many
@given(policies, policies, policies)
def test_their_order_does_not_matter(one: Policy, other: Policy, third: Policy) -> None:
    """With a third it may, for packages: what two approve in no common version is gone, whatever a third says of it."""
    together = both(one, other)
    assert together == both(other, one)
    assert same(both(together, one), together)
    one, other, third = (policy.replaced(packages=()) for policy in (one, other, third))
    assert same(both(both(one, other), third), both(one, both(other, third)))


def same(one: Policy, other: Policy) -> bool:
    return allows_no_more(one, other) and allows_no_more(other, one)


@many
@given(policies)
def test_what_is_written_is_what_was_read(policy: Policy) -> None:
    text = dump.write(dump.table(policy))
    read = load.Document(text.encode(), "/x/hermetic.toml").policy("", Policy(), Reader("/x", Context("/", {})))
    assert read == policy
    assert serialized.loads(serialized.dumps(policy)) == policy


def as_file(top: Policy, **profiles: Policy) -> str:
    """A policy file with these policies in it."""
    text = dump.write(dump.table(top))
    for name, policy in profiles.items():
        table = dump.table(policy)
        del table["version"]
        text += f"\n[profile.{name}]\n" + dump.write(table, above=("profile", name))
    return text


LINES = [
    "",
    "--no-network",
    "--profile tests",
    "--profile block-all",
    "--fs-readonly --allow-localhost --no-network",
    "--no-subprocess --profile tests",
]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policies, policies, policies, st.sampled_from(LINES), requests, asked)
def test_a_strangers_file_takes_away_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, top: Policy, tests: Policy, default: Policy, line: str, request: Request, asked: Asked
) -> None:
    """What stands without it where a profile is the file's alone: what stands if nothing is asked for."""
    project = Path(PLACE, "project")
    project.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{PLACE}/config")
    (project / "hermetic.toml").write_text(as_file(top, tests=tests, default=default, **{"block-all": Policy()}))
    without = resolved(line.replace("--profile tests", "--profile default" if "--no" not in line else "") + " --no-policy", project)
    try:
        followed = resolved(line, project)
    except HermeticError:
        return  # what leaves nothing to read is not run
    assert not allows(followed, request, asked) or allows(without, request, asked)
    assert allows_no_more(followed, without)


def resolved(line: str, cwd: Path) -> Policy:
    invocation = options.parse([*line.split(), "--", "x"], {})
    assert invocation is not None
    return combine.resolve(invocation, os.fspath(cwd)).policy
