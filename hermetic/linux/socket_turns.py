"""Keeps calls on one socket apart whose judgement another of them could make untrue.

The supervisor's threads judge and carry out at the same time. A connection that fails, or is taken away, has a socket unbound that is being
judged by where it is bound.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from _thread import LockType

EINVAL, EALREADY = 22, 114


class Turns:
    """Those of one run's sockets."""

    def __init__(self) -> None:
        import _thread

        self._lock = _thread.allocate_lock()
        self._connecting: set[int] = set()

    def connecting(self, found: socket) -> Connecting:
        return Connecting(self._lock, self._connecting, identity(found))

    def listening(self, found: socket) -> Listening:
        return Listening(self._lock, self._connecting, identity(found))


class Connecting:
    """A context in which nothing else happens to a socket. It may last: connections are slow.

    To enter it raises OSError where the socket is being connected already, with the errno that the kernel has for that.
    """

    def __init__(self, lock: LockType, connecting: set[int], socket: int) -> None:
        self._lock = lock
        self._connecting = connecting
        self._socket = socket

    def __enter__(self) -> None:
        with self._lock:
            if self._socket in self._connecting:
                raise OSError(EALREADY, os.strerror(EALREADY))
            self._connecting.add(self._socket)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._connecting.remove(self._socket)


class Listening:
    """A short context in which no socket begins or ceases to be connected.

    To enter it raises OSError where this one is being connected, again as the kernel has it.
    """

    def __init__(self, lock: LockType, connecting: set[int], socket: int) -> None:
        self._lock = lock
        self._connecting = connecting
        self._socket = socket

    def __enter__(self) -> None:
        self._lock.acquire()
        if self._socket in self._connecting:
            self._lock.release()
            raise OSError(EINVAL, os.strerror(EINVAL))

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def identity(found: socket) -> int:
    """The number of the socket among the kernel's, the same for all its descriptors."""
    return os.fstat(found.fileno()).st_ino
