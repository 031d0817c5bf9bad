"""Everyday programs do under each guard what they do without: they print the same, end the same, and nothing is refused that they need."""

import shutil
import tempfile
from pathlib import Path

import pytest
from launch.everyday_rows import ROWS
from launch.everyday_users import Place
from launch.guard_flags import GUARDS
from launch.jobs import events_of

WORK = Path(__file__).with_name("everyday")
CASES = [pytest.param(name, which, marks=[pytest.mark.soak] if row.soak else []) for name, row in ROWS.items() for which in row.pythons]


@pytest.fixture
def short():
    """A directory for temporary files: the path of a local socket holds 107 bytes (unix(7))."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield directory


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize(("name", "which"), CASES)
def test_everyday(environments, jobs, short, tmp_path, name, which, guard):
    row = ROWS[name]
    env = jobs.environ(environments.get(f"{row.recipe} {which}"), TERM="xterm", TMPDIR=short)
    log = tmp_path / "log"
    ends = []
    for place, prefix in (
        ("native", ()),
        ("guarded", (jobs.hermetic, *GUARDS[guard].flags, *row.needs.get(guard, ()), f"--log={log}", "--")),
    ):
        here = Place(shutil.copytree(WORK, tmp_path / place), env)
        code, output = row.user(here, here.words([*prefix, *row.command]))
        assert row.prints in output.replace("\r\n", "\n"), (code, output)
        ends.append(code)
    assert ends[0] == ends[1]
    events = events_of(log)
    assert any(event["event"] == "ready" for event in events)
    assert {f"{event['action']}({event['target']})" for event in events if event["event"] == "refused"} == row.refused
