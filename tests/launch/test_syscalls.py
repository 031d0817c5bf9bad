"""The foreign calls work on every Python that hermetic itself runs on."""

import subprocess
import sys

import pytest
from launch.bare import ROOT

CALL = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from hermetic.linux import syscalls
syscalls.become_subreaper()
read, write = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(0.1)
        os.write(write, b"%d" % os.getppid())
    os._exit(0)
os.wait()
assert int(os.read(read, 20)) == os.getpid()
os.wait()
parent = os.getpid()
if not (middle := os.fork()):
    middle = os.getpid()
    if not (lower := os.fork()):
        syscalls.die_with_parent(middle)
        os.write(write, b"ready")
        time.sleep(30)
    os.read(read, 5)
    os._exit(0)
os.waitpid(middle, 0)
_, status = os.wait()
assert os.waitstatus_to_exitcode(status) == -9
if not os.fork():
    syscalls.die_with_parent(1)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 137
try:
    syscalls.prctl(9999, 0)
except OSError as error:
    refused = error.errno
close, getpid = {"x86_64": (3, 39), "aarch64": (57, 172)}[os.uname().machine]
try:
    syscalls.call(close, 1 << 20)
except OSError as error:
    print("ctypes" in sys.modules, refused, error.errno, syscalls.call(getpid) == os.getpid())
"""


@pytest.mark.pythons("3.11", "3.12", "3.13", "3.14", "3.15")
def test_foreign_calls(python):
    done = subprocess.run([python.path, "-I", "-S", "-c", CALL, str(ROOT)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False 22 9 True\n", "")


def test_python_without_ctypes_is_told_so(monkeypatch):
    from hermetic.linux import syscalls

    monkeypatch.setitem(sys.modules, "_ctypes", None)
    monkeypatch.setattr(syscalls, "_functions", {})
    with pytest.raises(OSError, match=r"no foreign calls can be made: .*_ctypes"):
        syscalls.prctl(1, 9)
