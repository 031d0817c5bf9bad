"""What the launcher loads on the way to a run. Every module is in somebody's way a thousand times a day, so each stands here by name."""

from __future__ import annotations

import subprocess
import sys

OWN = """
hermetic hermetic.__main__ hermetic.digest hermetic.errors hermetic.events hermetic.options hermetic.report
hermetic.launch hermetic.launch.environ hermetic.launch.execution hermetic.launch.leftovers hermetic.launch.payload hermetic.launch.process hermetic.launch.removal
hermetic.launch.run hermetic.launch.signals hermetic.launch.stage
hermetic.linux hermetic.linux.syscalls
hermetic.policy hermetic.policy.combine hermetic.policy.ports
hermetic.target hermetic.target.interrogate hermetic.target.resolve
hermetic_guard hermetic_guard.cmdline hermetic_guard.hosts hermetic_guard.injection hermetic_guard.pex hermetic_guard.policy hermetic_guard.programs
hermetic_guard.pyenv hermetic_guard.serialized hermetic_guard.shebang
""".split()
LIBRARY = "__future__ _ctypes fcntl marshal".split()
DIGEST = {"_sha2", "_sha256"}
"""The one that the interpreter has."""


def imported(*command: str) -> set[str]:
    """The modules that a command loads, by -X importtime."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_a_run_loads_what_it_uses(hermetic_command: str) -> None:
    bare = imported(sys.executable, "-I", "-S", "-X", "importtime", "-c", "import os")
    target = ["--no-network", "--", sys.executable, "-c", "pass"]
    subprocess.run([hermetic_command, *target], check=True)  # the first start asks the interpreter, with all that takes
    run = imported(sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, *target)
    assert run - bare - DIGEST == {*OWN, *LIBRARY} - bare


def test_click_is_loaded_to_answer(hermetic_command: str) -> None:
    assert "click" in imported(sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, "--help")
