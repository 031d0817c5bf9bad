"""hermetic.Pool: runs in interpreters that were started ahead, none of which ever runs anything itself."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sandboxed.conftest import running

import hermetic
from hermetic import errors

GUARDED = {"block_network": True, "block_subprocess": True, "fs_readonly": True}


@pytest.fixture(scope="module")
def pool(tmp_path_factory, cache):
    """One interpreter with three guards, in a directory of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        with hermetic.Pool(1, cwd=tmp_path_factory.mktemp("pool"), **GUARDED) as made:
            yield made


@pytest.fixture(scope="module")
def open_pool(tmp_path_factory, cache):
    """One without guards but the network's: what is refused there is refused to every fork."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        place = tmp_path_factory.mktemp("pool")
        with hermetic.Pool(1, cwd=place, block_network=True) as made:
            yield made


# What comes of a run: the same as without a pool.

ALIKE = {
    "nothing": "",
    "output": "import sys; print('out'); print('err', file=sys.stderr)",
    "input": "import sys; print(sys.stdin.read(), input.__name__)",
    "arguments": "import sys; print(sys.argv, sys.path[0], __name__, __builtins__, sorted(globals()), sys.flags.no_site)",
    "an exit code": "raise SystemExit(3)",
    "a large exit code": "raise SystemExit(259)",
    "a message": "import sys; sys.exit('a message')",
    "no exit code": "import sys; sys.exit()",
    "os._exit": "import os; print('lost?', flush=True); os._exit(7)",
    "an exception": "def f():\n    1/0\nf()",
    "no code at all": "this is no code",
    "a signal": "import os; os.kill(os.getpid(), 15)",
    "an interrupt": "raise KeyboardInterrupt",
    "a violation": "import os; os.listdir('/'); open('/etc/x', 'w')",
    "a violation that is swallowed": "try: open('/etc/x', 'w')\nexcept OSError as error: print(error)",
    "at exit": "import atexit; atexit.register(print, 'at exit'); print('before')",
    "an object": "class A:\n    def __del__(self): print('gone', self.name)\na = A(); a.name = 1; b = A(); b.name = 2; b.b = b",
    "a thread": "import threading, time\ndef late():\n    time.sleep(0.2); print('late')\nthreading.Thread(target=late).start(); print('first')",
    "a daemon": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print('first')",
    "a hook": "import sys\nsys.excepthook = lambda *found: print('hooked', found[0])\n1/0",
    "no standard output": "import sys; sys.stdout = None",
    "a process": "import os\ntry: os.fork()\nexcept OSError as error: print(type(error).__name__, error)",
    "a scratch directory": "import tempfile\nwith tempfile.NamedTemporaryFile('w') as file: file.write('x'); print('written')",
}


@pytest.mark.parametrize("name", ALIKE)
def test_alike(pool, name):
    cold = hermetic.run_code(ALIKE[name], input="given", **GUARDED) if name in COLD else None
    warm = pool.run_code(ALIKE[name], input="given")
    expected = EXPECTED.get(name) or (cold.exit_code, cold.output, last(cold.errors), guards_of(cold))
    assert (warm.exit_code, warm.output, last(warm.errors), guards_of(warm)) == expected
    assert warm.limit == ""


COLD = {"arguments", "an exception", "no code at all", "a violation", "an interrupt"}
"""Compared with a start from nothing; of the others it is known what that does."""
EXPECTED = {
    "nothing": (0, "", "", []),
    "output": (0, "out\n", "err", []),
    "input": (0, "given input\n", "", []),
    "an exit code": (3, "", "", []),
    "a large exit code": (3, "", "", []),
    "a message": (1, "", "a message", []),
    "no exit code": (0, "", "", []),
    "os._exit": (7, "lost?\n", "", []),
    "a signal": (143, "", "", []),
    "a violation that is swallowed": (0, "filesystem read-only: write(/etc/x) (allow it: --allow-write /etc)\n", "", ["filesystem"]),
    "at exit": (0, "before\nat exit\n", "", []),
    "an object": (0, "gone 1\ngone 2\n", "", []),
    "a thread": (0, "first\nlate\n", "", []),
    "a daemon": (0, "first\n", "", []),
    "a hook": (1, "hooked <class 'ZeroDivisionError'>\n", "", []),
    "no standard output": (0, "", "", []),
    "a process": (
        0,
        "ProcessRefused subprocess disabled: fork(os.fork) (allow it: --allow-run PROGRAM  # whichever: then it may fork)\n",
        "",
        ["subprocess"],
    ),
    "a scratch directory": (0, "written\n", "", []),
}


def last(text):
    return text.rstrip("\n").rpartition("\n")[2]


def guards_of(result):
    return [violation.guard for violation in result.violations]


def test_tracebacks_begin_with_the_code(pool):
    assert "stub" not in pool.run_code("1/0").errors
    assert pool.run_code("1/0").errors.splitlines()[1] == '  File "<string>", line 1, in <module>'


def test_what_is_written_is_there_when_the_run_is_over(tmp_path):
    with hermetic.Pool(1, cwd=tmp_path, fs_readonly=True, allow_write=tmp_path) as pool:
        pool.run_code("file = open('written', 'w'); file.write('x' * 100)")
    assert (tmp_path / "written").read_text() == "x" * 100


@pytest.mark.pythons("3.8", "3.13", "3.15")
def test_interpreters(python, tmp_path):
    code = "import os, sys; print(sys.version_info[:2], sys.stdin.read())\ntry: os.fork()\nexcept OSError: print('refused')\nopen('/etc/x', 'w')"
    with hermetic.Pool(1, python=python.path, cwd=tmp_path, preload=["json", "random"], **GUARDED) as pool:
        for given in "ab":
            result = pool.run_code(code, input=given)
            assert (result.exit_code, result.output) == (77, f"{python.version} {given}\nrefused\n")
            assert guards_of(result) == ["subprocess", "filesystem"]
            assert result.errors.splitlines()[1] == '  File "<string>", line 4, in <module>'


# One run and the next.

LEFT = {
    "modules and builtins": (
        "import builtins, sys; builtins.left = 1; sys.modules['left'] = sys; sys.path.append('/left')",
        "import sys; print(hasattr(__builtins__, 'left'), 'left' in sys.modules, '/left' in sys.path)",
        ("False False False\n", "True True True\n"),
    ),
    "variables and places": (
        "import os; os.environ['LEFT'] = '1'; os.chdir('/'); os.umask(0)",
        "import os; print(os.environ.get('LEFT'), os.getcwd() == '/', os.umask(0o22) == 0)",
        ("None False False\n", "1 True True\n"),
    ),
    "temporary files": (
        "import os; d = os.environ['TMPDIR']; os.mkdir(d + '/left'); open(d + '/left/file', 'w').close(); os.symlink('/etc', d + '/link'); os.chmod(d + '/left', 0)",
        "import os; print(sorted(os.listdir(os.environ['TMPDIR'])))",
        ("[]\n", "['left', 'link']\n"),
    ),
    "shared memory": (
        "import ctypes; assert ctypes.CDLL(None).shm_open(b'/left', 0o102, 0o600) > 0",
        "import os; print(os.listdir('/dev/shm'))",
        ("[]\n", "['left']\n"),
    ),
    "descriptors": (
        "import os; [os.dup(1) for _ in range(5)]; os.dup2(1, 0)",
        "import os; print(len(os.listdir('/proc/self/fd')))",
        ("4\n", "9\n"),
    ),
    "limits and priority": (
        "import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50)); os.nice(5)",
        "import os, resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 50, os.nice(0))",
        ("False 0\n", "True 5\n"),
    ),
    "signals": (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
        "import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN, signal.pthread_sigmask(signal.SIG_BLOCK, []))",
        ("False set()\n", "True {<Signals.SIGUSR1: 10>}\n"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_nothing_is_left_for_the_next_run(pool, name):
    """The control: the same run finds it."""
    leave, look, (elsewhere, itself) = LEFT[name]
    assert pool.run_code(f"{leave}\n{look}").output == itself
    assert pool.run_code(leave).exit_code == 0
    assert pool.run_code(look).output == elsewhere


def test_half_an_event_does_not_spoil_the_next_runs(open_pool):
    """Native code writes to the run's FIFO what is no line; the next run's refusal is told all the same."""
    half = """
import ctypes, os
run = os.path.dirname(open(f"/proc/{os.getppid()}/cmdline").read().split("\\0")[2])
libc = ctypes.CDLL(None)
print(libc.write(libc.open(f"{run}/events".encode(), 1), b'{"v":1,', 7))
"""
    assert open_pool.run_code(half).output == "7\n"
    assert guards_of(open_pool.run_code("import socket; socket.create_connection(('127.0.0.1', 9))")) == ["network"]


def test_the_flags_of_an_output_are_the_runs_own(pool):
    look = "print(fcntl.fcntl(1, fcntl.F_GETFL) & ~os.O_WRONLY)"
    change = f"import fcntl, os; fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK | os.O_DIRECT); {look}"
    assert pool.run_code(change).output == f"{os.O_NONBLOCK | os.O_DIRECT}\n"
    assert pool.run_code(f"import fcntl, os; {look}").output == "0\n"


def test_a_private_tmp_is_emptied_and_the_working_directory_in_it_stays(tmp_path):
    (tmp_path / "kept").touch()
    code = "import os; print(os.path.exists('kept'), os.path.exists('/tmp/left')); open('/tmp/left', 'w').close(); print(os.path.exists('/tmp/left')); open('/etc/x', 'w')"
    with hermetic.Pool(1, cwd=tmp_path) as pool:
        for _ in range(3):
            result = pool.run_code(code)
            assert (result.output, result.exit_code, guards_of(result)) == ("True False\nTrue\n", 77, ["filesystem"])
    assert (tmp_path / "kept").exists()


MARK = "marked-" + "with-this"
SEARCH = """
import re
marked = re.compile("[-]".join(["marked", "with", "this[!]"]).encode())
found = 0
memory = open("/proc/self/mem", "rb", buffering=0)
for line in open("/proc/self/maps"):
    start, end = (int(word, 16) for word in line.split()[0].split("-"))
    if "rw" in line:
        try:
            memory.seek(start)
            found += len(marked.findall(memory.read(end - start)))
        except OSError:
            pass
print(found)
"""


def test_nothing_of_a_run_is_in_the_memory_of_the_next(open_pool):
    """Neither its code nor what it has read. The control finds its own."""
    code, words = f"'{MARK}!'\nprint(len(input()))", f"{MARK}!" * 100
    for _ in range(3):
        assert open_pool.run_code(code, input=words).output == f"{len(words)}\n"
    assert open_pool.run_code(SEARCH).output == "0\n"
    assert int(open_pool.run_code(f"'{MARK}!'\n{SEARCH}").output) > 0


SHOWN = """
import gc
for one in [one for one in gc.get_objects() if type(one).__name__ in ("Policy", "Filesystem")]:
    for name in ("filesystem", "write"):
        if hasattr(one, name): object.__setattr__(one, name, ("/",) if name == "write" else None)
try: print(open("made", "w").name)
except OSError: print("refused")
"""


def test_the_collector_shows_no_policy(pool):
    """That of the fork is made when all else has been put out of its sight."""
    found = pool.run_code(SHOWN)
    assert (found.output, len(found.violations)) == ("refused\n", 1)


def test_random_numbers_are_nobody_elses(tmp_path):
    with hermetic.Pool(1, cwd=tmp_path, preload=["random", "uuid", "tempfile", "ssl"], **GUARDED) as pool:
        code = "import random, uuid, tempfile, ssl, os; print(random.random(), uuid.uuid4(), next(tempfile._get_candidate_names()), ssl.RAND_bytes(8).hex(), os.urandom(8).hex())"
        drawn = [pool.run_code(code).output.split() for _ in range(3)]
    assert all(len(set(numbers)) == 3 for numbers in zip(*drawn, strict=True)), drawn


def test_the_generator_of_numpy_is_seeded_anew(tmp_path):
    """By a module in its place, which counts how often."""
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy/__init__.py").touch()
    (tmp_path / "numpy/random.py").write_text("seeded = []\ndef seed(): seeded.append(1)\n")
    with hermetic.Pool(1, cwd=tmp_path, preload=["numpy.random"], set_env={"PYTHONPATH": str(tmp_path)}, **GUARDED) as pool:
        assert [pool.run_code("import numpy.random; print(numpy.random.seeded)").output for _ in range(2)] == ["[1]\n"] * 2


def test_what_is_left_running_is_ended(open_pool):
    code = "import subprocess; subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP; while :; do echo still; sleep 4718.25; done'], start_new_session=True)"
    open_pool.run_code(code)
    assert not running("4718.25")
    assert open_pool.run_code("print('next')").output == "next\n"


# The interpreter that forks, and the launcher.

OTHERS = """
import ctypes, os, resource, signal
libc = ctypes.CDLL(None, use_errno=True)
def tried(act, *words):
    try:
        return act(*words) is not False
    except OSError:
        return False
def opened(path, mode):
    descriptor = os.open(path, mode); os.close(descriptor)
def linked(path):
    return bool(os.readlink(path))
def called(*words):
    return libc.syscall(*words) != -1
def look(pid):
    return {
        "signal 0": tried(os.kill, pid, 0),
        "pidfd": tried(lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0)),
        "memory": tried(opened, f"/proc/{pid}/mem", os.O_RDONLY),
        "memory to write": tried(lambda: libc.open(f"/proc/{pid}/mem".encode(), os.O_RDWR) != -1),
        "environment": tried(lambda: len(open(f"/proc/{pid}/environ", "rb").read()) > 0),
        "descriptors": tried(linked, f"/proc/{pid}/fd/0"),
        "root": tried(os.listdir, f"/proc/{pid}/root"),
        "limits": tried(resource.prlimit, pid, resource.RLIMIT_CORE, (0, 0)),
        "processors": tried(os.sched_setaffinity, pid, os.sched_getaffinity(0)),
        "priority": tried(os.setpriority, os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0)),
        "group": tried(os.setpgid, pid, pid),
    }
"""
THEMSELVES = {"signal 0", "pidfd", "memory", "environment", "descriptors", "root"}
"""What of it a process may do to itself under the rules of a fork, told by its pid."""


def test_others_are_out_of_reach(open_pool):
    code = f"{OTHERS}\nparent = os.getppid()\nlauncher = int(open(f'/proc/{{parent}}/stat').read().rpartition(')')[2].split()[1])\nprint([look(pid) for pid in (parent, launcher, os.getpid())])"
    result = open_pool.run_code(code)
    interpreter, launcher, itself = eval(result.output)
    assert not any(interpreter.values()), interpreter
    assert not any(launcher.values()), launcher
    assert {name for name, could in itself.items() if could} >= THEMSELVES


def test_the_interpreter_survives_what_a_run_does(pool):
    for attempt in (
        "import os, signal\nfor pid in os.getppid(), 0, -1, -os.getpgrp():\n  try: os.kill(pid, signal.SIGKILL if pid not in (0, -1) else signal.SIGSTOP)\n  except OSError: pass",
        "import os\nfor number in range(3, 100):\n  try: os.write(number, b'\\0' * 100)\n  except OSError: pass\nos.write(0, b'x')",
        "import os; os.close(0); os.close(1); os.close(2)",
        "import ctypes; ctypes.string_at(1)",
        "import os; os.abort()",
        "import gc, sys\nfor found in gc.get_objects():\n  if isinstance(found, dict) and 'receive' in found: found['receive'] = None",
    ):
        pool.run_code(attempt, timeout=1)
        assert pool.run_code("print('well')").output == "well\n"


KERNEL = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def outcome(result):
    return 'done' if result >= 0 else os.strerror(ctypes.get_errno())
pid = libc.fork()
if pid == 0:
    os._exit(0)
print('fork', outcome(pid))
print('shmget', outcome(libc.shmget(1234, 10, 0o1600)))
print('msgget', outcome(libc.msgget(1234, 0o1600)))
print('semget', outcome(libc.semget(1234, 1, 0o1600)))
"""


def test_the_kernel_holds_what_is_a_forks_own(pool, open_pool):
    """Native code starts no process, and leaves no memory of System V's. The control is a run without the rule."""
    refused = pool.run_code(KERNEL).output.splitlines()
    assert refused == ["fork Operation not permitted", *(f"{name} Function not implemented" for name in ("shmget", "msgget", "semget"))]
    assert open_pool.run_code(KERNEL).output.splitlines()[0] == "fork done"
    allowed = hermetic.run_code(KERNEL, block_network=True).output.splitlines()
    assert allowed == ["fork done", "shmget done", "msgget done", "semget done"]


def test_the_network_is_the_policys(open_pool, loopback_server):
    code = f"import socket; socket.create_connection(('127.0.0.1', {loopback_server.port}))"
    native = f"import ctypes, socket; s = socket.socket(); libc = ctypes.CDLL(None); print(libc.connect(s.fileno(), (2).to_bytes(2, 'little') + ({loopback_server.port}).to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8), 16))"
    result, by_kernel = open_pool.run_code(code), open_pool.run_code(native)
    assert [(violation.guard, violation.action) for violation in (*result.violations, *by_kernel.violations)] == [
        ("network", "connect")
    ] * 2
    assert by_kernel.output == "-1\n"
    assert by_kernel.violations[0].program
    assert loopback_server.visitors == []


# Limits.


def test_limits_are_of_each_run(pool):
    begun = time.monotonic()
    late = pool.run_code("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass", timeout=0.3)
    stopped = pool.run_code("import os; os.kill(os.getpid(), 19)", timeout=0.3)
    assert [(result.exit_code, result.limit) for result in (late, stopped)] == [(124, "timeout")] * 2
    assert time.monotonic() - begun < 30
    assert pool.run_code("import time; time.sleep(0.5); print('in time')").output == "in time\n"


def test_limits_of_the_policy(tmp_path):
    code = "import os, sys, time\nwhat = sys.stdin.read()\nif what == 'memory': x = bytearray(1 << 30); time.sleep(20)\nif what == 'output': print('x' * (1 << 20)); time.sleep(20)\nif what == 'cpu':\n  while True: pass\nif what == 'processes':\n  while True: os.fork()\nprint('well')"
    with hermetic.Pool(
        1, cwd=tmp_path, block_network=True, max_memory="200M", max_output="100K", max_cpu=1, max_processes=50, best_effort=True
    ) as pool:
        for what in "memory", "output", "cpu", "processes":
            result = pool.run_code(code, input=what, timeout=30)
            assert (result.exit_code, result.limit) == (137, f"max-{what}")
            assert pool.run_code(code).output == "well\n"


def test_a_limit_that_ends_a_run_at_once(tmp_path):
    """Before anybody has looked: a fork is refused in a millisecond."""
    code = "import os, time\ntry:\n  while os.fork(): pass\nexcept OSError: os._exit(1)\ntime.sleep(20)"
    with hermetic.Pool(1, cwd=tmp_path, block_network=True, max_processes=3, best_effort=True) as pool:
        for _ in range(5):
            result = pool.run_code(code, timeout=30)
            assert (result.exit_code, result.limit) == (137, "max-processes")
            assert pool.run_code("print('well')").output == "well\n"


def test_output_is_bounded(pool):
    result = pool.run_code("print('x' * (3 << 20))", keep_output=100)
    assert (len(result.stdout), result.stdout_dropped) == (100, (3 << 20) + 1 - 100)
    data = os.urandom(2 << 20)
    assert pool.run_code("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", input=data, keep_output=4 << 20).stdout == data


def test_code_of_any_length(pool):
    assert pool.run_code("#" * (1 << 20) + "\nprint('done')").output == "done\n"


# The caller.


def test_several_threads(tmp_path, traces):
    before = traces.now()
    outputs = []
    with hermetic.Pool(2, cwd=tmp_path, **GUARDED) as pool:
        threads = [
            threading.Thread(target=lambda number=number: outputs.extend(pool.run_code(f"print({number})").output for _ in range(3)))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outputs) == sorted(f"{number}\n" for number in range(4) for _ in range(3))
    assert traces.now() == before


# The same for asyncio.


def test_several_tasks(tmp_path, traces):
    """More than there are interpreters, beside a thread that uses the same pool, and the loop goes on meanwhile."""

    async def several():
        turns, late = 0, asyncio.Event()

        async def turn():
            nonlocal turns
            while not late.is_set():
                turns += 1
                await asyncio.sleep(0.01)

        async with hermetic.Pool(2, cwd=tmp_path, **GUARDED) as pool:
            turning = asyncio.create_task(turn())
            code = "import sys, time; time.sleep(0.2); print(sys.stdin.read())"
            tasks = [pool.arun_code(code, input=str(number), timeout=60) for number in range(4)]
            found = await asyncio.gather(asyncio.to_thread(pool.run_code, code, input="thread"), *tasks)
            late.set()
            await turning
        return turns, [result.output for result in found]

    before = traces.now()
    turns, outputs = asyncio.run(several())
    assert outputs == ["thread\n", *(f"{number}\n" for number in range(4))]
    assert turns > 10
    assert traces.now() == before


@pytest.mark.parametrize(("how", "marker"), [("cancel", "4721.25"), ("twice", "4722.25"), ("timeout", "4723.25")])
def test_a_task_that_is_cancelled_leaves_nothing(tmp_path, traces, how, marker):
    code = f"import subprocess; subprocess.run(['sleep', '{marker}'])"

    async def begin(pool):
        async with asyncio.timeout(3 if how == "timeout" else None):
            await pool.arun_code(code)

    async def cancelled():
        async with hermetic.Pool(1, cwd=tmp_path, block_network=True) as pool:
            task = asyncio.create_task(begin(pool))
            while how != "timeout" and not running(marker):
                await asyncio.sleep(0.05)
            waiting = asyncio.create_task(pool.arun_code("print('never')"))
            await asyncio.sleep(0.1)
            waiting.cancel()
            for _ in range({"cancel": 1, "twice": 2, "timeout": 0}[how]):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises((asyncio.CancelledError, TimeoutError)):
                await task
            assert not running(marker)
            return (await pool.arun_code("print('next')")).output

    before = traces.now()
    assert asyncio.run(cancelled()) == "next\n"
    assert traces.now() == before


def test_what_a_task_asks_for_wrongly(pool):
    async def asked(**words):
        return await pool.arun_code(**words)

    for words, kind in (({"source": 3}, errors.BadArgument), ({"source": "pass", "timeout": "soon"}, errors.BadBlock)):
        with pytest.raises(kind):
            asyncio.run(asked(**words))
    with pytest.raises(errors.BadBlock, match="not open"):
        asyncio.run(hermetic.Pool(**GUARDED).arun_code("pass"))
    assert asyncio.run(asked(source="print('well')")).output == "well\n"


# What befalls it.


def test_another_one_comes_where_one_has_ended(tmp_path, traces):
    before = traces.now()
    with hermetic.Pool(1, cwd=tmp_path, **GUARDED) as pool:
        assert pool.run_code("print(1)").output == "1\n"
        (launcher,) = set(traces.now()["children"]) - set(before["children"])
        interpreter = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()[0]
        os.kill(int(interpreter), signal.SIGKILL)
        with pytest.raises(errors.HermeticError):
            pool.run_code("import time; time.sleep(1); print(2)")
        assert pool.run_code("print(3)").output == "3\n"
    assert traces.now() == before


class Interrupted(Exception):
    """What a signal handler raises."""


def test_an_interrupted_caller_leaves_nothing(tmp_path, traces):
    def interrupt(*_):
        raise Interrupted

    before = traces.now()
    handler = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with hermetic.Pool(1, cwd=tmp_path, block_network=True) as pool:
            timer = threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGUSR1))
            timer.start()
            with pytest.raises(Interrupted):
                pool.run_code("import subprocess; subprocess.run(['sleep', '4719.25'])")
            timer.join()
            assert not running("4719.25")
            assert pool.run_code("print('next')").output == "next\n"
    finally:
        signal.signal(signal.SIGUSR1, handler)
    assert traces.now() == before


def test_modules_are_loaded_ahead(tmp_path):
    (tmp_path / "loud.py").write_text("print('loud')\n")
    words = {"cwd": tmp_path, "set_env": {"PYTHONPATH": str(tmp_path)}, **GUARDED}
    with hermetic.Pool(1, preload=["loud", "decimal"], **words) as pool:
        assert (
            pool.run_code("import sys; print('loud' in sys.modules, 'decimal' in sys.modules, 'csv' in sys.modules)").output
            == "True True False\n"
        )
    with pytest.raises(errors.HermeticError, match="no_such_module"), hermetic.Pool(1, preload=["no_such_module"], **words):
        pass


WRONG = [
    ({"size": 0}, errors.BadBlock, "less than one"),
    ({"size": "2"}, errors.BadArgument, "a number"),
    ({"preload": "json"}, errors.BadArgument, "list of names"),
    ({"block_netwrok": True}, errors.BadArgument, "did you mean"),
    ({"block_native": True}, errors.GuardUnavailable, "native guard"),
    ({"block_subprocess": True, "allow_run": ["true"]}, errors.GuardUnavailable, "any program be started, or none"),
    ({"python": "/no/python"}, errors.TargetNotFound, "/no/python"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "kind", "said"), WRONG, ids=[next(reversed(words)) for words, *_ in WRONG])
def test_what_is_asked_for_wrongly(words, kind, said):
    with pytest.raises(kind, match=said), hermetic.Pool(**words):
        pass


@pytest.mark.pythons("3.6", "pypy3.9")
def test_interpreters_that_cannot_be_kept_warm(python):
    with pytest.raises(errors.GuardUnavailable, match="only CPython from 3"), hermetic.Pool(python=python.path, block_network=True):
        pass


def test_wrong_runs_cost_nothing(pool):
    for words, kind in (({"timeout": "soon"}, errors.BadBlock), ({"input": 3}, errors.BadArgument), ({"keep_output": -1}, errors.BadBlock)):
        with pytest.raises(kind):
            pool.run_code("pass", **words)
    with pytest.raises(errors.BadArgument):
        pool.run_code(3)
    assert pool.run_code("print('well')").output == "well\n"


def test_a_pool_that_is_not_open():
    with pytest.raises(errors.BadBlock, match="not open"):
        hermetic.Pool(**GUARDED).run_code("pass")


def test_a_caller_that_is_killed_takes_its_pool_along(own_places):
    code = 'import hermetic, time\nwith hermetic.Pool(1, block_network=True) as pool: pool.run_code(\'import subprocess; subprocess.run(["sleep", "4720.25"])\')'
    caller = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 30
    while not running("4720.25") and time.monotonic() < until:
        time.sleep(0.05)
    caller.kill()
    caller.wait()
    while (running("4720.25") or os.listdir(own_places)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not running("4720.25")
    assert os.listdir(own_places) == []


def leaves_nothing(tmp_path, traces, runs):
    """Neither while there is the pool nor afterwards; and a late run costs what an early one does."""
    before = traces.now()
    with hermetic.Pool(1, cwd=tmp_path, **GUARDED) as pool:
        pool.run_code("pass")
        (launcher,) = set(traces.now()["children"]) - set(before["children"])
        within, memory = (traces.now(), sorted(os.listdir(f"/proc/{launcher}/fd"))), traces.memory()
        used = [pool.run_code("open(__import__('os').environ['TMPDIR'] + '/x', 'w')").usage.cpu for _ in range(runs)]
        assert (traces.now(), sorted(os.listdir(f"/proc/{launcher}/fd"))) == within
        assert traces.memory() - memory < runs + 2000  # what each has cost is kept here
    assert traces.now() == before
    return used


def test_runs_leave_nothing(tmp_path, traces):
    leaves_nothing(tmp_path, traces, 30)


@pytest.mark.soak
def test_ten_thousand_runs_leave_nothing_and_cost_the_same(tmp_path, traces):
    used = leaves_nothing(tmp_path, traces, 10_000)
    early, late = sorted(used[10:510])[250], sorted(used[-500:])[250]
    assert late < 1.5 * early
