"""Two policies compared: sets by their names, what allows more first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Environment, Filesystem, Limits, Network, Package, Policy

from hermetic import changes, options
from hermetic.policy import adjust
from hermetic.policy.context import Context
from hermetic.policy.reader import Reader

LOCAL = Network(localhost=ANY)
BOTO = Package(name="boto3", approved=("1.*",), network=LOCAL)


@pytest.mark.parametrize(
    ("first", "second", "lines"),
    [
        (Policy(), Policy(), []),
        (Policy(network=Network()), Policy(network=LOCAL), ["+ network.allow-localhost = true"]),
        (Policy(network=LOCAL), Policy(), ["- [network], and all that it says"]),
        (Policy(), Policy(network=LOCAL), ["+ [network]", "+ network.allow-localhost = true"]),
        (
            Policy(network=LOCAL, filesystem=Filesystem(protect=("/a", "/b"))),
            Policy(network=Network(), filesystem=Filesystem(protect=("/a",), write=("/c",))),
            ["+ filesystem.allow-write = /c", "- filesystem.protect = /b", "- network.allow-localhost = true"],
        ),
        (
            Policy(limits=Limits(processes=4)),
            Policy(limits=Limits(processes=8)),
            ["- limits.max-processes = 4", "+ limits.max-processes = 8"],
        ),
        (Policy(environment=Environment()), Policy(environment=Environment(keep=("A",))), ["+ environment.allow-env = A"]),
        (Policy(kernel="required"), Policy(), ["- kernel = required", "+ kernel = wanted"]),
        (
            Policy(),
            Policy(packages=(BOTO,)),
            ["+ [package.boto3]", "+ package.boto3.approved = 1.*", "+ package.boto3.network.allow-localhost = true"],
        ),
        (Policy(packages=(BOTO,)), Policy(packages=(BOTO.replaced(approved=()),)), ["- package.boto3.approved = 1.*"]),
        (Policy(packages=(BOTO,)), Policy(), ["- [package.boto3], and all that it says"]),
    ],
)
def test_lines(first: Policy, second: Policy, lines: list[str]) -> None:
    assert changes.changes(first, second, Context("/usr", {})) == lines


@pytest.fixture
def context(tmp_path: Path) -> Context:
    for name in (".ssh", ".aws", ".netrc", ".pypirc", "other"):
        (tmp_path / name).touch()
    return Context(str(tmp_path), {"HOME": str(tmp_path)})


def hiding(context: Context, *values: str) -> Policy:
    hide = adjust.applied(Filesystem(), options.BY_NAME["--hide"], values, Reader(context.cwd, context))
    return Policy(filesystem=hide)


def test_a_set_is_shown_by_its_name(context: Context) -> None:
    nothing, secrets = hiding(context), hiding(context, "@secrets", "other")
    count = len(hiding(context, "@secrets").filesystem.hide)
    lines = [f"filesystem.hide = @secrets ({count} places)", f"filesystem.hide = {context.cwd}/other"]
    assert changes.changes(nothing, secrets, context) == [f"+ {line}" for line in lines]
    assert changes.changes(secrets, nothing, context) == [f"- {line}" for line in lines]


def test_a_set_that_is_not_there_as_a_whole_is_not_named(context: Context) -> None:
    """Else something would seem to be hidden that is not."""
    part = tuple(path for path in hiding(context, "@secrets").filesystem.hide if not path.endswith((".ssh", ".netrc")))
    lines = changes.changes(hiding(context), Policy(filesystem=Filesystem(hide=part)), context)
    assert lines == [f"+ filesystem.hide = {path}" for path in part]


def test_what_of_a_set_was_there_is_not_counted(context: Context) -> None:
    before, after = hiding(context, ".ssh"), hiding(context, "@secrets")
    assert changes.changes(before, after, context) == [f"+ filesystem.hide = @secrets ({len(after.filesystem.hide) - 1} places)"]
