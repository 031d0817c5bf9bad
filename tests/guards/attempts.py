"""Tables of attempts, and how they are carried out: each row in every interpreter, under each of its policies, and without hermetic.

Judged from outside: a row shows what it did by a file. What hermetic is told has to agree.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent

from launch.jobs import SYSTEM_PATH

PROBE = Path(__file__).with_name("probe.py")
BARE = "bare"
PATIENCE_S = 300


@dataclass(frozen=True)
class Row:
    """One snippet; see `probe.py` for what it finds.

    under:   the policies it is tried under
    refused: what must be told, as "start(/usr/bin/touch)", or how that begins, as "start("; None where nothing is told
    works:   it must end as it does without hermetic
    marks:   without hermetic it leaves its mark, and where it works with hermetic too
    raised:  what it must be refused with, "" for anything
    result:  what it must come to with hermetic, None for anything
    safer:   with hermetic it comes to something else even where it is allowed
    since, until: the versions that can do this at all; pypy, cpython: whether these can
    """

    name: str
    code: str
    under: tuple[str, ...]
    refused: str | None = None
    works: bool = False
    marks: bool = True
    raised: str = ""
    result: object = None
    safer: bool = False
    since: tuple[int, int] = (3, 6)
    until: tuple[int, int] = (3, 99)
    pypy: bool = True
    cpython: bool = True

    def applies(self, python) -> bool:
        return self.since <= python.version <= self.until and (self.pypy if python.implementation == "pypy" else self.cpython)


def refused(name: str, code: str, what: str | None, under: tuple[str, ...], **more) -> Row:
    return Row(name, dedent(code), under, refused=what, **more)


def works(name: str, code: str, under: tuple[str, ...], **more) -> Row:
    return Row(name, dedent(code), under, works=True, **{"marks": False, **more})


@dataclass
class Run:
    """What came of one start: the outcome of each row, by its name, and what hermetic was told."""

    outcomes: dict[str, dict[str, object]]
    marked: set[str]
    told: list[str] = field(default_factory=list)


class Attempts:
    """Runs rows of a table. jobs: see launch/jobs.py; policies: the options of each; forks: those under which the probe may fork."""

    def __init__(self, jobs, directory: Path, policies: dict[str, list[str]], forks: tuple[str, ...]) -> None:
        self.jobs = jobs
        self.directory = directory
        self.policies = policies
        self.forks = (*forks, BARE)

    def run(self, python: str, rows: list[Row], policy: str, names: dict[str, object]) -> Run:
        world = self.directory / policy
        world.mkdir()
        keys = {f"{number:03}": row.name for number, row in enumerate(rows)}
        fork = policy in self.forks
        task = {"fork": fork, "world": str(world), "names": names, "rows": [[key, rows[int(key)].code] for key in keys]}
        options = {
            "env": self.jobs.environ(PYTHONDONTWRITEBYTECODE="1"),
            "input": json.dumps(task).encode(),
            "stdin": None,
            "timeout": PATIENCE_S,
        }
        if policy == BARE:
            done = self.jobs.native(python, PROBE, **options)
        else:
            done = self.jobs.guarded(*self.policies[policy], "--", python, PROBE, **options)
        answers = [json.loads(line[1:]) for line in done.out.splitlines() if line.startswith("\1")]
        assert [answer["key"] for answer in answers] == list(keys), done.out + done.err
        marked = {name for key, name in keys.items() if (world / key / "marker").exists()}
        return Run({keys[answer["key"]]: answer for answer in answers}, marked, done.refused)


def complaints(row: Row, policy: str, run: Run, bare: Run) -> list[str]:
    """What is wrong with a row's outcome."""
    outcome, control = run.outcomes[row.name], bare.outcomes[row.name]
    found = []
    if row.marks and row.name not in bare.marked:
        found.append("its control leaves no mark")
    if not row.marks and control["error"] is not None:
        found.append("its control fails")
    if row.works:
        found += unlike(outcome, control)
        found += ["leaves no mark"] if row.marks and row.name not in run.marked else []
    else:
        found += let_through(row, outcome, run)
    return [f"{row.name} under {policy}: {what}: {outcome} (bare: {control})" for what in found]


def changed(rows: list[Row], off: Run, bare: Run) -> list[str]:
    """Complaints about rows that end differently with hermetic though their guard does not stand."""
    return [one for row in rows if not row.safer for one in complaints(replace(row, works=True), "off", off, bare)]


def unlike(outcome: dict[str, object], control: dict[str, object]) -> list[str]:
    wrong = [name for name in ("error", "result") if outcome[name] != control[name]]
    return [f"differs in its {' and '.join(wrong)}"] if wrong else []


def let_through(row: Row, outcome: dict[str, object], run: Run) -> list[str]:
    found = ["leaves its mark"] if row.name in run.marked else []
    if row.raised and row.raised not in outcome["kinds"]:
        found.append(f"is not a {row.raised}")
    if row.result is not None and outcome["result"] != repr(row.result):
        found.append(f"does not come to {row.result!r}")
    if row.refused is None:
        return found
    if not any(told == row.refused or (not row.refused.endswith(")") and told.startswith(row.refused)) for told in run.told):
        found.append(f"nothing is told of {row.refused}")
    if "AssertionError" in outcome["kinds"]:
        found.append("found what it looked for")
    return found


def real_path(program: str) -> str:
    found = shutil.which(program, path=SYSTEM_PATH)
    assert found
    return os.path.realpath(found)
