"""What `hermetic.run_code` costs when it is called again and again on one processor, by its own profile: with a start each, and by a pool."""

import json
import subprocess
import sys

from benches.measure import summary
from benches.place import ROOT

COLD = """
def run():
    return hermetic.run_code("pass", python=python).exit_code
"""
WARM = """
pool = hermetic.Pool(python=python)
pool.__enter__()
def run():
    return pool.run_code("pass").exit_code
"""
TAKEN = """
import json, os, subprocess, sys, time
count, python, *sys.path[:0] = sys.argv[1:]
import hermetic
os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
{code}
def bare():
    return subprocess.call([python, "-c", "pass"])
def timed(function):
    start = time.perf_counter()
    assert function() == 0
    return time.perf_counter() - start
run()
print(json.dumps([(timed(bare), timed(run)) for _ in range(int(count))]))
"""


def each(code):
    """One run, beside a bare `python -c pass`."""
    return lambda place, rounds: summary(taken(place, code, rounds))


def flat(code, times):
    """The last third of some runs, beside the first third."""

    def measured(place, rounds):
        took = [run for _, run in taken(place, code, rounds * times)]
        third = len(took) // 3
        return summary([*zip(took[:third], took[-third:], strict=True)])

    return measured


def taken(place, code, count):
    """Seconds of bare starts and of runs, in turn."""
    words = [str(count), str(place.python), str(ROOT), str(ROOT / "bootstrap")]
    done = subprocess.run([sys.executable, "-c", TAKEN.format(code=code), *words], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)
