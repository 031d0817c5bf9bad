"""What it costs to start: whole commands, the payload's part, the kernel's part, children, memory."""

import os
import subprocess
import sys
import time

from benches.measure import compare, quietly, told, wholes
from benches.place import ROOT

PASS = "-c", "pass"
CHILD = """
import subprocess, sys, time
command = [sys.executable, "-S", "-c", "pass"]
subprocess.run(command)
start = time.perf_counter()
for _ in range(5):
    subprocess.run(command)
print((time.perf_counter() - start) / 5)
"""


def launch(place, rounds):
    return wholes([place.python, *PASS], [*place.under("--no-network"), place.python, *PASS], rounds)


def execute(place, rounds):
    command = [place.hermetic, "exec", "--quiet", "--no-network", "--python", place.python, *PASS]
    return wholes([place.python, *PASS], command, rounds)


def profile(place, rounds):
    return wholes([place.python, *PASS], [*place.under(), place.python, *PASS], rounds)


def relative(name):
    def measured(place, rounds):
        return wholes([place.python, *PASS], [*place.relative(name), place.python, *PASS], rounds)

    return measured


def child(place, rounds):
    guarded = [*place.under("--no-network"), place.python]
    return compare(lambda: told([place.python], CHILD), lambda: told(guarded, CHILD), rounds)


def inside(place, rounds):
    """The payload's part: the launcher stages a run, and the interpreter is started in it again and again."""
    sys.path[:0] = [str(ROOT), str(ROOT / "bootstrap")]
    from hermetic_guard import injection
    from hermetic_guard.policy import Network, Policy

    from hermetic import kept
    from hermetic.launch import environ, payload
    from hermetic.launch.stage import RunDirectory
    from hermetic.target import interrogate

    facts = interrogate.interrogate(str(place.python), kept.directory(os.environ))
    with RunDirectory.create(payload.files(Policy(network=Network()), [facts], []), os.environ) as run:
        guarded = injection.prepare_environment(dict(os.environb), environ.handoff(run), "early")

        def start(environment):
            begin = time.perf_counter()
            subprocess.run([place.python, *PASS], check=True, env=environment)
            took = time.perf_counter() - begin
            drain(run.events)
            return took

        return compare(lambda: start(dict(os.environb)), lambda: start(guarded), rounds)


def drain(events):
    try:
        os.read(events, 65536)
    except BlockingIOError:
        return


def kernel(place, rounds):
    """A run of a program that is not Python, in a process of its own, as runs are: with and without the kernel's rules."""

    words = "-q --no-network --no-subprocess --fs-readonly -- /bin/true".split()

    def command(without):
        return [place.python, "-I", "-S"], RUN.format(root=str(ROOT), without=without), words

    return quietly(command(WITHOUT), command(""), rounds)


RUN = """
import time
start = time.perf_counter()
import sys
sys.path[:0] = ["{root}", "{root}/bootstrap"]
import gc
gc.disable()  # as the command does
from hermetic import options
from hermetic.launch import begin, run
{without}
assert begin.main(options.parse(sys.argv[1:])) == 0
print(time.perf_counter() - start)
"""
WITHOUT = """
import contextlib
from hermetic.launch.execution import Execution
begin.Child = contextlib.nullcontext
run.ConfinedExecution = lambda program, argv, env, **rules: Execution(program, argv, env)
"""


def memory(place, rounds):
    """Peak resident memory of the target."""
    guarded = [*place.under("--no-network"), place.python]
    return compare(lambda: told([place.python], PEAK), lambda: told(guarded, PEAK), rounds)


PEAK = """
with open("/proc/self/status") as status:
    print([int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")][0])
"""


def launcher_memory(place, rounds):
    """The launcher's, while its target runs; beside it that of an interpreter that was started as it is, and does nothing."""
    guarded = [*place.under("--no-network"), "/bin/cat"]
    return compare(lambda: told([place.python, "-I", "-S"], PEAK), lambda: peak(guarded), rounds)


def peak(command):
    """MiB of a process whose target is there and waits."""
    with subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        with open(f"/proc/{process.pid}/status") as status:
            found = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        process.stdin.close()
    return found
