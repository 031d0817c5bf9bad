"""A tree to be confined to, of a user's own, and a process of the same user that has nothing to do with the run."""

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))"
HERE = Path(__file__).resolve().parent


def reachable_python():
    """An interpreter of a version that hermetic runs on, and which every user can start; the one that tests run in may lie in a home directory."""
    others = sorted(glob.glob("/usr/bin/python3.1?") + glob.glob("/usr/local/bin/python3.1?"))
    for path in (os.path.realpath(sys.executable), *others):
        folders = Path(os.path.realpath(path)).parents
        if all(folder.stat().st_mode & 0o001 for folder in folders) and not subprocess.run([path, "-ISc", NEW_ENOUGH]).returncode:
            return path
    return None


PYTHON = reachable_python()
USERS = {"root": 0, "user": os.geteuid() or 12345}
BYSTANDER = """
import signal, sys
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
print(int(open("/proc/self/maps").read().partition("-")[0], 16), flush=True)
sys.stdin.read()
"""

FILES = {
    "out/file": "out",
    "out/folder/inner": "out",
    "out/protected/module.py": "code",
    "out/deep/below/protected/module.py": "code",
    "data/file": "data",
    "data/shared": "data",
    "data/spare": "",
    "data/folder/inner": "data",
    "secret": "secret",
    "secrets/key": "secret",
    "run/sitecustomize.py": "code",
    "run/spare.py": "",
    "run/scratch/.keep": "",
    "run/unix/.keep": "",
}


class Places:
    """Paths below `base`, all of `user`."""

    def __init__(self, base, user):
        self.base = base
        self.user = user

    def __truediv__(self, path):
        return f"{self.base}/{path}"

    def __str__(self):
        return self.base


@contextlib.contextmanager
def places(user):
    """Make the tree anew, in a place that every user can reach."""
    if PYTHON is None:
        pytest.skip("there is no Python 3.11 that every user can start")
    if user == "root" and os.geteuid():
        pytest.skip("root is needed")
    base = tempfile.mkdtemp(prefix="confined-", dir="/tmp")
    try:
        fill(Path(base))
        subprocess.run(["chown", "-hR", f"{USERS[user]}:{USERS[user]}", base], check=True)
        os.chmod(base, 0o755)
        yield Places(base, USERS[user])
    finally:
        shutil.rmtree(base)


def fill(base):
    for name, content in FILES.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (base / "data/empty").mkdir()
    os.mkfifo(base / "run/events")
    # What an earlier run could have left.
    (base / "out/link").symlink_to("../data")
    (base / "out/to-secret").symlink_to("../secret")
    os.link(base / "data/shared", base / "out/planted")
    os.link(base / "secrets/key", base / "out/planted-key")


def as_user(user):
    """What starts a command as that user."""
    return [] if user == os.geteuid() else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


@contextlib.contextmanager
def bystander(user):
    """A process of that user, with a secret in its environment: its pid, and where the head of its program is in its memory."""
    env = {"PATH": "/usr/bin:/bin", "BYSTANDER_SECRET": "of the bystander"}
    command = [*as_user(user), PYTHON, "-IS", "-c", BYSTANDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd="/") as process:
        yield process.pid, int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)


def confined(specification, *command):
    """The command that runs `command` behind what a specification describes (confined.py)."""
    return [PYTHON, "-IS", str(HERE / "confined.py"), json.dumps(specification), *command]


def run(tree, specification, *command, **options):
    """Run a command so, as the owner of these places."""
    started = [*as_user(tree.user), *confined(specification, *command)]
    env = {"PATH": "/usr/bin:/bin", "HOME": tree / "out", "LAUNCHER_SECRET": "of the launcher"}
    defaults = {"capture_output": True, "text": True, "cwd": tree / "out", "env": env, "stdin": subprocess.DEVNULL}
    return subprocess.run(started, **(defaults | options))


def code(tree, specification, source, *arguments, **options):
    """What a piece of Python prints; the last line of stderr where it fails."""
    done = run(tree, specification, PYTHON, "-I", "-c", source, *arguments, **options)
    return done.stdout if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]


def attempt(tree, specification, facts, names):
    """What came of each attempt (attempts.py)."""
    directory = os.open(tree / "data", os.O_RDONLY)
    facts = {"base": tree.base, "directory": directory, **facts}
    command = [PYTHON, "-I", str(HERE / "attempts.py"), json.dumps(facts), *names]
    with open(tree / "data/file") as given:
        done = run(tree, specification, *command, stdin=given, pass_fds=[directory])
    os.close(directory)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def snippets(tree, specification, sources):
    """How each of these pieces of Python ended (snippets.py, which may be out of reach)."""
    script = (HERE / "snippets.py").read_text()
    with open(tree / "data/file") as given:
        done = run(tree, specification, PYTHON, "-I", "-c", script, json.dumps(sources), tree.base, stdin=given)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
