"""`scripts/bench` measures: every figure with its bare counterpart, and its bars are those it says."""

import json
import subprocess
import sys

from conftest import ROOT

BENCH = ROOT / "scripts/bench"
QUICK = (
    "launch exec profile kernel inside child import open-python open open-root call block connect named stream memory launcher-memory cold warm"
).split()
"""Those that install nothing and repeat nothing."""


def bench(*words, **options):
    return subprocess.run([sys.executable, BENCH, *words], capture_output=True, text=True, **options)


def test_every_figure_has_its_counterpart(tmp_path):
    files = tmp_path / "figures.json", tmp_path / "figures.md"
    done = bench("--rounds", "1", "--only", ",".join(QUICK), "--json", files[0], "--markdown", files[1], check=True)
    figures = json.loads(files[0].read_text())
    assert set(figures["rows"]) == set(QUICK)
    assert files[1].read_text() in done.stdout
    for name, row in figures["rows"].items():
        assert min(row["bare_ms"], row["guarded_ms"], row["ratio"]) > 0, name
        assert f"({name}) | {row['bare_ms']:.4g}" in done.stdout


def test_check_tells_what_is_above_its_bar():
    words = "--rounds", "1", "--only", "launcher-memory", "--check"
    done = subprocess.run([sys.executable, "-c", LOWERED, ROOT / "scripts", BENCH, *words], capture_output=True, text=True)
    before, after = done.stdout.split(NOW)
    assert "above" not in before
    assert "above their bars: launcher-memory" in after
    assert done.returncode == 1


NOW = "now the bars are at nothing"
LOWERED = f"""
import contextlib, runpy, sys
scripts, *sys.argv = sys.argv[1:]
sys.path.insert(0, scripts)
from benches import place, rows
with place.place() as here:
    place.place = lambda: contextlib.nullcontext(here)
    bench = runpy.run_path(sys.argv[0])
    assert bench["main"]() == 0
    print({NOW!r})
    for row in rows.ROWS:
        row.most = 0
    sys.exit(bench["main"]())
"""


def test_unknown_rows_are_said():
    done = bench("--only", "lunch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is called lunch" in done.stderr
