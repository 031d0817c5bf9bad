"""What a build leaves running ends with the hook that started it, before the next one begins; and a build ends as it would by itself."""

import json
import sys

import pytest
from launch.demo import BACKEND, metadata, write_tree
from launch.environments import RECIPES, UV, Environment, find_python, make
from launch.packages import IN_TREE

LEAVING = """\
import fcntl, json, os, signal, time
from demo_backend import project, write_wheel

def leave_a_daemon():
    '''It has a session and a parent of its own, and is deaf to SIGTERM. While it runs it has a lock.'''
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for number in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        lock = open("lock", "a")
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(writing, b"-")
        os.close(writing)
        time.sleep(20)
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"-"

def get_requires_for_build_wheel(config_settings=None):
    leave_a_daemon()
    return []

def is_there():
    with open("lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version, metadata = project()
    modules = {name + ".py": "", "found.json": json.dumps(is_there())}
    return os.path.basename(write_wheel(wheel_directory, name, version, modules, metadata))
"""

SOURCE = {
    "PKG-INFO": metadata("leaving"),
    "pyproject.toml": IN_TREE.replace("probe", "leaving"),
    "leaving_backend.py": LEAVING,
    "demo_backend.py": BACKEND,
}


@pytest.mark.parametrize("which", ["3.9", pytest.param("uv 3.13", marks=pytest.mark.soak)])
def test_a_daemon_of_a_hook(jobs, tmp_path, which):
    recipe = RECIPES[which.removeprefix("uv ")]
    environment = Environment(tmp_path / "env", find_python(recipe.python))
    make(environment, recipe)
    tree = write_tree(tmp_path / "tree", SOURCE)
    uv = which.startswith("uv ")
    command = [UV, "pip", "install", "--reinstall", "--no-cache"] if uv else ["pip", "install", "--force-reinstall", "--no-cache-dir"]
    env = jobs.environ(environment, PIP_NO_INDEX="1", UV_OFFLINE="1")
    for start, found in ((lambda *words: jobs.guarded("run", "--", *words, env=env), False), (lambda *w: jobs.native(*w, env=env), True)):
        (tree / "lock").unlink(missing_ok=True)
        done = start(*command, "./tree")
        assert done.code == 0, done.out + done.err
        [file] = environment.path.glob("lib/python3*/site-packages/found.json")
        assert json.loads(file.read_text()) is found


BUILD = ("--no-policy", "--quiet", "--builds=build", "--no-network", "--fs-readonly", "--")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(3)", 3),
        ("pass", 0),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("os.abort()", 134),
    ],
)
def test_how_a_build_ends(jobs, hermetic_command, code, expected):
    target = [sys.executable, "-c", f"import os, signal, sys; {code}"]
    env = jobs.environ()
    done = jobs.guarded("run", "--fs-readonly", "--", hermetic_command, "run", *BUILD, *target, env=env)
    assert done.code == expected, done.err
    native = jobs.native(*target, env=env)
    assert native.code == (expected if expected < 128 else 128 - expected)


SIGNALLED = """
import os, signal, subprocess, sys
code = "import os, signal, sys, time; signal.signal(signal.SIGUSR1, lambda *_: os._exit(7)); print(os.getpid(), flush=True); time.sleep(60)"
build = subprocess.Popen([*sys.argv[1:], sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
pid = int(build.stdout.readline())
build.send_signal(signal.SIGUSR1)
print(pid == build.pid, build.wait())
"""


def test_a_signal_for_a_build(jobs, hermetic_command):
    """Whoever has started it knows the process that stays beside it."""
    start = [sys.executable, "-c", SIGNALLED]
    done = jobs.guarded("run", "--fs-readonly", "--", *start, hermetic_command, "run", *BUILD, env=jobs.environ())
    assert done.out == "False 7\n", done.err
    assert jobs.native(*start, env=jobs.environ()).out == "True 7\n"
