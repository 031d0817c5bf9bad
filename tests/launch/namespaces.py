"""Private mount namespaces, for tests that need a file system of a certain kind, or with a network of its own a world."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@functools.cache
def private_mounts():
    """The command that runs another one where it may mount. Skips where the kernel lets nobody, root or not, do so."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        try:
            done = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
        except FileNotFoundError:
            pytest.skip("there is no unshare(1)")
        if done.returncode == 0:
            return command
    return pytest.skip("mount namespaces are not permitted here")


def run_with_mounts(script, command, **more):
    """Run `command` after the shell lines of `script`, with their mounts; its working directory is kept."""
    lines = f'set -e\n{script}\nexec "$@"'
    more = {"env": dict(os.environ), **more}
    return subprocess.run([*private_mounts(), "/bin/sh", "-c", lines, "sh", *command], capture_output=True, **more)


def in_world(script, cache, commands, **task):
    """What a script beside this one prints of commands that it runs in a network of its own; `cache`: where hermetic keeps what it knows."""
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/proc/nowhere", "XDG_CACHE_HOME": str(cache)}
    world = [*private_mounts(), "--net", sys.executable, str(HERE / script)]
    done = subprocess.run(world, input=json.dumps({"commands": commands, "env": env, **task}), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
