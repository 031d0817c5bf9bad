"""What a target leaves running is ended, and nothing else is touched."""

import subprocess
import time

import pytest
from launch.bare import COMMAND, is_alive, python, shell

DOUBLE_FORK = """
import os, signal, sys, time
for number in map(int, sys.argv[1:]):
    signal.signal(number, signal.SIG_IGN)
if not os.fork():
    os.setsid()
    if not os.fork():
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(60)
    os._exit(0)
os.wait()
"""
HOPPING = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
until = time.time() + 15
for _ in range(10):
    if not os.fork():
        os.close(1)
        while time.time() < until:
            if os.fork():
                os._exit(0)
        os._exit(0)
"""
"""Processes that never live long enough to be looked up and then killed."""


def pids(done):
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize(
    "target",
    [
        shell("sleep 60 >/dev/null 2>&1 & echo $!"),
        shell("setsid sh -c 'echo $$; exec sleep 60 >/dev/null 2>&1' & sleep 0.2"),
        shell("sh -c 'echo $$; kill -STOP $$' & sleep 0.2"),
        python(DOUBLE_FORK),
    ],
    ids=["background", "own session", "stopped", "daemon"],
)
def test_is_ended(bare, target):
    started = time.monotonic()
    done = bare.run(target)
    [left] = pids(done)
    assert not is_alive(left)
    assert done.returncode == bare.outcome["survivors"] == 0
    assert time.monotonic() - started < 5


def test_what_ignores_sigterm_is_killed_after_a_while(bare):
    done = bare.run(python(DOUBLE_FORK, 15))
    assert not is_alive(*pids(done))
    assert bare.outcome["survivors"] == 0


def test_is_asked_before_it_is_killed(bare, tmp_path):
    """A server that tidies up needs its SIGTERM, and some time."""
    tidy = "trap 'sleep 0.3; echo tidied; exit' TERM; echo up; while :; do sleep 0.01; done"
    done = bare.run(shell(f"sh -c '{tidy.replace(chr(39), chr(34))}' & sleep 0.2"))
    assert done.stdout == b"up\ntidied\n"


def test_what_is_stopped_can_tidy_up_too(bare):
    done = bare.run(shell("(trap 'echo tidied; exit' TERM; sh -c 'kill -STOP $PPID'; :) & sleep 0.2"))
    assert done.stdout == b"tidied\n"


def test_what_is_about_to_end_is_left_to_it(bare):
    """As with `target | tee log` inside the target: the last lines come after its end."""
    done = bare.run(shell("(trap 'echo ended; exit' TERM; sleep 0.2; echo last) &"), "--linger", "20")
    assert done.stdout == b"last\n"


def test_many_levels(bare):
    """Each process is killed as it becomes the launcher's child: all of them, in the end."""
    nest = "n() { if [ $1 = 0 ]; then exec sleep 60; else (trap '' TERM; n $(($1 - 1)); :) fi; }; n 20 >/dev/null 2>&1 & echo $!"
    started = time.monotonic()
    done = bare.run(shell(nest))
    assert not is_alive(*pids(done))
    assert bare.outcome["survivors"] == 0
    assert time.monotonic() - started < 5


def test_chains_of_forks_do_not_outrun_it(bare):
    started = time.monotonic()
    bare.run(python(HOPPING))
    assert bare.outcome["survivors"] == 0
    assert time.monotonic() - started < 10


def test_orphans_are_waited_for_while_the_target_runs(bare):
    done = bare.run(shell("(sleep 0 &); (sleep 0 &); sleep 0.3; ps -o stat= --ppid $PPID | grep -c Z"))
    assert done.stdout == b"0\n"


def test_processes_of_others_live_on(bare):
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        bare.run(shell("sleep 60 &"))
        assert is_alive(other.pid)
        other.kill()


def test_children_the_launcher_had_before_live_on(bare):
    """A shell that replaces itself by the launcher hands its background jobs to it."""
    script = 'sleep 60 >/dev/null 2>&1 & echo $!; exec "$@"'
    command = ["/bin/sh", "-c", script, "sh", *COMMAND, *shell("sleep 61 >/dev/null 2>&1 & echo $!")]
    done = subprocess.run(command, env=bare.environment(), capture_output=True, check=True)
    before, left = pids(done)
    assert is_alive(before)
    assert not is_alive(left)
    subprocess.run(["/bin/kill", "-KILL", str(before)], check=True)


def test_impatient_user_shortens_the_wait(bare):
    process = bare.start(shell("(trap '' TERM; sleep 60; sleep 60) >/dev/null 2>&1 & echo up"), "--linger", "50")
    started = time.monotonic()
    while process.poll() is None:
        process.terminate()
        time.sleep(0.02)
    assert time.monotonic() - started < 25
    assert bare.directories == []
