"""Private mount namespaces, for tests that need a file system of a certain kind."""

import functools
import os
import subprocess

import pytest


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
