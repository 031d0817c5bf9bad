"""What a run can do to its launcher and to an unrelated process of the same user, in whatever language and under whichever guard: nothing.

As the launcher has it done, and with the kernel's layer alone (one_layer.py): what the Python layer refuses before it is other tests' business.
"""

import contextlib
import subprocess
import time
from pathlib import Path

import pytest
from conftest import find_python
from containment.attempt import ALL
from containment.places import PYTHON, USERS, as_user, bystander, places

HERE = Path(__file__).resolve().parent

IN_PYTHON = """
import os, resource, signal, sys
print("begun")
def in_proc(name, mode='rb'):
    return lambda pid: open('/proc/%d/%s' % (pid, name), mode, 0).read(1) if mode == 'rb' else open('/proc/%d/%s' % (pid, name), mode, 0)
ACTS = {
    'environ': in_proc('environ'),
    'maps': in_proc('maps'),
    'mem': in_proc('mem', 'r+b'),
    'prlimit': lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE, resource.prlimit(pid, resource.RLIMIT_CORE)),
    'kill': lambda pid: os.kill(pid, 0) or True,
    'pidfd': lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), 0) or True,
}
def attempt(who, name, pid):
    try:
        if ACTS[name](pid):
            print(who, name)
    except OSError:
        pass
for who, pid in ('parent', os.getppid()), ('bystander', int(sys.argv[1])):
    for name in ACTS:
        attempt(who, name, pid)
attempt('own', 'mem', os.getpid())
"""
IN_CTYPES = """
import ctypes, os, sys
print("begun")
libc = ctypes.CDLL(None, use_errno=True)
memory = ctypes.create_string_buffer(16)
vectors = [(ctypes.c_size_t * 2)(address, 1) for address in (ctypes.addressof(memory), 1)]
def opened(pid, name, flags):
    file = libc.open(b'/proc/%d/%s' % (pid, name), flags)
    return file >= 0 and (flags == os.O_RDWR or libc.read(file, memory, 1) == 1)
ACTS = {
    'environ': lambda pid: opened(pid, b'environ', os.O_RDONLY),
    'maps': lambda pid: opened(pid, b'maps', os.O_RDONLY),
    'mem': lambda pid: opened(pid, b'mem', os.O_RDWR),
    'prlimit': lambda pid: libc.prlimit(pid, 4, None, memory) == 0 and libc.prlimit(pid, 4, memory, None) == 0,
    'kill': lambda pid: libc.kill(pid, 0) == 0,
    'copy': lambda pid: libc.process_vm_readv(pid, vectors[0], 1, vectors[1], 1, 0) == 1 or ctypes.get_errno() == 14,
    'ptrace': lambda pid: libc.ptrace(0x4206, pid, None, None) == 0 and libc.ptrace(0x4207, pid, None, None) == 0
    and libc.waitpid(pid, None, 0x40000000) == pid and libc.ptrace(17, pid, None, None) == 0,
}
for who, pid in ('parent', os.getppid()), ('bystander', int(sys.argv[1])):
    for name in ACTS:
        ctypes.set_errno(0)
        if ACTS[name](pid):
            print(who, name)
if opened(os.getpid(), b'mem', os.O_RDWR):
    print('own mem')
"""
IN_A_SHELL = """
echo begun
reach() {
    { IFS= read -r -d '' word && [ -n "$word" ]; } < /proc/$2/environ && echo $1 environ
    read -r word < /proc/$2/maps && echo $1 maps
    { :; } 3<> /proc/$2/mem && echo $1 mem
    kill -0 $2 && echo $1 kill
}
limit() { prlimit --pid $2 --core=$(prlimit --pid $2 --core --raw --noheadings --output=SOFT): && echo $1 prlimit; }
reach parent $PPID; reach bystander $1
{ :; } 3<> /proc/self/mem && echo own mem
limit parent $PPID; limit bystander $1
"""

OTHERS = ("parent", "bystander")
IN_PROC = ("environ", "maps", "mem", "kill", "prlimit")
IN_C = (
    *(*IN_PROC, "pidfd", "getfd", "copy", "ptrace", "settings", "queue", "thread"),
    *("affinity", "scheduler", "priority", "ioprio", "pages", "migrate", "robust"),
)
COMMANDS = {
    # what is started, and what it can do
    "Python": ([PYTHON, "-ISc", IN_PYTHON], (*IN_PROC, "pidfd")),
    "ctypes": ([PYTHON, "-ISc", IN_CTYPES], (*IN_PROC, "copy", "ptrace")),
    "C": (["REACH"], IN_C),
    "a shell": (["/bin/bash", "-c", IN_A_SHELL, "bash"], IN_PROC),
    "C, in a shell": (["/bin/sh", "-c", 'REACH $PPID "$1"; exit $?', "sh"], IN_C),
}
PARENT = [PYTHON, "-ISc", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]
"""An ordinary one, for the control."""


@pytest.fixture(scope="module", params=USERS)
def tree(request):
    with places(request.param) as tree:
        subprocess.run(["cc", "-Wall", "-O1", "-o", tree / "data/reach", HERE / "reach.c"], check=True)
        yield tree


def kernel_alone(*flags, python=PYTHON):
    return [python, "-IS", HERE / "one_layer.py", "kernel", *flags, "--"]


def said(tree, *command):
    """What came of a command, as the owner of the tree."""
    env = {"PATH": "/usr/bin:/bin", "HOME": tree / "out", "TMPDIR": "/tmp", "SECRET": "of the launcher"}
    return subprocess.run(
        [*as_user(tree.user), *command], env=env, cwd=tree / "out", capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("how", COMMANDS)
def test_nothing(tree, how):
    command, names = COMMANDS[how]
    command = [word.replace("REACH", tree / "data/reach") for word in command]
    with bystander(tree.user) as (pid, _):
        bare = said(tree, *PARENT, *command, str(pid))
        own = ("own mem", "own settings") if names is IN_C else ("own mem",)
        assert set(bare.stdout.splitlines()) == {"begun", *own, *(f"{who} {name}" for who in OTHERS for name in names)}, bare.stderr
        for flags in (*([flag] for flag in ALL), ALL):
            if how == "C, in a shell" and "--no-subprocess" in flags:
                continue
            done = said(tree, *kernel_alone(*flags), *command, str(pid))
            assert (done.stdout, flags) == ("begun\n", flags), done.stderr


OWNED = """
import fcntl, os, signal, struct, sys
print("begun")
pid = int(sys.argv[1])
signals = (getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGTERM"))
for number, owner in zip(signals, (pid, -os.getpgid(pid), struct.pack("ii", 0, pid), struct.pack("ii", 1, pid))):
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(reading, *((15, owner) if isinstance(owner, bytes) else (fcntl.F_SETOWN, owner)))
        fcntl.fcntl(reading, 10, number)
        fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
        os.write(writing, b"x")
    except OSError as error:
        print(error, file=sys.stderr)
"""
"""Have a pipe tell somebody that it can be read: a process, a group, a thread and a process again (F_SETOWN, F_SETOWN_EX), by F_SETSIG."""
TAKING = """
import os, signal
os.setpgid(0, 0)
expected = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, expected)
print(os.getpid(), flush=True)
input()
print(sorted(signal.sigpending()))
"""


def taken(tree, before):
    """The signals that a process of this user got from a program that has descriptors send them."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": "/"}
    with subprocess.Popen([*as_user(tree.user), PYTHON, "-ISc", TAKING], **pipes) as other:
        pid = other.stdout.readline().strip()
        done = said(tree, *before, PYTHON, "-ISc", OWNED, pid)
        assert done.stdout == "begun\n", done.stderr
        return other.communicate("\n")[0].count("Signals.")


def test_signals_by_descriptors(tree):
    """Of a file that can be read: what a process may send so is asked when it is sent."""
    assert taken(tree, []) == 4
    for flag in ALL:
        assert taken(tree, kernel_alone(flag)) == 0, flag


REMOTE = "import os, sys; print('begun'); sys.remote_exec(os.getppid() if sys.argv[1] == 'parent' else int(sys.argv[1]), sys.argv[2])"
ENDLESS = "import time\nprint(flush=True)\nwhile True: time.sleep(.01)"
WAITING = "import subprocess, sys, time\np = subprocess.Popen(sys.argv[1:])\nwhile p.poll() is None: time.sleep(.01)"


@pytest.fixture(params=USERS)
def newest(request):
    """A tree of that user's, and how a command is started so that the user can run the interpreter for PEP 768, wherever that lies."""
    python = find_python("3.14").path
    with places(request.param) as tree:
        closed = next((folder for folder in reversed(Path(python).parents) if not folder.stat().st_mode & 0o001), None)
        if request.param == "root" or closed is None:
            yield tree, python, as_user(tree.user)
            return
        shown, prefix = Path(tree / "shown"), Path(python).parents[2]
        (shown / prefix.relative_to(closed)).mkdir(parents=True)
        mounting = 'mount --bind "$1" "$2" && mount --rbind "$3" "$4" && shift 4 && exec "$@"'
        paths = (prefix, shown / prefix.relative_to(closed), shown, closed)
        yield tree, python, ["unshare", "-m", "/bin/sh", "-c", mounting, "sh", *map(str, paths), *as_user(tree.user)]


@pytest.mark.parametrize("who", OTHERS)
def test_no_code_of_its_own(newest, who):
    """In the launcher, which is the same interpreter here, or in that of somebody else (PEP 768)."""
    tree, python, before = newest
    ran = Path(tree / "out/ran")
    Path(tree / "out/script.py").write_text(f"open({str(ran)!r}, 'w').close()")
    options = {"env": {"PATH": "/usr/bin:/bin", "HOME": tree / "out", "TMPDIR": "/tmp"}, "cwd": tree / "out", "stdin": subprocess.DEVNULL}
    with running([*before, python, "-ISc", ENDLESS], **options) as other:
        command = [python, "-ISc", REMOTE, "parent" if who == "parent" else str(other.pid), tree / "out/script.py"]
        subprocess.run([*before, python, "-ISc", WAITING, *command], **options, check=True)
        assert appears(ran)
        for flags in (*([flag] for flag in ALL), ALL):
            guarded = [*before, *kernel_alone(*flags, python=python), *command]
            done = subprocess.run(guarded, **options, capture_output=True, text=True)
            assert (done.stdout, "PermissionError" in done.stderr, flags) == ("begun\n", True, flags), done.stderr
            assert not ran.exists()


@contextlib.contextmanager
def running(command, **options):
    """Something that runs until the test is over, however that ends. It has begun when it has written a line."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        try:
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def appears(path, patience=10):
    """Whether it is there soon; it is taken away then."""
    until = time.monotonic() + patience
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    found = path.exists()
    path.unlink(missing_ok=True)
    return found
