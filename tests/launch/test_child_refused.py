"""Starts that are refused: from a run directory that is no longer what it was, and where the child could not read it.

Altered from outside: under the kernel's rules nothing in a run can do that, which tests/containment tries, so these starts have the Python
layer alone.
"""

import os
import subprocess

import pytest
from conftest import find_python
from hermetic_guard import injection
from launch.staged import Staged

WAYS = """
import os, subprocess, sys

def attempt(start):
    try:
        print("started", start(), flush=True)
    except Exception as error:
        print(type(error).__name__, error)

def all_ways():
    attempt(lambda: subprocess.call([sys.executable, "-c", "print(1)"]))
    attempt(lambda: subprocess.call(["/bin/true"]))
    attempt(lambda: os.system("true"))
    attempt(lambda: os.popen("true").close())
    attempt(lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]))
    if hasattr(os, "posix_spawn"):
        attempt(lambda: os.posix_spawn("/bin/true", ["true"], {}))
    attempt(lambda: os.execv("/bin/true", ["true"]))
"""
WAIT = "print('up', flush=True); sys.stdin.readline()\n"
"""While the run directory is altered."""
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
CHANGES = (
    "echo >> sitecustomize.py",
    "echo >> _hermetic_early.py",
    "echo >> " + injection.STUB,
    "echo >> " + injection.REOPEN,
    "echo >> policy",
    "echo >> payload.src",
    "for file in payload.*; do echo >> $file; done",
    "echo >> proved",
    "echo >> protected",
    "echo >> manifest",
    "chmod u+w __pycache__; touch __pycache__/another.pyc",
    "for file in __pycache__/*; do echo >> $file; done",
    "cp -p policy other; mv other policy",
    "touch -r policy " + injection.STUB,
    "rm policy",
    "rm -r unix",
    "echo pass > json.py",
    "mkdir encodings",
    'rm -r "$PWD"',
    'mv "$PWD" ../moved',
)
ALTERED = "the run directory was altered, or cannot be read any more"
ANOTHER_USER = "another user cannot read the run directory"
NOBODY = 65534


@pytest.fixture
def run(jobs):
    """run(name, code, ...): what came of code in a guarded interpreter."""

    def run(name, code, *arguments):
        return jobs.guarded("--no-network", "--", find_python(name).path, "-c", WAYS + code, *arguments, env=jobs.environ())

    return run


@pytest.fixture
def altered(cache):
    """altered(name, change, code): the lines that code printed, before or after WAIT, and why guards could not be put in place;
    meanwhile a shell has run `change` in its run directory."""

    def altered(name, change, code="all_ways()", before=WAIT):
        with Staged(find_python(name).path, cache) as staged:
            start = staged.prepare(["-c", WAYS + before + code], ENV)
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with subprocess.Popen([start.interpreter, *start.argv[1:]], env=start.environment, **pipes) as process:
                assert process.stdout.readline() == "up\n"
                subprocess.run(["sh", "-c", change], cwd=staged.path, check=True)
                lines = process.communicate("\n", 60)[0].splitlines()
            return lines, [event["why"] for event in staged.events() if event["event"] == "failed"]

    return altered


def test_control(altered):
    """Nothing altered: all start, the last one in the place of ours."""
    lines, _ = altered("3.11", "true")
    assert lines[:6] == ["1", "started 0", "started 0", "started 0", "started None", "started 0"]
    assert [line.split()[0] for line in lines[6:]] == ["started"]


@pytest.mark.parametrize("change", CHANGES)
def test_altered_by_another_program(altered, change):
    lines, _ = altered("3.11", f"chmod -R u+w .; {change}")
    assert lines.pop(4) == "started 127"  # os.spawnv tells no more
    assert len(lines) == 6
    assert all(line.startswith("IntegrityViolation guards stay in place: start(") for line in lines), lines
    assert all(line.endswith(f": {ALTERED})") for line in lines), lines


@pytest.mark.parametrize("name", ["3.6", "3.8", "3.13", "3.15", "pypy3.9"])
def test_altered_in_other_versions(altered, name):
    lines, _ = altered(name, "chmod u+w policy; echo >> policy")
    assert [line for line in lines if not line.endswith(f": {ALTERED})")] == ["started 127"]


@pytest.mark.parametrize("change", ["echo >> policy", "for file in payload.*; do echo >> $file; done", "echo >> manifest", "rm policy"])
@pytest.mark.parametrize("options", ["", "-B"])
def test_a_child_of_another_program_checks_for_itself(altered, change, options):
    """Here nobody compares before the start: a shell that was started already waits for the change."""
    code = f"""
shell = subprocess.Popen(['sh', '-c', 'read line; exec "$0" {options} -c "print(1)"', sys.executable], stdin=subprocess.PIPE)
{WAIT}
shell.communicate(b"\\n")
print(shell.returncode)
"""
    lines, failed = altered("3.11", f"chmod -R u+w .; {change}", code, before="")
    assert lines == ["125"]
    assert [why.partition(":")[0] for why in failed] == ["the guards could not be put in place"]


@pytest.mark.parametrize("how", ["", "'-E'", "'-S', '-B'"])
def test_python_2(run, how):
    """The child ends by itself, with one line, and leaves nothing that would have others refused."""
    options = how and how + ","
    python = find_python("2.7").path
    code = f"print(subprocess.call([{str(python)!r}, {options} '-c', 'print 1']), subprocess.call([sys.executable, '-c', 'print(2)']))"
    done = run("3.11", code)
    assert done.out == "2\n125 0\n"
    lines = [line for line in done.err.splitlines() if line.startswith("hermetic: ")]
    assert [line.partition(",")[0] for line in lines] == ["hermetic: Python 2.7 is too old to be guarded"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start something as another user")
@pytest.mark.parametrize("name", ["3.11", "3.13"])
def test_another_user(altered, jobs, name):
    """A child that cannot read the run directory would not be guarded."""
    code = f"""
attempt(lambda: subprocess.call(["/bin/true"], user={NOBODY}))
attempt(lambda: subprocess.call(["/bin/true"], preexec_fn=lambda: os.setuid({NOBODY})))
os.setuid({NOBODY})
attempt(lambda: subprocess.call(["/bin/true"]))
"""
    (first, second, third), _ = altered(name, "true", code)
    assert first == f"IntegrityViolation guards stay in place: start(/bin/true: {ANOTHER_USER})"
    assert second == "SubprocessError Exception occurred in preexec_fn."
    assert third == f"IntegrityViolation guards stay in place: start(/bin/true: {ALTERED})"
    native = jobs.native(find_python(name).path, "-c", WAYS + code, env=jobs.environ())
    assert native.out == "started 0\n" * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have another real user")
@pytest.mark.parametrize("name", ["3.6", "3.13"])
def test_what_only_the_effective_user_may_execute(altered, jobs, tmp_path, name):
    """The kernel asks for the effective user (path_resolution(7)), so the start succeeds, and has to be guarded."""
    python, script = find_python(name).path, tmp_path / "script"
    script.write_text(f"#!{python} -I\nimport sys; print('hermetic_guard' in sys.modules)\n")
    script.chmod(0o700)
    code = f"os.setresuid({NOBODY}, 0, 0)\nsubprocess.call([{str(script)!r}])\n"
    assert altered(name, "true", code)[0] == ["True"]
    assert jobs.native(python, "-c", WAYS + code, env=jobs.environ()).out == "False\n"
