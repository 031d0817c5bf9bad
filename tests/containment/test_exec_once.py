"""One program and none after it: it runs as it always does, sees little of it, and cannot start another."""

import errno
import os
import resource
import subprocess
import sys

import pytest
from containment.filtered import EVERYTHING, GUARDS, confine, outcome, run, users

from hermetic.linux import exec_once

POLICY = GUARDS["subprocess"]
SOFT, HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
SETTINGS = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "A": "b=c", "EMPTY": ""}


def same(argv, policy=POLICY, **more):
    """Run bare and by the one exec: no difference. Returns what was printed."""
    bare = run(argv, None, **more)
    once = run(argv, policy, **more)
    assert bare.code == 0, bare
    assert once == bare
    return once.out


# What it sees.

IDENTITY = "import sys, os; print((sys.argv, sys.executable, sys.prefix, sys.exec_prefix, os.getcwd(), dict(os.environ)))"
pythons = pytest.mark.pythons("2.7", "full")


@pythons
def test_an_interpreter_finds_itself(python):
    assert repr(python.path) in same([python.path, "-c", IDENTITY, "a", "", "b c"], env=SETTINGS)


@pythons
def test_found_on_path(python):
    directory, name = os.path.split(python.path)
    assert repr(python.path) in same([name, "-c", IDENTITY], program=python.path, env={**SETTINGS, "PATH": directory})


@pytest.mark.pythons("full")
def test_a_virtual_environment_is_known(python, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(python.path)
    (tmp_path / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(python.path))}\n")
    assert repr(str(tmp_path)) in same([tmp_path / "bin/python", "-c", IDENTITY], env=SETTINGS)


@pytest.mark.parametrize("limits", [(1024, 5000), (256, 256), (SOFT, HARD)])
def test_the_limit_of_descriptors_is_one_less(limits):
    code = "import os, resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), os.listdir('/proc/self/fd'))"
    done = run([sys.executable, "-IS", "-c", code], POLICY, limits=limits)
    highest = exec_once.highest_below(limits[1])
    assert done.out == f"{(min(limits[0], highest), highest)} ['0', '1', '2', '3']\n"


@pytest.mark.parametrize(("limit", "highest"), [(1024, 1023), (65536, 65535), (65537, 65535), (2**20, 65535), (exec_once.INFINITY, 65535)])
def test_the_descriptor(limit, highest):
    assert exec_once.highest_below(limit) == highest


@users
def test_any_program(user):
    assert same(["/bin/sh", "-c", "read -r name < /proc/$$/stat; echo $0 $#; echo $A", "x", "y"], user=user, env=SETTINGS) == "x 1\nb=c\n"


def test_its_name_in_ps(tmp_path):
    """That of the file, whatever link led there; before 6.14 it is the number of the descriptor."""
    (tmp_path / "link").symlink_to("/bin/bash")
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    done = run([tmp_path / "link", "-c", "read -r name < /proc/$$/comm; echo $name"], POLICY)
    assert done.out.strip() == ("bash" if release >= (6, 14) else str(exec_once.highest_below(HARD)))


def test_where_addresses_are_not_random():
    """The end of memory is the stack's then."""
    code = "import sys; from containment import filtered as c; print(c.run(['/bin/echo', 'ran'], c.GUARDS['subprocess']))"
    command = ["setarch", "--addr-no-randomize", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stdout == "Done(code=0, out='ran\\n', err='')\n", done.stderr


# What goes on.

BUSY = """
import multiprocessing, sys, threading
from multiprocessing.pool import ThreadPool
if sys.version_info >= (3, 14):
    multiprocessing.set_start_method("fork")  # with forkserver, the default, a lock starts the process that tracks it
threads = [threading.Thread(target=sum, args=([1],)) for _ in range(100)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
pool = ThreadPool(4)
print(sum(pool.map(int, range(10))))
if sys.version_info >= (3, 6):
    import asyncio
    loop = asyncio.new_event_loop()
    print(loop.run_until_complete(loop.run_in_executor(None, sum, [1, 2])))
"""


@pythons
def test_threads_and_loops(python):
    same([python.path, "-c", BUSY], EVERYTHING, env=SETTINGS)


# What it cannot do.

CHILDREN = """
import multiprocessing, os, pty, subprocess, sys
def attempt(name, act):
    try:
        did = act()
    except Exception as problem:
        did = False
    print(name if did else "-")
    sys.stdout.flush()
def forked(act):
    pid = act()
    pid = pid[0] if type(pid) is tuple else pid
    if not pid:
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0
def process():
    made = multiprocessing.Process(target=int)
    made.start()
    made.join()
    return made.exitcode == 0
attempt("fork", lambda: forked(os.fork))
attempt("pty", lambda: forked(pty.fork))
attempt("call", lambda: subprocess.call(["/bin/true"]) == 0)
attempt("shell", lambda: subprocess.call("true", shell=True) == 0)
attempt("system", lambda: os.system("true") == 0)
attempt("popen", lambda: os.popen("echo x").read())
attempt("spawn", lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]) == 0)
attempt("process", process)
if hasattr(os, "posix_spawn"):
    attempt("posix_spawn", lambda: forked(lambda: os.posix_spawn("/bin/true", ["true"], {})))
if hasattr(multiprocessing, "get_context"):
    for kind in "spawn", "forkserver":
        multiprocessing.set_start_method(kind, force=True)
        attempt(kind, process)
attempt("exec", lambda: os.execv("/bin/echo", ["echo", "exec"]))
"""


@pythons
def test_no_child_of_python(python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        CHILDREN.replace("\nattempt(", "\nif __name__ == '__main__': attempt(").replace("\nif has", "\nif __name__ == '__main__' and has")
    )
    bare = run([python.path, script], env=SETTINGS)
    assert "-" not in bare.out.split(), bare
    once = run([python.path, script], POLICY, env=SETTINGS)
    assert once.code == 0, once
    assert once.out.split() == ["-"] * len(bare.out.split())


CTYPES = """
import ctypes, os, resource, sys
libc, number, slot = ctypes.CDLL(None, use_errno=True), int(sys.argv[1]), int(sys.argv[2])
argv = (ctypes.c_char_p * 3)(b"echo", b"out", None)
for descriptor, path in (slot, b"/bin/echo"), (slot, b""), (-100, b"/bin/echo"), (os.open("/bin/echo", os.O_RDONLY), b""):
    libc.syscall(number, descriptor, path, argv, None, 0x1000)
    print(ctypes.get_errno())
for act in lambda: resource.setrlimit(7, (slot + 1, slot + 1)), lambda: os.dup2(0, slot), lambda: os.dup2(0, slot + 1):
    try:
        print(act())
    except (OSError, ValueError) as problem:
        print(getattr(problem, "errno", None) or "not allowed")
"""


@pytest.mark.pythons("2.7", "3.13")
def test_no_exec_by_ctypes(python):
    from hermetic.linux.numbers import native

    slot = exec_once.highest_below(HARD)
    once = run([python.path, "-c", CTYPES, native("execveat"), slot], POLICY)
    assert once.out.split("\n")[:4] == [str(errno.EPERM)] * 4
    assert once.out.split("\n")[4:] in (["not allowed", "9", "9", ""], ["1", "9", "9", ""])
    assert run([python.path, "-c", CTYPES, native("execveat"), slot], None).out == "out\n"


@users
def test_nor_where_nobody_answers(user):
    """A supervisor that is gone is a refusal, but not of the one program."""
    done = run(["/bin/bash", "-c", "echo ran; (echo more); exec /bin/echo more"], POLICY, user, supervised=True)
    assert done.out == "ran\n"


def test_nothing_at_all_before_a_program_is_opened():
    assert outcome(lambda: os.execv("/bin/true", ["true"]), POLICY) == "EPERM"


# What is refused beforehand.


def prepared(path, user="root"):
    return outcome(lambda: exec_once.prepare(str(path)).descriptor, None, user)


def test_what_cannot_be_executed(tmp_path):
    script, plain = tmp_path / "script", tmp_path / "plain"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    plain.write_bytes(b"\x7fELF")
    assert prepared(script) == "ENOEXEC"
    assert prepared(tmp_path / "nowhere") == "ENOENT"
    assert prepared("/bin/true") == str(exec_once.highest_below(HARD))

    def execute():
        once = exec_once.prepare(str(plain))
        confine(POLICY, once)
        exec_once.execute(once, ["plain"], {})

    assert outcome(execute) == "EACCES"
    plain.chmod(0o755)
    assert outcome(execute) == "ENOEXEC"


def test_a_descriptor_that_is_taken():
    def act():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        os.dup2(0, 99)
        exec_once.prepare("/bin/true")

    assert outcome(act) == "EMFILE"


def test_a_memory_whose_end_is_not_known(monkeypatch):
    """An end below the true one would leave room for a path."""
    page = os.sysconf("SC_PAGESIZE")
    monkeypatch.setitem(exec_once.ENDS, os.uname().machine, (1 << 40,))
    assert prepared("/bin/true") == "ENOSYS"
    monkeypatch.setitem(exec_once.ENDS, os.uname().machine, (1 << 60, (1 << 60) - page))
    assert prepared("/bin/true") == "ENOSYS"
    monkeypatch.delitem(exec_once.ENDS, os.uname().machine)
    assert prepared("/bin/true") == "ENOSYS"


def test_the_limit_is_lowered_for_good():
    def act():
        exec_once.prepare("/bin/true")
        with pytest.raises(ValueError, match="not allowed to raise"):
            resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))

    assert outcome(act, None, "ordinary") == "ok"
