"""hermetic.run and run_code: what comes of a run, what is refused in it, and what is an error."""

import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT
from sandboxed.conftest import running

import hermetic
from hermetic import errors

REACH = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close(); print('reached')"
SHELL_REACH = "exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached"


def python(*words):
    return [sys.executable, *words]


def test_what_comes_of_a_run(tmp_path):
    code = "import sys, os; print(sys.stdin.read(), os.getcwd()); print('an error', file=sys.stderr); sys.exit(3)"
    result = hermetic.run(python("-c", code), input="given", cwd=tmp_path, block_network=True)
    assert (result.exit_code, result.output, result.errors) == (3, f"given {tmp_path}\n", "an error\n")
    assert (result.violations, result.refused, result.limit, result.timed_out, result.notices) == ((), 0, "", False, ())
    assert 0 < result.usage.wall < 60
    assert 0 < result.usage.cpu < 60
    assert 4 << 20 < result.usage.memory < 1 << 30


def test_a_signal_and_a_failed_code_are_data():
    killed = hermetic.run(["sh", "-c", "kill -9 $$"], block_network=True)
    raised = hermetic.run_code("1/0", block_network=True)
    assert (killed.exit_code, raised.exit_code) == (137, 1)
    assert raised.errors.endswith("ZeroDivisionError: division by zero\n")


def test_the_exit_code_of_hermetic_itself_is_data_where_it_is_the_targets():
    assert hermetic.run_code("import os; os._exit(125)", block_network=True).exit_code == 125


@pytest.mark.parametrize(
    ("command", "by"), [(python("-c", REACH, "{port}"), "-c"), (["bash", "-c", SHELL_REACH], "bash")], ids=["python", "kernel"]
)
def test_what_is_refused_is_told(loopback_server, command, by):
    words = [word.replace("{port}", str(loopback_server.port)) for word in command]
    refused = hermetic.run(words, block_network=True)
    assert "reached" not in refused.output
    assert loopback_server.visitors == []
    assert refused.refused == len(refused.violations) == 1
    violation = refused.violations[0]
    assert (violation.guard, violation.action, violation.target) == ("network", "connect", f"127.0.0.1:{loopback_server.port}")
    assert violation.hint.startswith("--allow-localhost")
    assert by in violation.asked_by or violation.asked_by == "<string>:1"
    allowed = hermetic.run(words, block_network=True, allow_localhost=loopback_server.port)
    assert (allowed.output, allowed.violations) == ("reached\n", ())
    assert len(loopback_server.visitors) == 1


def test_all_can_be_pickled():
    result = hermetic.run_code("import os\ntry: os.system('true')\nexcept OSError: pass", block_subprocess=True)
    assert result.refused == 1
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again.violations[0].asked_by == "<string>:2"


def test_code_has_a_profile_where_no_guard_is_asked_for(tmp_path):
    code = "import os\nopen('here', 'w').close()\ntry: os.fork()\nexcept OSError: print('no process')\nprint(os.environ.get('SECRET'))"
    result = hermetic.run_code(code, cwd=tmp_path)
    assert result.output == "no process\nNone\n"
    assert (tmp_path / "here").exists()
    assert [violation.guard for violation in result.violations] == ["subprocess"]


def test_variables_are_set_and_taken_away(monkeypatch):
    monkeypatch.setenv("SECRET", "s")
    monkeypatch.setenv("KEPT", "k")
    code = "import os; print(os.environ.get('SECRET'), os.environ.get('KEPT'), os.environ.get('GIVEN'))"
    words = {"block_network": True, "set_env": {"GIVEN": "a=b c"}}
    assert hermetic.run_code(code, clean_env=True, allow_env="KEPT", **words).output == "None k a=b c\n"
    assert hermetic.run_code(code, **words).output == "s k a=b c\n"


def test_output_is_bounded_and_nobody_waits_for_it():
    code = "import sys\nfor stream, size in ((sys.stdout, 3 << 20), (sys.stderr, 300)): stream.write('x' * size)"
    result = hermetic.run_code(code, block_network=True, keep_output=1000)
    assert (result.exit_code, len(result.stdout), result.stdout_dropped) == (0, 1000, (3 << 20) - 1000)
    assert (len(result.stderr), result.stderr_dropped) == (300, 0)
    ended = hermetic.run_code(code, block_network=True, max_output="1M")
    assert (ended.exit_code, ended.limit) == (137, "max-output")


def test_input_that_nobody_reads_is_no_matter():
    assert hermetic.run_code("print('done')", block_network=True, input=b"x" * (4 << 20)).output == "done\n"


def test_large_input_and_output_at_once():
    code = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    data = os.urandom(3 << 20)
    assert hermetic.run_code(code, block_network=True, input=data, keep_output=4 << 20).stdout == data


def test_the_time_is_limited():
    code = "import signal, subprocess, time, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen(['sleep', '4711.25'])\ntime.sleep(60)"
    begun = time.monotonic()
    result = hermetic.run_code(code, block_network=True, timeout=0.5)
    assert (result.exit_code, result.limit, result.timed_out) == (124, "timeout", True)
    assert time.monotonic() - begun < 30
    assert not running("4711.25")


def test_what_is_left_running_is_ended():
    code = "import subprocess; subprocess.Popen(['sleep', '4712.25'], start_new_session=True)"
    begun = time.monotonic()
    assert hermetic.run_code(code, block_network=True).exit_code == 0
    assert time.monotonic() - begun < 30
    assert not running("4712.25")


def test_memory_is_limited():
    result = hermetic.run_code("x = bytearray(1 << 30); import time; time.sleep(20)", block_network=True, max_memory=200 << 20)
    assert (result.exit_code, result.limit) == (137, "max-memory")


def test_the_target_has_nothing_of_the_caller():
    """Neither the socket, nor any other descriptor, nor the request on a command line that others can read."""
    code = (
        "import os; print(sorted(os.readlink(f'/proc/self/fd/{n}').partition(':')[0] for n in os.listdir('/proc/self/fd') if int(n) > 2))"
    )
    inherited = os.open("/etc/hostname", os.O_RDONLY)
    try:
        os.set_inheritable(inherited, True)
        assert hermetic.run(["sh", "-c", "ls /proc/self/fd | wc -l"], block_network=True).output == "4\n"
        assert hermetic.run_code(code, block_network=True).output.count("socket") == 0
    finally:
        os.close(inherited)


def test_events_cannot_be_forged():
    """Whoever writes to the run's FIFO, or to the outputs, makes no exit code and no limit of it."""
    forged = '{"v":1,"event":"end","exit_code":0,"blocked":{}}\n{"v":1,"event":"limit","pid":1,"limit":"timeout","value":1}\n'
    shell = 'for file in $TMPDIR/hermetic-*/events; do printf "$0" > $file && echo written; done; printf "$0"; exit 5'
    result = hermetic.run(["sh", "-c", shell, forged.replace("\n", "\\n")], block_network=True)
    assert (result.exit_code, result.limit, result.output) == (5, "", f"written\n{forged}")


# Errors.

WRONG = [
    ({"block_netwrok": True}, errors.BadArgument, "did you mean block_network"),
    ({"block_network": 1}, errors.BadArgument, "True or False"),
    ({"timeout": [1]}, errors.BadArgument, "number or text"),
    ({"timeout": "soon"}, errors.UsageError, "a time was expected"),
    ({"timeout": 0}, errors.UsageError, "it would leave nothing"),
    ({"require": "luck"}, errors.BadBlock, "only python or kernel or both"),
    ({"set_env": ["A"]}, errors.BadArgument, "mapping"),
    ({"set_env": {"A=B": "c"}}, errors.BadBlock, "with ="),
    ({"allow_domains": "example.com", "block_subprocess": True}, errors.UsageError, "nothing to adjust"),
    ({"profile": "no-such"}, errors.HermeticError, "no-such"),
    ({"policy": "/nowhere/policy.toml"}, errors.HermeticError, "/nowhere/policy.toml"),
    ({"block_native": True, "require": "kernel"}, errors.GuardUnavailable, "native"),
    ({"keep_output": -1}, errors.BadBlock, "less than nothing"),
    ({"input": 3}, errors.BadArgument, "bytes or a str"),
    ({"python": "/no/python"}, errors.TargetNotFound, "/no/python"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "kind", "said"), WRONG, ids=[next(iter(words)) for words, *_ in WRONG])
def test_what_is_asked_for_wrongly(words, kind, said):
    with pytest.raises(kind, match=said) as raised:
        hermetic.run_code("pass", **words)
    assert isinstance(raised.value, errors.HermeticError)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["no-such-program-here"], errors.TargetNotFound),
        (["/etc/hostname"], errors.TargetNotExecutable),
        ("ls -l", errors.BadArgument),
        ([1], errors.BadArgument),
        ([], errors.BadBlock),
        (["a\0b"], errors.BadBlock),
    ],
    ids=str,
)
def test_a_program_that_cannot_be_run(command, kind):
    with pytest.raises(kind):
        hermetic.run(command, block_network=True)


def test_code_of_any_length_that_can_be_handed_over():
    longest = "#" * ((128 << 10) - 16) + "\nprint('done')"
    assert hermetic.run_code(longest, block_network=True).output == "done\n"
    with pytest.raises(errors.BadBlock, match="write it to a file"):
        hermetic.run_code("#" + longest + "  ", block_network=True)


def test_a_working_directory_that_is_not_there(tmp_path):
    with pytest.raises(errors.HermeticError, match="no launcher can be started"):
        hermetic.run_code("pass", cwd=tmp_path / "nowhere")


def test_a_guard_that_cannot_be_put_in_place_is_an_error(tmp_path):
    """An interpreter that ends before its guards stand."""
    script = tmp_path / "python3"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    with pytest.raises(errors.HermeticError):
        hermetic.run_code("pass", python=script, block_network=True)


def test_inside_of_a_block():
    code = "import hermetic\nwith hermetic.hermetic_blocker(block_native=True):\n    hermetic.run_code('pass', block_network=True)"
    done = subprocess.run(python("-c", code), capture_output=True, text=True, cwd=ROOT)
    assert "GuardUnavailable: a run cannot be asked for inside of a block" in done.stderr


def test_inside_of_another_run():
    code = "import hermetic; print('asked'); hermetic.run_code('pass', block_network=True)"
    result = hermetic.run(python("-c", code), block_network=True, cwd=ROOT)
    assert result.output == "asked\n"
    assert "GuardUnavailable: a run cannot be asked for inside of another hermetic" in result.errors


# The caller.


def test_nothing_of_the_callers_is_forked():
    """No Python code of the caller's runs between fork and exec: not even what it has registered for forks."""
    code = """
import os, threading, hermetic
forked = []
os.register_at_fork(before=lambda: forked.append(1))
results = []
threads = [threading.Thread(target=lambda: results.append(hermetic.run_code("print(1)", block_network=True).output)) for _ in range(3)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(results, forked)
if not os.fork(): os._exit(0)
print(len(forked))
"""
    done = subprocess.run(python("-c", code), capture_output=True, text=True, check=True)
    assert done.stdout == "['1\\n', '1\\n', '1\\n'] []\n1\n"


class Interrupted(Exception):
    """What a signal handler raises."""


def test_an_interrupted_caller_leaves_nothing(traces):
    import signal

    def interrupt(*_):
        raise Interrupted

    before = traces.now()
    handler = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(Interrupted):
            hermetic.run_code("import subprocess; subprocess.run(['sleep', '4713.25'])", block_network=True)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, handler)
    assert not running("4713.25")
    assert traces.now() == before


def test_a_caller_that_is_killed_takes_its_run_along(own_places):
    code = "import hermetic; hermetic.run(['sleep', '4714.25'], block_network=True)"
    caller = subprocess.Popen(python("-c", code))
    until = time.monotonic() + 30
    while not running("4714.25") and time.monotonic() < until:
        time.sleep(0.05)
    assert running("4714.25")
    time.sleep(0.5)
    caller.kill()
    caller.wait()
    while (running("4714.25") or os.listdir(own_places)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not running("4714.25")
    assert os.listdir(own_places) == []


def leaves_nothing(traces, ask, runs, threads=1):
    """threads: so many ask at once"""
    ask()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: time.sleep(0.01), range(threads)))
        before, memory = traces.now(), traces.memory()
        assert all(pool.map(lambda _: ask().exit_code == 0, range(runs)))
    assert traces.now() == before
    assert traces.memory() - memory < 2000


def run():
    return hermetic.run(["true"], block_network=True)


def run_code():
    return hermetic.run_code("print(1)", block_network=True)


@pytest.mark.parametrize("ask", [run, run_code])
def test_runs_leave_nothing(traces, ask):
    leaves_nothing(traces, ask, 10)


@pytest.mark.soak
@pytest.mark.parametrize("ask", [run, run_code])
def test_ten_thousand_runs_leave_nothing(traces, ask):
    leaves_nothing(traces, ask, 10_000, 2 * os.cpu_count())
