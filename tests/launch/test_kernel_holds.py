"""Ways around the kernel's layer that are none: each is gone without a guard, and not with one. Programs in Perl stand for any that is not Python."""

import contextlib
import os
import pty
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import find_python
from launch.jobs import finished
from launch.namespaces import private_mounts
from launch.users import ORDINARY, USERS


def owned(path, content, as_user, mode=0o600):
    """A file of the user who tries."""
    path.write_text(content)
    path.chmod(mode)
    if as_user:
        os.chown(path, 12345, 12345)
    return path


# What is open already.

CHANGE = "chmod 0666, $fh or die qq(mode: $!\\n); utime 1, 1, $fh or die qq(times: $!\\n); print <$fh>"


@USERS
@pytest.mark.parametrize("number", [0, 3])
def test_what_is_open_for_reading_is_not_changed(hermetic_command, env, place, as_user, number):
    file = owned(place / "given", "content", as_user)
    program = ["perl", "-e", f"open $fh, '<&={number}' or die $!; {CHANGE}"]
    for words, expected in (([], ("content", 0o666)), ([hermetic_command, "--fs-readonly", "--"], ("", 0o600))):
        file.chmod(0o600)
        command = ["bash", "-c", f'"$@" {number}< {file}', "bash", *as_user, *words, *program]
        done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True)
        assert (done.stdout, file.stat().st_mode & 0o777) == expected, done.stderr
        assert ("mode: Read-only file system" in done.stderr) is bool(words)
    done = subprocess.run(
        [*as_user, hermetic_command, "--fs-readonly", "--", "cat"], env=env, cwd="/", stdin=file.open(), capture_output=True, text=True
    )
    assert done.stdout == "content", done.stderr


def test_who_comes_after_the_target_reads_on(hermetic_command, env, place):
    file = place / "lines"
    file.write_text("".join(f"line {number}\n" for number in range(5)))
    read = "read -r line; echo got \\$line"
    for words in ([], [hermetic_command, "--fs-readonly", "--"]):
        done = subprocess.run(
            ["bash", "-c", f'("$@" -c "{read}"; cat) < {file}', "bash", *words, "bash"], env=env, capture_output=True, text=True
        )
        assert done.stdout == "got line 0\nline 1\nline 2\nline 3\nline 4\n", done.stderr


def test_who_has_the_other_end_of_a_terminal_does_not_type_there(hermetic_command, env, place):
    """A shell on the terminal would do what it is told."""
    marker = place / "typed"
    for words in ([], [hermetic_command, "--no-subprocess", "--fs-readonly", "--no-network", "--"]):
        pid, master = pty.fork()
        if not pid:
            os.execv("/bin/cat", ["cat"])
        os.set_inheritable(master, True)
        program = ["perl", "-e", f"open $fh, '>&={master}' or exit 3; syswrite $fh, qq(typed\\n) or exit 4; exit 0"]
        done = subprocess.run([*words, *program], env=env, close_fds=False, capture_output=True, text=True)
        os.close(master)
        os.waitpid(pid, 0)
        assert done.returncode == (3 if words else 0), done.stderr
    assert not marker.exists()


@pytest.mark.parametrize("program", ["cat", "head", "perl -pe 1"])
def test_a_word_of_a_program_is_no_script(hermetic_command, env, place, program):
    """With a ROOT what another program does with its words is not known; of a script, what runs it has to read it."""
    (place / "root").mkdir()
    secret = owned(place / "secret", "the secret", [])
    command = [*program.split(), secret]
    assert subprocess.run(command, env=env, capture_output=True, text=True).stdout == "the secret"
    done = subprocess.run([hermetic_command, "--fs-readonly=root", "--", *command], env=env, cwd=place, capture_output=True, text=True)
    assert "the secret" not in done.stdout
    assert "Permission denied" in done.stderr
    script = owned(place / "script", "#!/bin/sh\necho it runs\n", [], 0o755)
    done = subprocess.run([hermetic_command, "--fs-readonly=root", "--", script], env=env, cwd=place, capture_output=True, text=True)
    assert done.stdout == "it runs\n", done.stderr


# Hidden things.


@pytest.mark.skipif(not ORDINARY, reason="root is needed to become another user")
def test_hidden_below_a_directory_that_cannot_be_passed(hermetic_command, env, place):
    """By a name relative to where one stands it is in reach. So nothing is started there."""
    closed = place / "closed"
    here = closed / "here"
    here.mkdir(parents=True)
    (here / "secret").write_text("the secret")
    here.chmod(0o777)
    closed.chmod(0o700)
    start = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", here, *ORDINARY]
    program = ["perl", "-e", "open $fh, '<', 'secret' or die $!; print <$fh>"]
    assert subprocess.run([*start, *program], env=env, capture_output=True, text=True).stdout == "the secret"
    for hidden in ("secret", here / "secret"):
        done = subprocess.run(
            [*start, hermetic_command, "--fs-readonly", "--hide", hidden, "--", *program], env=env, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (125, "")
        assert f"chdir {here}: Permission denied" in done.stderr
    done = subprocess.run([*start, hermetic_command, "--fs-readonly", "--", *program], env=env, capture_output=True, text=True)
    assert done.stdout == "the secret"


@pytest.mark.skipif(bool(os.geteuid()), reason="mounts are root's to make")
def test_raw_devices_by_another_mount(hermetic_command, env, place):
    """A chroot's /dev."""
    raw = next((path for path in sorted(Path("/dev").iterdir()) if path.is_block_device()), None)
    if raw is None:
        pytest.skip("there is no block device here")
    script = f'mkdir {place}/dev && mount --bind /dev {place}/dev && "$@" test -b {place}/dev/{raw.name}'
    for words, code in (([], 0), ([hermetic_command, "--no-network", "--"], 1), ([hermetic_command, "--fs-readonly", "--"], 1)):
        shutil.rmtree(place / "dev", ignore_errors=True)
        done = subprocess.run([*private_mounts(), "sh", "-c", script, "sh", *words], env=env, capture_output=True, text=True)
        assert done.returncode == code, done.stderr


@pytest.mark.skipif(bool(os.geteuid()), reason="mounts are root's to make")
def test_message_queues_of_others(hermetic_command, env, place):
    """A mount of them is of whose IPC namespace it was mounted in."""
    script = f'mkdir -p {place}/mq && mount -t mqueue none {place}/mq && touch {place}/mq/canary && "$@" ls {place}/mq'
    for words, out in (([], "canary\n"), ([hermetic_command, "--no-network", "--"], "")):
        done = subprocess.run([*private_mounts(), "--ipc", "sh", "-c", script, "sh", *words], env=env, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, out), done.stderr


# Local sockets.


@contextlib.contextmanager
def daemon(path):
    """Somebody's socket, and how often it was reached."""
    visits = []
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    if not path.startswith("\0"):
        os.chmod(path, 0o777)

    def serve():
        while True:
            try:
                peer = server.accept()[0]
            except OSError:
                return
            visits.append(path)  # before the program, which waits for the end, can go on
            peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield visits
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def reached(visits):
    """Whether somebody was there, since the last look."""
    found = bool(visits)
    visits.clear()
    return found


TWIN = (
    "socket $own, 1, 5, 0; bind $own, pack('Sa*', 1, qq(\\0$ARGV[0])) or die qq(bind: $!); listen $own, 1 or die qq(listen: $!);"
    "socket $s, 1, 1, 0; connect $s, pack('Sa*', 1, qq(\\0$ARGV[0])) or die qq(connect: $!\\n); sysread $s, $x, 1; print 'connected'"
)


@USERS
def test_an_abstract_name_of_another_type(hermetic_command, env, as_user):
    name = f"hermetic-twin-{os.getpid()}"
    program = ["perl", "-e", TWIN, name]
    with daemon("\0" + name) as visits:
        assert subprocess.run([*as_user, *program], env=env, capture_output=True, text=True).stdout == "connected"
        assert reached(visits)
        done = subprocess.run([*as_user, hermetic_command, "--no-network", "--", *program], env=env, capture_output=True, text=True)
        assert f"network disabled: connect(unix:@{name})" in done.stderr
        assert "connect: Permission denied" in done.stderr
        assert not reached(visits)


INSTEAD = {
    "a link": "unlink $ARGV[0]; link $ARGV[1], $ARGV[0] or die $!;",
    "renamed": "rename $ARGV[1], $ARGV[0] or die $!;",
    "renamed, and its name leads there": "rename $ARGV[1], $ARGV[0] or die $!; symlink $ARGV[0], $ARGV[1] or die $!;",
    "a symbolic link": "unlink $ARGV[0]; symlink $ARGV[1], $ARGV[0] or die $!;",
}
CONNECT = "socket $s, 1, 1, 0; connect $s, pack('Sa*', 1, $ARGV[0]) or die qq(connect: $!\\n); sysread $s, $x, 1; print 'connected'"


@pytest.mark.parametrize("how", INSTEAD)
def test_another_socket_in_the_place_of_the_one_allowed(hermetic_command, env, place, how):
    allowed, other = str(place / "allowed"), str(place / "other")
    for words in ([], [hermetic_command, "--no-network", "--allow-unix", allowed, "--"]):
        with daemon(allowed) as meant, daemon(other) as visits:
            done = subprocess.run([*words, "perl", "-e", CONNECT, allowed], env=env, capture_output=True, text=True)
            assert (done.stdout, reached(meant)) == ("connected", True), done.stderr
            done = subprocess.run([*words, "perl", "-e", INSTEAD[how] + CONNECT, allowed, other], env=env, capture_output=True, text=True)
            assert (done.stdout, reached(visits)) == (("", False) if words else ("connected", True)), done.stderr
            assert ("connect(unix:" in done.stderr) is bool(words)
        for path in (allowed, other):
            Path(path).unlink(missing_ok=True)


@pytest.mark.parametrize("linked", [False, True])
def test_a_server_that_was_started_anew(hermetic_command, env, place, linked):
    """It is another file, bound by the same name, which may lead over a link."""
    allowed = place / "allowed"
    if linked:
        (place / "link").symlink_to(place)
        allowed = place / "link" / "allowed"
    script = f"until [ -e {place}/go ]; do sleep .05; done; exec perl -e '{CONNECT.replace(chr(39), chr(34))}' {allowed}"
    with daemon(str(allowed)):
        run = subprocess.Popen(
            [hermetic_command, "--no-network", "--allow-unix", allowed, "--", "sh", "-c", script], env=env, stdout=subprocess.PIPE
        )
    allowed.unlink()
    with daemon(str(allowed)) as visits:
        (place / "go").touch()
        assert run.communicate(timeout=60)[0] == b"connected"
        assert reached(visits)


# The launcher.

BLIND = """
import ctypes, os, socket
libc = ctypes.CDLL(None)
pipe = os.pipe()[0]
for _ in range(400): libc.connect(pipe, b"\\2\\0\\0\\x50\\1\\2\\3\\4" + bytes(8), 16)
made = libc.socket(2, 1, 0)
print(libc.connect(made, b"\\2\\0\\0\\x50\\1\\2\\3\\4" + bytes(8), 16))
"""


def test_the_launcher_is_not_blinded(jobs):
    """It has few descriptors here, and gives back what it takes of the target's."""
    python = find_python("3.11").path
    env = jobs.environ()
    done = jobs.guarded(
        "--no-network", "--strict", "--", python, "-c", BLIND, env=env, before=["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"]
    )
    assert (done.code, done.out) == (77, "-1\n"), done.err
    assert "connect(1.2.3.4:80)" in done.refused


@USERS
def test_the_cache_cannot_be_laid_for_the_next_run(hermetic_command, env, place, as_user):
    plant = "mkdir -p $HOME/.cache/hermetic && echo forged > $HOME/.cache/hermetic/planted"
    planted = place / ".cache/hermetic/planted"
    if as_user:
        os.chown(place, 12345, 12345)
    assert finished([*as_user, "sh", "-c", plant], {"cwd": "/"}, env).code == 0
    assert planted.exists()
    for flags in (["--no-network"], ["--fs-readonly", "--allow-write", place]):
        shutil.rmtree(place / ".cache")
        done = finished([*as_user, hermetic_command, *flags, "--", "sh", "-c", plant], {"cwd": "/"}, env)
        assert (done.code != 0, planted.exists()) == (True, False)
        assert "Read-only file system" in done.err


NICE = """
import os, sys
pid, word = int(sys.argv[1]), sys.argv[2]
acts = {
    "affinity": lambda: os.sched_setaffinity(pid, {0}),
    "policy": lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "of the group": lambda: os.setpriority(os.PRIO_PGRP, os.getpgid(pid), 19),
}
acts[word]()
print("done")
"""


@USERS
@pytest.mark.parametrize("act", ["affinity", "policy", "priority", "of the group"])
def test_when_other_processes_run_is_not_the_targets_business(hermetic_command, env, as_user, act):
    python = "/usr/bin/python3"
    with subprocess.Popen([*as_user, "setsid", "sleep", "60"]) as other:
        try:
            while Path(f"/proc/{other.pid}/comm").read_text() != "sleep\n":
                time.sleep(0.01)  # it is another's until then
            program = [python, "-IS", "-c", NICE]
            assert subprocess.run([*as_user, *program, str(other.pid), act], env=env, capture_output=True, text=True).stdout == "done\n"
            for flags in (["--no-network"], ["--fs-readonly"], ["--no-subprocess"]):
                done = subprocess.run(
                    [*as_user, hermetic_command, *flags, "--", *program, str(other.pid), act],
                    env=env,
                    capture_output=True,
                    text=True,
                    cwd="/",
                )
                assert (done.stdout, "PermissionError" in done.stderr) == ("", True), done.stderr
        finally:
            other.kill()


@pytest.mark.parametrize("flag", ["--no-network", "--fs-readonly", "--block-native"])
def test_threads_and_children_may_be_placed(hermetic_command, env, flag):
    """Libraries do so with their threads, and abort where they may not (libzmq's applySchedulingParameters)."""
    code = (
        "import os, subprocess, sys, threading\n"
        "os.sched_setaffinity(0, os.sched_getaffinity(0)); os.sched_setaffinity(os.getpid(), os.sched_getaffinity(0)); os.nice(1)\n"
        "def work(): os.sched_setaffinity(threading.get_native_id(), {0}); os.sched_setscheduler(threading.get_native_id(), 0, os.sched_param(0)); print('thread', flush=True)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "child = subprocess.Popen(['sleep', '60']); os.setpriority(os.PRIO_PROCESS, child.pid, 5); child.kill(); print('child')\n"
    )
    done = subprocess.run([hermetic_command, flag, "--", "/usr/bin/python3", "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "thread\nchild\n", done.stderr


def test_a_log_that_is_full_is_told(jobs, loopback_server):
    code = f"import socket; socket.socket().connect_ex(('127.0.0.1', {loopback_server.port}))"
    done = jobs.guarded("--no-network", "--log=/dev/full", "--", "/usr/bin/python3", "-c", code, env=jobs.environ(), log=False)
    assert done.err.count("hermetic: --log /dev/full: No space left on device; from here on events are missing there\n") == 1


# Listening.

SERVED = """
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 5) or die "listen: $!\n";
my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $server->sockport) or die "connect: $!\n";
print "served";
"""


@USERS
def test_servers_of_this_machine_are_served(hermetic_command, env, as_user):
    """Whoever starts them: an ordinary user's sockets of TCP get no filter from newer kernels."""
    for options, expected in ((["--allow-localhost"], "served"), ([], "")):
        command = [*as_user, hermetic_command, "--no-network", *options, "--", "perl", "-e", SERVED]
        done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True)
        assert done.stdout == expected, done.stderr
        assert ("allow it  --allow-localhost" in done.stderr) is not bool(options)
