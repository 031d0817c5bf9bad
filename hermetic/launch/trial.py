"""Tries the environment way on an interpreter, before it is relied on.

A guarded start in a virtual environment made for it, which holds nothing but a `.pth` file that says whether it found the guards in place. So
nothing of the interpreter's own site-packages runs, and the way is proved for what matters: the order of start-up. It runs as whoever is asked
something does (confined_query.py).
"""

from __future__ import annotations

import os

from hermetic_guard import injection
from hermetic_guard.policy import Network, Policy

from hermetic.errors import StageError
from hermetic.launch import confined_query, environ, payload
from hermetic.launch.stage import RunDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.target.interrogate import Interpreter

CANARY = "import sys; sys.stdout.write('y' if 'hermetic_guard' in sys.modules else 'n')\n"


def environment_way(facts: Interpreter, limited: bool) -> bool:
    """Whether PYTHONWARNINGS brings the guard up in this interpreter, before any `.pth` file."""
    try:
        with RunDirectory.create(payload.files(Policy(network=Network()), [facts], []), os.environ) as run:
            python = make_venv(f"{run.path}/scratch", facts)
            environment = injection.prepare_environment({}, environ.handoff(run), "early")
            answer = confined_query.ask([python, "-B", "-c", "pass"], environment, run=run.path, limited=limited)
    except (OSError, StageError):
        return False
    # More than once: `site` looks at the directory of a virtual environment twice.
    return answer.code == 0 and set(answer.out) == set(b"y") and not answer.err


def make_venv(place: str, facts: Interpreter) -> str:
    """A virtual environment as `venv` makes one (PEP 405), with the canary in it; returns its interpreter."""
    major, minor, _ = facts.version
    site = f"{place}/lib/python{major}.{minor}/site-packages"
    os.makedirs(site)
    os.mkdir(f"{place}/bin")
    os.symlink(facts.path, f"{place}/bin/python")
    write(f"{place}/pyvenv.cfg", f"home = {os.path.dirname(facts.path)}\ninclude-system-site-packages = false\n")
    write(f"{site}/canary.pth", CANARY)
    return f"{place}/bin/python"


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
