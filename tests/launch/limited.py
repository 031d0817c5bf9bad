"""How limits are held on this machine, by who starts hermetic and what he may; and programs that go beyond them, within bounds of their own."""

import functools
import os
import subprocess

import pytest
from launch.container import container

from hermetic.linux import cgroups

ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
CEILING = ["prlimit", "--nproc=1500:1500"]
"""Whatever goes wrong, a bomb does not grow beyond that."""
NO_GROUPS = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'


def as_root_without_groups():
    command = ["unshare", "--mount", "sh", "-c", NO_GROUPS, "sh"]
    if os.geteuid() != 0 or subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("only root without control groups is without any limit of processes")
    return command


def in_groups(controller):
    if cgroups.find([controller]) is None:
        pytest.skip(f"no control group with {controller} can be made here")
    return []


@functools.cache
def ordinary(*, namespaces):
    return [*CEILING, *ORDINARY] if namespaces else [*CEILING, *ORDINARY, *container("unshare", "mount")]


HOLDERS = {
    "groups": lambda controller: in_groups(controller),
    "ordinary user": lambda controller: ordinary(namespaces=True),
    "no namespaces": lambda controller: ordinary(namespaces=False),
    "root without groups": lambda controller: as_root_without_groups(),
}
"""The command that starts hermetic so."""


def python(code, *arguments):
    return ["/usr/bin/python3", "-c", code, *map(str, arguments)]


BOMB = """
import os, sys, time
most, until = int(sys.argv[1]), time.monotonic() + 100
tokens, given = os.pipe()
os.write(given, b"x" * most)
os.set_blocking(tokens, False)
first = os.getpid()
while time.monotonic() < until:
    try:
        os.read(tokens, 1)
    except BlockingIOError:
        break
    try:
        os.fork()
    except OSError:
        os.write(given, b"x")
if os.getpid() == first:
    print("all made", flush=True)
time.sleep(max(0, until - time.monotonic()) if most > 500 else 0.3)  # many stay, and so have to be ended
"""
"""Every process forks and forks, until there have been so many in all."""

HOG = """
import os, sys, time
for _ in range(int(sys.argv[2]) - 1):
    os.fork()
held = [bytearray(b"x") * (1 << 20) for _ in range(int(sys.argv[1]))]
time.sleep(0.3)
print("held", flush=True)
"""
"""Each of so many processes holds so many MiB."""

SHARING = """
import os, sys, time
held = bytearray(b"x") * (int(sys.argv[1]) << 20)
for _ in range(3):
    os.fork()
time.sleep(0.5)
print("held", flush=True)
try:
    while True: os.wait()
except ChildProcessError:
    pass
"""
"""Eight processes share them."""

BURNER = """
import os, sys, time
children = []
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        while time.process_time() < float(sys.argv[1]): pass
        os._exit(0)
    os.waitpid(child, 0)
print("burnt", flush=True)
"""
"""Children, one after the other, use so many seconds of a processor each."""

UNWAITED = """
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(int(sys.argv[2])):
    if not os.fork():
        while time.process_time() < float(sys.argv[1]): pass
        os._exit(0)
    try:
        os.wait()
    except ChildProcessError:
        pass
print("burnt", flush=True)
"""
"""The same, and nobody is told what they used: who ignores SIGCHLD waits for nobody's status (wait(2))."""

WRITER = """
import sys
with open(sys.argv[1], "wb", buffering=0) as file:
    for _ in range(10 << 10):
        file.write(bytes(1 << 20))
"""
"""10 GiB."""
