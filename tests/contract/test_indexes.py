"""No host of an index is written into hermetic: which there are it reads where installers have them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from hermetic.indexes import defaults

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("hermetic", "bootstrap", "docs", "scripts", "README.md")


def texts() -> Iterator[tuple[Path, str]]:
    for place in PLACES:
        files = [file for file in (ROOT / place).rglob("*") if file.is_file()] if (ROOT / place).is_dir() else [ROOT / place]
        yield from ((file, file.read_text(encoding="utf-8", errors="replace")) for file in files if file.suffix != ".pyc")


def test_no_host_is_written_down() -> None:
    default = defaults.find(sys.executable)
    assert default is not None
    hosts = {str(urlsplit(default.url).hostname), *default.hosts, *default.hosts.values()}
    found = dict(texts())
    assert len(found) > 200
    assert [(file, host) for file, text in found.items() for host in hosts if host in text] == []
    pips = next(defaults.copies(sys.executable, ()))
    assert all(any(host in text for text in pips.values()) for host in hosts), "control"
