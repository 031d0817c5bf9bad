"""Processes of real programs: refused, or allowed by name, and what a user is told."""

import os
import re
import shutil

import pytest
from conftest import find_python
from launch.jobs import first_line, three_lines

NO = "--no-subprocess"
SCRIPT = "import subprocess\nprint(subprocess.call(['touch', 'marker']))\n"
PYTHONS = ("3.6", "3.11", "3.15", "pypy3.9")


@pytest.fixture
def touch(jobs):
    return os.path.realpath(shutil.which("touch", path=jobs.environ()["PATH"]))


@pytest.fixture(params=PYTHONS)
def command(request, jobs):
    """An interpreter and a script that starts a program."""
    (jobs.directory / "script.py").write_text(SCRIPT)
    return find_python(request.param).path, "script.py"


def test_what_the_user_sees(jobs, command, touch):
    env = jobs.environ()
    assert (jobs.native(*command, env=env).out, (jobs.directory / "marker").exists()) == ("0\n", True)
    (jobs.directory / "marker").unlink()
    done = jobs.guarded(NO, "--", *command, env=env)
    assert (done.code, done.out, done.refused) == (77, "", [f"start({touch})"])
    assert first_line(done.err) == f"hermetic: blocked action: subprocess disabled: start({touch})"
    assert re.search(three_lines(f"subprocess disabled: start({touch})", r"script\.py:2", f"--allow-run {touch}"), done.err), done.err
    assert done.err.endswith("hermetic: blocked 1 action in all: subprocess 1\n")
    assert not (jobs.directory / "marker").exists()


def test_the_hint_allows_it(jobs, command, touch):
    for name in (touch, "touch"):
        done = jobs.guarded(NO, "--allow-run", name, "--", *command, env=jobs.environ())
        assert (done.code, done.out, done.err) == (0, "0\n", "")
        (jobs.directory / "marker").unlink()


@pytest.mark.parametrize("manner", ["raise", "kill"])
def test_manner(jobs, command, manner):
    (jobs.directory / "script.py").write_text("try:\n    import os\n    os.system('true')\nexcept OSError:\n    print('went on')\n")
    assert jobs.guarded(NO, "--", *command, env=jobs.environ()).out == "went on\n"
    done = jobs.guarded(NO, f"--on-violation={manner}", "--", *command, env=jobs.environ())
    assert (done.code, done.out) == (77, "")


def test_git(jobs, command, tmp_path):
    """What is allowed is a program; what that starts by itself is refused by the kernel, unless it is allowed as well, and told like the rest."""
    (tmp_path / "bin").mkdir()
    for name, text in (("git", '#!/bin/sh\nhelper "$@"\n'), ("helper", "#!/bin/sh\necho helped $1\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (jobs.directory / "script.py").write_text("import subprocess\nfor name in ('git', 'helper'): subprocess.call([name, name])\n")
    env = jobs.environ(PATH=f"{tmp_path}/bin:{jobs.environ()['PATH']}")
    done = jobs.guarded(NO, "--allow-run", "git", "--", *command, env=env)
    assert (done.out, done.refused) == ("", [f"start({tmp_path}/bin/helper)"] * 2)
    done = jobs.guarded(NO, "--allow-run", "git", "--allow-run", "helper", "--", *command, env=env)
    assert (done.out, done.refused) == ("helped git\nhelped helper\n", [])


def test_a_python_child_has_the_same_rule(jobs, touch):
    """Where the interpreter may be started; its children may start nothing else either."""
    python = find_python("3.11").path
    code = f"import subprocess, sys; subprocess.call([sys.executable, '-I', '-c', {SCRIPT!r}])"
    done = jobs.guarded(NO, "--allow-run", python, "--", python, "-c", code, env=jobs.environ())
    assert (done.refused, (jobs.directory / "marker").exists()) == ([f"start({touch})"], False)
    assert len(done.guarded_pids) == 2
    assert jobs.native(python, "-c", code, env=jobs.environ()).out == "0\n"


ANALYZER = """
import collections, csv, datetime, decimal, json, pathlib, platform, statistics, sys

rows = list(csv.DictReader(open(sys.argv[1], newline="")))
amounts = [decimal.Decimal(row["amount"]) for row in rows]
days = collections.Counter(datetime.date(*map(int, row["day"].split("-"))).strftime("%A") for row in rows)
print(json.dumps({"sum": str(sum(amounts)), "mean": str(statistics.mean(amounts)), "stdev": round(statistics.stdev(map(float, amounts)), 6),
                  "days": dict(sorted(days.items())), "name": pathlib.Path(sys.argv[1]).stem, "platform": platform.platform()}))
"""


def test_an_analysis(jobs, command):
    """A script that reads its data and prints its result is alive under every guard that does not read for it."""
    (jobs.directory / "script.py").write_text(ANALYZER)
    (jobs.directory / "data.csv").write_text("day,amount\n2026-01-05,1.10\n2026-01-06,2.35\n2026-01-05,3\n")
    native = jobs.native(*command, "data.csv", env=jobs.environ())
    assert native.code == 0
    done = jobs.guarded("--no-network", NO, "--block-native", "--quiet", "--", *command, "data.csv", env=jobs.environ())
    assert done[:3] == native[:3]
