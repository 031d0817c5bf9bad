"""Every form in which a Python program is met, run guarded: it is the same program, what is refused is refused before its first line."""

import json

import pytest
from hermetic_guard import programs
from launch.archives import WINDOWS_PYTHON, with_windows_launcher, with_zipapp
from launch.forms import ARCHIVES, FORMS, NEEDS, WRAPPED, environment, installed
from launch.guard_flags import GUARDS, Witness
from launch.installers import write_wheel

WITHOUT_SITE = {"#! -S", "uv run"}
"""No .pth file of ours is read there."""

HELD_BY_THE_KERNEL = ("network", "subprocess", "filesystem")
"""The guards under which a program may be started that is no Python."""

ARGUMENTS = ("a", "b c", "-I", "")


@pytest.fixture
def witness(tmp_path):
    witness = Witness(tmp_path)
    yield witness
    witness.close()


def told(done):
    assert done.code == 0, done.err
    *facts, outcome = json.loads(done.out)
    return facts, outcome


LONG = ("pex, sh", "pex, environment, sh")
"""They differ from the first kind in what their first lines say, which is tested without making one."""


def cases():
    """Each form under all guards at once; under each alone it takes its time."""
    for form in FORMS:
        guards = HELD_BY_THE_KERNEL if form in WRAPPED else tuple(GUARDS)
        yield pytest.param(form, [guards], id=form, marks=[pytest.mark.soak] if form in LONG else [])
        yield pytest.param(form, [(guard,) for guard in guards], id=f"{form}-each", marks=pytest.mark.soak)


@pytest.mark.parametrize(("form", "runs"), cases())
def test_form(session_directory, jobs, witness, form, runs):
    script = installed(session_directory, form)

    def env(*guards):
        return jobs.environ(environment(session_directory, form), DEMO_TRY=witness.attempts(*guards))

    if form in ARCHIVES or form == "uv run":  # these unpack themselves when they are first run, and take another way then
        told(jobs.guarded("--no-network", "--", script, *ARGUMENTS, env=env("network")))
        assert witness.names() == set()

    native, outcome = told(jobs.native(script, *ARGUMENTS, env=env(*GUARDS)))
    whose = ("demo",) if form in WITHOUT_SITE else ("demo", "pth")
    assert (outcome, witness.names()) == ("done", {f"{who}-{guard}" for who in whose for guard in GUARDS})

    for guards in runs:
        options = [option for guard in guards for option in (*GUARDS[guard].flags, *NEEDS.get(guard, {}).get(form, ()))]
        done = jobs.guarded(*options, "--", script, *ARGUMENTS, env=env(*guards))
        facts, outcome = told(done)
        assert facts == native
        assert outcome != "done", guards
        assert witness.names() == set()
        assert len(done.refused) >= len(whose) * len(guards) or form in WRAPPED


def test_archive_without_a_first_line(session_directory, jobs, witness, tmp_path):
    """It cannot be run by itself, and is run by the environment that is active."""
    archive = with_zipapp(tmp_path / "venv", write_wheel(tmp_path))
    python = archive.with_name("python")
    env = jobs.environ(DEMO_TRY=witness.attempts("network")) | {"VIRTUAL_ENV": str(tmp_path / "venv")}
    native, _ = told(jobs.native(python, archive, *ARGUMENTS, env=env))
    assert witness.names() == {"demo-network", "pth-network"}
    for command in ((archive,), (python, archive)):
        assert told(jobs.guarded("--no-network", "--", *command, *ARGUMENTS, env=env))[0] == native
    assert witness.names() == set()


def test_launcher_for_windows(session_directory, jobs, tmp_path):
    """It does not run here, which is said with the interpreter's name; the archive in it does."""
    launcher = with_windows_launcher(tmp_path / "venv", write_wheel(tmp_path))
    done = jobs.guarded("--no-network", "--", launcher, env=jobs.environ())
    assert done.code == 126
    assert done.err.startswith(f"hermetic: {launcher} is a launcher for Windows, of {WINDOWS_PYTHON} (hermetic exec --python PYTHON ")
    native = told(jobs.native(tmp_path / "venv/bin/python", launcher, *ARGUMENTS, env=jobs.environ()))
    command = ("exec", "--no-network", "--python", tmp_path / "venv", launcher, *ARGUMENTS)
    assert told(jobs.guarded(*command, env=jobs.environ())) == native


WRAPPERS = {
    "a directory first": 'HERE="$(cd "$(dirname "$0")" && pwd)"\nexec "$HERE/../bin/python" "$HERE/app.py" "$@"\n',
    "another file": 'exec "$(dirname "$0")/../bin/python" "$(dirname "$0")/app.py" "$@"\n',
    "a module": 'set -e\nexec python3 -m app "$@"\n',
    "a process": 'python3 "$0.py" "$@"\n',
}
"""What stands in shell scripts, which are run by their shell: what they start is found by running them."""


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_wrapper_is_run_by_its_shell(tmp_path, wrapper, shell):
    script = tmp_path / "script"
    script.write_text(f"#!/bin/{shell}\n{WRAPPERS[wrapper]}")
    script.chmod(0o755)
    program = programs.follow(str(script), {"PATH": "/usr/bin"})
    assert (program.kind, program.argv) == ("other", [f"/bin/{shell}", str(script)])


@pytest.mark.parametrize("form", WRAPPED)
def test_what_is_no_python_is_named(session_directory, jobs, form):
    """The kernel alone holds it, and the user is told."""
    script = installed(session_directory, form)
    env = jobs.environ(environment(session_directory, form), DEMO_TRY="")
    done = jobs.guarded("--no-network", "--", script, env=env)
    assert done.err.startswith(
        f"hermetic: {form.partition(' ')[0]} is not Python, so the kernel alone holds it (Python programs that it starts get the guards as well): network: "
    )
    done = jobs.guarded("--block-native", "--", script, env=env)
    assert (done.code, done.out) == (125, "")
    assert "the native guard cannot stand: the target cannot carry it" in done.err
