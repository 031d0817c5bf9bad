"""Which signals reach the target: each once, whether a terminal or a process sent it."""

import os
import signal
import time

import pytest
from launch.bare import is_stopped, python, shell, telling, wait_until

PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGALRM", "SIGWINCH", "SIGCONT", "SIGIO", "SIGRTMIN")
SETTLE_S = 0.2
"""Time in which a second copy of a signal would have arrived."""

GROUP = """
import os, signal, sys, time
counts = [0]
def count(number, frame):
    counts[0] += 1
signal.signal(signal.SIGUSR1, count)
os.killpg(0, signal.SIGUSR1)
time.sleep(0.3)
print(counts[0])
"""
HANGING_ON = """
import os, signal, sys, time
counts = [0]
def count(number, frame):
    counts[0] += 1
signal.signal(signal.SIGHUP, count)
os.write(1, b"up")
while not counts[0]:
    time.sleep(0.01)
time.sleep(0.2)
with open(sys.argv[1], "w") as file:
    file.write(str(counts[0]))
"""
STOPPING = """
import os, sys
os.write(1, b"up\\n")
os.kill(os.getpid(), int(sys.argv[1]))
os.write(1, b"continued\\n")
"""


def counts(process):
    time.sleep(SETTLE_S)
    os.kill(process.pid, signal.SIGUSR2)
    return process.communicate(timeout=10)[0]


@pytest.mark.parametrize("name", PASSED_ON)
def test_sent_to_the_launcher(bare, name):
    number = getattr(signal, name)
    process = bare.start(telling(number))
    os.kill(process.pid, number)
    assert counts(process) == b"<%d>counts [1]\n" % number


def test_many_are_all_passed_on(bare):
    process = bare.start(telling(signal.SIGINT, signal.SIGTERM))
    for number in (signal.SIGINT, signal.SIGTERM) * 3:
        os.kill(process.pid, number)
        told = b"<%d>" % number
        assert process.stdout.read(len(told)) == told  # of two that wait together one is dropped (signal(7))
    assert counts(process) == b"counts [3, 3]\n"


def test_group_signalled_by_the_target_itself(bare):
    """As a script's `kill 0` does: the launcher is in the group, and must not send it back."""
    done = bare.run(python(GROUP), start_new_session=True)
    assert done.stdout == b"1\n"


def test_ctrl_c_in_a_terminal_arrives_once(bare):
    terminal = bare.on_terminal(telling(signal.SIGINT))
    terminal.expect("up")
    terminal.type("\x03")
    terminal.expect("<2>")
    time.sleep(SETTLE_S)
    os.kill(terminal.process.pid, signal.SIGUSR2)
    terminal.expect("counts [1]")
    assert terminal.process.wait() == 0


def test_ctrl_c_ends_a_target_that_has_no_handler(bare):
    terminal = bare.on_terminal(shell("echo up; exec sleep 60"))
    terminal.expect("up")
    terminal.type("\x03")
    assert terminal.process.wait(10) == 128 + signal.SIGINT
    assert bare.directories == []


def test_hang_up_of_the_terminal_arrives_once(bare, tmp_path):
    """The kernel sends it to the session's leader alone, here the launcher."""
    told = tmp_path / "told"
    terminal = bare.on_terminal(python(HANGING_ON, told))
    terminal.expect("up")
    terminal.hang_up()
    terminal.process.wait(10)
    assert told.read_text() == "1"
    assert bare.directories == []


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN])
def test_launcher_stops_with_the_target_and_continues_it(bare, number):
    """Sent to the launcher alone, without a shell that would continue both. SIGSTOP nobody can pass on: the target stops itself.

    In a group of its own, with a parent in the same session: in an orphaned group, as pytest's may be, the kernel stops nobody but by SIGSTOP
    (setpgid(2)).
    """
    process = bare.start(python(STOPPING, int(number)), process_group=0)
    wait_until(lambda: is_stopped(process.pid))
    os.kill(process.pid, signal.SIGCONT)
    assert process.communicate(timeout=10)[0] == b"continued\n"
    assert process.returncode == 0
