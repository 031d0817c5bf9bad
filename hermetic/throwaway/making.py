"""Makes an environment and fills it, each as a run of its own, of which the environment is the only thing that may be written besides scratch.

It is made by virtualenv, which brings a pip that is younger than the interpreter, and for interpreters that virtualenv no longer knows by their own
`venv`. Both run code of the interpreter's installation, `.pth` lines too, so nothing of that happens in this process. It is filled under the profile
`pip-install`.
"""

from __future__ import annotations

import os
import sys

from hermetic.errors import HermeticError, quoted
from hermetic.options import EXEC, OPTIONS, Invocation
from hermetic.throwaway import asked
from hermetic.throwaway.steps import Screen, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermetic.target.interrogate import Interpreter
    from hermetic.throwaway.asked import Word
    from hermetic.throwaway.store import Environment

OLDEST_OF_VIRTUALENV = (3, 9)
PROFILE = "pip-install"

ALIKE = ("log", "trace", "verbose", "quiet", "require", "best_effort", "kernel")
"""Options that count for the steps as for the command."""

MAKE = """\
import os, sys
environment, python, *sys.path[len(sys.path):] = sys.argv[1:]
from virtualenv import cli_run
scratch = os.environ["TMPDIR"] + "/app-data"
cli_run([environment, "--python", python, "--app-data", scratch, "--no-download", "--no-periodic-update", "--quiet"])
"""
INSTALL = ("-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
TOLD = ("PIP_USER=0", "PIP_PROGRESS_BAR=off", "PIP_ROOT_USER_ACTION=ignore", "PIP_NO_WARN_SCRIPT_LOCATION=1")
ELSEWHERE = tuple(f"PIP_{name}" for name in "TARGET PREFIX ROOT PYTHON DRY_RUN REPORT EDITABLE QUIET VERBOSE".split())
"""Variables by which pip would install nothing, or elsewhere; by PIP_EDITABLE a project besides."""


def make(
    environment: Environment, base: Interpreter, words: Sequence[Word], invocation: Invocation, cwd: str | None, *, needs_kernel: bool
) -> int:
    """How many actions were refused meanwhile. base: what it is made for; invocation: the user's, whose options count here as far as they fit;
    needs_kernel: whether what is required of the kernel for the command is to be required here

    Raises HermeticError if it could not be made, or could not be filled.
    """
    screen = Screen(quiet=invocation.flag("quiet"), verbose=invocation.flag("verbose"))
    named = " ".join(quoted(word.given) for word in words)
    steps = (
        (f"making an environment for {base.name}", creation(environment, base, invocation)),
        (f"installing {named}", installation(environment, words, invocation)),
    )
    blocked = 0
    for title, step in steps:
        step.values.update({"kernel": "required"} if needs_kernel else {})
        screen.begin(title)
        code, refused = Step(lambda step=step: _run(step, cwd, environment.path), screen).result()  # type: ignore[misc]
        blocked += refused
        if code:
            screen.failed()
            raise HermeticError(f"{title} failed with exit code {code}, so nothing was run")
    screen.clear()
    return blocked


def _run(step: Invocation, cwd: str | None, environment: str) -> tuple[int, int]:
    """In a process of its own."""
    from hermetic.launch import begin

    for name in ELSEWHERE:
        os.environ.pop(name, None)
    return begin.carry_out(step, cwd, fills=environment)


def creation(environment: Environment, base: Interpreter, invocation: Invocation) -> Invocation:
    """The run that makes it: no network, nothing written beside it, and of the user's variables those that every program needs."""
    values = {**_given(invocation, ALIKE), "no_network": True, "fs_readonly": True, "clean_env": True, "no_policy": True}
    if base.version[:2] < OLDEST_OF_VIRTUALENV:
        return Invocation(EXEC, {**values, "python": base.path}, ["-I", "-m", "venv", environment.path])
    packages = [place for place in sys.path if os.path.basename(place).endswith("-packages")]
    values |= {"python": sys.executable, "set_env": (f"VIRTUALENV_CONFIG_FILE={os.devnull}",)}
    return Invocation(EXEC, values, ["-I", "-S", "-c", MAKE, environment.path, base.path, *packages])


def installation(environment: Environment, words: Sequence[Word], invocation: Invocation) -> Invocation:
    """The run that fills it."""
    values = _given(invocation, (*ALIKE, *asked.COUNTING))
    values |= {"profile": (PROFILE,), "python": environment.path, "set_env": TOLD}
    files = [part for word in words if word.kind == asked.FILE for part in ("--requirement", word.requirement)]
    others = [word.requirement for word in words if word.kind != asked.FILE]
    return Invocation(EXEC, values, [*INSTALL, *files, *(["--", *others] if others else [])])


def _given(invocation: Invocation, keys: Sequence[str]) -> dict[str, object]:
    return {option.key: invocation.values[option.key] for option in OPTIONS if option.key in keys and option.key in invocation.values}


def installed(environment: Environment) -> list[str]:
    """The distributions in it, as their metadata is called."""
    from glob import escape, glob

    found = glob(f"{escape(environment.path)}/lib*/py*/site-packages/*.*-info") + glob(f"{escape(environment.path)}/site-packages/*.*-info")
    return sorted({os.path.basename(path) for path in found})
