"""UDP sockets that reach nothing but the run's own name server: they are of a network that has no way out.

No filter sees where a datagram goes, for that is in memory and named with each of them. But which network a socket is of is settled when it is
made (network_namespaces(7)). So they are made by a process of the launcher's in a network with nothing in it but a loopback interface, and
the server that answers resolvers there is handed to the launcher.
"""

from __future__ import annotations

import os

from hermetic.linux import namespaces, syscalls
from hermetic.linux.steps import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from typing import NoReturn

AF_UNIX, AF_INET, SEQUENCED, DATAGRAM = 1, 2, 5, 2
SOL_SOCKET, SCM_RIGHTS, SO_NETNS_COOKIE = 1, 1, 71
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1
"""SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP (netdevice(7))."""
LOOPBACK = b"lo".ljust(16, b"\0")
PORT = 53
INT = 4


class Workshop:
    """That process, seen from the launcher: for any of its threads. It is none of the run's."""

    def __init__(self, connection: socket, pid: int) -> None:
        import _thread

        self.pid = pid
        self._connection = connection
        self._lock = _thread.allocate_lock()
        self._server: socket | None = None
        self._failure: OSError | None = None

    def server(self) -> socket:
        """A UDP socket that is asked for names there, whatever address they are asked at. Raises OSError where there is no such network."""
        with self._lock:
            return self._opened()

    def _opened(self) -> socket:
        """What that process says first, which takes it some milliseconds."""
        if self._failure:
            raise self._failure
        if self._server is None:
            try:
                self._server = _received(self._connection)
            except OSError as error:
                self._failure = error
                raise
        return self._server

    def is_own(self, found: socket) -> bool:
        """Whether a socket is of that network (SO_NETNS_COOKIE, Linux 5.14)."""
        try:
            return found.getsockopt(SOL_SOCKET, SO_NETNS_COOKIE, 8) == self.server().getsockopt(SOL_SOCKET, SO_NETNS_COOKIE, 8)
        except OSError:
            return False

    def make(self, family: int, kind: int, protocol: int) -> socket:
        """A socket of that network. Raises OSError."""
        with self._lock:
            self._opened()
            self._connection.send(b" ".join(b"%d" % number for number in (family, kind, protocol)))
            return _received(self._connection)

    def close(self) -> None:
        """That process ends by itself then, and is waited for, where it was not ended already."""
        self._connection.close()
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            return


def open_workshop(*, root: bool) -> Workshop:
    """Fork it, which a process with one thread may do. Raises OSError."""
    import _socket

    ours, theirs = _socket.socketpair(AF_UNIX, SEQUENCED)
    launcher = os.getpid()
    pid = os.fork()
    if not pid:
        ours.close()
        _work(theirs, launcher, root=root)
    theirs.close()
    return Workshop(ours, pid)


def _received(connection: socket) -> socket:
    """The socket that comes, or the error that does. Raises OSError."""
    import _socket

    data, ancillary, _, _ = connection.recvmsg(64, _socket.CMSG_SPACE(INT))
    for level, kind, descriptor in ancillary:
        if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
            return _socket.socket(AF_INET, DATAGRAM, 0, int.from_bytes(descriptor[:INT], "little"))
    raise OSError(int(data or b"0"), os.strerror(int(data or b"0")))


# In that process.


def _work(connection: socket, launcher: int, *, root: bool) -> NoReturn:
    """Make what is asked for until nobody is there to ask."""
    try:
        syscalls.die_with_parent(launcher)
        kept = connection.fileno()
        os.closerange(0, kept)
        os.closerange(kept + 1, 1 << 16)
        _send(connection, lambda: _server(root=root))
        while request := connection.recv(64):
            family, kind, protocol = map(int, request.split())
            _send(connection, lambda: _made(family, kind, protocol))  # noqa: B023 (called at once)
    finally:
        os._exit(0)


def _made(family: int, kind: int, protocol: int) -> socket:
    import _socket

    return _socket.socket(family, kind | os.O_CLOEXEC, protocol)


def _server(*, root: bool) -> socket:
    """Enter the network, and listen there."""
    import fcntl

    step(namespaces.UNSHARE, namespaces.CLONE_NEWNET | (0 if root else namespaces.CLONE_NEWUSER))
    made = _made(AF_INET, DATAGRAM, 0)
    flags = int.from_bytes(fcntl.ioctl(made, GET_FLAGS, LOOPBACK + bytes(24))[16:18], "little")
    fcntl.ioctl(made, SET_FLAGS, LOOPBACK + (flags | UP).to_bytes(2, "little") + bytes(22))
    made.bind(("", PORT))
    return made


def _send(connection: socket, make: object) -> None:
    assert callable(make)
    try:
        made = make()
    except OSError as error:
        connection.send(b"%d" % (error.errno or 0))
        return
    connection.sendmsg([b"0"], [(SOL_SOCKET, SCM_RIGHTS, made.fileno().to_bytes(INT, "little"))])
    made.close()
