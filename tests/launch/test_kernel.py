"""The kernel's layer as users meet it: programs that are not Python, what is said of it, what is required of it, and its events."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT, find_python
from launch.container import container
from launch.guard_flags import GUARDS, Witness
from launch.jobs import three_lines

from hermetic import doctor

ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []

CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port})).close()"
REACH = ["perl", "-MIO::Socket::UNIX", "-e", 'IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!; print "reached"']


@pytest.fixture
def env(jobs):
    return jobs.environ()


@pytest.fixture
def outside():
    """A local socket of a process that is not in the run, where everybody may come; the list of those who did."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    path, visits = place / "outside", []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(8)
    path.chmod(0o777)

    def serve():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            visits.append(1)
            peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield str(path), visits
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    shutil.rmtree(place)


# Programs that are not Python.


def test_a_shell(jobs, env, loopback_server):
    line = f"exec 3<>/dev/tcp/127.0.0.1/{loopback_server.port} && echo reached"
    assert jobs.native("bash", "-c", line, env=env).out == "reached\n"
    done = jobs.guarded("--no-network", "--", "bash", "-c", line, env=env)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(
        "hermetic: bash is not Python, so the kernel alone holds it (Python programs that it starts get the guards as well): network: full\n"
    )
    assert re.search(
        three_lines(
            f"network disabled: connect(127.0.0.1:{loopback_server.port})",
            r"/.*/bash \(process \d+\)",
            f"--allow-localhost={loopback_server.port}",
        ),
        done.err,
    )
    assert [(event["guard"], event["program"].endswith("/bash"), event["stack"]) for event in done.of("refused")] == [("network", True, [])]
    done = jobs.guarded("--no-network", f"--allow-localhost={loopback_server.port}", "--", "bash", "-c", line, env=env)
    assert (done.code, done.out, done.refused) == (0, "reached\n", [])


def test_git(jobs, env):
    subprocess.run(["git", "init", "-q", str(jobs.directory / "project")], check=True)
    native = jobs.native("git", "status", env=env, cwd=jobs.directory / "project")
    done = jobs.guarded("run", "--no-network", "--", "git", "status", env=env, cwd=jobs.directory / "project")
    assert (done.code, done.out) == (0, native.out)


def test_git_cannot_write(jobs, env):
    project = jobs.directory / "project"
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    words = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"]
    refused = jobs.guarded("run", "--fs-readonly", "--", "git", *words, env=env, cwd=project)
    assert refused.code != 0
    assert "Read-only file system" in refused.err
    assert jobs.guarded("run", "--fs-readonly", f"--allow-write={project}", "--", "git", *words, env=env, cwd=project).code == 0


@pytest.mark.pythons("2.7")
def test_an_old_python(jobs, env, python, loopback_server):
    code = CONNECT.format(port=loopback_server.port)
    assert jobs.native(python.path, "-c", code, env=env).code == 0
    done = jobs.guarded("--no-network", "--", python.path, "-c", code, env=env)
    assert done.code == 1
    assert (
        "CPython 2.7.18, which cannot carry the guards, so the kernel alone holds it (Python programs that it starts get the guards as well): network: full"
        in done.err
    )
    assert done.refused == [f"connect(127.0.0.1:{loopback_server.port})"]
    assert jobs.guarded("--no-network", "--allow-localhost", "--", python.path, "-c", code, env=env).code == 0


def test_a_program_with_privileges_of_its_own(jobs, env):
    program = jobs.directory / "sudo"
    shutil.copy("/bin/true", program)
    program.chmod(0o4755)
    done = jobs.guarded("--no-network", "--", str(program), env=env)
    assert done.code == 126
    assert (
        done.err
        == f"hermetic: {program} works by privileges that its file gives (the set-user-ID bit), and nothing run by hermetic gains any\n"
    )


# Python children that the guard cannot follow, native code in Python.


def test_children_and_native_code_of_python(jobs, env, loopback_server):
    address = f"127.0.0.1/{loopback_server.port}"
    for code in (
        f"import subprocess; subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/{address}'])",
        f"import subprocess; subprocess.run(['env', '-i', '{find_python('3.11').path}', '-I', '-c', {CONNECT.format(port=loopback_server.port)!r}])",
        "import ctypes, struct; libc = ctypes.CDLL(None); s = libc.socket(2, 1, 0); "
        f"libc.connect(s, struct.pack('=HH4sQ', 2, {socket.htons(loopback_server.port)}, bytes([127, 0, 0, 1]), 0), 16)",
    ):
        before = len(loopback_server.visitors)
        jobs.native(find_python("3.11").path, "-c", code, env=env)
        wait_for(lambda: len(loopback_server.visitors) > before)  # noqa: B023
        before = len(loopback_server.visitors)
        done = jobs.guarded("--no-network", "--", find_python("3.11").path, "-c", code, env=env)
        assert f"connect(127.0.0.1:{loopback_server.port})" in done.refused
        assert len(loopback_server.visitors) == before


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


# Pointers that lead nowhere, and what ends the target.

POINTERS = """
import ctypes, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
server = socket.create_server(('127.0.0.1', 0), backlog=9)
made = libc.socket(2, 1, 0)
for _ in range(150):
    for pointer in (0xffffffffffff0000, 1 << 63, (1 << 63) - 8, 1 << 47, 1, 0):
        assert libc.connect(made, ctypes.c_void_p(pointer), 16) == -1
        assert ctypes.get_errno() == 14, (hex(pointer), ctypes.get_errno())
socket.create_connection(server.getsockname(), 5).close()
print('connected')
"""


def test_bad_pointers_hold_nobody_up(jobs, env):
    """More of them than the supervisor has threads; the connection afterwards is answered by one."""
    python = find_python("3.11").path
    assert jobs.native(python, "-c", POINTERS, env=env).out == "connected\n"
    done = jobs.guarded("--no-network", "--allow-localhost", "--", python, "-c", POINTERS, env=env)
    assert (done.code, done.out, done.err) == (0, "connected\n", "")


KILLED = {
    "the target": (["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/{port}; echo on"], 77, ""),
    "a child": (["sh", "-c", "bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'; echo $?"], 0, "137\n"),
    "nobody": (["sh", "-c", "kill -9 $$"], 137, ""),
}


@pytest.mark.parametrize("who", KILLED)
def test_killed_for_what_the_kernel_refused(jobs, env, loopback_server, who):
    command, code, out = KILLED[who]
    command = [word.format(port=loopback_server.port) for word in command]
    done = jobs.guarded("--no-network", "--on-violation=kill", "--", *command, env=env)
    assert (done.code, done.out) == (code, out)
    assert done.refused == ([] if who == "nobody" else [f"connect(127.0.0.1:{loopback_server.port})"])
    assert loopback_server.visitors == []


def test_native_code_of_python_is_killed_alike(jobs, env):
    code = "import ctypes; libc = ctypes.CDLL(None); print('before', flush=True); libc.socket(2, 3, 1); print('after')"
    done = jobs.guarded("--no-network", "--on-violation=kill", "--", find_python("3.11").path, "-c", code, env=env)
    assert (done.code, done.out, done.refused) == (77, "before\n", ["socket(AF_INET SOCK_RAW IPPROTO_ICMP)"])


LISTED = {
    # how, exit code, output
    "told": ([], 126, "/\n"),
    "strict": (["--strict"], 126, "/\n"),
    "killed": (["--on-violation=kill"], 77, "/\n"),
}


@pytest.mark.parametrize("how", LISTED)
def test_programs_that_are_not_listed_are_told_of(jobs, env, how):
    """Landlock refuses them to any program, and the supervisor is asked first. What is not there, or cannot be executed, is the kernel's to say."""
    options, code, out = LISTED[how]
    command = ["bash", "-c", "ls -d /; (./nothing; /etc/passwd; /etc) 2>/dev/null; cat /dev/null"]
    assert jobs.native(*command, env=env).code == 0
    done = jobs.guarded("--no-subprocess", "--allow-run=ls", *options, "--", *command, env=env)
    assert (done.code, done.out, done.refused) == (code, out, [f"start({os.path.realpath('/bin/cat')})"])
    done = jobs.guarded("--no-subprocess", "--allow-run=ls", *options, "--", "bash", "-c", "ls -d /", env=env)
    assert (done.code, done.out, done.refused) == (0, "/\n", [])


def test_strict_about_programs_that_are_not_listed(jobs, env):
    done = jobs.guarded("--no-subprocess", "--allow-run=ls", "--strict", "--", "bash", "-c", "cat /dev/null; exit 0", env=env)
    assert done.code == 77


@pytest.fixture
def unread():
    """A shell that an ordinary user may start but not read, where everybody may come."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        program = Path(place, "unread")
        shutil.copy("/bin/bash", program)
        program.chmod(0o111)
        yield program


def test_a_program_that_may_not_be_read_is_told_of(jobs, unread, loopback_server):
    """It has a name at least. As a process that cannot be looked into nothing of it can be judged."""
    env = jobs.environ(HOME="/proc/nowhere", TMPDIR="/tmp")
    connect = f"{unread} -c 'exec 3<>/dev/tcp/127.0.0.1/{loopback_server.port}'"
    assert jobs.native(*ORDINARY, "sh", "-c", connect, env=env).code == 0
    wait_for(lambda: loopback_server.visitors)
    loopback_server.visitors.clear()
    done = jobs.guarded("--no-network", "--", "sh", "-c", connect, env=env, before=ORDINARY, log=False)
    assert "hermetic could not judge it: connect(a program that may not be looked into)\n  asked by  unread (process" in done.err
    assert loopback_server.visitors == []


# Local sockets.


@pytest.mark.parametrize("as_user", [[], ORDINARY], ids=["as we are", "ordinary"])
def test_a_local_socket_outside(jobs, outside, as_user):
    path, visits = outside
    env = jobs.environ(HOME="/proc/nowhere", TMPDIR="/tmp")
    assert jobs.native(*REACH, path, env=env).out == "reached"
    wait_for(lambda: visits)
    visits.clear()
    link = Path(path).with_name("link")
    link.symlink_to(path)
    for shown in (path, str(link), path.lstrip("/")):
        done = jobs.guarded("--no-network", "--", *REACH, shown, env=env, before=as_user, log=not as_user, cwd="/")
        assert (done.code != 0, done.out) == (True, "")
        assert f"network disabled: connect(unix:{path})" in done.err
        assert f"allow it  --allow-unix {path}" in done.err
    assert visits == []
    done = jobs.guarded("--no-network", f"--allow-unix={path}", "--", *REACH, path, env=env, before=as_user, log=not as_user)
    assert (done.code, done.out) == (0, "reached")


@pytest.mark.pythons("2.7", "3.11")
def test_local_sockets_of_the_run_itself(jobs, env, python):
    code = (
        "import os, socket, sys, tempfile\n"
        "place = tempfile.mkdtemp()\n"
        "for name in (place + '/s', '\\0hermetic-%d' % os.getpid()):\n"
        "    server = socket.socket(socket.AF_UNIX); server.bind(name); server.listen(1)\n"
        "    if not os.fork():\n"
        "        client = socket.socket(socket.AF_UNIX); client.connect(name); client.sendall(b'hello'); os._exit(0)\n"
        "    peer, _ = server.accept(); sys.stdout.write(peer.recv(10).decode()); os.wait()\n"
    )
    done = jobs.guarded("--no-network", "--", python.path, "-c", code, env=env)
    assert (done.code, done.out, done.refused) == (0, "hellohello", [])


@pytest.mark.parametrize("as_user", [[], ORDINARY], ids=["as we are", "ordinary"])
def test_the_start_method_forkserver(jobs, as_user):
    """Its sockets are the run's own, whoever it is."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    script = place / "pool.py"
    script.write_text(
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('forkserver').Pool(2) as pool: print(pool.map(abs, [-1, 2]))\n"
    )
    env = jobs.environ(HOME="/proc/nowhere", TMPDIR="/tmp")
    command = ["/usr/bin/python3", str(script)]
    assert jobs.native(*command, env=env, before=as_user, cwd="/").out == "[1, 2]\n"
    for flags in (["--no-network"], ["--no-network", "--fs-readonly"]):
        done = jobs.guarded(*flags, "--", *command, env=env, before=as_user, log=False, cwd="/")
        assert (done.code, done.out, done.err) == (0, "[1, 2]\n", "")
    shutil.rmtree(place)


@pytest.mark.pythons("3.8", "3.11", "3.14", "3.15")
def test_multiprocessing(jobs, env, python):
    script = jobs.directory / "pools.py"
    script.write_text(
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    for method in ('fork', 'spawn', 'forkserver'):\n"
        "        context = multiprocessing.get_context(method)\n"
        "        with context.Pool(2) as pool, context.Manager() as manager:\n"
        "            print(method, pool.map(abs, [-1, 2]), list(manager.list([3])))\n"
    )
    native = jobs.native(python.path, str(script), env=env)
    done = jobs.guarded("--no-network", "--", python.path, str(script), env=env)
    assert (done.code, done.out, done.refused) == (0, native.out, [])


# What is said and required.


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ["--block-native", "--", "ls"],
            "the native guard cannot stand: the target cannot carry it, and the kernel does not hold it (the kernel cannot tell a library from data)"
            "; it starts without --block-native, or with --best-effort",
        ),
        (["--no-network", "--require=python", "--", "ls"], "the network guard cannot stand as required: the target cannot carry it"),
        (["--block-native", "--require=kernel", "--", "python3"], "the native guard cannot stand as required: the kernel's part is none"),
        (
            ["--no-network", "--allow-localhost", "--require=kernel", "--", "ls"],
            "the kernel's part is partial (datagrams can be sent past the loopback interface)",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_required(jobs, env, words, why):
    done = jobs.guarded(*words, env=env)
    assert (done.code, done.out) == (125, "")
    assert done.err.splitlines()[-1].startswith("hermetic: ")
    assert why in done.err


def test_best_effort(jobs, env):
    done = jobs.guarded("--block-native", "--best-effort", "--", "echo", "run", env=env)
    assert (done.code, done.out) == (0, "run\n")
    assert (
        "kernel alone holds it (Python programs that it starts get the guards as well): native: none (the kernel cannot tell a library from data)"
        in done.err
    )


@pytest.mark.parametrize("guard", ["--no-network", "--no-network --allow-localhost=80", "--no-subprocess", "--fs-readonly"])
@pytest.mark.parametrize("as_user", [[], ORDINARY], ids=["as we are", "ordinary"])
def test_the_kernel_is_enough_here(jobs, guard, as_user):
    env = jobs.environ(HOME="/proc/nowhere", TMPDIR="/tmp")
    done = jobs.guarded(
        *guard.split(), "--require=both", "-v", "--", "python3", "-c", "print(1)", env=env, before=as_user, log=False, cwd="/"
    )
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert "python stands, kernel full" in done.err


@pytest.mark.parametrize("as_user", [[], ORDINARY], ids=["as we are", "ordinary"])
def test_doctor(hermetic_command, as_user):
    env = {"PATH": "/usr/bin:/bin", "HOME": "/proc/nowhere"}
    done = subprocess.run([*as_user, hermetic_command, "doctor", "--json"], capture_output=True, text=True, env=env, cwd="/", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {attempt["outcome"] for attempt in found["attempts"] if attempt["what"] != "type into the terminal"} == {"held"}
    assert len(found["attempts"]) > 35
    labels = {attempt["what"]: attempt["guard"] for attempt in found["attempts"]}
    assert (labels["connect by TCP"], labels["signal another process"]) == ("network", "always")
    assert set(labels.values()) == {"network", "subprocess", "filesystem", "always"}
    assert {guard: one["kernel"] for guard, one in found["guards"].items()} == {
        "network": "full", "subprocess": "full", "filesystem": "full", "native": "none",
    }  # fmt: skip
    assert (found["seccomp"], found["supervisor"], found["mount_namespace"], found["advice"]) == (True, True, True, [])


JUDGED = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/bootstrap"]
from hermetic import doctor
from hermetic.linux.attempts import PORT, Attempt
BROKEN = PORT + "def broken():\\n    try: socket.create_connection(address)\\n    except OSError: raise ValueError"
doctor.ATTEMPTS = [
    Attempt("network", "refused", "socket.create_connection(address)", PORT),
    Attempt("network", "harmless", "os.getppid()"),
    Attempt("network", "broken", "broken()", BROKEN),
    Attempt("network", "never", "raise OSError"),
]
for finding in doctor.examine().findings:
    print(finding.attempt.what, finding.outcome)
"""


def test_how_the_doctor_judges():
    """Held is what is refused, not what fails in some way."""
    done = subprocess.run([sys.executable, "-IS", "-c", JUDGED.format(root=str(ROOT))], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["refused held", "harmless not held", "broken not testable here", "never not testable here"], (
        done.stderr
    )


# The launcher's end.


@pytest.fixture
def witness(tmp_path):
    found = Witness(tmp_path)
    yield found
    found.close()


SWEPT = "until set -- $TMPDIR/hermetic-* && [ $# = 1 ]; do sleep 0.02; done"
"""Lives until its own run directory is the only one: a launcher sweeps while its target runs, as far as it comes."""
STAGES = {"of a start": range(0, 90, 9), "of a first start, which asks the interpreter": range(0, 500, 70)}
STARTS = [*(("of a start", guard) for guard in GUARDS), *((stages, "all") for stages in STAGES)]


@pytest.mark.parametrize(("stages", "guard"), STARTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_launcher_gone_or_stopped_at_every_stage(jobs, witness, number, stages, guard):
    """Whenever it happens: nothing gets out, nothing is left running, and the next start is none the worse."""
    guards = list(GUARDS) if guard == "all" else [guard]
    python = find_python("3.11").path
    code = "WHO = 'it'\n" + "\n".join(f"try: exec({witness.attempts(one)!r})\nexcept Exception: pass" for one in guards) + "\nprint('end')"
    assert jobs.native(python, "-c", code, env=jobs.environ()).out == "end\n"
    assert witness.names() == {f"it-{one}" for one in guards}
    command = [jobs.hermetic, *(flag for one in guards for flag in GUARDS[one].flags), "--", python, "-c", code]
    subprocess.run(command, env=jobs.environ(), capture_output=True)
    sessions = []
    for delay in STAGES[stages]:
        env = jobs.environ(XDG_CACHE_HOME=tempfile.mkdtemp(dir=jobs.directory)) if "first" in stages else jobs.environ()
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(delay / 1000)
        process.send_signal(number)
        time.sleep(0.1 if number == signal.SIGSTOP else 0)  # in which the target goes on alone
        process.kill()
        process.wait()
        sessions.append(process.pid)
    wait_for(lambda: not any(map(members, sessions)))
    jobs.native(jobs.hermetic, "--no-network", "--", "sh", "-c", SWEPT, env=jobs.environ())
    done = jobs.guarded(*command[1:], env=jobs.environ())
    assert (done.code, done.out, len(done.refused)) == (0, "end\n", len(guards))
    assert witness.names() == set()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_what_outlives_its_launcher_is_held(jobs, loopback_server, number):
    """A child of the target's, which nobody can end any more (README: what still gets through)."""
    line = (
        f"(: > $0-up; for i in 1 2 3 4 5 6; do sleep .1; exec 3<>/dev/tcp/127.0.0.1/{loopback_server.port}; done; echo tried > $0) & wait"
    )
    for parent, visited in ((["sh", "-c", '"$@"; exit $?', "sh"], True), ([jobs.hermetic, "--no-network", "--"], False)):
        file = jobs.directory / f"tried-{visited}"
        process = subprocess.Popen(
            [*parent, "bash", "-c", line, str(file)], env=jobs.environ(), stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(Path(f"{file}-up").exists)
        process.send_signal(number)
        time.sleep(0.2)
        process.kill()
        process.wait()
        wait_for(file.exists)
        if visited:
            wait_for(lambda: len(loopback_server.visitors) == 6)
        time.sleep(0.2)  # a visitor is counted when the server comes to it
        assert bool(loopback_server.visitors) is visited
        loopback_server.visitors.clear()


def members(session):
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.getsid(int(entry)) == session:
                found.append(int(entry))
        except ProcessLookupError:
            continue
    return found


# Options of sockets, and sockets that listen.

SERVERS = """
import socket, sys
V6 = socket.AF_INET6
def server(family, address, port=0):
    made = socket.socket(family)
    for level, option in ((1, 2), (1, 15), (1, 9), (6, 1), (6, 23), (0, 1), (0, 11), (0, 10)):  # REUSEADDR to MTU_DISCOVER
        made.setsockopt(level, option, 1)
    if family == V6:
        for option in (26, 25, 67):  # V6ONLY, RECVERR, TCLASS
            made.setsockopt(41, option, 1)
    made.bind((address, port))
    made.listen(5)
    made.listen(100)
    made.settimeout(0.2)
    return made
for family, address in ((socket.AF_INET, '127.0.0.1'), (V6, '::1')):
    first = server(family, address)
    port = first.getsockname()[1]
    both, seen = (first, server(family, address, port)), set()
    for _ in range(50):
        client = socket.create_connection((address, port), 5)
        for number, one in enumerate(both):
            try:
                peer = one.accept()[0]
            except socket.timeout:
                continue
            seen.add(number)
            peer.sendall(b'x')
            peer.close()
        assert client.recv(1) == b'x'
        client.close()
        if len(seen) == 2: break
    sys.stdout.write('%d %s ' % (len(seen), first.getsockopt(0, 1)))
"""


@pytest.mark.pythons("2.7", "3.11")
def test_servers_share_a_port(jobs, env, python):
    """SO_REUSEPORT, as pre-forking servers have it, and what servers set besides; listening twice, as asyncio does with a socket it is given."""
    native = jobs.native(python.path, "-c", SERVERS, env=env)
    done = jobs.guarded("--no-network", "--allow-localhost", "--", python.path, "-c", SERVERS, env=env)
    assert (done.code, done.out, done.refused) == (0, native.out, []), done.err
    assert done.out.startswith("2 ")


def test_curl(jobs, env, loopback_server):
    command = ["curl", "-sS", f"http://localhost:{loopback_server.port}/"]
    native = jobs.native(*command, env=env)
    done = jobs.guarded("--no-network", f"--allow-localhost={loopback_server.port}", "--", *command, env=env)
    assert (done.code, done.out) == (0, native.out)


# Datagrams, where localhost is open.

NETWORK = """
PATH=$PATH:/usr/sbin:/sbin
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=1 net.ipv4.conf.lo.forwarding=1
sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.lo.accept_local=1
ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d1 up && ip addr add 10.9.9.1/24 dev d0 && ip link set d0 up
ip route add default dev d0 && ip neigh add 10.9.9.7 lladdr 02:00:00:00:00:01 dev d0
"$@"
code=$?
while read -r name _ _ _ _ _ _ _ _ _ packets _; do [ "$name" != d0: ] || echo "$packets" >&2; done < /proc/net/dev
exit $code
"""
DATAGRAMS = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.1', 0))
server.settimeout(5)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b'hello', server.getsockname())
sys.stdout.write(server.recvfrom(10)[0].decode())
for device in (None, b'd0'):
    try:
        if device:
            client.setsockopt(socket.SOL_SOCKET, 25, device)
        client.sendto(b'x', ('10.9.9.7', 9))
    except Exception:
        pass
"""


@pytest.mark.pythons("2.7")
def test_datagrams_stay_on_this_machine(jobs, env, python):
    """By a socket that is bound to the loopback device, which only CAP_NET_RAW could change; also where the machine is a router."""
    unshare = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c", NETWORK, "sh"]
    native = jobs.native(python.path, "-c", DATAGRAMS, env=env, before=unshare)
    assert (native.code, native.out, int(native.err.split()[-1]) >= 2) == (0, "hello", True)
    done = jobs.guarded("--no-network", "--allow-localhost", "--", python.path, "-c", DATAGRAMS, env=env, before=unshare)
    assert (done.code, done.out, done.err.split()[-1]) == (0, "hello", "0")


# Where less is to be had: what a container leaves, and an ordinary user in it.

PLACES = [[*container()], [*ORDINARY, *container()]]
in_places = pytest.mark.parametrize("container", PLACES, ids=["as we are", "ordinary"])


@in_places
def test_in_a_container_what_is_said(jobs, container, loopback_server):
    """Neither mounts nor answers: what is refused is not told, and that is."""
    env = jobs.environ(HOME="/proc/nowhere", TMPDIR="/tmp")
    line = f"exec 3<>/dev/tcp/127.0.0.1/{loopback_server.port} && echo reached"
    assert jobs.native("bash", "-c", line, env=env, before=container, cwd="/").out == "reached\n"
    wait_for(lambda: loopback_server.visitors)
    loopback_server.visitors.clear()
    done = jobs.guarded("--no-network", "--", "bash", "-c", line, env=env, before=container, log=False, cwd="/")
    assert (done.code, done.out, loopback_server.visitors) == (1, "", [])
    assert "network: partial (System V IPC and message queues of other processes can be used); what it refuses is not counted\n" in done.err
    address = ("127.0.0.1", loopback_server.port)
    code = f"import socket, subprocess\nif subprocess.call(['bash', '-c', {line!r}]): socket.create_connection({address})"
    done = jobs.guarded("--no-network", "--", "python3", "-c", code, env=env, before=container, log=False, cwd="/")
    assert (done.code, done.out, loopback_server.visitors) == (77, "", [])
    assert done.err.endswith("hermetic: blocked 1 action in all: network 1 (refusals by the kernel are not counted)\n")
    done = jobs.guarded(
        "--no-network",
        "--allow-localhost",
        "--",
        "python3",
        "-c",
        f"import socket; print(socket.create_connection({address}).getpeername())",
        env=env,
        before=container,
        log=False,
        cwd="/",
    )
    assert (done.code, done.out) == (0, f"{address}\n"), done.err
    done = jobs.guarded("--no-network", "--require=kernel", "--", "ls", env=env, before=container, log=False, cwd="/")
    assert (done.code, done.out) == (125, "")


@in_places
def test_in_a_container_what_the_doctor_says(hermetic_command, container):
    env = {"PATH": "/usr/bin:/bin", "HOME": "/proc/nowhere"}
    done = subprocess.run([*container, hermetic_command, "doctor", "--json"], capture_output=True, text=True, env=env, cwd="/", check=False)
    found = json.loads(done.stdout)
    assert (found["seccomp"], found["supervisor"], found["mount_namespace"]) == (True, False, False)
    assert found["advice"] == [doctor.NAMESPACES, doctor.SUPERVISOR]
    assert {attempt["what"] for attempt in found["attempts"] if attempt["outcome"] == "not held"} == set()
    assert {guard: one["kernel"] for guard, one in found["guards"].items()} == {
        "network": "partial", "subprocess": "partial", "filesystem": "partial", "native": "none",
    }  # fmt: skip
    assert done.returncode == 0


@pytest.mark.pythons("3.14")
def test_in_a_container_forkserver_does_not_work(jobs, env, python):
    """Nobody can say which sockets are the run's own: without a supervisor there are pairs of them, and no other."""
    code = "import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1)); s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen()"
    assert jobs.native(python.path, "-c", code, env=env, before=container()).code == 0
    os.remove(jobs.directory / "s")
    done = jobs.guarded("--no-network", "--", python.path, "-c", code, env=env, before=container())
    assert done.code != 0
    assert done.out == "b'x'\n"
