"""What `launch` does for a target from its start to its end, seen from outside."""

import os
import signal
import subprocess
import time

import pytest
from launch.bare import COMMAND, ROOT, is_alive, is_stopped, python, shell, wait_until

from hermetic.launch import process

ALL_CODES = """
import os, sys
sys.path.insert(0, sys.argv[1])
from hermetic.launch.execution import Execution
from hermetic.launch.process import launch
from hermetic.launch.stage import RunDirectory
wrong = []
for code in range(256):
    with RunDirectory.create({}, os.environ) as run:
        said = launch(Execution("/bin/sh", ["sh", "-c", f"exit {code}"], {}), run, on_events=print, ready=bool, deadline=30.0)
    if said.code != code or said.signal is not None:
        wrong.append((code, said.code))
print(wrong, os.listdir(os.environ["TMPDIR"]))
"""

SLOW_TO_LISTEN = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from hermetic.launch.execution import Execution
from hermetic.launch.process import launch
from hermetic.launch.signals import wake_when_readable
from hermetic.launch.stage import RunDirectory

class Asking(Execution):
    # The child writes, and waits for an answer before it goes on; the launcher is late to ask for being woken.
    def become(self):
        os.write(self._answer, b"?")
        os.read(go, 1)
        super().become()
    def forked(self, pid):
        super().forked(pid)
        time.sleep(0.3)
        wake_when_readable(self.answers)
    def proceed(self):
        try:
            asked = os.read(self.answers, 1)
        except BlockingIOError:
            return
        if asked:
            os.write(went, b"!")
    def raise_failure(self):
        os.close(self.answers)

go, went = os.pipe()
with RunDirectory.create({}, os.environ) as run:
    done = launch(Asking("/bin/sh", ["sh", "-c", "exit 3"], {}), run, on_events=lambda data: None, ready=lambda pid: False, deadline=5.0)
print(done.code, done.late)
"""

WITH_SIGNALS = """
import os, signal, sys
for number in filter(None, sys.argv[1].split(",")):
    signal.signal(int(number), signal.SIG_IGN)
for number in signal.SIGPIPE, signal.SIGXFSZ:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR1})
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_every_exit_code_is_handed_on(bare):
    done = subprocess.run(python(ALL_CODES, ROOT), env=bare.environment(), capture_output=True, check=True)
    assert done.stdout == b"[] []\n"


def test_child_that_was_faster_than_the_launcher_is_answered(bare):
    done = subprocess.run(python(SLOW_TO_LISTEN, ROOT), env=bare.environment(), capture_output=True, check=True)
    assert done.stdout == b"3 False\n"


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGKILL", "SIGSEGV", "SIGPIPE", "SIGTERM", "SIGXFSZ", "SIGRTMAX"])
def test_end_by_a_signal_is_128_and_its_number(bare, name):
    number = getattr(signal, name)
    done = bare.run(shell(f"kill -{int(number)} $$"))
    assert done.returncode == 128 + number
    assert bare.outcome["signal"] == number
    assert bare.directories == []


def test_bytes_pass_unchanged(bare):
    data = os.urandom(1 << 20)
    done = bare.run(["/bin/cat"], input=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")


def test_closed_standard_descriptors_stay_closed(bare):
    target = shell("ls -l /proc/self/fd | grep -c hermetic; ls /proc/self/fd")
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- 2>&-', "sh", *COMMAND, *target],
        env=bare.environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    # The target's own `ls` opens the directory as the lowest that is free.
    assert done.stdout.split() == [b"0", b"0", b"1"]


def test_target_gets_no_descriptor_but_those_it_was_given(bare):
    reading, writing = os.pipe()
    done = bare.run(shell("ls /proc/self/fd"), pass_fds=[writing])
    native = subprocess.run(shell("ls /proc/self/fd"), stdin=subprocess.DEVNULL, capture_output=True, pass_fds=[writing])
    os.close(reading)
    os.close(writing)
    assert done.stdout == native.stdout


@pytest.mark.parametrize("ignored", [(), (signal.SIGHUP,), (signal.SIGCHLD, signal.SIGINT, signal.SIGTSTP)])
def test_target_starts_with_the_signals_of_its_launcher(bare, ignored):
    """Seen with a program that is not Python: CPython changes some of them as it starts."""
    look = ["/bin/grep", "^Sig[BI]", "/proc/self/status"]
    start = python(WITH_SIGNALS, ",".join(str(int(number)) for number in ignored))
    native = subprocess.run([*start, *look], capture_output=True, check=True)
    launched = subprocess.run([*start, *COMMAND, *look], env=bare.environment(), capture_output=True, check=True)
    assert launched.stdout == native.stdout


def test_program_that_is_not_there(bare, tmp_path):
    done = bare.run([str(tmp_path / "nothing")])
    assert done.returncode == 127
    assert done.stderr.decode() == f"hermetic: {tmp_path}/nothing cannot be executed: No such file or directory\n"
    assert bare.directories == []


@pytest.mark.parametrize("kind", ["directory", "text", "not executable"])
def test_program_that_cannot_be_executed(bare, tmp_path, kind):
    program = tmp_path / "program"
    if kind == "directory":
        program.mkdir()
    else:
        program.write_text("no program\n")
        program.chmod(0o755 if kind == "text" else 0o644)
    done = bare.run([str(program)])
    assert done.returncode == 126
    assert done.stderr.count(b"\n") == 1
    assert bare.directories == []


def test_guard_that_stands(bare):
    done = bare.run(shell('echo ready > "$RUN/events"; sleep 0.1; echo more > "$RUN/events"; exit 3'), "--guarded")
    assert done.returncode == 3
    assert bare.outcome["guarded"]
    assert bare.outcome["events"] == "ready\nmore\n"


def test_report_of_a_target_that_ends_at_once_is_not_missed(bare):
    for _ in range(10):
        bare.run(shell('echo ready > "$RUN/events"'), "--guarded")
        assert bare.outcome["guarded"]


def test_end_without_a_report(bare):
    bare.run(shell("exit 0"), "--guarded")
    assert not bare.outcome["guarded"]
    assert not bare.outcome["late"]


def test_target_that_does_not_report_in_time_is_killed(bare):
    started = time.monotonic()
    bare.run(shell("trap '' TERM INT; setsid sleep 60 & sleep 60"), "--guarded", "--deadline", "0.3")
    assert time.monotonic() - started < 10
    assert bare.outcome["late"]
    assert bare.outcome["signal"] == signal.SIGKILL
    assert bare.directories == []


def test_time_in_which_the_target_is_stopped_does_not_count(bare):
    target = shell('echo up; kill -STOP $$; sleep 0.2; echo ready > "$RUN/events"')
    launcher = bare.start(target, "--guarded", "--deadline", "1")
    wait_until(lambda: is_stopped(launcher.pid))
    time.sleep(1.2)
    os.kill(launcher.pid, signal.SIGCONT)
    assert launcher.wait() == 0
    assert bare.outcome["guarded"]


def test_target_that_never_stops_writing_events_still_gets_its_signals(bare):
    flood = 'for _ in 1 2 3; do cat /dev/zero > "$RUN/events" & done; echo up; exec cat /dev/zero > "$RUN/events"'
    launcher = bare.start(shell(flood), "--deaf")
    time.sleep(0.2)
    launcher.terminate()
    assert launcher.wait(10) == 128 + signal.SIGTERM
    assert bare.directories == []


def test_fifo_that_is_filled_faster_than_read_does_not_hold_the_loop(monkeypatch):
    taken = []
    watch = process._Watch(0, None, None, 0, taken.append, bool, 1.0)
    monkeypatch.setattr(os, "read", lambda *_: b"x" if len(taken) < 1000 else pytest.fail("it never came back"))
    watch._take_events()
    assert len(taken) == process.PIECES


def test_launcher_that_is_killed_takes_the_target_with_it(bare):
    launcher = bare.start(shell("echo up; echo $$; exec sleep 60"))
    target = int(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    wait_until(lambda: not is_alive(target))
    [dead] = bare.directories
    bare.run(["/bin/sleep", "0.5"], "--sweep")
    assert bare.directories == []
    assert not dead.exists()


def test_launcher_that_is_terminated_ends_the_target_and_cleans_up(bare):
    launcher = bare.start(shell("echo up; exec sleep 60"))
    launcher.terminate()
    assert launcher.wait() == 128 + signal.SIGTERM
    assert bare.directories == []


def test_sweep_spares_the_living(bare):
    launcher = bare.start(shell("echo up; exec sleep 60"))
    living = bare.directories
    bare.run(["/bin/sleep", "0.5"], "--sweep")
    assert bare.directories == living
    launcher.terminate()
    launcher.wait()


def test_two_hundred_at_once(bare):
    """Each sweeps, too. Most of the time goes into starting Python two hundred times."""
    env = bare.environment(OUTCOME="/dev/null")
    target = shell('test -f "$RUN/manifest" && exit 42')
    started = [subprocess.Popen([*COMMAND, "--sweep", *target], env=env) for _ in range(200)]
    assert [launcher.wait() for launcher in started] == [42] * 200
    assert bare.directories == []
