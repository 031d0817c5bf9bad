"""`scripts/bench` measures: every figure with its bare counterpart."""

import json
import subprocess
import sys

from conftest import ROOT


def test_every_figure_has_its_counterpart(tmp_path):
    command = [sys.executable, ROOT / "scripts/bench", "--rounds", "1", "--json", tmp_path / "figures"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads((tmp_path / "figures").read_text())
    assert set(figures) >= {"launch", "profile", "connect", "named", "stream", "streams", "child", "inside"}
    for name, row in figures.items():
        assert min(row["bare_ms"], row["guarded_ms"], row["ratio"]) > 0, name
        assert f"| {name} | {row['bare_ms']:.3f} | {row['guarded_ms']:.3f} | {row['ratio']:.2f} |" in done.stdout
