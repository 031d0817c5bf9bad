"""What the tests of runs share: the guards' files are kept where the session keeps them, and run directories are made where they can be counted."""

import gc
import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_places(cache, tmp_path_factory, monkeypatch):
    """No test shares the user's cache, and none finds another's run directories."""
    place = tmp_path_factory.mktemp("runs")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("TMPDIR", str(place))
    return place


class Traces:
    """What a process has open, what runs below it, and what is in the place of the run directories."""

    def __init__(self, place):
        self.place = place

    def now(self):
        task = f"/proc/self/task/{os.getpid()}/children"
        return {
            "descriptors": sorted(os.listdir("/proc/self/fd")),
            "children": Path(task).read_text().split(),
            "directories": sorted(os.listdir(self.place)),
        }

    def memory(self):
        """Blocks that the interpreter has in use. One object kept for each of ten thousand runs is more than all else that changes."""
        gc.collect()
        return sys.getallocatedblocks()


@pytest.fixture
def traces(own_places):
    gc.collect()  # what other tests have left open is not to be closed in the middle of this one
    return Traces(own_places)


def running(marker):
    """Whether any process has this in its command line."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid() and marker.encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False
