"""A piece is broken, and nothing of the target runs: exit code 125, and one line that says why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Python, find_python
from hermetic_guard import injection
from launch.staged import Staged, native

from hermetic.digest import Content
from hermetic.errors import HermeticError
from hermetic.launch import environ, payload
from hermetic.target import interrogate

CANARY = "open('canary', 'w').close()"
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def write(path: str, content: bytes) -> None:
    """Over a staged file, which is read-only."""
    os.chmod(path, 0o600)
    Path(path).write_bytes(content)


def flip(name: str) -> Callable[[str], None]:
    def act(run: str) -> None:
        [path] = Path(run).glob(name)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        write(str(path), bytes(content))

    return act


def remove(name: str) -> Callable[[str], None]:
    return lambda run: next(Path(run).glob(name)).unlink()


def replace_channel(run: str) -> None:
    os.unlink(f"{run}/events")
    Path(run, "events").write_text("")


COMPILED = "payload.[0-9a-f]*"
BROKEN: list[tuple[str, Callable[[str], Any], str]] = [
    ("payload altered", flip(COMPILED), r"payload\.[0-9a-f]+ in the run directory was altered"),
    ("payload missing", remove(COMPILED), "No such file or directory: .*payload"),
    ("loader altered", lambda run: [write(str(path), b"") for path in Path(run).glob("loader.[0-9a-f]*")], "EOFError"),
    ("policy altered", flip("policy"), "policy in the run directory was altered"),
    ("policy missing", remove("policy"), "No such file or directory: .*policy"),
    ("manifest altered", flip("manifest"), "manifest in the run directory was altered"),
    ("manifest missing", remove("manifest"), "No such file or directory: .*manifest"),
    ("list of proved interpreters altered", lambda run: write(f"{run}/proved", b"/bin/true"), "proved in the run directory was altered"),
    ("list of protected paths altered", lambda run: write(f"{run}/protected", b"/x"), "protected in the run directory was altered"),
    ("channel missing", remove("events"), "No such file or directory: .*events"),
    ("something else in the channel's place", replace_channel, "events is not the run's channel"),
]


@pytest.mark.parametrize("flags", ["", "-I"], ids=["early", "stub"])
def test_broken_pieces(python: Python, cache: Path, tmp_path: Path, flags: str) -> None:
    for name, act, why in BROKEN:
        with Staged(python.path, cache) as staged:
            act(staged.path)
            done = staged.start(*flags.split(), "-c", CANARY, env=ENV, cwd=tmp_path)
            check_refused(done, why, name)
            assert not (tmp_path / "canary").exists(), name


def check_refused(done: Any, why: str, name: str = "") -> None:
    """Told to the launcher if it can be reached, else on stderr."""
    assert (done.code, done.out) == (125, b""), (name, done)
    told = [event["why"] for event in done.told("failed")] or done.err.decode().splitlines()
    assert len(told) == 1, (name, done)
    assert re.search(why, told[0]), (name, told)
    assert not done.told("ready")


DISGUISED = {
    "newer": (b"hermetic-policy 3\non_violation refuse\n", "the policy has version 3, this guard reads version 2"),
    "unknown guard": (b"hermetic-policy 2\non_violation refuse\nguard telepathy\n", "which this guard does not know"),
    "cut off": (b"hermetic-policy 2\non_violation refuse", "the policy is damaged"),
    "no text": (b"\xff\xfe", "the policy is damaged"),
    "empty": (b"", "the policy is damaged"),
}


@pytest.mark.parametrize("flags", ["", "-I"], ids=["early", "stub"])
def test_policies_that_cannot_be_read(python: Python, cache: Path, tmp_path: Path, flags: str) -> None:
    for name, (content, why) in DISGUISED.items():
        with Staged(python.path, cache, change=lambda files, _, content=content: files.update(policy=content)) as staged:
            check_refused(staged.start(*flags.split(), "-c", CANARY, env=ENV, cwd=tmp_path), why, name)
            assert not (tmp_path / "canary").exists(), name


@pytest.mark.parametrize("flags", ["", "-I"], ids=["early", "stub"])
def test_sources_are_checked_as_well(python: Python, cache: Path, tmp_path: Path, flags: str) -> None:
    """For an interpreter that nothing was compiled for."""

    def forget_compiled(files: dict[str, Content], facts: interrogate.Interpreter) -> None:
        for name in payload.compiled(facts):
            del files[name]

    with Staged(python.path, cache, change=forget_compiled) as staged:
        assert staged.start(*flags.split(), "-c", "print('run')", env=ENV, cwd=tmp_path).out == b"run\n"
        flip("payload.src")(staged.path)
        check_refused(staged.start(*flags.split(), "-c", CANARY, env=ENV, cwd=tmp_path), "payload.src in the run directory was altered")
    assert not (tmp_path / "canary").exists()


def test_bytecode_is_not_taken_from_elsewhere(python: Python, cache: Path, tmp_path: Path) -> None:
    """PYTHONPYCACHEPREFIX leads to a forged `_hermetic_early` and `warnings`; without a guard the second is taken."""
    if python.version < (3, 8):
        pytest.skip("PYTHONPYCACHEPREFIX came with 3.8")
    forge = (
        "import importlib.util, sys, warnings\n"
        "from importlib._bootstrap_external import _code_to_timestamp_pyc\n"
        "import os\n"
        "for source in [warnings.__file__, *sys.argv[1:]]:\n"
        "    path, found = importlib.util.cache_from_source(source), os.stat(source)\n"
        "    os.makedirs(os.path.dirname(path), exist_ok=True)\n"
        "    code = compile(\"import sys; 'hermetic_guard' in sys.modules or open('canary', 'w').close()\", source, 'exec')\n"
        "    open(path, 'wb').write(_code_to_timestamp_pyc(code, int(found.st_mtime), found.st_size))\n"
    )
    env = {**ENV, "PYTHONPYCACHEPREFIX": str(tmp_path / "prefix")}
    with Staged(python.path, cache) as staged:
        native(python.path, "-c", forge, f"{staged.path}/_hermetic_early.py", f"{staged.path}/sitecustomize.py", env=env)
        native(python.path, "-W", "default", "-c", "import warnings", env=env, cwd=tmp_path)
        assert (tmp_path / "canary").exists()
        (tmp_path / "canary").unlink()
        done = staged.start("-c", "import sys; print(sys.pycache_prefix)", env=env, cwd=tmp_path)
        assert (done.out.decode().strip(), (tmp_path / "canary").exists()) == (str(tmp_path / "prefix"), False)  # but later, as asked for


# Before a child starts.


PARENT = """
import subprocess, sys
print("up"); sys.stdout.flush()
sys.stdin.readline()
try:
    print(subprocess.call([sys.executable, "-c", "open('canary', 'w').close()"]))
except PermissionError as error:
    print("refused:", error)
"""


def package(name: str) -> Callable[[str], None]:
    def act(run: str) -> None:
        os.makedirs(f"{run}/{name}")
        Path(run, name, "__init__.py").write_text(CANARY)

    return act


def bytecode_directory(run: str) -> None:
    """For an interpreter that none is staged for."""
    os.chmod(f"{run}/__pycache__", 0o700)
    Path(run, "__pycache__/_hermetic_early.cpython-399.pyc").write_bytes(b"x")


def flip_bytecode(run: str) -> None:
    """There is none for PyPy, which is started in the other way."""
    if not os.listdir(f"{run}/__pycache__"):
        flip("loader.src")(run)
    for path in Path(run, "__pycache__").iterdir():
        os.chmod(path, 0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"x")


ALTERED: dict[str, Callable[[str], Any]] = {
    "policy": flip("policy"),
    "payload": flip(COMPILED),
    "guard's first file": flip("_hermetic_early.py"),
    "stub": flip(injection.STUB),
    "forged bytecode": bytecode_directory,
    "altered bytecode": flip_bytecode,
    "extension module": lambda run: Path(run, "_hermetic_early.so").write_bytes(b"x"),
    "package of the same name": package("_hermetic_early"),
    "encodings": package("encodings"),
    "run directory gone": shutil.rmtree,
}


def test_altered_before_a_child_starts(python: Python, cache: Path, tmp_path: Path) -> None:
    """By whoever could: the target itself is refused all of this, see tests/guards/test_integrity.py."""
    for name, act in ALTERED.items():
        with Staged(python.path, cache) as staged:
            start = staged.prepare(["-c", PARENT], ENV)
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": tmp_path}
            with subprocess.Popen([start.interpreter, *start.argv[1:]], env=start.environment, **pipes) as process:  # type: ignore[call-overload]
                assert process.stdout.readline() == b"up\n"
                act(staged.path)
                out, _ = process.communicate(b"\n", 60)
            assert out.startswith(b"refused: ") or out == b"125\n", (name, out)
            assert b"run directory was altered" in out or out == b"125\n", (name, out)
            assert not (tmp_path / "canary").exists(), name
            shutil.rmtree(staged.path, ignore_errors=True)


PROMPTS = [(["-I", "-i", "script.py"], {}), (["-ES", "-i"], {}), (["-S", "script.py"], {"PYTHONINSPECT": "1"})]
TYPED = CANARY.encode() + b"\n"
"""Typed at a prompt that nobody guards."""


@pytest.mark.shared
@pytest.mark.parametrize(("words", "env"), PROMPTS, ids=["-I -i", "-ES -i", "PYTHONINSPECT"])
def test_no_prompt_without_its_run_directory(python: Python, cache: Path, tmp_path: Path, words: list[str], env: dict[str, str]) -> None:
    """An interpreter that shall give a prompt gives one also where it cannot open its script. Gone before the start, or amid it."""
    tmp_path.joinpath("script.py").write_text(CANARY)
    options = {"cwd": tmp_path, "input": TYPED}
    native(python.path, "-S", "-i", "missing.py", env=ENV, **options)
    assert (tmp_path / "canary").exists() is (python.version > (3, 6))
    (tmp_path / "canary").unlink(missing_ok=True)
    with Staged(python.path, cache) as staged:
        start = staged.prepare(words, {**ENV, **env})
        stub = f"{staged.path}/{injection.STUB}"
        with open(stub) as file:
            shutil.rmtree(staged.path)
            gone = native(start.interpreter, *start.argv[1:], env=start.environment, **options)
            again = [f"/proc/self/fd/{file.fileno()}" if word == stub else word for word in start.argv[5:]]
            late = native(start.interpreter, *again, env=start.environment, pass_fds=[file.fileno()], **options)
    assert (gone.code, gone.out) == (2, b"")
    assert (late.code, late.out) == (125, b"")
    assert late.err.startswith(b"hermetic: the guards could not be put in place: FileNotFoundError")
    assert not (tmp_path / "canary").exists()


@pytest.mark.shared
@pytest.mark.parametrize(("words", "env"), PROMPTS, ids=["-I -i", "-ES -i", "PYTHONINSPECT"])
def test_a_prompt_with_its_run_directory(python: Python, cache: Path, tmp_path: Path, words: list[str], env: dict[str, str]) -> None:
    """The control of the one above. Without a terminal PYTHONINSPECT gives no prompt."""
    tmp_path.joinpath("script.py").write_text("")
    with Staged(python.path, cache) as staged:
        done = staged.start(*words, env={**ENV, **env}, cwd=tmp_path, input=TYPED)
        assert done.told("ready"), done
        assert staged.prepare(words, {**ENV, **env}).argv[4] == f"{staged.path}/{injection.STUB}"
    assert (done.code, (tmp_path / "canary").exists()) == (0, "-i" in words), done


VANISHING = """
import os, shutil, sys
sys.path[:0] = [{root!r}, {root!r} + "/bootstrap"]
from hermetic import options
from hermetic.launch import begin, run

class Vanishing(run.Run):
    def permit(self, here):
        shutil.rmtree(here.run) if sys.argv[1] == "gone" else None
        return super().permit(here)

run.Run = Vanishing
sys.exit(begin.main(options.parse(sys.argv[2:])))
"""


@pytest.mark.pythons("3.8", "3.11", "3.15")
@pytest.mark.parametrize(("words", "env"), PROMPTS, ids=["-I -i", "-ES -i", "PYTHONINSPECT"])
def test_the_launcher_tells_of_a_run_directory_that_is_gone(python: Python, tmp_path: Path, words: list[str], env: dict[str, str]) -> None:
    """An interpreter that cannot open its script ends with an exit code of its own, and has reported nothing."""
    tmp_path.joinpath("script.py").write_text("")
    root = str(Path(__file__).resolve().parents[2])
    for what, code in (("there", 0), ("gone", 125)):
        command = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            VANISHING.format(root=root),
            what,
            "exec",
            "-q",
            "--no-network",
            "--python",
            python.path,
        ]
        done = subprocess.run(
            [*command, "--", *words], env={**ENV, "HOME": str(tmp_path), **env}, cwd=tmp_path, input=TYPED, capture_output=True
        )
        assert done.returncode == code, (what, done)
        assert (b"ended without reporting its guards" in done.stderr) is (what == "gone"), done
        assert (tmp_path / "canary").exists() is (what == "there" and "-i" in words), (what, done)
        (tmp_path / "canary").unlink(missing_ok=True)


# The command.


class Command:
    """hermetic's own command, with a cache of its own, or none."""

    def __init__(self, hermetic: str, directory: Path) -> None:
        self.hermetic = hermetic
        self.directory = directory
        self.cache = directory / "cache"
        self.cache.mkdir()

    def env(self, more: dict[str, str]) -> dict[str, str]:
        return {**ENV, "HOME": str(self.directory), "XDG_CACHE_HOME": str(self.cache), "TMPDIR": "/tmp", **more}

    def __call__(self, *words: str, env: dict[str, str] | None = None, drop: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in self.env(env or {}).items() if name not in drop}
        command = [self.hermetic, *words]
        return subprocess.run(command, env=environment, cwd=self.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def runs(self, python: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self("exec", "--no-network", "--python", python, "-c", "print('run')", **options)

    def refuses(self, python: str, why: str, **options: Any) -> None:
        """One line, and nothing run."""
        done = self("exec", "--no-network", "--python", python, "-c", CANARY, **options)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1), done
        assert re.search(why, done.stderr), done.stderr
        assert done.stderr.startswith("hermetic: ")
        assert not (self.directory / "canary").exists()


@pytest.fixture
def command(hermetic_command: str, tmp_path: Path) -> Command:
    return Command(hermetic_command, tmp_path)


@pytest.mark.pythons("2.7")
def test_python_2_is_too_old(command: Command, python: Python) -> None:
    """What the kernel holds of it by itself is in test_kernel.py."""
    done = command("exec", "--no-network", "--require", "python", "--python", python.path, "-c", CANARY)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "hermetic: the network guard cannot stand as required: the target cannot carry it\n"
    assert not (command.directory / "canary").exists()


@pytest.mark.pythons("2.7")
@pytest.mark.parametrize("way", ["early", "stub"])
def test_python_2_is_too_old_as_a_child(python: Python, cache: Path, tmp_path: Path, way: str) -> None:
    with Staged(find_python("3.11").path, cache) as staged:
        env = {os.fsencode(name): os.fsencode(value) for name, value in ENV.items()}
        env = injection.prepare_environment(env, environ.handoff(staged.run), way)
        words = ["-c", CANARY] if way == "early" else ["-S", f"{staged.path}/{injection.STUB}", "c", CANARY]
        done = native(python.path, *words, env=env, cwd=tmp_path)
        assert (done.code, done.out) == (125, b"")
        assert done.err == b"hermetic: Python 2.7 is too old to be guarded, 3.6 is the oldest; nothing was run\n"
        assert not (tmp_path / "canary").exists()


def test_python_3_5_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be had any more; this is what it would answer."""
    monkeypatch.setattr(interrogate, "output", lambda *_: b"hermetic-facts 3 5 10 cpython -\n")
    found = interrogate.ask("/usr/bin/python3.5", "/usr/bin/python3.5")
    assert (found.name, found.guardable, found.proved) == ("CPython 3.5.10", False, False)


def test_other_implementations(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = interrogate.Interpreter("x", (3, 11, 0), "graalpy", "00", dict.fromkeys([*payload.COMPILED, *payload.PARTS], Content(b"")))
    monkeypatch.setattr(interrogate, "output", lambda *_: interrogate.serialized(answer))
    found = interrogate.ask("x", "x")
    assert (found.name, found.guardable, found.proved) == ("graalpy 3.11.0", False, False)


def test_a_binary_that_is_no_python(command: Command, tmp_path: Path) -> None:
    shutil.copy(os.path.realpath("/bin/true"), tmp_path / "python3")
    command.refuses(str(tmp_path / "python3"), "does not answer as a Python interpreter")


def test_a_wrapper_that_takes_the_guard_away(command: Command, tmp_path: Path) -> None:
    wrapper = tmp_path / "python3"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -I "$@"\n')
    wrapper.chmod(0o755)
    command.refuses(str(wrapper), "is a script, not a Python interpreter")


IMPATIENT = """
import sys
sys.path[:0] = {path!r}
from hermetic.launch import run
from hermetic.target import interrogate
run.READY_WITHIN_S = 0.5
facts = interrogate.interrogate({python!r}, "")
interrogate.interrogate = lambda path, cache, limited: facts
from hermetic.__main__ import dispatch
sys.exit(dispatch(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("program", "arguments", "why"),
    [("true", ["x"], "ended without reporting its guards"), ("sleep", ["60"], "did not report its guards in time and was ended")],
)
def test_what_never_reports_its_guards(tmp_path: Path, program: str, arguments: list[str], why: str) -> None:
    """A binary in an interpreter's place, that answered like one when it was asked."""
    shutil.copy(os.path.realpath(f"/bin/{program}"), tmp_path / "python3")
    (tmp_path / arguments[0]).touch()
    driver = IMPATIENT.format(path=[entry for entry in sys.path if entry], python=sys.executable)
    words = ["exec", "--no-network", "--python", str(tmp_path / "python3"), "--", *arguments]
    done = subprocess.run([sys.executable, "-c", driver, *words], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1), done
    assert why in done.stderr


def copied_library(python: str, tmp_path: Path) -> Path:
    """An installation with a hostile `encodings`."""
    library = Path(native(python, "-c", "import os; print(os.path.dirname(os.__file__))", env=ENV).out.decode().strip())
    copy = tmp_path / "home/lib" / library.name
    copy.mkdir(parents=True)
    for entry in library.iterdir():
        copy.joinpath(entry.name).symlink_to(entry)
    copy.joinpath("encodings").unlink()
    copy.joinpath("encodings").mkdir()
    copy.joinpath("encodings/__init__.py").write_text("import posix\nposix.open('canary', posix.O_CREAT)\n")
    return tmp_path / "home"


def test_a_copied_library(command: Command, tmp_path: Path) -> None:
    """Without a guard it runs."""
    python = find_python("3.11").path
    env = {"PYTHONHOME": str(copied_library(python, tmp_path))}
    native(python, "-c", "pass", env={**ENV, **env}, cwd=tmp_path)
    assert (tmp_path / "canary").exists()
    (tmp_path / "canary").unlink()
    command.refuses(python, "PYTHONHOME would have the interpreter load other code", env=env)


@pytest.mark.pythons("3.11", "3.13")
@pytest.mark.parametrize("name", ["PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"])
def test_a_copied_library_by_another_pyvenv_cfg(command: Command, python: Python, cache: Path, tmp_path: Path, name: str) -> None:
    """-I does not switch that off. In the user's environment it would lead hermetic's own interpreter astray first."""
    home = copied_library(python.path, tmp_path)
    (home / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text(f"home = {home}/bin\n")
    env = {name: str(tmp_path / "bin/python")}
    native(python.path, "-I", "-c", "pass", env={**ENV, **env}, cwd=tmp_path)
    assert (tmp_path / "canary").exists()
    (tmp_path / "canary").unlink()
    command.refuses(python.path, f"{name}.* would have Python load other code", env=env)
    script = tmp_path / "script"
    script.write_text(f"#!/usr/bin/env -S {name}=bin/python {python.path} -I\n{CANARY}\n")
    script.chmod(0o755)
    done = command("run", "--no-network", "--", str(script))
    assert (done.returncode, f"{name} would have" in done.stderr) == (125, True)
    with Staged(python.path, cache) as staged, pytest.raises(HermeticError, match=name):
        staged.prepare(["-I", "-c", CANARY], {**ENV, **env})
    assert not (tmp_path / "canary").exists()


def test_another_library_directory(command: Command) -> None:
    command.refuses(find_python("3.11").path, "PYTHONPLATLIBDIR would have", env={"PYTHONPLATLIBDIR": "lib64"})


def test_options_of_the_same_effect(command: Command, tmp_path: Path) -> None:
    python = find_python("3.11").path
    for option in ("pycache_prefix=/tmp", "presite=os"):
        done = command("exec", "--no-network", "--python", python, "--", "-X", option, "-c", CANARY)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1)
        assert done.stderr.startswith(f"hermetic: -X {option} would have the interpreter load other code before the guards (")
    assert not (tmp_path / "canary").exists()


def test_a_first_line_does_not_choose_libraries(command: Command, tmp_path: Path) -> None:
    """`env` in a `#!` line is the script's, not the user's: what it says to the dynamic loader is handed over, and heeded by nobody before."""
    script, python = tmp_path / "script", find_python("3.11").path
    script.write_text(f"#!/usr/bin/env -S LD_PRELOAD=/nonexistent/other.so {python}\nimport os\nprint(os.environ['LD_PRELOAD'])\n")
    script.chmod(0o755)
    done = command("run", "--no-network", "--", str(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "/nonexistent/other.so\n", "")
    script.write_text(f"#!/usr/bin/env -S PYTHONHOME=/nonexistent {python}\n{CANARY}\n")
    done = command("run", "--no-network", "--", str(script))
    assert (done.returncode, "PYTHONHOME would have" in done.stderr) == (125, True)
    assert not (tmp_path / "canary").exists()


# The cache of what interpreters answered.


def damage(how: str, entry: Path) -> None:
    content = entry.read_bytes()
    if how == "cut off":
        entry.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        entry.write_bytes(b"")
    elif how == "a byte changed":
        entry.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif how == "open to others":
        entry.chmod(0o666)
    else:
        entry.unlink()
        {"directory": lambda: entry.mkdir(), "pipe": lambda: os.mkfifo(entry), "link": lambda: entry.symlink_to("/dev/zero")}[how]()


@pytest.mark.parametrize("how", ["cut off", "empty", "open to others", "directory", "pipe", "link"])
def test_a_damaged_cache_is_asked_anew(command: Command, how: str) -> None:
    python = find_python("3.8").path
    assert command.runs(python).stdout == "run\n"
    [entry] = command.cache.glob("hermetic/interpreters/*")
    damage(how, entry)
    done = command.runs(python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "run\n", "")


@pytest.mark.parametrize("entry", ["interpreters/*", "guard"])
def test_a_changed_byte_starts_nothing_and_is_forgotten(command: Command, entry: str) -> None:
    """Who loads it finds out, a child of another version here; the next run makes it anew."""
    python = find_python("3.8").path
    child = f"import subprocess; print(subprocess.run([{find_python('3.9').path!r}, '-c', 'print(1)']).returncode)"
    run = ("run", "--no-network", "--", python, "-c", child)
    assert command(*run).stdout == "1\n0\n"
    [changed] = command.cache.glob(f"hermetic/{entry}")
    damage("a byte changed", changed)
    done = command(*run)
    if entry == "guard":
        assert (done.returncode, done.stdout) == (0, "125\n")
        assert done.stderr.count("in the run directory was altered; a Python child was ended") == 1
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("in the run directory was altered; what needs it is refused") == 1
    assert command(*run).stdout == "1\n0\n"


def test_a_cache_with_a_forged_payload_starts_nothing(command: Command) -> None:
    """Digest and all: what holds then is that the cache cannot be written inside. That it is no guard is seen at once."""
    python = find_python("3.8").path
    command.runs(python)
    [entry] = command.cache.glob("hermetic/interpreters/*")
    facts = interrogate.read(str(entry), python, interrogate.identity(python))
    assert facts is not None
    facts.compiled["payload"] = Content(b"\xe9\0\0\0\0")
    interrogate.write(str(entry), facts, interrogate.identity(python))
    command.refuses(python, "the guards could not be put in place")


@pytest.mark.parametrize(
    ("env", "drop"),
    [({}, ("HOME", "XDG_CACHE_HOME")), ({"HOME": "/dev/null"}, ("XDG_CACHE_HOME",)), ({"XDG_CACHE_HOME": "relative"}, ("HOME",))],
    ids=["no HOME", "HOME is no directory", "relative"],
)
def test_without_a_cache(command: Command, env: dict[str, str], drop: tuple[str, ...]) -> None:
    """It works, and nothing is looked for or left in the working directory."""
    before = sorted(command.directory.iterdir())
    done = command.runs(find_python("3.8").path, env=env, drop=drop)
    assert (done.returncode, done.stdout, done.stderr) == (0, "run\n", "")
    assert sorted(command.directory.iterdir()) == before


def test_warnings_replaced_on_the_way(python: Python, cache: Path, tmp_path: Path) -> None:
    """A shell script that sets PYTHONWARNINGS: the guard would come behind .pth files, so nothing runs."""
    if python.implementation == "pypy":
        pytest.skip("the stub's way does not need it")
    with Staged(python.path, cache) as staged:
        start = staged.prepare(["-c", CANARY], ENV)
        script = ["/bin/sh", "-c", f'PYTHONWARNINGS=error exec {python.path} -c "$0"', CANARY]
        done = native(*script, env=start.environment, cwd=tmp_path)._replace(events=tuple(staged.events()))
        check_refused(done, "without their PYTHONWARNINGS, so .pth files came first")
        assert not (tmp_path / "canary").exists()
