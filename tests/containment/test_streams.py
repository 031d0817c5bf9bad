"""Descriptors that a run is given: which of them live, and the standard streams opened again by their names."""

import contextlib
import os
import pty
import socket
import subprocess
from pathlib import Path

import pytest
from containment.places import PYTHON, USERS, as_user, confined, places, run

AGAIN = """
import os, sys
for name in sys.argv[1:]:
    with open(name, "w") as file:
        file.write("again by %s\\n" % name)
"""
READ_AGAIN = "import sys; print(open('/dev/stdin').read(), end='')"
LISTED = """
import json, os
print(json.dumps({number: os.readlink("/proc/self/fd/%d" % number) for number in range(3, 40) if os.path.exists("/proc/self/fd/%d" % number)}))
"""
PASSWORD = "import getpass; print('got ' + getpass.getpass('word: '))"


@pytest.fixture(params=USERS)
def tree(request):
    with places(request.param) as tree:
        yield tree


@pytest.fixture(params=[True, False], ids=["mounts", "alone"])
def described(request, tree):
    return {"policy": {"filesystem": {"write": [tree / "run/scratch"]}}, "run": tree / "run", "namespaced": request.param}


NAMES = ("/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1")


def test_pipes_opened_again(tree, described):
    """By the user whose pipes they are."""
    command = confined(described, PYTHON, "-Ic", AGAIN, *NAMES)
    shell = [*as_user(tree.user), "sh", "-c", '{ "$@" 2>&3 | cat; } 3>&1 | cat', "sh"]
    done = subprocess.run([*shell, *command], capture_output=True, text=True, cwd=tree / "out")
    assert sorted(done.stdout.splitlines()) == sorted(f"again by {name}" for name in NAMES)


def test_file_given_for_writing(tree, described):
    """Behind mounts it is by its own name in a read-only place like any other; a domain knows it by itself."""
    path = tree / "data/file"
    with open(path, "w") as given:
        done = run(tree, described, PYTHON, "-Ic", AGAIN, "/dev/stdout", capture_output=False, stdout=given, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr, Path(path).read_text()) == (0, "", "again by /dev/stdout\n")
        done = run(tree, described, PYTHON, "-Ic", AGAIN, path, capture_output=False, stdout=given, stderr=subprocess.PIPE)
    assert ("Read-only file system" in done.stderr, done.returncode) == ((True, 1) if described["namespaced"] else (False, 0))


def test_file_given_for_reading(tree, described):
    """It can be read again, and not be written."""
    with open(tree / "data/file") as given:
        again = run(tree, described, PYTHON, "-Ic", READ_AGAIN, stdin=given)
        written = run(tree, described, PYTHON, "-Ic", AGAIN, "/dev/stdin", stdin=given)
    assert (again.returncode, again.stdout) == (0, "data")
    assert "PermissionError" in written.stderr


def on_terminal(tree, described, source, *arguments, typed=b""):
    """What appears on the controlling terminal of a run."""
    pid, terminal = pty.fork()
    if not pid:
        try:
            os.chdir(tree / "out")
            os.fchown(0, tree.user, tree.user)
            command = [*as_user(tree.user), *confined(described, PYTHON, "-Ic", source, *arguments)]
            os.execvpe(command[0], command, {"PATH": "/usr/bin:/bin", "HOME": tree / "out"})
        finally:
            os._exit(98)
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 1000):
            shown += piece
            if b": " in piece and typed:
                os.write(terminal, typed)
                typed = b""
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    return shown.decode()


def test_terminal_opened_again(tree, described):
    names = (*NAMES, "/dev/tty", "/dev/stdin")
    assert on_terminal(tree, described, AGAIN, *names) == "".join(f"again by {name}\r\n" for name in names)


def test_password(tree, described):
    assert on_terminal(tree, described, PASSWORD, typed=b"secret\n").endswith("got secret\r\n")


def test_which_descriptors_live(tree, described):
    """Each of these is open in the launcher, and was meant to be inherited."""
    given = {
        "pipe": os.pipe()[0],
        "eventfd": os.eventfd(0),
        "memory": os.memfd_create("memory"),
        "terminal": os.openpty()[1],
        "readable file": os.open(tree / "data/file", os.O_RDONLY),
        "scratch file": os.open(tree / "run/scratch/.keep", os.O_RDWR),
        "writable file": os.open(tree / "data/file", os.O_WRONLY),
        "directory": os.open("/", os.O_RDONLY),
        "place": os.open(tree / "data/file", os.O_PATH),
        "socket": socket.socket().detach(),
        "pair": socket.socketpair()[0].detach(),
        "process": os.pidfd_open(os.getpid()),
        "namespace": os.open("/proc/self/ns/mnt", os.O_RDONLY),
    }
    numbers = tuple(given.values())
    done = run(tree, described, PYTHON, "-Ic", LISTED, pass_fds=numbers)
    bare = run(tree, {**described, "bare": True}, PYTHON, "-Ic", LISTED, pass_fds=numbers)
    for number in numbers:
        os.close(number)
    living = {name for name, number in given.items() if f'"{number}"' in done.stdout}
    assert living == {"pipe", "eventfd", "memory", "terminal", "readable file", "scratch file"}
    assert all(f'"{number}"' in bare.stdout for number in numbers)


def test_what_shells_and_make_hand_on(tree, described):
    """Process substitution, a here-document, and the pipe of a jobserver, which is read from a descriptor named in the environment."""
    shell = ["bash", "-c", '"$@" <(echo through a pipe) 4<<<"here" 5< <(printf +)', "bash"]
    source = "import os, sys; print(open(sys.argv[1]).read(), open('/dev/fd/4').read(), os.read(5, 1))"
    command = [*as_user(tree.user), *shell, *confined(described, PYTHON, "-Ic", source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tree / "out")
    assert (done.stdout, done.stderr) == ("through a pipe\n here\n b'+'\n", "")
