"""What the filters are there against, done in earnest: it works without them, and not with them. And what must go on working."""

import asyncio
import contextlib
import ctypes
import fcntl
import mmap
import os
import signal
import socket
import struct
import termios
import threading
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from containment.filtered import EVERYTHING, GUARDS, MACHINE, become, confine, in_child, name_of, numbered, outcome, system_call, users
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Network, Policy

from hermetic.linux import bpf, filters

LOCALHOST = Policy(network=Network(localhost=ANY))
TOP = 0xFFFFFFFF << 32
TIOCSTI = 0x5412


# In every run.


@contextlib.contextmanager
def child():
    """Another process of the same user, that does nothing; not to be had where no process may be."""
    pid = os.fork()
    if not pid:
        time.sleep(60)
        os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


SECRET = ctypes.create_string_buffer(b"secret")


def read_memory():
    taken = ctypes.create_string_buffer(7)
    here, there = (struct.pack("QQ", ctypes.addressof(buffer), 7) for buffer in (taken, SECRET))
    with child() as pid:
        system_call("process_vm_readv", pid, here, 1, there, 1, 0)
    return taken.value.decode()


def trace():
    with child() as pid:
        system_call("ptrace", 0x4206, pid, 0, 0)  # PTRACE_SEIZE


def take_descriptor():
    with child() as pid:
        os.close(system_call("pidfd_getfd", os.pidfd_open(pid), 1, 0))


def limit_another():
    with child() as pid:
        system_call("prlimit64", pid, 0, struct.pack("QQ", 60, 60), 0)


def type_into_terminal():
    _, slave = os.openpty()
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    system_call("ioctl", slave, TOP | TIOCSTI, b"x")
    return os.read(slave, 1).decode()


def change_line_discipline():
    _, slave = os.openpty()
    fcntl.ioctl(slave, 0x5423, struct.pack("i", 0))  # TIOCSETD to N_TTY, which it is


def open_ring():
    os.close(system_call("io_uring_setup", 1, bytes(120)))


def keep_key():
    system_call("add_key", b"user", b"hermetic-test", b"x", 1, -2 & 2**64 - 1)  # KEY_SPEC_PROCESS_KEYRING


def make_user_namespace():
    system_call("unshare", 0x10000000)


def fork_into_user_namespace():
    pid = system_call("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def fork_by_clone3():
    pid = system_call("clone3", struct.pack("11Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0), 88)
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def make_memory_executable():
    system_call("personality", 0x400000)
    return system_call("personality", 0xFFFFFFFF)


ACTS = [
    # act, refused with, without the filter
    (read_memory, "EPERM", {"secret"}),
    (trace, "EPERM", {"ok"}),
    (take_descriptor, "EPERM", {"ok"}),
    (limit_another, "EPERM", {"ok"}),
    (type_into_terminal, "EPERM", {"x", "EIO"}),  # EIO where dev.tty.legacy_tiocsti is 0
    (change_line_discipline, "EPERM", {"ok"}),
    (open_ring, "ENOSYS", {"ok"}),
    (keep_key, "EPERM", {"ok"}),
    (make_user_namespace, "EPERM", {"ok"}),
    (fork_into_user_namespace, "EPERM", {"ok"}),
    (fork_by_clone3, "ENOSYS", {"ok"}),
    (make_memory_executable, "EPERM", {str(0x400000)}),
]


@pytest.mark.parametrize(("act", "refused", "bare"), ACTS, ids=[act.__name__ for act, *_ in ACTS])
@users
def test_acts(act, refused, bare, user):
    assert outcome(act, GUARDS["network"], user) == refused
    assert outcome(act, None, user) in bare


def run_machine_code(code):
    """Call it as a function without arguments, that returns an int."""
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def as_i386():
    """getpid by int 0x80: mov eax, 20; int 0x80; ret."""
    return run_machine_code(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3") == os.getpid()


@pytest.mark.skipif(MACHINE != "x86_64", reason="int 0x80 is x86's")
@users
def test_another_machines_calls_end_the_process(user):
    bare = outcome(as_i386, None, user)
    if bare == "SIGSEGV":
        pytest.skip("this kernel does not take int 0x80")
    assert bare == "True"
    assert outcome(as_i386, GUARDS["native"], user) == "SIGSYS"


@pytest.mark.skipif(MACHINE != "x86_64", reason="x32 is x86's")
def test_x32():
    """Most kernels have none, and say the same without a filter: see test_bpf.py for what the filter says."""
    assert outcome(lambda: numbered(0x40000000 | 39), GUARDS["native"]) == "ENOSYS"
    assert outcome(lambda: numbered(39) == os.getpid(), GUARDS["native"]) == "True"


# Network.


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_tcp_to_localhost(listening):
    def act():
        socket.create_connection(listening, timeout=10).close()

    assert outcome(act, LOCALHOST) == "ok"
    assert outcome(act, GUARDS["network"]) == "EACCES"


@pytest.mark.parametrize("way", ["sendto", "sendmsg"])
@users
def test_connecting_by_the_first_data(listening, way, user):
    def act():
        with socket.socket() as tcp:
            if way == "sendto":
                tcp.sendto(b"x", socket.MSG_FASTOPEN, listening)
            else:
                tcp.sendmsg([b"x"], [], socket.MSG_FASTOPEN, listening)
            return tcp.getpeername()[1]

    assert outcome(act, LOCALHOST, user) == "ENOTSUP"
    assert outcome(act, None, user) == str(listening[1])


@users
def test_datagrams_to_a_path(tmp_path, user):
    """Each of a pair sends where it likes. They are made on a path below /tmp that everybody may enter."""
    path = f"/tmp/hermetic-{os.getpid()}-{user}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        os.chmod(path, 0o777)
        receiver.setblocking(False)

        def act():
            for made in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
                made.sendto(b"x", path)

        try:
            assert outcome(act, GUARDS["network"], user) == "EACCES"
            with pytest.raises(BlockingIOError):
                receiver.recv(1)
            assert outcome(act, None, user) == "ok"
            assert receiver.recv(1) == b"x"
        finally:
            os.unlink(path)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET])
@users
def test_pairs_send_to_each_other_only(kind, user):
    path = f"/tmp/hermetic-{os.getpid()}-{user}"

    def act():
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        one.send(b"x")
        other.recv(1)
        ways = [lambda: one.connect(path), lambda: one.sendto(b"x", path), lambda: one.sendmsg([b"x"], [], 0, path), one.listen]
        return [name_of(way) for way in ways]

    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(path)
        os.chmod(path, 0o777)
        server.listen()
        try:
            found = outcome(act, GUARDS["network"], user)
        finally:
            os.unlink(path)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    # What is sent through SOCK_SEQPACKET goes to the other end, whatever address is given.
    sent = "EISCONN" if kind == socket.SOCK_STREAM else "1"
    assert found == str(["EACCES", sent, sent, "EACCES"])


# What goes on.


def use_asyncio():
    async def main():
        return await asyncio.gather(asyncio.to_thread(sum, [1, 2]), asyncio.sleep(0.01, 3))

    return asyncio.run(main())


def use_pool():
    with ThreadPool(8) as pool:
        return sum(pool.map(int, range(100)))


def use_many_threads():
    """As OpenBLAS does when it is loaded: as many threads as there could be processors, at once."""
    barrier = threading.Barrier(128)
    threads = [threading.Thread(target=barrier.wait) for _ in range(127)]
    for thread in threads:
        thread.start()
    barrier.wait()
    return sum(thread.join() is None for thread in threads)


@pytest.mark.parametrize(("act", "result"), [(use_asyncio, "[3, 3]"), (use_pool, "4950"), (use_many_threads, "127")])
@users
def test_goes_on(act, result, user):
    assert str(act()) == result  # also loads what the ordinary user may not be able to read
    assert outcome(act, EVERYTHING, user) == result


# The filter itself.


def test_without_no_new_privs_there_is_no_filter():
    """For an ordinary user; the kernel lets nobody put a program that is more than himself under his filters."""

    def act():
        become("ordinary")
        filters.install(bpf.assemble([], MACHINE), False)

    assert outcome(act) == "EACCES"


def test_a_filter_is_inherited():
    def act():
        confine(GUARDS["network"])
        return in_child(lambda: os._exit(7 if name_of(lambda: socket.socket(type=socket.SOCK_DGRAM)) == "EACCES" else 1))

    assert outcome(act) == "7"


def test_status_shows_it():
    def act():
        return "Seccomp:\t2\n" in Path("/proc/self/status").read_text()

    assert outcome(act, GUARDS["native"]) == "True"
