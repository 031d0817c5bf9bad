"""Everyday programs do under each guard what they do without: they print the same, end the same, and nothing is refused that they need."""

import shutil
import tempfile
from pathlib import Path

import pytest
from launch.everyday_rows import PLATFORM, ROWS
from launch.everyday_users import Place
from launch.guard_flags import GUARDS
from launch.jobs import events_of

WORK = Path(__file__).with_name("everyday")
FULLY = "3.13"
"""Where the guards are gone through; of the others each third row has one with the first guard, and the rest takes its time."""


def cases():
    first, *rest = GUARDS
    for index, (name, row) in enumerate(ROWS.items()):
        others = [which for which in row.pythons if which != FULLY]
        for which in row.pythons:
            soak = row.soak or name == "celery" or (which != FULLY and (index % 3 or which != others[index % len(others)]))
            chosen, left = of_interest(row, index) if which == FULLY else ((first,), rest)
            for guards, later in ((chosen, soak), (left, True)):
                if guards:
                    marks = [pytest.mark.soak] if later else []
                    yield pytest.param(name, which, guards, marks=marks, id=f"{name}-{which}-{guards[-1]}")


def of_interest(row, index):
    """The guards that a row has something to say of, and one more by turns; and those that are left, which take their time."""
    said = {*row.needs, *row.refused, list(GUARDS)[index % len(GUARDS)]}
    return [guard for guard in GUARDS if guard in said], [guard for guard in GUARDS if guard not in said]


@pytest.fixture
def short():
    """A directory for temporary files: the path of a local socket holds 107 bytes (unix(7))."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield directory


@pytest.mark.parametrize(("name", "which", "guards"), cases())
def test_everyday(environments, jobs, short, tmp_path, name, which, guards):
    row = ROWS[name]
    env = jobs.environ(environments.get(f"{row.recipe} {which}"), TERM="xterm", TMPDIR=short)

    def run(place, *prefix):
        here = Place(shutil.copytree(WORK, tmp_path / place), env)
        code, output = row.user(here, here.words([*prefix, *row.command]))
        assert row.prints in output.replace("\r\n", "\n"), (place, code, output)
        return code if code >= 0 else 128 - code  # a signal's, as the launcher has it

    code = run("bare")
    for guard in guards:
        log = tmp_path / f"{guard}.log"
        assert run(guard, jobs.hermetic, *GUARDS[guard].flags, *row.needs.get(guard, ()), f"--log={log}", "--") == code
        events = events_of(log)
        assert any(event["event"] == "ready" for event in events)
        refused = {f"{event['action']}({event['target']})".replace(str(jobs.home), "~") for event in events if event["event"] == "refused"}
        assert refused <= row.refused.get(guard, set()) | (PLATFORM.get(guard, set()) if which == "3.8" else set())


@pytest.mark.soak
def test_jupyter_gives_up(environments, jobs):
    """Where its kernel may not be reached, by itself, as it does where a kernel dies."""
    done = jobs.guarded("--no-network", "--", "jupyter-console", "--simple-prompt", env=jobs.environ(environments.get("jupyter 3.13")))
    assert (done.code, "Kernel didn't respond" in done.err) == (1, True), done
    assert {event["hint"].partition("=")[0] for event in done.of("refused") if event["action"] == "connect"} == {"--allow-localhost"}
