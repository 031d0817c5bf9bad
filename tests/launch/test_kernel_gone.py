"""An ordinary user's launcher that is killed, or stopped and killed, at every stage of a start: see test_kernel.py, which does it as whoever tests."""

import os
import signal
import subprocess
import tempfile
import time

import pytest
from containment.places import PYTHON
from launch.guard_flags import GUARDS, Witness
from launch.users import ORDINARY

STAGES = {"of a start": range(0, 120, 4), "of a first start": range(0, 600, 40)}


def said(command, env):
    done = subprocess.run(
        [*ORDINARY, *map(str, command)], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd="/"
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def witness(place):
    found = Witness(place)
    yield found
    found.close()


@pytest.mark.soak
@pytest.mark.parametrize("stages", STAGES)
@pytest.mark.parametrize("guard", [*GUARDS, "all"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_an_ordinary_users_launcher(hermetic_command, env, place, witness, stages, guard, number):
    """No target that is not guarded, nothing that goes on, and a next start that is none the worse."""
    guards = list(GUARDS) if guard == "all" else [guard]
    code = "WHO = 'it'\n" + "\n".join(f"try: exec({witness.attempts(one)!r})\nexcept Exception: pass" for one in guards) + "\nprint('end')"
    assert said([PYTHON, "-c", code], env)[:2] == (0, "end\n")
    assert witness.names() == {f"it-{one}" for one in guards}
    command = [hermetic_command, *(flag for one in guards for flag in GUARDS[one].flags), "--", PYTHON, "-c", code]
    sessions = []
    for delay in STAGES[stages]:
        cache = tempfile.mkdtemp(dir=place)
        os.chmod(cache, 0o777)
        own = env | {"XDG_CACHE_HOME": cache} if "first" in stages else env
        options = {"env": own, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        with subprocess.Popen([*ORDINARY, *map(str, command)], **options, start_new_session=True) as run:
            time.sleep(delay / 1000)
            run.send_signal(number)
            time.sleep(0.1 if number == signal.SIGSTOP else 0)  # in which the target goes on alone
            run.kill()
        sessions.append(run.pid)
    until = time.monotonic() + 30
    while left := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if session_of(pid) in sessions]:
        assert time.monotonic() < until, left
        time.sleep(0.02)
    assert said(command, env)[:2] == (0, "end\n")
    assert witness.names() == set()


def session_of(process):
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return None
