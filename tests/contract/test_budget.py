"""What the launcher loads on the way to a run. Every module is in somebody's way a thousand times a day, so each stands here by name."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

BEFORE = """
hermetic hermetic.__main__ hermetic.ahead hermetic.digest hermetic.errors hermetic.kept hermetic.options hermetic.places
hermetic.launch hermetic.launch.becoming hermetic.launch.beforehand hermetic.launch.begin hermetic.launch.child hermetic.launch.confined hermetic.launch.environ
hermetic.launch.execution hermetic.launch.finding hermetic.launch.later hermetic.launch.made hermetic.launch.moved hermetic.launch.nested
hermetic.launch.payload hermetic.launch.process hermetic.launch.refusals hermetic.launch.run hermetic.launch.signals hermetic.launch.speaker
hermetic.launch.stage
hermetic.linux hermetic.linux.here hermetic.linux.processes hermetic.linux.syscalls
hermetic.policy hermetic.policy.combine hermetic.policy.context hermetic.policy.discover hermetic.policy.reader
hermetic.target hermetic.target.interrogate hermetic.target.resolve
hermetic_guard hermetic_guard.cmdline hermetic_guard.files hermetic_guard.hosts hermetic_guard.injection hermetic_guard.pex hermetic_guard.policy
hermetic_guard.programs hermetic_guard.pyenv hermetic_guard.serialized hermetic_guard.shebang
""".split()
"""Until the child has its rules, which is what the target waits for."""
MEANWHILE = """
hermetic.distributions hermetic.events hermetic.report
hermetic.launch.ending hermetic.launch.leftovers hermetic.launch.permission hermetic.launch.removal hermetic.launch.told
hermetic.linux.answers hermetic.linux.beginning hermetic.linux.bpf hermetic.linux.confine hermetic.linux.descriptors hermetic.linux.devices hermetic.linux.exec_once hermetic.linux.filters
hermetic.linux.gaps hermetic.linux.judge hermetic.linux.landlock hermetic.linux.layers hermetic.linux.mountinfo
hermetic.linux.mounts hermetic.linux.namespaces hermetic.linux.notify hermetic.linux.numbers hermetic.linux.prepared hermetic.linux.privileges
hermetic.linux.process_answers hermetic.linux.seccomp hermetic.linux.socket_answers hermetic.linux.socket_calls hermetic.linux.socket_filters hermetic.linux.socket_turns
hermetic.linux.steps hermetic.linux.supervisor hermetic.linux.surroundings hermetic.linux.udp_sockets
hermetic_guard.attribution hermetic_guard.decide hermetic_guard.distributions hermetic_guard.guards hermetic_guard.guards.options
hermetic_guard.packages
""".split()
"""By the child while it waits for that, and by the launcher afterwards."""
OWN = [*BEFORE, *MEANWHILE]
BY_PROFILE = """
hermetic.indexes hermetic.indexes.command hermetic.indexes.words
hermetic.policy.adjust hermetic.policy.described hermetic.policy.environment hermetic.policy.library hermetic.policy.load hermetic.policy.parsed
hermetic.policy.paths hermetic.policy.ports hermetic.policy.repositories hermetic.policy.sets hermetic.policy.wildcards hermetic.target.names
""".split()
"""Besides, before the order, where a profile stands: no parser, no regular expressions."""
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


BEGUN = """
import sys
sys.path += {path!r}
from hermetic.launch.child import Child
begin = Child.begin
def begun(*words):
    print(*sys.modules, flush=True)
    begin(*words)
Child.begin = begun
from hermetic.__main__ import program
program()
"""


def loaded(*words: str) -> set[str]:
    """The modules that there are when the child is told its rules. The second time: the first start keeps what it has found out."""
    program = BEGUN.format(path=[entry for entry in sys.path if entry])
    command = [sys.executable, "-I", "-S", "-c", program, *words, "--", sys.executable, "-c", "pass"]
    found = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)][1]
    return set(found)


@pytest.mark.parametrize(("words", "more"), [(["--no-network"], []), (["run"], BY_PROFILE)], ids=["flags", "profile"])
def test_nothing_else_is_loaded_before_the_order(words: list[str], more: list[str]) -> None:
    own = {name for name in loaded(*words) if name.partition(".")[0] in ("hermetic", "hermetic_guard")}
    assert own == {*BEFORE, *more}


ASKED = """
import sys
sys.path += {path!r}
class Finder:
    def find_spec(name, path=None, target=None):
        print(name)
sys.meta_path.insert(0, Finder)
from hermetic import ahead
import hermetic_guard
for words in {lists!r}:
    ahead.load(getattr(ahead, words))
"""


LISTS = "PARSING BEGINNING DECIDING READING CHOOSING ANSWERING PERMITTING ATTENDING", "PARSING BEGINNING ENTERING CONFINING"


@pytest.mark.parametrize("lists", LISTS, ids=["launcher", "child"])
def test_what_is_loaded_ahead_is_not_looked_for(lists: str) -> None:
    """Each list is in the order of imports, and complete. The second time: the first has the bytecode made."""
    program = ASKED.format(path=[entry for entry in sys.path if entry], lists=lists.split())
    command = [sys.executable, "-I", "-S", "-c", program]
    found = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)][1]
    assert {name for name in found if name.partition(".")[0] in ("hermetic", "hermetic_guard")} == {
        "hermetic",
        "hermetic.ahead",
        "hermetic_guard",
    }


USED = """
import sys
sys.path += {path!r}
from hermetic import ahead
ahead.load = id
import hermetic.launch.begin
before = {{*sys.modules}}
import hermetic.linux.beginning
from hermetic.launch import child
child.load()
print(*{{*sys.modules}} - before)
print(*[name.replace(".__init__", "") for name in ahead.ENTERING + ahead.CONFINING])
"""


def test_the_child_loads_nothing_ahead_that_it_does_not_use() -> None:
    program = USED.format(path=[entry for entry in sys.path if entry])
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    used, listed = done.stdout.splitlines()
    assert {*listed.split()} == {name for name in used.split() if name.startswith("hermetic")}


@pytest.mark.parametrize("words", [["--no-network"], ["run"]], ids=["flags", "profile"])
def test_no_parser_is_loaded_before_the_order(words: list[str]) -> None:
    assert not loaded(*words) & {"re", "enum", "typing", "functools", "pathlib", "json", "tomllib", "glob", "threading", "signal", "click"}


def test_a_run_loads_what_it_uses(hermetic_command: str) -> None:
    bare = imported(sys.executable, "-I", "-S", "-X", "importtime", "-c", "import os")
    target = ["--no-network", "--", sys.executable, "-c", "import time; time.sleep(1)"]  # in which all is loaded that a longer run may need
    subprocess.run([hermetic_command, *target], check=True)  # the first start asks the interpreter, with all that takes
    run = imported(sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, *target)
    assert run - bare - AT_THE_END == {*OWN, *LIBRARY} - bare


def test_a_kept_environment_costs_little(hermetic_command: str, tmp_path: Path) -> None:
    (tmp_path / "demo-1-py3-none-any.whl").write_bytes(wheel())
    words = [
        "exec",
        "--no-network",
        f"--with={tmp_path}/demo-1-py3-none-any.whl",
        "--python",
        sys.executable,
        "-c",
        "import time; time.sleep(1)",
    ]
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
