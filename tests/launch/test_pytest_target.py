"""A real test suite as the target: what happens on this machine works, what would leave it is refused and counted."""

import re
import shutil
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("suite")
INSIDE = 14
OUTSIDE = 8
TARGETS = {"DNS(example.com)", "connect(192.0.2.1:80)", "send(192.0.2.1:80)"}
PLACES = {"example.com", "192.0.2.1:80"}
"""Each is told of once, whatever was tried with it."""

WAYS = [("3.8", ()), ("3.11", ()), ("3.13", ("-n", "2"))]


@pytest.mark.parametrize(("which", "options"), WAYS, ids=[" ".join((which, *options)) for which, options in WAYS])
def test_suite(environments, jobs, tmp_path, which, options):
    environment = environments.get(which)
    suite = shutil.copytree(SUITE, tmp_path / "suite")
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error::pytest.PytestUnraisableExceptionWarning", *options)
    env = jobs.environ(environment)
    native = jobs.native(*command, "-m", "not outside", env=env, cwd=suite)
    assert (native.code, passed(native.out)) == (0, INSIDE), native.out
    done = jobs.guarded("--no-network", "--allow-localhost", "--", *command, env=env, cwd=suite)
    assert (done.code, passed(done.out)) == (0, INSIDE + OUTSIDE), done.out + done.err
    assert set(done.refused) == TARGETS
    assert len(done.refused) == OUTSIDE
    assert done.err.count("hermetic: blocked action: ") == len(PLACES)
    assert done.err.endswith(f"hermetic: blocked {OUTSIDE} actions in all: network {OUTSIDE}\n")


def passed(out):
    found = re.search(r"^(?:=+ )?(\d+) passed(?:, \d+ (?:deselected|warnings?))* in ", out, re.MULTILINE)
    return int(found[1]) if found else out
