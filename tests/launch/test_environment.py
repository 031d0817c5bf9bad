"""Variables that are not granted are in no place where the target, or what it starts, could find them."""

import json
import os
import sys

import pytest

ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []

LOOK = """
import json, os, posix, sys
initial = {item.partition(b"=")[0].decode() for item in open("/proc/self/environ", "rb").read().split(b"\\0") if item}
print(json.dumps([sorted(os.environ), sorted(map(os.fsdecode, posix.environ)), sorted(initial), os.environ.get("SECRET")]))
"""
CHILDREN = {
    "subprocess": "import subprocess, sys; subprocess.run([sys.executable, '-c', LOOK])",
    "stub": "import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', LOOK])",
    "shell": "import os; os.system('env')",
    "exec": "import os; os.execv('/usr/bin/env', ['env'])",
    "posix_spawn": "import os; os.waitpid(os.posix_spawn('/usr/bin/env', ['env'], os.environ), 0)",
}


@pytest.fixture
def env(jobs):
    return jobs.environ(
        SECRET="s3cret", AWS_PROFILE="p", AWS_KEY="k3y", PYTHONPATH="/nowhere", LD_LIBRARY_PATH="/nowhere", LC_ALL="C.UTF-8"
    )


def looked(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.pythons("all")
def test_the_target(jobs, env, python):
    for before in ([python.path, "-c"], [python.path, "-I", "-c"]):
        public, internal, initial, secret = looked(jobs.guarded("--no-network", "--", *before, LOOK, env=env))
        assert {"SECRET", "PYTHONPATH"} <= set(public) & set(internal), "control"
        assert ("SECRET" in initial, secret) == (True, "s3cret")
        public, internal, initial, secret = looked(jobs.guarded("--no-network", "--clean-env", "--", *before, LOOK, env=env))
        gone = {"SECRET", "AWS_PROFILE", "AWS_KEY", "LD_LIBRARY_PATH"}
        assert not gone & {*public, *internal, *initial}
        assert "PYTHONPATH" not in {*public, *internal}
        assert {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"} <= set(public) & set(internal) & set(initial)
        assert secret is None


@pytest.mark.parametrize("how", CHILDREN)
def test_what_it_starts(jobs, env, how):
    code = f"LOOK = {LOOK!r}\n{CHILDREN[how]}"
    assert "SECRET" in jobs.guarded("--no-network", "--", sys.executable, "-c", code, env=env).out, "control"
    done = jobs.guarded("--no-network", "--clean-env", "--", sys.executable, "-c", code, env=env)
    assert done.code == 0, done.err
    assert "PATH" in done.out
    assert not any(word in done.out for word in ("SECRET", "AWS_", "s3cret", "k3y", "/nowhere"))


def test_a_program_that_is_not_python(jobs, env):
    assert "SECRET=s3cret\n" in jobs.guarded("--no-network", "--", "env", env=env).out
    out = jobs.guarded("--no-network", "--clean-env", "--allow-env", "AWS_P*", "--", "env", env=env).out
    assert "AWS_PROFILE=p\n" in out
    assert not any(word in out for word in ("SECRET", "AWS_KEY", "LD_LIBRARY_PATH"))


def test_what_is_granted_and_set(jobs, env):
    words = ["--no-network", "--clean-env", "--allow-env", "AWS_*", "--set-env", "SECRET=other", "--set-env", "EMPTY="]
    public, internal, initial, secret = looked(jobs.guarded(*words, "--", sys.executable, "-c", LOOK, env=env))
    assert {"AWS_PROFILE", "AWS_KEY", "SECRET", "EMPTY"} <= set(public) & set(internal) & set(initial)
    assert secret == "other"


def test_the_target_may_set_what_it_likes(jobs, env):
    code = "import os; os.environ['SECRET'] = 'mine'; os.system('echo $SECRET')"
    assert jobs.guarded("--no-network", "--clean-env", "--", sys.executable, "-c", code, env=env).out == "mine\n"


def test_a_program_is_found_by_what_is_set(jobs, env, tmp_path):
    tool = tmp_path / "bin/tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho found\n")
    tool.chmod(0o755)
    assert jobs.guarded("--no-network", "--", "tool", env=env).code == 127
    assert jobs.guarded("--no-network", "--set-env", f"PATH={tool.parent}:/usr/bin", "--", "tool", env=env).out == "found\n"


LOOK_ABOVE = """
import os
try:
    print(b"s3cret" in open("/proc/%d/environ" % os.getppid(), "rb").read())
except OSError as error:
    print(type(error).__name__)
"""


def test_it_is_not_read_from_the_launcher(jobs, env):
    """The launcher has the whole environment, and is not to be looked into."""
    shell = ["sh", "-c", '"$0" -c "$1"; true', sys.executable, LOOK_ABOVE]
    assert jobs.native(*shell, env=env).out == "True\n", "control"
    assert jobs.guarded("--no-network", "--clean-env", "--", sys.executable, "-c", LOOK_ABOVE, env=env).out == "PermissionError\n"


@pytest.mark.parametrize(
    ("outer", "inner", "names"),
    [
        ([], ["--clean-env"], set()),
        (["--clean-env"], [], set()),
        (["--clean-env"], ["--clean-env", "--allow-env", "SECRET"], set()),
        (["--clean-env", "--allow-env", "*"], ["--clean-env", "--allow-env", "AWS_KEY"], {"AWS_KEY"}),
        ([], [], {"AWS_KEY", "AWS_PROFILE", "SECRET"}),
    ],
)
def test_an_inner_run_gets_no_more(jobs, env, hermetic_command, outer, inner, names):
    command = [hermetic_command, "--no-network", *inner, "--", sys.executable, "-c", LOOK]
    public, _, _, _ = looked(jobs.guarded("--no-network", *outer, "--", *command, env=env))
    assert {"AWS_KEY", "AWS_PROFILE", "SECRET"} & set(public) == names


def test_without_a_guard_the_default_profile_stands(jobs, env):
    done = jobs.guarded("--clean-env", "--", sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))", env=env)
    assert done.code == 77
    line = next(line for line in done.err.splitlines() if "no guard was asked for" in line)
    assert "profile default stands: no network, " in line
    assert ", a clean environment" in line


def test_how_much_is_left_is_said(jobs, env):
    words = ["--no-network", "--clean-env", "--allow-env", "SECRET", "-v", "--", "true"]
    left = [name for name in env if name in ("SECRET", "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")]
    done = jobs.guarded(*words, env=env)
    # PWD is the shell's, which the command begins as
    taken = ", ".join(sorted(env.keys() - {*left}))
    assert f"hermetic: environment: {len(left) + 1} variables of {len(env) + 1}; taken away: {taken}\n" in done.err
    assert env["AWS_KEY"] not in done.err


def test_what_leads_to_other_code_cannot_be_set(jobs, env):
    for name in ("LD_PRELOAD", "PYTHONHOME", "_HERMETIC"):
        done = jobs.guarded("--no-network", "--set-env", f"{name}=/x", "--", "true", env=env)
        assert (done.code, done.out) == (125, "")
        assert done.err == f"hermetic: --set-env {name}: it would have other code loaded before the guards (it is not for --set-env)\n"


def test_of_an_ordinary_user(jobs, env):
    env = {**env, "HOME": "/proc/nowhere", "TMPDIR": "/tmp"}
    words = [["--no-network"], ["--no-network", "--clean-env"]]
    native, clean = (jobs.guarded(*flags, "--", "env", env=env, before=ORDINARY, log=False, cwd="/").out for flags in words)
    assert "SECRET" in native
    assert "HOME=" in clean
    assert "SECRET" not in clean
