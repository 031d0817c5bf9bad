"""Pure: what the user's environment and the target become for a guarded start."""

from __future__ import annotations

import os

from hermetic_guard import cmdline, injection
from hermetic_guard.policy import lets_write

from hermetic.errors import HermeticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermetic_guard.policy import Policy

    from hermetic.launch.stage import RunDirectory
    from hermetic.target.interrogate import Interpreter
    from hermetic.target.resolve import Target

MAKE_CODE = ("PYTHON_JIT", "PYTHONPERFSUPPORT", "PYTHON_PERF_JIT_SUPPORT")


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


def prepare(
    target: Target,
    facts: Interpreter | None,
    run: injection.Handoff,
    initial: Mapping[bytes, bytes],
    *,
    once: bool = False,
    warm: bool = False,
) -> Start:
    """Choose the way and apply it.

    facts: about the interpreter, None where the target is no Python
    initial: the user's environment, as it was before `env` in a `#!` line changed it for the target
    once: whether the kernel will let nothing be executed but the target
    warm: whether the interpreter is to wait for code, see _warm.py
    Raises HermeticError if the interpreter is told to load other code than its own before any guard can stand.
    """
    if facts is None:
        return prepare_program(target, run)
    if not facts.guardable:
        why = f"{facts.name} cannot carry the guards"
        return Start(target.interpreter, target.argv, as_bytes(target.environ), "none", why, True)
    line = cmdline.parse(target.argv)
    variables = as_bytes(target.environ)
    refuse_other_code(variables, line)
    reopen = not once and injection.inspects(line, variables)
    way, why = ("stub", "it is to wait for code") if warm else choose(facts, line)
    runs = line.kind != "x"
    argv = target.argv
    if way == "stub" and runs:
        make = injection.warm_arguments if warm else injection.stub_arguments
        argv = [target.argv[0], *make(line, os.fsdecode(run.run), reopen)]
    loader = {name: initial[name] for name in injection.LOADER if name in initial}
    environment = injection.prepare_environment(variables, run, way, loader=loader)
    return Start(target.interpreter, argv, environment, way, why, runs)


def prepare_program(target: Target, run: injection.Handoff) -> Start:
    """A program that is not Python may start one, which finds the guards by its environment."""
    environment = as_bytes(target.environ)
    misled = injection.misleading(environment)
    if misled:
        raise HermeticError(f"{misled} would have Python load other code before the guards", f"unset {misled}")
    environment = injection.prepare_environment(environment, run, "early")
    return Start(target.interpreter, target.argv, environment, "early", "for the Python programs that it may start", True)


def scratch(policy: Policy, directory: str, environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What a program that the kernel alone holds has to be told, so that its temporary files go where they may be written."""
    if policy.filesystem is None:
        return {}
    usual = os.path.realpath(environment.get(b"TMPDIR") or b"/tmp")
    return {} if lets_write(policy.filesystem, os.fsdecode(usual)) else {b"TMPDIR": os.fsencode(directory)}


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


def makes_code(target: Target, facts: Interpreter | None) -> bool:
    """Whether the target makes machine code as it runs: other programs and interpreters than CPython may, that with a compiler or a profiler."""
    if facts is None or facts.implementation != "cpython" or facts.jit:
        return True
    asked = any(target.environ.get(name, "0") != "0" for name in MAKE_CODE)
    return asked or any("perf" in word for word in cmdline.parse(target.argv).flags)


def as_text(environment: Mapping[bytes, bytes]) -> dict[str, str]:
    return {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}


def as_bytes(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}


def refuse_other_code(environment: dict[bytes, bytes], line: cmdline.CommandLine) -> None:
    """Raise HermeticError for PYTHONHOME, `-X pycache_prefix` and the like."""
    misled = injection.misleading(environment, line)
    if misled:
        hint = "PYTHONPYCACHEPREFIX does the same" if "pycache_prefix" in misled else f"without {misled} it can be guarded"
        raise HermeticError(f"{misled} would have the interpreter load other code before the guards", hint)


def uncoerced(environment: Mapping[bytes, bytes], initial: bytes) -> dict[bytes, bytes]:
    """`environment` without the LC_CTYPE that a Python started in the C locale adds to its own (PEP 538).

    initial: the environment the process was started with, as /proc/self/environ shows it.
    """
    kept = dict(environment)
    if kept.get(b"LC_CTYPE") in (b"C.UTF-8", b"C.utf8", b"UTF-8") and b"LC_CTYPE=" not in b"\0" + initial:
        del kept[b"LC_CTYPE"]
    return kept
