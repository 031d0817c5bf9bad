"""A run that goes beyond a limit is ended as a whole, whoever holds the limit; one within it does not notice."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from launch.bare import JOB_SHELL, Terminal, is_alive
from launch.limited import BOMB, BURNER, HOG, HOLDERS, SHARING, UNWAITED, WRITER, python

from hermetic.linux import cgroups


@pytest.fixture
def env(jobs):
    return jobs.environ(HOME="/proc/nowhere", XDG_CACHE_HOME=jobs.home / ".cache", TMPDIR="/tmp")


@pytest.fixture
def limited(jobs, env):
    """Runs hermetic with limits, without a log, from `/`: any user can."""

    def run(*words, before=(), **options):
        done = jobs.guarded("--no-network", *words, env=env, before=before, log=False, **{"cwd": "/", **options})
        for controller in ("pids", "memory"):
            where = cgroups.find([controller])
            assert where is None or not [name for name in os.listdir(where.path) if is_left(where.path, name)]
        return done

    return run


def is_left(directory, name):
    """Whether a control group of hermetic's has no process, and so no run."""
    if not name.startswith(cgroups.PREFIX):
        return False
    time.sleep(0.2)  # another test's may be about to go
    return cgroups.read(f"{directory}/{name}/cgroup.procs") == "" and os.path.exists(f"{directory}/{name}")


def message(text, flag):
    return f"hermetic: limit reached: {text} (allow more: {flag})\n"


# Processes.


@pytest.mark.parametrize("holder", list(HOLDERS)[:3])
def test_a_fork_bomb(limited, holder):
    before = HOLDERS[holder]("pids")
    assert limited("--", *python(BOMB, 200), before=before).out == "all made\n", "control"
    started = time.monotonic()
    done = limited("--max-processes", "50", "--", *python(BOMB, 1200), before=before)
    assert (done.code, done.out) == (137, "")
    assert message("processes 50", "--max-processes") in done.err
    assert "could not be ended" not in done.err
    assert time.monotonic() - started < 90, "it has ended by itself"
    assert "all made" in limited("--max-processes", "300", "--", *python(BOMB, 200), before=before).out


@pytest.mark.parametrize("holder", list(HOLDERS)[:3])
def test_threads_count_as_well(limited, holder):
    before = HOLDERS[holder]("pids")
    code = "import threading, time\nfor _ in range(20): threading.Thread(target=time.sleep, args=(0.5,)).start()\nprint('made')"
    assert limited("--max-processes", "30", "--", *python(code), before=before).out == "made\n"
    done = limited("--max-processes", "10", "--", *python(code), before=before)
    assert (done.code, message("processes 10", "--max-processes") in done.err) == (137, True)


@pytest.mark.parametrize("holder", list(HOLDERS)[:3])
def test_so_many_processes_are_no_more(limited, holder):
    code = "import os, time\nif os.fork(): time.sleep(0.4); os.wait(); print('both')\nelse: time.sleep(0.4)"
    done = limited("--max-processes", "2", "--", *python(code), before=HOLDERS[holder]("pids"))
    assert (done.code, done.out, "limit" in done.err) == (0, "both\n", False)


def test_processes_that_nothing_holds(limited):
    before = HOLDERS["root without groups"]("pids")
    done = limited("--max-processes", "50", "--", *python("print('run')"), before=before)
    assert (done.code, done.out) == (125, "")
    assert "--max-processes cannot be held: RLIMIT_NPROC does not bind this user" in done.err
    done = limited("--max-processes", "50", "--best-effort", "-v", "--", *python("print('run')"), before=before)
    assert (done.code, done.out) == (0, "run\n")
    assert "limits: processes 50 by the launcher's watch\n" in done.err


# Memory.


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("processes", [1, 4])
def test_a_memory_hog(limited, holder, processes):
    before = HOLDERS[holder]("memory")
    each = 240 // processes
    assert "held\n" in limited("--", *python(HOG, each, processes), before=before).out, "control"
    assert "held\n" in limited("--max-memory", "600M", "--", *python(HOG, each, processes), before=before).out
    done = limited("--max-memory", "80M", "--", *python(HOG, 2000, processes), before=before)
    assert (done.code, done.out) == (137, "")
    assert message("memory 80 MiB", "--max-memory") in done.err


@pytest.mark.parametrize("holder", HOLDERS)
def test_memory_that_is_shared_counts_once(limited, holder):
    done = limited("--max-memory", "250M", "--", *python(SHARING, 100), before=HOLDERS[holder]("memory"))
    assert (done.code, done.out) == (0, "held\n" * 8), done.err


def test_a_hog_that_is_not_python(limited):
    hog = ["perl", "-e", "my @held; push @held, 'x' x (1 << 20) for 1..1000; print 'held'"]
    assert limited("--", *hog).out == "held"
    done = limited("--max-memory", "80M", "--", *hog)
    assert (done.code, done.out, message("memory 80 MiB", "--max-memory") in done.err) == (137, "", True)


# Processor time.


@pytest.mark.parametrize("burner", [BURNER, UNWAITED], ids=["waited for", "not waited for"])
@pytest.mark.parametrize("holder", ["groups", "ordinary user"])
def test_processor_time(limited, holder, burner):
    """Of children that have ended, too, of which none has used it up."""
    before = HOLDERS[holder]("pids")
    assert limited("--max-cpu", "20", "--", *python(burner, 0.3, 3), before=before).out == "burnt\n"
    done = limited("--max-cpu", "0.5", "--", *python(burner, 0.3, 3), before=before)
    assert (done.code, done.out) == (137, "")
    assert message("processor time 0.5 s", "--max-cpu") in done.err


def test_time_in_which_nothing_is_done_is_none(limited):
    assert limited("--max-cpu", "1", "--", *python("import time; time.sleep(1.2); print('slept')")).out == "slept\n"


def test_the_watch_has_a_limit_of_the_kernels_behind_it(limited):
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CPU))"
    assert limited("--max-cpu", "1.5", "--", *python(code)).out == "(3, 3)\n"


# Files.


@pytest.mark.pythons("all")
def test_a_writer_of_10_gib(jobs, python, tmp_path):
    file = tmp_path / "large"
    env = jobs.environ()
    small = "import sys; open(sys.argv[1], 'wb').write(bytes(3 << 20))"
    assert jobs.guarded("--no-network", "--", python.path, "-c", small, file, env=env).code == 0
    assert file.stat().st_size == 3 << 20, "control"
    done = jobs.guarded("--no-network", "--max-file-size", "4M", "--", python.path, "-c", WRITER, file, env=env)
    assert (done.code, file.stat().st_size) == (1, 4 << 20)
    assert "OSError: [Errno 27] File too large" in done.err
    assert done.err.count("hermetic: ") == 1
    assert message("file size 4 MiB", "--max-file-size") in done.err
    assert [(event["limit"], event["value"]) for event in done.of("limit")] == [("max-file-size", 4 << 20)]


@pytest.mark.parametrize("holder", ["ordinary user", "no namespaces", "root without groups"])
def test_a_writer_that_is_not_python(limited, place, holder):
    before = HOLDERS[holder]("pids")
    write = f"head -c 3000000 /dev/zero > {place}/out"
    assert limited("--", "sh", "-c", write, before=before).code == 0
    assert (place / "out").stat().st_size == 3000000
    (place / "out").unlink()
    for target in (["sh", "-c", write], ["sh", "-c", f"exec {write}"]):
        done = limited("--max-file-size", "1M", "--", *target, before=before)
        assert done.code == 128 + signal.SIGXFSZ
        assert (place / "out").stat().st_size == 1 << 20
        assert message("file size 1 MiB", "--max-file-size") in done.err


def test_a_limit_cannot_be_raised_from_inside(limited, place):
    code = "import resource\ntry: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))\nexcept (ValueError, OSError): print('no')"
    assert limited("--max-file-size", "1M", "--", *python(code)).out == "no\n"


# Output.


def test_output_is_cut(limited):
    code = "import os\nfor _ in range(100): os.write(1, b'o' * 1000)"
    assert len(limited("--", *python(code)).out) == 100000, "control"
    done = limited("--max-output", "25K", "--", *python(code))
    assert (done.code, len(done.out)) == (137, 25 << 10)
    assert message("output 25 KiB", "--max-output") in done.err


def test_both_streams_count(limited):
    code = "import os, time\nfor _ in range(10): os.write(1, b'o' * 1000); os.write(2, b'e' * 1000)\nos.write(1, b'end')"
    done = limited("--max-output", "20003", "--", *python(code))
    assert (done.code, done.out.count("o"), done.err.count("e" * 1000), done.out[-3:]) == (0, 10000, 10, "end")
    done = limited("--max-output", "20002", "--", *python(code))
    told = message("output 19.53 KiB", "--max-output")
    assert (done.code, told in done.err) == (137, True)
    assert len(done.out) + len(done.err) - len(told) == 20002


def test_output_in_one_file_keeps_its_order(limited, place):
    code = "import os\nfor n in range(500): os.write(1 + n % 2, b'%d ' % n)"
    with open(place / "both", "wb") as file:
        assert limited("--max-output", "1M", "--", *python(code), stdout=file, stderr=file, capture_output=False).code == 0
    assert (place / "both").read_text() == "".join(f"{n} " for n in range(500))


def test_an_endless_writer_whose_reader_goes(hermetic_command, env):
    """It gets the SIGPIPE that it would have got."""
    line = f"{hermetic_command} --no-network --max-output 100M -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=env, cwd="/", timeout=60)
    assert done.stdout == "y\n141\n"


def test_an_endless_writer_whose_reader_waits(hermetic_command, env):
    """Nobody reads: the run ends in time all the same."""
    command = [hermetic_command, "--no-network", "--max-output", "100M", "--timeout", "1", "--", "yes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd="/") as process:
        assert process.wait(20) == 124


def test_a_stream_that_does_not_wait_loses_nothing(hermetic_command, env):
    read, write = os.pipe()
    os.set_blocking(write, False)
    command = [
        hermetic_command,
        "--no-network",
        "--max-output",
        "100M",
        "--",
        *python("import os\nfor _ in range(20): os.write(1, b'x' * 99999)"),
    ]
    with subprocess.Popen(command, stdout=write, env=env, cwd="/") as process:
        os.close(write)
        time.sleep(1)
        with open(read, "rb") as file:
            assert len(file.read()) == 20 * 99999
        assert process.wait(20) == 0


def test_an_output_that_others_hold_keeps_nobody(hermetic_command, env, place):
    """The run is over when all of its processes are, even if its end of the pipe lives on outside of it."""
    path = f"{place}/taker"
    code = f"import socket; c = socket.socket(1); c.connect({path!r}); print(socket.send_fds(c, [b'x'], [1]), flush=True)"
    with socket.socket(socket.AF_UNIX) as taker:
        taker.bind(path)
        os.chmod(path, 0o777)
        taker.listen(1)
        command = [hermetic_command, "--no-network", "--allow-unix", path, "--max-output", "1M", "--", *python(code)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, cwd="/") as process:
            accepted = taker.accept()[0]
            held = socket.recv_fds(accepted, 9, 1)[1]
            try:
                assert (process.wait(20), process.stdout.read()) == (0, b"1\n")
                with pytest.raises(BrokenPipeError):
                    os.write(*held, b"too late")
            finally:
                os.close(*held)
                accepted.close()


def test_output_that_cannot_be_handed_on_is_told(limited):
    """Where it would have been the program's error: it has its end of a pipe instead."""
    code = "import os; os.write(1, b'lost')"
    with open("/dev/full", "wb") as full:
        assert limited("--", *python(code), stdout=full, stderr=subprocess.PIPE, capture_output=False).code == 1, "control"
        done = limited("--max-output", "1M", "--", *python(code), stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.code == 125
    assert "not all output could be handed on: standard output: No space left on device" in done.err


@pytest.mark.parametrize(("redirected", "name"), [("2>/dev/null", "standard output"), (">/dev/null", "standard error")])
def test_output_of_a_terminal_cannot_be_limited(hermetic_command, env, redirected, name):
    terminal = Terminal(
        ["sh", "-c", f"{hermetic_command} --no-network --max-output 5 -- echo run {redirected}; echo code $?"], env, cwd="/"
    )
    try:
        seen = terminal.expect("code 125")
        assert "run" not in seen
        assert f"{name} is a terminal, where it cannot be held" in seen or "2>" in redirected
    finally:
        terminal.close()


def test_what_is_written_to_the_terminal_itself_is_not_counted(hermetic_command, env):
    """It is no standard stream, and goes past the launcher. Whoever reads it sees it."""
    program = "sh -c 'echo much more than five > /dev/tty'"
    terminal = Terminal(
        ["sh", "-c", f"{hermetic_command} --no-network --max-output 5 -- {program} >/dev/null 2>&1; echo code $?"], env, cwd="/"
    )
    try:
        assert "much more than five" in terminal.expect("code 0")
    finally:
        terminal.close()


# Time.


def test_time(limited):
    assert limited("--timeout", "30", "--", "sleep", "0.1").code == 0
    started = time.monotonic()
    done = limited("--timeout", "500ms", "--", "sleep", "60")
    assert (done.code, message("timeout 0.5 s", "--timeout") in done.err) == (124, True)
    assert time.monotonic() - started < 10


def test_the_target_may_tidy_up(limited):
    code = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('tidied'), exit(3)))\ntime.sleep(60)"
    done = limited("--timeout", "0.5", "--", *python(code))
    assert (done.code, done.out) == (124, "tidied\n")


TREE = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    if not os.fork():
        os.setsid()
        os.fork()
        break
os.write(1, b"%d\\n" % os.getpid())
if sys.argv[1] == "stopped":
    os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["running", "stopped"])
@pytest.mark.parametrize("holder", ["ordinary user", "no namespaces", "root without groups"])
def test_the_whole_tree_is_ended(limited, holder, how):
    """Whatever it ignores, and what is stopped too: without a terminal nobody would continue it."""
    for seconds in (0.7, 3, 10):  # a busy machine needs longer to start it
        started = time.monotonic()
        done = limited("--timeout", str(seconds), "--", *python(TREE, how), before=HOLDERS[holder]("pids"))
        assert done.code == 124
        pids = list(map(int, done.out.split()))
        if len(pids) >= 4:
            break
    assert len(pids) >= 4
    assert [pid for pid in pids if is_alive(pid)] == []
    assert time.monotonic() - started < 45, "they have ended by themselves"


def test_time_in_which_the_job_is_stopped_does_not_count(hermetic_command, env):
    command = [hermetic_command, "--no-network", "--timeout", "2", "--", "sh", "-c", "kill -STOP $$; echo went on; sleep 0.2; exit 5"]
    terminal = Terminal([*JOB_SHELL, *command], env, cwd="/")
    try:
        terminal.expect("[stopped 19]")
        time.sleep(2.5)
        terminal.type("fg\n")
        terminal.expect("went on")
        terminal.expect("[ended 5]")
    finally:
        terminal.close()


def test_an_interpreter_that_never_gets_ready(limited, place):
    """The time counts from the start of the target, guards or not."""
    (place / "sitecustomize.py").write_text("import time; time.sleep(60)")
    done = limited("--timeout", "1", "--set-env", f"PYTHONPATH={place}", "--", *python("print('run')"))
    assert (done.code, done.out) == (124, "")


# What is told.


def test_what_holds_each_is_said(limited):
    words = "--timeout 60 --max-memory 1G --max-cpu 60 --max-file-size 1G --max-processes 200 --max-output 1M -v --".split()
    done = limited(*words, *python("print('run')"), before=HOLDERS["ordinary user"]("pids"))
    assert done.out == "run\n"
    assert (
        "limits: timeout 60 s by the launcher's watch; memory 1 GiB by the launcher's watch (files in memory do not count); "
        "processor time 60 s by the launcher's watch, and RLIMIT_CPU of each process; file size 1 GiB by RLIMIT_FSIZE, of each file; "
        "processes 200 by the launcher's watch, and RLIMIT_NPROC in a user namespace of the run's own; output 1 MiB by the launcher, "
        "which hands it on\n"
    ) in done.err
    done = limited(*words, *python("pass"), before=HOLDERS["groups"]("pids"))
    assert "processes 200 by a control group (version " in done.err


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        ("ordinary user", "the launcher's watch, and RLIMIT_NPROC in a user namespace of the run's own"),
        ("no namespaces", "the launcher's watch, and RLIMIT_NPROC which counts all processes of this user"),
        ("root without groups", "nothing: RLIMIT_NPROC does not bind this user, and no control group can be made"),
    ],
)
def test_the_doctor_says_it_beforehand(hermetic_command, env, holder, words):
    command = [*HOLDERS[holder]("pids"), hermetic_command, "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd="/", check=False)
    assert json.loads(done.stdout)["limits"] == {
        "timeout": "the launcher's watch",
        "max-memory": "the launcher's watch (files in memory do not count)",
        "max-cpu": "the launcher's watch, and RLIMIT_CPU of each process",
        "max-file-size": "RLIMIT_FSIZE, of each file",
        "max-processes": words,
        "max-output": "the launcher, which hands it on",
    }


def test_it_is_in_the_log_and_quiet_is_quiet(jobs, env):
    done = jobs.guarded("--no-network", "--timeout", "300ms", "--quiet", "--", sys.executable, "-c", "import time; time.sleep(60)", env=env)
    assert (done.code, done.err) == (124, "")
    assert [(event["limit"], event["value"]) for event in done.of("limit")] == [("timeout", 0.3)]
    assert [event["exit_code"] for event in done.of("end")] == [124]
    assert "limits.timeout number 0.3" in done.of("run")[0]["policy"]


def test_without_a_guard_the_default_profile_stands(jobs, env):
    done = jobs.guarded("--timeout", "60", "--", sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))", env=env)
    assert done.code == 77
    assert "profile default stands: no network, " in done.err
    assert ", timeout 60 s" in done.err


# Inside another run.


@pytest.mark.parametrize(
    ("outer", "inner", "code"),
    [
        ([], ["--timeout", "9"], 125),
        (["--timeout", "60"], ["--timeout", "90"], 0),
        (["--timeout", "60"], ["--timeout", "60"], 0),
        (["--timeout", "60"], ["--timeout", "30"], 125),
        ([], ["--max-memory", "1G"], 125),
        ([], ["--max-memory", "1G", "--best-effort"], 0),
        ([], ["--max-file-size", "1M"], 0),
    ],
)
def test_an_inner_run_has_the_limits_of_the_outer(jobs, env, hermetic_command, outer, inner, code):
    command = [hermetic_command, "--no-network", *inner, "--", sys.executable, "-c", "print('run')"]
    done = jobs.guarded("--no-network", *outer, "--", *command, env=env)
    assert (done.code, done.out) == (code, "" if code else "run\n"), done.err
    assert ("inside another hermetic nothing holds this limit" in done.err) is bool(code)


@pytest.mark.parametrize(("outer", "inner", "size"), [("4M", "1M", 1 << 20), ("1M", "4M", 1 << 20)])
def test_of_two_file_sizes_the_smaller_holds(jobs, env, hermetic_command, tmp_path, outer, inner, size):
    command = [hermetic_command, "--no-network", "--max-file-size", inner, "--", sys.executable, "-c", WRITER, tmp_path / "large"]
    done = jobs.guarded("--no-network", "--max-file-size", outer, "--", *command, env=env)
    assert (done.code, (tmp_path / "large").stat().st_size) == (1, size)
    assert message("file size 1 MiB", "--max-file-size") in done.err


def test_what_the_launcher_starts_for_itself_does_not_count(limited):
    """A process that makes UDP sockets in a network of their own, where names are allowed."""
    code = "import time; time.sleep(0.3); print('run')"
    before = HOLDERS["ordinary user"]("pids")
    done = limited("--allow-domain", "a.test", "--max-processes", "1", "--", *python(code), before=before)
    assert (done.code, done.out) == (0, "run\n"), done.err
