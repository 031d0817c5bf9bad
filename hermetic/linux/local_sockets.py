"""Whose a local (AF_UNIX) socket is: made inside the run, or some daemon's outside.

A path says little, for the target can make it lead elsewhere, and /proc/net/unix prints whatever was bound, line breaks too.
So the kernel is asked (sock_diag(7)) which listening socket a file belongs to, and /proc which process holds that socket.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import is_within_any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AF_UNIX, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG = 1, 16, 3, 4
DIAG_BY_FAMILY, REQUEST_DUMP = 20, 0x301
DONE, ERROR = 3, 2
LISTENING = 1 << 10
"""TCP_LISTEN, which AF_UNIX uses as well."""
SHOW_NAME, SHOW_FILE = 1, 2
NAME, FILE = 0, 1
"""UNIX_DIAG_NAME and UNIX_DIAG_VFS of linux/unix_diag.h."""


class Listener:
    """A listening local socket: its type, its inode among sockets, its name as bound, and the (inode, device) of its file, if it has one."""

    __slots__ = ("file", "inode", "kind", "name")

    def __init__(self, kind: int, inode: int, name: bytes, file: tuple[int, int] | None) -> None:
        self.kind = kind
        self.inode = inode
        self.name = name
        self.file = file


def is_made_inside(members: Iterable[int], *, file: os.stat_result | None = None, name: bytes = b"", kind: int) -> bool:
    """Whether a process of the run listens there.

    members: the pids of its processes
    file: of the socket, for one with a path; else name: the abstract one, beginning with a NUL byte
    kind: the type of the socket that connects: another type's abstract names are others (unix_abstract_hash, net/unix/af_unix.c)
    Raises OSError where the kernel does not tell.
    """
    matching = {listener.inode for listener in found(file, name) if listener.kind == kind}
    return any(holds(process, matching) for process in members) if matching else False


def found(file: os.stat_result | None, name: bytes) -> list[Listener]:
    return [
        listener
        for listener in listeners()
        if (listener.file == identity(file) if file is not None else listener.file is None and listener.name == name)
    ]


class Listed:
    """The sockets that a policy lists, as they were at the start: by a hard link or a new name the target could lead a path to any other.

    A server that was started anew has another file. It is known by the name that it has bound, as it stands there: where that leads now the target
    may have arranged. One that is bound by way of a link is known if it was so at the start.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        self._paths = paths
        self._there = {(status.st_dev, status.st_ino): place for path in paths for place, status in _sockets(path)}
        self._names = dict(self._bound()) if paths else {}
        self._linked = os.path.realpath(LINKED)

    def _bound(self) -> Iterator[tuple[bytes, str]]:
        """What those who listen there now have bound, and where that is. Not a name that is relative to who knows which directory."""
        places = {as_reported(device, inode): path for (device, inode), path in self._there.items()}
        try:
            for listener in listeners():
                if listener.file in places and listener.name[:1] == b"/":
                    yield plain(listener.name), places[listener.file]
        except OSError:
            return  # the kernel does not tell: then the files themselves are known

    def is_meant(self, path: str, file: os.stat_result) -> bool:
        """Whether it was there at the start, or whoever listens has bound it by this path; what is not listed is not looked at."""
        if (file.st_dev, file.st_ino) in self._there or not is_within_any(path, self._paths):
            return True
        try:
            return any(
                path in (self._names.get(name), self._spelled(name)) for name in (plain(listener.name) for listener in found(file, b""))
            )
        except OSError:
            return False

    def _spelled(self, name: bytes) -> str:
        path = os.fsdecode(name)
        return self._linked + path[len(LINKED) :] if path.startswith(f"{LINKED}/") else path


LINKED = "/var/run"
"""By which many servers say where their socket is, and which is a link on most machines (hier(7)). No run has made it one."""


def plain(name: bytes) -> bytes:
    return name.rstrip(b"\0")


def _sockets(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """What is at a path, or in a directory."""
    try:
        with os.scandir(path) as entries:
            yield from [(entry.path, entry.stat(follow_symlinks=False)) for entry in entries]
    except NotADirectoryError:
        yield path, os.stat(path)
    except OSError:
        return


def identity(file: os.stat_result) -> tuple[int, int]:
    return as_reported(file.st_dev, file.st_ino)


def as_reported(device: int, inode: int) -> tuple[int, int]:
    """By the kernel: 32 bits of the inode, and the device as linux/kdev_t.h has it."""
    return inode & 0xFFFFFFFF, os.major(device) << 20 | os.minor(device)


def holds(process: int, inodes: set[int]) -> bool:
    """Whether a process has one of these sockets open."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    folder = f"/proc/{process}/fd"
    try:
        return any(leads_to(f"{folder}/{name}") in wanted for name in os.listdir(folder))
    except OSError:
        return False  # it has ended


def leads_to(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def listeners() -> Iterator[Listener]:
    """All listening local sockets of this network namespace. Raises OSError where the kernel was built without sock_diag for them."""
    import _socket

    connection = _socket.socket(AF_NETLINK, SOCK_RAW | os.O_CLOEXEC, NETLINK_SOCK_DIAG)
    try:
        connection.sendto(question(), (0, 0))
        while True:
            for kind, body in messages(connection.recv(1 << 17)):
                if kind == DONE:
                    return
                if kind == ERROR:
                    raise OSError(-int.from_bytes(body[:4], "little", signed=True), "sock_diag")
                yield parse(body)
    finally:
        connection.close()


def question() -> bytes:
    """struct nlmsghdr and struct unix_diag_req: dump those that listen, with name and file."""
    request = bytes([AF_UNIX, 0, 0, 0]) + words(LISTENING, 0, SHOW_NAME | SHOW_FILE, 0, 0)
    size = 16 + len(request)
    return words(size) + DIAG_BY_FAMILY.to_bytes(2, "little") + REQUEST_DUMP.to_bytes(2, "little") + words(1, 0) + request


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The netlink messages in what was received: type and body (netlink(7))."""
    while len(data) >= 16:
        size = int.from_bytes(data[:4], "little")
        yield int.from_bytes(data[4:6], "little"), data[16:size]
        data = data[(size + 3) & ~3 :]


def parse(body: bytes) -> Listener:
    """struct unix_diag_msg and the attributes behind it."""
    told = dict(attributes(body[16:]))
    file = told.get(FILE)
    owner = (int.from_bytes(file[:4], "little"), int.from_bytes(file[4:8], "little")) if file else None
    return Listener(body[1], int.from_bytes(body[4:8], "little"), told.get(NAME, b""), owner)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        size = int.from_bytes(data[:2], "little")
        if size < 4:
            return
        yield int.from_bytes(data[2:4], "little"), data[4:size]
        data = data[(size + 3) & ~3 :]
