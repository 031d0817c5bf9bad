"""Pure: what the user's environment and the target become for a guarded start."""

from __future__ import annotations

import os

from hermetic_guard import cmdline, injection

from hermetic.errors import HermeticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermetic.launch.stage import RunDirectory
    from hermetic.target.interrogate import Interpreter
    from hermetic.target.resolve import Target


class Start:
    """What is handed to execve, and which way of injection it is with the reason, for -v.

    runs: whether anything will run; to --version, --help and wrong options an interpreter answers by itself, without guards.
    """

    __slots__ = ("argv", "environment", "interpreter", "runs", "way", "why")

    def __init__(self, interpreter: str, argv: list[str], environment: dict[bytes, bytes], way: str, why: str, runs: bool) -> None:
        self.interpreter = interpreter
        self.argv = argv
        self.environment = environment
        self.way = way
        self.why = why
        self.runs = runs


def prepare(target: Target, facts: Interpreter, run: injection.Handoff) -> Start:
    """Choose the way and apply it."""
    line = cmdline.parse(target.argv)
    way, why = choose(facts, line)
    runs = line.kind != "x"
    argv = target.argv
    if way == "stub" and runs:
        argv = [target.argv[0], *injection.stub_arguments(line, f"{os.fsdecode(run.run)}/stub.py")]
    environment = injection.prepare_environment(as_bytes(target.environ), run, way)
    return Start(target.interpreter, argv, environment, way, why, runs)


def handoff(run: RunDirectory) -> injection.Handoff:
    """What a guarded process must know of its run."""
    return injection.Handoff(os.fsencode(run.path), run.digest.encode(), run.identity)


def choose(facts: Interpreter, line: cmdline.CommandLine) -> tuple[str, str]:
    """The way for an interpreter and its command line, and why."""
    ignoring = sorted(line.letters & set("IES"))
    if ignoring:
        return "stub", f"-{ignoring[0]} switches off what the environment way needs"
    if not facts.proved:
        return "stub", f"the environment way is not proved for {facts.name}"
    return "early", f"proved for {facts.name} by a trial run"


def as_text(environment: Mapping[bytes, bytes]) -> dict[str, str]:
    return {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}


def as_bytes(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}


def refuse_other_library(environment: Mapping[bytes, bytes]) -> None:
    """Raise HermeticError if the environment leads the interpreter to another standard library than its own."""
    for name in injection.OTHER_LIBRARY:
        if environment.get(name):
            text = name.decode()
            raise HermeticError(f"{text} is set: the interpreter would load another library before the guards", f"unset {text}")


def uncoerced(environment: Mapping[bytes, bytes], initial: bytes) -> dict[bytes, bytes]:
    """`environment` without the LC_CTYPE that a Python started in the C locale adds to its own (PEP 538).

    initial: the environment the process was started with, as /proc/self/environ shows it.
    """
    kept = dict(environment)
    if kept.get(b"LC_CTYPE") in (b"C.UTF-8", b"C.utf8", b"UTF-8") and b"LC_CTYPE=" not in b"\0" + initial:
        del kept[b"LC_CTYPE"]
    return kept
