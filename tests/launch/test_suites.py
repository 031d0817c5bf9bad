"""The test suites of well-known packages, from their source distributions, give the same results under each guard as without."""

import re

import pytest
from launch.guard_flags import GUARDS

SUITES = {"itsdangerous": 290, "click": 1000, "attrs": 1300}
"""How many tests there are at least. All but the first take their time."""

CASES = [pytest.param("itsdangerous", "3.13")]
CASES += [
    pytest.param(name, which, marks=pytest.mark.soak)
    for name in SUITES
    for which in ("3.11", "3.13")
    if (name, which) != ("itsdangerous", "3.13")
]

STARTED = ("{python}", "cat", "head", "less", "sed")
NEEDED = {
    "native": ("--allow-native=hypothesis", "--allow-native=ctypes"),
    "subprocess": tuple(f"--allow-run={program}" for program in STARTED),
}
"""What the suites' environment needs beyond a guard's flags: hypothesis is compiled, something asks for ctypes, and click imports itself in a
new interpreter, and tries pagers and an editor.
"""

LEFT_OUT = {("click", "subprocess"): ("-k", "not less_detection")}
"""Tests that start programs which they have just written: nobody can list these before the run."""

DONE_WITHOUT = {"filesystem": {"create(.hypothesis/tmp)"}}
"""What is asked for and refused by guard: hypothesis keeps examples there, or in memory."""

RESULT = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b.*?(?= - |$)", re.MULTILINE)


@pytest.mark.parametrize(
    "guard", [pytest.param(guard, marks=[] if guard in ("network", "filesystem") else [pytest.mark.soak]) for guard in GUARDS]
)
@pytest.mark.parametrize(("name", "which"), CASES)
def test_suite(environments, jobs, source, name, which, guard):
    environment = environments.get(f"suites {which}")
    place = source(name, environment)
    env = jobs.environ(environment, PYTHONPATH=place / "src", PYTHONHASHSEED="0")
    command = ("pytest", "-q", "-rA", "-p", "no:cacheprovider", "--hypothesis-seed=0", *LEFT_OUT.get((name, guard), ()), "tests")
    native = results(jobs.native(*command, env=env, cwd=place, timeout=600))
    assert sum(line.startswith("PASSED") for line in native) >= SUITES[name]
    needed = [option.format(python=environment.python) for option in NEEDED.get(guard, ())]
    done = jobs.guarded(*GUARDS[guard].flags, *needed, "--", *command, env=env, cwd=place, timeout=600)
    assert results(done) == native
    assert {what.replace(f"{place}/", "") for what in done.refused} <= DONE_WITHOUT.get(guard, set())


def results(done):
    return sorted(match[0] for match in RESULT.finditer(done.out))
