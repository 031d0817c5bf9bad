"""The supervisor, asked in ways that make it hard: nothing gets through, nobody waits for ever, and who asks hears what the kernel would say."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT
from launch.users import USERS, place_of_everybody

PROGRAMS = ("asked", "floods")


@pytest.fixture(scope="module")
def programs():
    with place_of_everybody() as made:
        for name in PROGRAMS:
            source = os.path.join(os.path.dirname(__file__), f"{name}.c")
            subprocess.run(["cc", "-Wall", "-O1", "-pthread", "-o", made / name, source], check=True)
        yield made


@contextlib.contextmanager
def counted():
    """A port where who connects is let in, and how many were."""
    visits = []

    def serve(listening):
        with contextlib.suppress(OSError):
            while True:
                listening.accept()[0].close()
                visits.append(1)

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1], visits
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def server():
    with counted() as server:
        yield server


def said(env, *command):
    done = subprocess.run(list(map(str, command)), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", timeout=120)
    return done.stdout, done.stderr


# What stands in the caller's memory.


def test_a_path_that_lies_on_two_pages(hermetic_command, env, place, programs):
    """Read up to the end of the first it would name another program."""
    for name in ("tool", "toolbox"):
        (place / name).write_text("#!/bin/sh\necho $0")
        (place / name).chmod(0o755)
    allowed = [hermetic_command, "--no-subprocess", f"--allow-run={place / 'toolbox'}", "--"]
    for before in (0, len(str(place / "tool"))):
        command = [programs / "asked", "across", place / "toolbox", before]
        for words in ([], allowed):
            out, errors = said(env, *words, *command)
            assert out == f"{place}/toolbox\n", errors
        out, errors = said(env, hermetic_command, "--no-subprocess", f"--allow-run={place / 'tool'}", "--", *command)
        assert out == f"{errno.EACCES}\n"
        assert f"start({place}/toolbox)\n" in errors
    assert f"start({place}/toolbox)\n" in said(env, hermetic_command, "--no-subprocess", "--", *command)[1]


def test_an_address_that_is_not_there(hermetic_command, env, programs, server):
    """At the end of memory, behind it, of a file that was cut off, at no address at all, and of no length that an address has."""
    port, _ = server
    expected = [errno.EFAULT] * 6 + [errno.EINVAL] * 3
    for words in ([], [hermetic_command, "--no-network", f"--allow-localhost={port}", "--"]):
        assert list(map(int, said(env, *words, programs / "asked", "memory", port)[0].split())) == [0, *expected]
    with counted() as (port, visits):
        out, errors = said(env, hermetic_command, "--no-network", "--", programs / "asked", "memory", port)
        assert (list(map(int, out.split())), visits) == ([errno.EACCES, *expected], []), errors


def test_who_can_have_no_descriptor_more(hermetic_command, env, programs, server):
    port, _ = server
    for words, connected in (
        ([], 0),
        ([hermetic_command, "--no-network", f"--allow-localhost={port}", "--"], 0),
        ([hermetic_command, "--no-network", "--"], errno.EACCES),
    ):
        out, errors = said(env, *words, programs / "asked", "full", port)
        assert out == f"200 {connected} {errno.EBADF} 0\n", errors
        assert "could not judge" not in errors, errors


# Many who ask, and who are gone before they hear.


def flooded(hermetic_command, env, programs, as_user, processes, calls):
    command = [programs / "floods", processes, calls]
    with counted() as (port, visits):
        assert int(said(env, *as_user, *command, port)[0]) > 0
        wait_until(visits)
    with socket.create_server(("127.0.0.1", 0)) as allowed:
        then = f'"$@"; exec 3<>/dev/tcp/127.0.0.1/{allowed.getsockname()[1]} && echo connected'
        for options in ([], ["--no-subprocess", "--allow-run=/bin/bash", f"--allow-run={command[0]}"]):
            words = [hermetic_command, "--no-network", f"--allow-localhost={allowed.getsockname()[1]}", *options, "--"]
            with counted() as (port, visits):
                out, errors = said(env, *as_user, *words, "bash", "-c", then, "bash", *command, port)
                assert (out, visits) == ("0\nconnected\n", []), errors
            assert "could not judge" not in errors, errors


@USERS
def test_a_flood(hermetic_command, env, programs, as_user):
    flooded(hermetic_command, env, programs, as_user, 10, 20)


@pytest.mark.soak
def test_a_long_flood(hermetic_command, env, programs):
    flooded(hermetic_command, env, programs, [], 200, 150)


# Nobody who answers.


@USERS
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_whoever_asks_when_the_launcher_is_gone(hermetic_command, env, place, programs, server, as_user, number):
    """Every call that would be answered fails, and none waits: connect, socket, bind, listen, sendto, setsockopt, setpriority, execve."""
    port, visits = server
    guards = ["--no-network", f"--allow-localhost={port}", "--no-subprocess", "--allow-run=/bin/true"]
    for words in (["sh", "-c", '"$@"; exit $?', "sh"], [hermetic_command, *guards, "--"]):
        file = place / f"gone-{len(words)}"
        command = [*as_user, *words, programs / "asked", "alone", file, port]
        with subprocess.Popen(list(map(str, command)), env=env, stderr=subprocess.DEVNULL) as run:
            wait_for(place / f"{file.name}-begun")
            run.send_signal(number)
            os.waitid(os.P_PID, run.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            file.touch()
            time.sleep(0.2)
            run.kill()
        answers = set(map(int, wait_for(place / f"{file.name}-ended").read_text().split()))
        if words[0] is hermetic_command:
            assert (answers, visits) == ({errno.ENOSYS}, [])
        else:
            assert answers == {0}
            wait_until(visits)
            visits.clear()


def wait_for(path, patience=30):
    until = time.monotonic() + patience
    while not path.exists():
        assert time.monotonic() < until, path
        time.sleep(0.01)
    return path


# Somebody else who answers: there is one at most for a process (seccomp(2)).

SOMEBODY = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from hermetic.linux import bpf, filters, syscalls
syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
listener = filters.install(bpf.assemble([bpf.Rule('vhangup', bpf.USER_NOTIF)], os.uname().machine), True)
os.set_inheritable(listener, True)
os.execvp(sys.argv[3], sys.argv[3:])
"""
BASH = "exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected; /bin/true && echo started; echo end"


def test_where_somebody_else_answers(hermetic_command, env, server):
    """What needs an answer is refused without, or it is said that it is not held; and then nothing is started."""
    port, visits = server
    within = [sys.executable, "-ISc", SOMEBODY, ROOT, ROOT / "bootstrap"]
    bash = ["bash", "-c", BASH.format(port=port)]
    assert said(env, *within, *bash)[0] == "connected\nstarted\nend\n"
    wait_until(visits)
    for guards, out, told in (
        (["--no-network"], "started\nend\n", "network: full; what it refuses is not counted"),
        (["--no-network", "--allow-localhost=1"], "", "without a supervisor every address can be reached"),
        (["--no-subprocess", "--allow-run=/bin/bash"], "connected\nend\n", "what it refuses is not counted"),
    ):
        visits.clear()
        found, errors = said(env, *within, hermetic_command, *guards, "--", *bash)
        assert found == out, errors
        assert told in errors
        assert not visits or "connected\n" in out


def wait_until(visits, patience=30):
    until = time.monotonic() + patience
    while not visits:
        assert time.monotonic() < until
        time.sleep(0.01)


# Programs of another machine, whose calls have other numbers.

FOREIGN = """
void _start(void) {
    __asm__ volatile("mov $4, %eax; mov $1, %ebx; mov $text, %ecx; mov $4, %edx; int $0x80; mov $1, %eax; xor %ebx, %ebx; int $0x80;"
                     ".data; text: .ascii \\"did\\\\n\\"; .text");
}
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="i386 is x86's")
def test_a_32_bit_program(hermetic_command, env, place):
    options = ["-m32", "-static", "-nostdlib", "-x", "c", "-", "-o", str(place / "foreign")]
    subprocess.run(["cc", *options], input=FOREIGN, text=True, check=True)
    bare = said(env, "sh", "-c", f"{place}/foreign; echo $?")[0]
    if bare != "did\n0\n":
        pytest.skip(f"this kernel runs none: {bare}")
    for flag in ("--no-network", "--fs-readonly"):
        assert said(env, hermetic_command, flag, "--", "sh", "-c", f"{place}/foreign; echo $?")[0] == "159\n"
