"""What the launcher loads on the way to a run. Every module is in somebody's way a thousand times a day, so each stands here by name."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

OWN = """
hermetic hermetic.__main__ hermetic.digest hermetic.distributions hermetic.errors hermetic.events hermetic.kept hermetic.options hermetic.places hermetic.report
hermetic.launch hermetic.launch.becoming hermetic.launch.beforehand hermetic.launch.child hermetic.launch.confined hermetic.launch.environ hermetic.launch.execution hermetic.launch.finding hermetic.launch.later hermetic.launch.leftovers hermetic.launch.made hermetic.launch.moved hermetic.launch.nested hermetic.launch.payload
hermetic.launch.process hermetic.launch.refusals hermetic.launch.removal
hermetic.launch.run hermetic.launch.signals hermetic.launch.speaker hermetic.launch.stage
hermetic.linux hermetic.linux.answers hermetic.linux.judge hermetic.linux.process_answers hermetic.linux.socket_answers hermetic.linux.socket_calls hermetic.linux.bpf hermetic.linux.confine hermetic.linux.descriptors
hermetic.linux.devices hermetic.linux.filters hermetic.linux.gaps hermetic.linux.here hermetic.linux.socket_filters hermetic.linux.landlock
hermetic.linux.layers hermetic.linux.mountinfo hermetic.linux.mounts hermetic.linux.namespaces hermetic.linux.notify hermetic.linux.numbers
hermetic.linux.privileges hermetic.linux.processes hermetic.linux.seccomp hermetic.linux.steps hermetic.linux.supervisor hermetic.linux.surroundings hermetic.linux.syscalls hermetic.linux.socket_turns hermetic.linux.udp_sockets
hermetic.policy hermetic.policy.combine hermetic.policy.context hermetic.policy.discover hermetic.policy.ports hermetic.policy.reader
hermetic.target hermetic.target.interrogate hermetic.target.resolve
hermetic_guard hermetic_guard.attribution hermetic_guard.cmdline hermetic_guard.decide hermetic_guard.distributions hermetic_guard.files
hermetic_guard.guards hermetic_guard.guards.options hermetic_guard.hosts hermetic_guard.injection hermetic_guard.intersection
hermetic_guard.packages hermetic_guard.pex
hermetic_guard.policy hermetic_guard.programs hermetic_guard.pyenv hermetic_guard.serialized hermetic_guard.shebang hermetic_guard.unions
""".split()
KEPT = """
hermetic.throwaway hermetic.throwaway.asked hermetic.throwaway.entering hermetic.throwaway.store hermetic.indexes hermetic.indexes.pip
hermetic.indexes.words
""".split()
"""What a run needs besides for an environment that is there already: no pip, no virtualenv, no parser."""
LIBRARY = "__future__ _blake2 _ctypes _json errno fcntl gc itertools marshal".split()
AT_THE_END = {"select"}
"""Loaded by a thread of the supervisor once the target has ended, if the launcher is there still."""


def imported(*command: str, env: dict[str, str] | None = None) -> set[str]:
    """The modules that a command loads, by -X importtime."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True, env=env)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_a_run_loads_what_it_uses(hermetic_command: str) -> None:
    bare = imported(sys.executable, "-I", "-S", "-X", "importtime", "-c", "import os")
    target = ["--no-network", "--", sys.executable, "-c", "pass"]
    subprocess.run([hermetic_command, *target], check=True)  # the first start asks the interpreter, with all that takes
    run = imported(sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, *target)
    assert run - bare - AT_THE_END == {*OWN, *LIBRARY} - bare


def test_a_kept_environment_costs_little(hermetic_command: str, tmp_path: Path) -> None:
    (tmp_path / "demo-1-py3-none-any.whl").write_bytes(wheel())
    words = ["exec", "--no-network", f"--with={tmp_path}/demo-1-py3-none-any.whl", "--python", sys.executable, "-c", "pass"]
    own = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    subprocess.run([hermetic_command, *words], env=own, check=True)
    bare = imported(sys.executable, "-I", "-S", "-X", "importtime", "-c", "import os")
    run = imported(sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, *words, env=own)
    assert run - bare - AT_THE_END == {*OWN, *LIBRARY, *KEPT} - bare


def wheel() -> bytes:
    content = io.BytesIO()
    info = "demo-1.dist-info"
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


def test_click_is_loaded_to_answer(hermetic_command: str) -> None:
    assert "click" in imported(sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, "--help")
