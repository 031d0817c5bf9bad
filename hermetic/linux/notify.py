"""The protocol of seccomp's user notifications (seccomp_unotify(2)): a system call of the target's waits until it is answered.

What a call's pointers lead to is read once, from the target's memory, and what is judged is that copy. A call is never let
through after a judgement of memory, which another thread of the target could change meanwhile, unless the kernel judges it by itself
as well. It is carried out here instead, on a duplicate of the target's descriptor, or it fails.
"""

from __future__ import annotations

import fcntl
import os

from hermetic.linux import numbers, syscalls
from hermetic.linux.steps import words

RECEIVE, SEND, IS_VALID, ADD_DESCRIPTOR, SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103, 0x40082104
"""SECCOMP_IOCTL_NOTIF_* of linux/seccomp.h."""

SET_DESCRIPTOR = 1
"""SECCOMP_ADDFD_FLAG_SETFD"""

SYNC_WAKE_UP = 1
"""SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP"""

CONTINUE = 1
"""SECCOMP_USER_NOTIF_FLAG_CONTINUE"""

PAGE = 4096
"""The most that is read by one call."""

SIZE = 80
"""sizeof(struct seccomp_notif)"""

PIDFD_THREAD = os.O_EXCL
"""A descriptor of a thread instead of a process (Linux 6.9)."""

RESOLVE_BENEATH, RESOLVE_IN_ROOT = 0x08, 0x10
"""Of openat2(2); both follow none of the links in /proc that lead to what a process has open."""
TRIES = 100
PATH_MAX = 4096
"""With the zero at the end (linux/limits.h)."""

EPERM, ENOENT, ESRCH, EINTR, EACCES, EFAULT, EXDEV, EINVAL = 1, 2, 3, 4, 13, 14, 18, 22
CLOSE_ON_EXEC = os.O_CLOEXEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.linux.looking import Eyes


class Gone(Exception):
    """The caller has ended, or was killed while it waited: nobody is there to be answered."""


class Unseen(Exception):
    """The kernel does not let this process look into the caller: nothing can be judged, and what is refused for it has to be told."""


class Notification:
    """One waiting call.

    thread:    the caller's thread id, as seen from here; it may be another's by now, see `is_valid`
    number:    of the system call
    arguments: six words of 64 bits; of an int only the low 32 count
    """

    __slots__ = ("arguments", "number", "thread", "_id", "_listener")

    def __init__(self, listener: int, raw: bytearray) -> None:
        words = memoryview(raw).cast("Q").tolist()
        self._listener = listener
        self._id = bytes(raw[:8])
        self.thread = words[1] & 0xFFFFFFFF
        self.number = words[2] & 0xFFFFFFFF
        self.arguments = words[4:10]

    def integer(self, index: int) -> int:
        """An argument that is an `int` in C."""
        word = self.arguments[index] & 0xFFFFFFFF
        return word - (1 << 32) if word >> 31 else word

    def check(self) -> None:
        """Raise Gone unless the call is waiting still, so that `thread` was its caller's until now."""
        try:
            fcntl.ioctl(self._listener, IS_VALID, self._id)
        except OSError as error:
            raise Gone from error

    def memory(self, address: int, size: int) -> bytes:
        """What stands at an address of the caller's; shorter where its memory ends. Raises OSError (EFAULT where there is none), Gone, Unseen."""
        found = eyes().windows.read(self.thread, address, size) if 0 <= size <= PAGE else -EINVAL
        if isinstance(found, int) and found != -EFAULT:
            return self._memory_by_file(address, size)
        self.check()
        if isinstance(found, int):
            raise OSError(EFAULT, os.strerror(EFAULT))
        return found

    def _memory_by_file(self, address: int, size: int) -> bytes:
        """Much of it, or where the kernel does not have it read otherwise."""
        descriptor = self.look("mem", os.O_RDONLY)
        try:
            self.check()
            return read_at(descriptor, size, address)
        finally:
            os.close(descriptor)

    def look(self, name: str, flags: int) -> int:
        """A descriptor of what the caller's directory in /proc has by this name. Raises OSError, Unseen."""
        try:
            return os.open(f"/proc/{self.thread}/{name}", flags | os.O_CLOEXEC)
        except PermissionError as error:
            raise Unseen(f"{name}: {error.strerror}") from error

    def text(self, address: int) -> bytes:
        """A C string of the caller's, cut off where its memory ends, and at PATH_MAX."""
        return self.memory(address, PATH_MAX).partition(b"\0")[0]

    def duplicate(self, descriptor: int) -> int:
        """A descriptor of our own for the caller's. Raises OSError (EBADF if it has none such), Gone, Unseen."""
        taken = self._taken(descriptor)
        if taken < 0:
            if taken in (-EPERM, -EACCES):
                raise Unseen(f"descriptor: {os.strerror(-taken)}")
            raise OSError(-taken, os.strerror(-taken))
        return taken

    def _taken(self, descriptor: int) -> int:
        """The same, or a negative errno. A thread that is known may not be the caller any more, and who has its number another."""
        look = eyes()
        process, lasts = look.threads.take(self.thread), True
        taken = look.take_from(process, descriptor) if process >= 0 else -ESRCH
        if taken == -ESRCH:
            if process >= 0:
                os.close(process)
            process, lasts = open_thread(self.thread)
            taken = self._from_another(process, descriptor)
        if lasts:
            look.threads.keep(self.thread, process)
        else:
            os.close(process)
        return self._still(taken)

    def _from_another(self, process: int, descriptor: int) -> int:
        try:
            self.check()
            return eyes().take_from(process, descriptor)
        except BaseException:
            os.close(process)
            raise

    def _still(self, taken: int) -> int:
        """Of the caller, if that is waiting still."""
        try:
            self.check()
        except Gone:
            if taken >= 0:
                os.close(taken)
            raise
        return taken

    def answer(self, error: int, value: int = 0) -> None:
        """Have the call return `value`, or fail with the errno `error`."""
        self._respond(-1 if error else value, -error, 0)

    def go_on(self) -> None:
        """Have the kernel carry the call out as if nobody had been asked: only for what its own rules judge too (Linux 5.5)."""
        self._respond(0, 0, CONTINUE)

    def _respond(self, value: int, error: int, flags: int) -> None:
        """struct seccomp_notif_resp"""
        response = (
            self._id + value.to_bytes(8, "little", signed=True) + error.to_bytes(4, "little", signed=True) + flags.to_bytes(4, "little")
        )
        try:
            fcntl.ioctl(self._listener, SEND, bytearray(response))
        except OSError as failure:
            raise Gone from failure

    def answer_with_descriptor(self, descriptor: int, *, close_on_exec: bool) -> None:
        """Have the call return a new descriptor of the caller's for ours. Raises OSError where the caller can have no more, Gone."""
        self.answer(0, self._add(descriptor, 0, 0, close_on_exec))

    def put(self, descriptor: int, place: int) -> None:
        """Have the caller's descriptor `place` mean what ours does, as dup3(2) would, and close on exec. Raises OSError, Gone."""
        self._add(descriptor, SET_DESCRIPTOR, place, True)

    def _add(self, descriptor: int, flags: int, place: int, close_on_exec: bool) -> int:
        """struct seccomp_notif_addfd"""
        words = flags, descriptor, place, CLOSE_ON_EXEC if close_on_exec else 0
        request = self._id + b"".join(word.to_bytes(4, "little") for word in words)
        try:
            new: int = fcntl.ioctl(self._listener, ADD_DESCRIPTOR, bytearray(request))
        except OSError as failure:
            if failure.errno == ENOENT:
                raise Gone from failure
            raise
        return new


def read_at(memory: int, size: int, address: int) -> bytes:
    """What an open /proc/PID/mem has there. That file has errors of its own for what every system call has EFAULT for, and Python one for an
    address in the upper half, the kernel's.
    """
    try:
        return os.pread(memory, size, address)
    except (OSError, OverflowError) as error:
        raise OSError(EFAULT, os.strerror(EFAULT)) from error


def receive(listener: int) -> Notification | None:
    """Wait for the next call; None once nobody is left who could make one. Raises Gone for one that was given up meanwhile."""
    raw = bytearray(SIZE)
    try:
        fcntl.ioctl(listener, RECEIVE, raw)
    except OSError as error:
        if error.errno == EINTR or (error.errno == ENOENT and not is_deserted(listener)):
            raise Gone from error
        return None
    return Notification(listener, raw)


def hand_over(listener: int) -> None:
    """Have caller and listener take turns on one processor, for while one of them works the other waits (Linux 6.6)."""
    try:
        fcntl.ioctl(listener, SET_FLAGS, SYNC_WAKE_UP)
    except OSError as error:
        if error.errno != EINVAL:
            raise


def is_asked(listener: int) -> bool:
    """Wait for a call, which stays to be received; False once nobody is left who could make one."""
    return not _hung_up(listener, None)


def is_deserted(listener: int) -> bool:
    """Whether all processes under the filter have ended (Linux 5.8)."""
    return _hung_up(listener, 0)


def _hung_up(listener: int, milliseconds: int | None) -> bool:
    import select  # a library, which takes longer to load than all of this: not on the way to a run

    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return any(event & select.POLLHUP for _, event in poll.poll(milliseconds))


def take_descriptor(process: int, descriptor: int) -> int:
    """A descriptor of our own for a child's, once it has shown that its memory can be read as well. Raises OSError."""
    os.close(os.open(f"/proc/{process}/mem", os.O_RDONLY | os.O_CLOEXEC))
    opened = os.pidfd_open(process)
    try:
        return syscalls.call(numbers.EVERYWHERE["pidfd_getfd"], opened, descriptor, 0)
    finally:
        os.close(opened)


def open_thread(thread: int) -> tuple[int, bool]:
    """A pidfd of a thread, or before Linux 6.9 of its process, which has the same descriptors unless it asked for others; and which of these."""
    try:
        return os.pidfd_open(thread, PIDFD_THREAD), True
    except OSError:
        return os.pidfd_open(process_of(thread)), False


_eyes: list[Eyes] = []


def eyes() -> Eyes:
    """Raises OSError where nobody can look by foreign calls."""
    if not _eyes:
        from hermetic.linux.looking import Eyes  # only once somebody asks

        _eyes.append(Eyes())
    return _eyes[0]


def process_of(thread: int) -> int:
    """The id of a thread's process, which is that of its first thread. Raises OSError."""
    if is_first(thread):
        return thread
    with open(f"/proc/{thread}/status", "rb") as file:
        return next(int(line[5:]) for line in file if line.startswith(b"Tgid:"))


def is_first(thread: int) -> bool:
    """Of others there are no such descriptors (pidfd_open(2))."""
    try:
        os.close(os.pidfd_open(thread))
    except OSError:
        return False
    return True


def open_as(asking: Notification, path: bytes, start: str = "cwd") -> int:
    """An O_PATH descriptor of what a path leads the caller to. start: what in its directory in /proc one that is relative begins at

    Raises OSError as the caller would get it, and where a link leads through /proc to what another process has open; Gone, Unseen.
    """
    opened = _open_as(asking, path, start)
    try:
        asking.check()
    except Gone:
        os.close(opened)
        raise
    return opened


def _open_as(asking: Notification, path: bytes, start: str) -> int:
    """Links begin at the caller's own root: at the launcher's they would lead to what is hidden from it, and tell whether that is there."""
    if path[:1] != b"/":
        try:
            return _opened_below(asking, start, path or b".", RESOLVE_BENEATH)
        except OSError as error:
            if error.errno != EXDEV:
                raise
        return _open_as(asking, os.readlink(b"/proc/%d/%s" % (asking.thread, start.encode())) + b"/" + path, start)
    link, rest = own_link(path)
    return _open_as(asking, rest, link) if rest else _opened_below(asking, "root", path, RESOLVE_IN_ROOT)


def own_link(path: bytes) -> tuple[str, bytes]:
    """What in its own directory in /proc a path begins at, and what comes after that; nothing if it does not.

    So programs shorten the path of a socket that is too long. Those links say what whoever follows them has open.
    """
    process, _, rest = path.removeprefix(b"/proc/").partition(b"/") if path.startswith(b"/proc/") else (b"", b"", b"")
    name, _, rest = rest.partition(b"/")
    if name == b"fd":
        number, _, rest = rest.partition(b"/")
        name = b"fd/" + number if number.isdigit() else b""
    known = process in (b"self", b"thread-self") and (name in (b"cwd", b"root") or name.startswith(b"fd/"))
    return (name.decode(), rest.lstrip(b"/")) if known else ("", b"")


def _opened_below(asking: Notification, start: str, path: bytes, resolve: int) -> int:
    """EAGAIN: something was renamed or mounted meanwhile, somewhere on this machine, so that the kernel is not sure (openat2(2))."""
    at = asking.look(start, os.O_PATH | os.O_DIRECTORY)
    how = words(os.O_PATH | os.O_CLOEXEC, 0, resolve)
    try:
        for _ in range(TRIES):
            try:
                return syscalls.call(numbers.EVERYWHERE["openat2"], at, path, how, len(how))
            except BlockingIOError:
                continue
        raise OSError(EACCES, os.strerror(EACCES))
    finally:
        os.close(at)
