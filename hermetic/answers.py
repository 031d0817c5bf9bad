"""What the commands that start no target print: doctor, audit, why and policy.

Each takes a command's words as click has read them, asks the module that knows, prints, and returns the exit code.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from hermetic import explain
from hermetic.errors import printable, quoted
from hermetic.options import RUN, Invocation

if TYPE_CHECKING:
    from collections.abc import Callable


def examine(json: bool) -> int:
    from hermetic import doctor

    found = doctor.examine()
    if json:
        from json import dumps

        click.echo(dumps(found.as_data(), indent=2))
    else:
        click.echo(doctor.report(found), nl=False)
    return 0 if found.holds else 1


def audit(python: str | None, json: bool) -> int:
    from hermetic import audit

    found = audit.examine(python, os.environ, os.getcwd(), sys.executable)
    if json:
        from json import dumps

        click.echo(dumps(found.as_data(), indent=2))
    else:
        click.echo(audit.report(found), nl=False)
    return 0 if found.accounted else 1


def why(surface: str, what: str, target: tuple[str, ...], package: str | None, **values: Any) -> int:
    from hermetic.launch import beforehand, finding, told
    from hermetic.policy import combine

    if target and (target[0] != "--" or len(target) == 1):
        raise click.UsageError(f"what comes behind {quoted(what)} is -- and a command, not {quoted(target[0])}")
    cwd, command = os.getcwd(), [*target[1:]]
    resolved = combine.resolve(
        Invocation(RUN, _given(values), command), cwd, finding.Sought(Invocation(RUN, {}, command), cwd) if command else None
    )
    for notice in (resolved.choice, *resolved.notices) if resolved.choice else resolved.notices:
        click.echo(f"hermetic: {notice}", err=True)
    answers = explain.answers(resolved.policy, surface, what, [*map(os.path.realpath, beforehand.own_paths()), *resolved.files], package)
    narrowed = told.narrowed(resolved).get(explain.QUESTIONS[surface].guard)
    sites = resolved.context.sites() if surface == "native" else []
    answers = [explain.as_installed(answer, what, sites) for answer in answers]
    click.echo("\n".join(answer.told(narrowed) for answer in answers))
    if surface == "native" and explain.is_missing(what, sites):
        click.echo(f"hermetic: no distribution {printable(what)} is installed for {quoted(command[0])}", err=True)
    if surface == "native" and not command and not answers[-1].decision.allowed:
        click.echo(
            f"hermetic: with -- COMMAND behind it, it is known whether {printable(what)} has compiled code: else it is allowed", err=True
        )
    for variable, answer in explain.by_proxies(resolved.policy, what, os.environ, package) if surface == "net" else ():
        click.echo(f"through the proxy of the environment, {variable}: {answer.told(narrowed)}")
    return 0 if all(answer.decision.allowed for answer in answers) else 1


def _given(values: dict[str, Any]) -> dict[str, object]:
    """The options that were given, as `Invocation.values` has them."""
    return {key: value for key, value in values.items() if value not in (None, (), False)}


def _policy(answer: Callable[..., tuple[str, int]], **words: Any) -> int:
    """Print what policies.py answers; names and paths in it come from strangers."""
    text, code = answer(**words)
    click.echo("\n".join(map(printable, text.split("\n"))), nl=False)
    return code


def show(target: tuple[str, ...], resolved: bool, json: bool, **values: Any) -> int:
    from hermetic import policies
    from hermetic.launch import finding

    cwd = os.getcwd()
    invocation = Invocation(RUN, {}, list(target))
    sought = finding.Sought(invocation, cwd) if target else None
    return _policy(policies.show, values=_given(values), cwd=cwd, target=sought, resolved=resolved, as_json=json)


def check(files: tuple[str, ...]) -> int:
    from hermetic import policies

    return _policy(policies.check, files=files, cwd=os.getcwd())


def difference(one: str, other: str) -> int:
    from hermetic import policies

    return _policy(policies.difference, one=one, other=other, cwd=os.getcwd())


def schema() -> int:
    from hermetic.policy import schema

    return _policy(lambda: (schema.text(), 0))


def trust(file: str | None, forget: bool, dry_run: bool) -> int:
    from hermetic import policies

    return _policy(policies.trust_files, file=file, cwd=os.getcwd(), forget=forget, dry_run=dry_run)


def begin() -> int:
    from hermetic import policies

    return _policy(policies.begin, cwd=os.getcwd())
