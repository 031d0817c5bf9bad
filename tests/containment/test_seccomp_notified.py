"""Which refusals a supervisor is asked about, and that it is the one who answers."""

import fcntl
import os
import select
import socket
import struct

import pytest
from containment.filtered import GUARDS, confine, name_of, outcome, system_call
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Network, Policy

LOCALHOST = Policy(network=Network(localhost=ANY))
NAMES = Policy(network=Network(domains=(("a.example", ((443, 443),)),)))
UDP = {"type": socket.SOCK_DGRAM}
RECEIVE, SEND = 0xC0502100, 0xC0182101
ENOMSG = 42


def answered(act, policy):
    """What became of `act` while every notification is answered by ENOMSG, which nothing else gives."""

    def supervised(there):
        listener = confine(policy, listener=True)
        socket.send_fds(there, [b"listener"], [listener])
        os.close(listener)
        there.send(name_of(act).encode())

    def supervise():
        here, there = socket.socketpair()
        pid = os.fork()
        if not pid:
            supervised(there)
            os._exit(0)
        listener = socket.recv_fds(here, 8, 1)[1][0]
        while here not in (ready := select.select([here, listener], [], [])[0]):
            notification = bytearray(80)
            fcntl.ioctl(ready[0], RECEIVE, notification)
            fcntl.ioctl(listener, SEND, notification[:8] + struct.pack("=qiI", 0, -ENOMSG, 0))
        os.waitpid(pid, 0)
        return here.recv(100).decode()

    return outcome(supervise)


SUPERVISED = [
    # policy, act, answer
    (GUARDS["network"], lambda: socket.socket(socket.AF_UNIX).close(), "ok"),
    (GUARDS["network"], lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).close(), "ok"),
    (GUARDS["network"], lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), "ENOMSG"),
    (GUARDS["network"], socket.socket, "ENOMSG"),
    (GUARDS["network"], lambda: socket.socketpair()[0].sendto(b"x", "/nowhere"), "ENOMSG"),
    (LOCALHOST, lambda: socket.socketpair()[0].sendto(b"x", "/nowhere"), "EISCONN"),
    (LOCALHOST, lambda: socket.socket().close(), "ok"),
    (LOCALHOST, lambda: socket.socket(type=socket.SOCK_DGRAM), "ENOMSG"),
    (LOCALHOST, lambda: socket.socket().bind(("127.0.0.1", 0)), "ok"),
    (LOCALHOST, lambda: socket.socket().connect(("127.0.0.1", 1)), "ENOMSG"),
    (LOCALHOST, lambda: socket.socket().listen(), "ENOMSG"),
    (GUARDS["network"], lambda: socket.socket(socket.AF_UNIX).connect("/nowhere"), "ENOMSG"),
    (GUARDS["network"], lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM), "EACCES"),
    (NAMES, lambda: socket.socket(**UDP), "ENOMSG"),
    (NAMES, lambda: socket.socket(socket.AF_INET6, **UDP), "ENOMSG"),
    (NAMES, lambda: socket.socket().close(), "ok"),
    (NAMES, lambda: socket.socket().connect(("127.0.0.1", 53)), "ENOMSG"),
    (NAMES, lambda: socket.socket(socket.AF_UNIX, **UDP), "ENOMSG"),
    (NAMES, lambda: socket.socket(proto=262), "ENOMSG"),
    (LOCALHOST, lambda: socket.socket().setsockopt(socket.SOL_SOCKET, 25, b"lo\0"), "ENOMSG"),
    (LOCALHOST, lambda: socket.socket().setsockopt(0, 42, bytes(136)), "ENOMSG"),
    (LOCALHOST, lambda: socket.socket().setsockopt(0, socket.IP_TOS, 8), "ok"),
    (LOCALHOST, lambda: socket.socket(socket.AF_INET6).setsockopt(41, socket.IPV6_V6ONLY, 1), "ok"),
    (GUARDS["subprocess"], os.fork, "ENOMSG"),
    (GUARDS["subprocess"], lambda: os.posix_spawn("/bin/true", ["true"], {}), "ENOMSG"),
    (GUARDS["subprocess"], lambda: os.execv("/bin/true", ["true"]), "ENOMSG"),
    (GUARDS["subprocess"], lambda: system_call("execveat", -100, b"/bin/true", 0, 0, 0), "ENOMSG"),
    (GUARDS["subprocess"], lambda: system_call("unshare", 0), "EPERM"),
]


@pytest.mark.parametrize(("policy", "act", "answer"), SUPERVISED)
def test_the_supervisor_is_asked(policy, act, answer):
    assert answered(act, policy) == answer


def test_one_listener_only():
    def act():
        confine(GUARDS["network"], listener=True)
        confine(GUARDS["network"], listener=True)

    assert outcome(act) == "EBUSY"


def test_the_listener_is_closed_by_exec():
    def act():
        return os.get_inheritable(confine(GUARDS["network"], listener=True))

    assert outcome(act) == "False"
