"""How two things are compared: always in turn with each other, so that a machine that slows down slows down both."""

import contextlib
import statistics
import subprocess
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
