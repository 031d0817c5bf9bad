"""Connections that are not made at once: they keep no thread of the supervisor's, and whoever waits for one can be interrupted.

A call that the supervisor has received is interrupted by nothing but what kills its caller (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), else calls
would end with EINTR that know none, as socket(2). connect(2) knows it: so where the caller has a signal to take its call is answered as the kernel
answers it then, and the connection goes on by itself. A call that is made again, by the kernel after a handler with SA_RESTART or by the program,
waits for the same connection, as it does without a supervisor.
"""

from __future__ import annotations

import os

from hermetic.linux import syscalls
from hermetic.linux.notify import Gone
from hermetic.linux.numbers import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from hermetic.linux.judge import Answer
    from hermetic.linux.notify import Notification

EINTR, EAGAIN, EACCES, ENETUNREACH, EALREADY, EINPROGRESS, ERESTARTSYS = 4, 11, 13, 101, 114, 115, 512
"""The last is no errno of a program's: the kernel makes EINTR of it, or makes the call again, as the signal's handler wants it (signal(7))."""
UNFINISHED = (EAGAIN, EALREADY, EINPROGRESS)
"""What a socket that does not wait says of a connection; EAGAIN: one of AF_UNIX, at a listener that has no room."""

AF_UNIX, AF_INET, AF_INET6, STREAM = 1, 2, 10, 1
SOL_SOCKET, SO_ERROR, SO_SNDTIMEO = 1, 4, 21

NOWHERE = {
    AF_INET: AF_INET.to_bytes(2, "little") + b"\0\1" + bytes([224, 0, 0, 1]) + bytes(8),
    AF_INET6: AF_INET6.to_bytes(2, "little") + b"\0\1" + bytes(4) + b"\xff\2" + bytes(14) + bytes(4),
}
"""A group, to which TCP connects no socket (ENETUNREACH, tcp_v4_connect, net/ipv4/tcp_ipv4.c; tcp_v6_connect). While a socket is being connected
connect(2) looks at no address, but says what has become of that (__inet_stream_connect, net/ipv4/af_inet.c).
"""

PAUSE_S = 0.05
"""How often it is looked whether somebody who waits has a signal to take, or has ended."""
SHARE = 10
"""With many it takes longer: it must not take more than one in so many parts of the time."""

EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLOUT = 1, 2, 0x4
PACKED = os.uname().machine == "x86_64"
"""struct epoll_event has no gap there before its data (linux/eventpoll.h)."""
EVENT = 12 if PACKED else 16
MOST_EVENTS = 64
RLIMIT_NOFILE = 7


class Wait:
    """One call that waits. outcome: how far its connection was at first, as an errno; address: by which it is asked how far that is

    kept: a descriptor that the address leads through, -1 for none
    """

    __slots__ = ("address", "asking", "family", "found", "kept", "outcome", "timed", "until")

    def __init__(self, asking: Notification, found: socket, family: int, address: bytes, outcome: int, kept: int = -1) -> None:
        self.asking = asking
        self.found = found
        self.family = family
        self.address = address
        self.outcome = outcome
        self.kept = kept
        seconds = send_timeout(found)
        self.timed = bool(seconds)
        self.until = now() + seconds if seconds else float("inf")

    def progress(self) -> bool:
        """Answer if the connection is made, or has failed; whether that is so. Raises Gone."""
        self.asking.check()
        outcome, _ = begin(self.found, self.family, self.address)
        if outcome in UNFINISHED:
            return False
        if outcome == ENETUNREACH:  # or another thread has taken it away, which leaves an error
            outcome = self.found.getsockopt(SOL_SOCKET, SO_ERROR) or outcome
        self.asking.answer(outcome)
        return True

    def is_given_up(self) -> bool:
        """Answer if the caller's patience has ended, or it has a signal to take; whether that is so. Raises Gone."""
        self.asking.check()
        if now() >= self.until:
            self.asking.answer(self.outcome)
        elif has_signal(self.asking.thread):
            self.asking.answer(EINTR if self.timed else ERESTARTSYS)  # sock_intr_errno, include/net/sock.h
        else:
            return False
        return True

    def look(self) -> bool:
        """What is looked at now and then: of a listener of AF_UNIX nothing tells that there is room."""
        return self.is_given_up() or (self.family == AF_UNIX and self.progress())

    def close(self) -> None:
        self.found.close()
        if self.kept >= 0:
            os.close(self.kept)


class Waiting:
    """Those of one run. A thread looks after them while there are any."""

    def __init__(self) -> None:
        import _thread

        self._start_thread = _thread.start_new_thread
        self._lock = _thread.allocate_lock()
        self._waits: dict[int, Wait] = {}
        self._runs = False
        self._epoll = -1

    def connect(self, asking: Notification, found: socket, family: int, address: bytes) -> Answer:
        """By TCP, or to a name of AF_UNIX. Raises OSError, RuntimeError."""
        outcome, waits = begin(found, family, address)
        return self._add(Wait(asking, duplicate(found), family, NOWHERE.get(family, address), outcome)) if waits else outcome

    def connect_to_file(self, asking: Notification, found: socket, opened: int) -> Answer:
        """By AF_UNIX, to what is opened here. Raises OSError, RuntimeError."""
        outcome, waits = begin(found, AF_UNIX, by_descriptor(opened))
        if not waits:
            return outcome
        kept = os.dup(opened)
        return self._add(Wait(asking, duplicate(found), AF_UNIX, by_descriptor(kept), outcome, kept))

    def _add(self, wait: Wait) -> Answer:
        try:
            with self._lock:
                self._begin(wait)
        except BaseException:
            wait.close()
            raise
        return None

    def _begin(self, wait: Wait) -> None:
        if self._epoll < 0:
            raise_limit()
            self._epoll = syscalls.call(native("epoll_create1"), os.O_CLOEXEC)
        if not self._runs:
            self._start_thread(self._look_after, ())
            self._runs = True
        descriptor = wait.found.fileno()
        if wait.family != AF_UNIX:
            event = EPOLLOUT.to_bytes(4, "little") + bytes(EVENT - 12) + descriptor.to_bytes(8, "little")
            syscalls.call(native("epoll_ctl"), self._epoll, EPOLL_CTL_ADD, descriptor, event)
        self._waits[descriptor] = wait

    def _look_after(self) -> None:
        due = now() + PAUSE_S
        while self._has_any():
            for descriptor in self._ready(max(0.0, due - now())):
                self._do(descriptor, Wait.progress)
            begun = now()
            if begun >= due:
                for descriptor in list(self._waits):
                    self._do(descriptor, Wait.look)
                due = now() + max(PAUSE_S, SHARE * (now() - begun))

    def _has_any(self) -> bool:
        with self._lock:
            self._runs = bool(self._waits)
            return self._runs

    def _ready(self, seconds: float) -> list[int]:
        """Which sockets have something to say within that time."""
        buffer = syscalls.writable(EVENT * MOST_EVENTS)
        try:
            count = syscalls.call(native("epoll_pwait"), self._epoll, buffer, MOST_EVENTS, int(seconds * 1000) + 1, 0, 0)
        except InterruptedError:
            return []
        found = bytes(buffer)
        return [int.from_bytes(found[end - 8 : end], "little") for end in range(EVENT, (count + 1) * EVENT, EVENT)]

    def _do(self, descriptor: int, act: Callable[[Wait], bool]) -> None:
        """What may have the call answered; then it waits no more."""
        wait = self._waits.get(descriptor)
        if wait is None:
            return
        try:
            if not act(wait):
                return
        except Gone:
            pass
        with self._lock:
            del self._waits[descriptor]
            if wait.family != AF_UNIX:  # else it would stay, for the caller has the socket still (epoll(7))
                syscalls.call(native("epoll_ctl"), self._epoll, EPOLL_CTL_DEL, descriptor, 0)
            wait.close()


def begin(found: socket, family: int, address: bytes) -> tuple[int, bool]:
    """Have the socket connected without waiting for it. Returns how far that is, as an errno, and whether the caller waits for it.

    That a socket does not wait is said of it, not of a call, so for these microseconds it does not for others either.
    """
    descriptor, connect = found.fileno(), syscalls.prepared("connect", 3)
    if not os.get_blocking(descriptor):
        return -connect(descriptor, address, len(address)), False
    os.set_blocking(descriptor, False)
    try:
        outcome = -connect(descriptor, address, len(address))
        if outcome in (EINPROGRESS, EALREADY):
            nowhere = NOWHERE[family]
            made = -connect(descriptor, nowhere, len(nowhere))  # as on the loopback interface it is by now
            outcome = outcome if made == EALREADY else made
    finally:
        os.set_blocking(descriptor, True)
    return outcome, outcome in UNFINISHED


def duplicate(found: socket) -> socket:
    import _socket

    return _socket.socket(AF_UNIX, STREAM, 0, os.dup(found.fileno()))


def by_descriptor(opened: int) -> bytes:
    """A struct sockaddr_un that leads to what is opened here."""
    return AF_UNIX.to_bytes(2, "little") + b"/proc/self/fd/%d\0" % opened


def has_signal(thread: int) -> bool:
    """Whether it will take a signal as soon as it returns from its call. Those for the whole process the kernel gives to the first thread, unless
    that one blocks them (complete_signal, kernel/signal.c).
    """
    try:
        with open(f"/proc/{thread}/status", "rb") as file:
            lines = dict(line.split(b":", 1) for line in file)
        own, shared, blocked = (int(lines[name], 16) for name in (b"SigPnd", b"ShdPnd", b"SigBlk"))
        first = int(lines[b"Tgid"]) == thread
    except (OSError, KeyError):
        return False  # it has ended, and so has its call
    return bool((own | (shared if first else 0)) & ~blocked)


def send_timeout(found: socket) -> float:
    """In seconds, 0 for none: it is also how long connect(2) waits (socket(7))."""
    value = found.getsockopt(SOL_SOCKET, SO_SNDTIMEO, 16)
    return int.from_bytes(value[:8], "little") + int.from_bytes(value[8:], "little") / 1e6


def raise_limit() -> None:
    """Have the launcher open as many files as it may: each who waits takes one. Raises OSError."""
    limits = syscalls.writable(16)
    syscalls.call(native("prlimit64"), 0, RLIMIT_NOFILE, 0, limits)
    hard = bytes(limits)[8:]
    syscalls.call(native("prlimit64"), 0, RLIMIT_NOFILE, hard + hard, 0)


def now() -> float:
    import time

    return time.monotonic()
