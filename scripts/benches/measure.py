"""How two things are compared: always in turn with each other, so that a machine that slows down slows down both."""

import contextlib
import os
import statistics
import subprocess
import sys
import time

SLICES = 20
"""How many turns of programs that are there all the time there are for each round of the others."""
LOOP = """
import sys, time
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(TIMES):
        once()
    print((time.perf_counter() - start) / TIMES, flush=True)
"""
"""What a program ends with that is measured in turn with its counterpart, while both are there: so a noisy machine disturbs both alike."""


def compare(bare, guarded, rounds):
    """The figures of two functions that measure once, in seconds."""
    return summary([(bare(), guarded()) for _ in range(rounds)])


def summary(pairs):
    """Medians in milliseconds, the median ratio of the pairs, and between which ratios eight of ten are."""
    ratios = sorted(b / a for a, b in pairs)
    return {
        "bare_ms": statistics.median(a for a, _ in pairs) * 1000,
        "guarded_ms": statistics.median(b for _, b in pairs) * 1000,
        "more_ms": statistics.median(b - a for a, b in pairs) * 1000,
        "ratio": statistics.median(ratios),
        "ratio_low": ratios[len(ratios) // 10],
        "ratio_high": ratios[-1 - len(ratios) // 10],
    }


def wholes(bare, guarded, rounds):
    """Two commands, each from its start to its end."""
    return compare(lambda: whole(bare), lambda: whole(guarded), rounds)


def whole(command):
    start = time.perf_counter()
    subprocess.run([*map(str, command)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def quietly(bare, guarded, rounds):
    """Two programs that say themselves how long it took, for a difference of a few milliseconds that a busy machine would hide.

    What else goes on there makes a program slower and never faster. So nothing else is let onto their processors where that is permitted, there are
    many turns, of which each program comes first in every third, and of each program its lower quartile counts. Beside the clock stands the
    processor time of a program and all that it has started. `bare` has two turns: what is between these is what such a difference means here.
    """
    programs = [bare, guarded, bare]
    taken = [[], [], []]
    for index in range(rounds * TURNS):
        for which in (index % 3, (index + 1) % 3, (index + 2) % 3):
            taken[which].append(alone(programs[which]))
    times, used = ([quartile(pair[part] for pair in pairs) for pairs in taken] for part in (0, 1))
    figures = summary([(one[0], other[0]) for one, other in zip(taken[0], taken[1], strict=True)])
    figures.update(bare_ms=times[0] * 1000, guarded_ms=times[1] * 1000, more_ms=(times[1] - times[0]) * 1000, ratio=times[1] / times[0])
    figures["processor_more_ms"] = (used[1] - used[0]) * 1000
    itself = [abs(of[2] - of[0]) * 1000 for of in (times, used)]
    figures["how"] = (
        f"lower quartiles of {len(taken[0])} turns {SCHEDULED[scheduled()]}; without the rules beside itself: {itself[0]:.1f} and {itself[1]:.1f} ms"
    )
    return figures


def quartile(values):
    """The lower one."""
    return statistics.quantiles(values, n=4, method="inclusive")[0]


TURNS = 3
"""How many there are for each round of the others."""
SCHEDULED = {True: "before all other programs (SCHED_FIFO)", False: "among all other programs (SCHED_FIFO is not permitted)"}


def scheduled():
    """Whether a program that is started by `alone` is."""
    return told([sys.executable], f"{ALONE}\nprint(int(os.sched_getscheduler(0) == os.SCHED_FIFO))") == 1


ALONE = """
import os
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
except PermissionError:
    pass
"""


def alone(command):
    """What a Python program says, which is begun as ALONE has it, and the processor time that it and its children took, in seconds."""
    prefix, code, words = command
    with subprocess.Popen([*map(str, prefix), "-c", ALONE + code, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return float(said), used.ru_utime + used.ru_stime


def told(prefix, code, *arguments):
    """A time that the program measures itself."""
    command = [*map(str, prefix), "-c", code, *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def in_turn(bare, guarded, code, *arguments, rounds):
    """Two programs that are there all the time, and do their work in turn; which is first, too."""
    with program(bare, code, *arguments) as one, program(guarded, code, *arguments) as other:
        one(), other()
        pairs = []
        for index in range(rounds * SLICES):
            first, second = (one, other) if index % 2 else (other, one)
            pair = first(), second()
            pairs.append(pair if index % 2 else pair[::-1])
    return summary(pairs)


@contextlib.contextmanager
def program(prefix, code, *arguments):
    """A program that does what `code` has in `once` whenever it is told, TIMES times, and says how long one took."""
    command = [*map(str, prefix), "-c", code + LOOP, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def take():
            process.stdin.write("\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        yield take
        process.stdin.close()
