"""A target on a terminal: job control, window size, and the terminal's modes afterwards."""

import fcntl
import os
import shutil
import signal
import struct
import termios

import pytest
from launch.bare import COMMAND, JOB_SHELL, is_stopped, python, shell, telling, wait_until

SIZE = """
import os, signal, time
def tell(*_):
    os.write(1, b"size %d %d\\n" % tuple(reversed(os.get_terminal_size(0))))
signal.signal(signal.SIGWINCH, tell)
os.write(1, b"up\\n")
time.sleep(30)
"""
RAW = """
import os, signal, sys, tty
tty.setraw(0)
os.write(1, b"up\\n")
if sys.argv[1] == "error":
    raise SystemExit(1)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
signal.pause()
"""


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        [child] = file.read().split()
    return int(child)


def test_ctrl_z_stops_both_and_fg_continues_both(bare):
    terminal = bare.on_terminal(telling(signal.SIGCONT, signal.SIGINT), before=JOB_SHELL)
    terminal.expect("up")
    launcher = child_of(terminal.process.pid)
    target = child_of(launcher)
    for _ in range(3):
        terminal.type("\x1a")
        terminal.expect("[stopped 20]")
        wait_until(lambda: is_stopped(launcher) and is_stopped(target))
        terminal.type("fg\n")
        terminal.expect("<18>")
    terminal.type("\x03")
    terminal.expect("<2>")
    os.kill(launcher, signal.SIGUSR2)
    terminal.expect("counts [1, 3]")
    terminal.expect("[ended 0]")


def test_target_that_stops_itself_stops_the_job(bare):
    terminal = bare.on_terminal(shell("kill -STOP $$; echo went on; exit 5"), before=JOB_SHELL)
    terminal.expect("[stopped 19]")
    terminal.type("fg\n")
    terminal.expect("went on")
    terminal.expect("[ended 5]")


def test_background_target_that_reads_the_terminal_stops_the_job(bare):
    terminal = bare.on_terminal(shell("kill -STOP $$; read line; echo read $line; exit 6"), before=JOB_SHELL)
    terminal.expect("[stopped 19]")
    terminal.type("bg\n")
    terminal.expect("[stopped 21]")
    terminal.type("fg\n")
    terminal.type("something\n")
    terminal.expect("read something")
    terminal.expect("[ended 6]")


def test_target_killed_while_stopped(bare):
    terminal = bare.on_terminal(shell("kill -STOP $$"), before=JOB_SHELL)
    terminal.expect("[stopped 19]")
    launcher = child_of(terminal.process.pid)
    os.kill(child_of(launcher), signal.SIGKILL)
    terminal.type("fg\n")
    terminal.expect("[ended 137]")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_in_bash(bare):
    """The same with the shell that most people have."""
    terminal = bare.terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"])
    terminal.type("PS1='ready> '\n")
    terminal.expect("ready> '")
    terminal.expect("ready> ")
    terminal.type(f"{' '.join(COMMAND)} /bin/sh -c 'echo u''p; read line; echo went on $line; exit 9'\n")
    terminal.expect("up")
    terminal.type("\x1a")
    terminal.expect("Stopped")
    terminal.type("fg\n")
    terminal.type("now\n")
    terminal.expect("went on now")
    terminal.type("echo code $?\n")
    terminal.expect("code 9")


def test_window_size_reaches_the_target(bare):
    terminal = bare.on_terminal(python(SIZE))
    terminal.expect("up")
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 121, 0, 0))
    terminal.expect("size 33 121")


@pytest.mark.parametrize(("end", "code"), [("error", 1), ("kill", 137), ("term", 143)])
def test_modes_are_restored(bare, end, code):
    terminal = bare.on_terminal(python(RAW, end))
    before = termios.tcgetattr(terminal.slave)
    terminal.expect("up")
    if end == "term":
        assert termios.tcgetattr(terminal.slave) != before
        terminal.process.terminate()
    assert terminal.process.wait() == code
    assert termios.tcgetattr(terminal.slave) == before


def test_modes_are_left_alone_from_the_background(bare, tmp_path):
    """They are the foreground job's by then, here the shell's."""
    changed = tmp_path / "changed"
    terminal = bare.on_terminal(shell(f"kill -STOP $$; until [ -e {changed} ]; do sleep 0.05; done"), before=JOB_SHELL)
    terminal.expect("[stopped 19]")
    modes = termios.tcgetattr(terminal.slave)
    modes[3] &= ~termios.ECHO
    terminal.type("bg\n")
    wait_until(lambda: not is_stopped(child_of(terminal.process.pid)))
    termios.tcsetattr(terminal.slave, termios.TCSANOW, modes)
    changed.touch()
    terminal.expect("[ended 0]")
    assert termios.tcgetattr(terminal.slave) == modes
