"""What becomes of a call on local (AF_UNIX) sockets: decided by what a path leads to, and by who listens there, not by what it is called."""

from __future__ import annotations

import os
import stat

from hermetic_guard.decide import Request

from hermetic.linux import local_sockets, udp_sockets
from hermetic.linux.notify import Notification, open_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from hermetic.linux.judge import Answer, Judge
    from hermetic.linux.waiting import Waiting

EACCES, EINVAL, ECONNREFUSED = 13, 22, 111
AF_UNIX = 1
SOL_SOCKET, SO_TYPE = 1, 3
SUN_PATH = 108
"""sizeof(sockaddr_un.sun_path)"""

FAMILIAR = ("/var/run/nscd/", "/run/nscd/", "/run/systemd/userdb/")
"""Sockets that libc itself tries whenever a user is looked up, and does without: refused without a word."""


class Local:
    """judge; waiting: gives those whose connections are not made at once"""

    def __init__(self, judge: Judge, waiting: Callable[[], Waiting]) -> None:
        self._judge = judge
        self._waiting = waiting
        rules = judge.policy.network
        self._listed = local_sockets.Listed(rules.unix if rules else ())

    def connect(self, asking: Notification, found: socket, address: bytes) -> Answer:
        """By path or by abstract name. A path is opened once, as the target sees it, and what was opened is connected to."""
        name = address[2:]
        if int.from_bytes(address[:2], "little") != AF_UNIX or not 0 < len(name) <= SUN_PATH:
            return EINVAL
        if udp_sockets.is_of_datagrams(found):
            return self.refuse_datagram(asking, "connect", name)
        if name[:1] == b"\0":
            request = Request("network", "connect", "unix:@" + os.fsdecode(name[1:]), path=name, own=self.is_own(found, name=name))
            return self._waiting().connect(asking, found, AF_UNIX, address) if self._judge.allows(asking, request) else EACCES
        path = name.partition(b"\0")[0]
        opened = open_as(asking, path)
        try:
            if not self.may_reach(asking, found, opened):
                return EACCES
            return self._waiting().connect_to_file(asking, found, opened)
        finally:
            os.close(opened)

    def is_own(self, found: socket, *, file: os.stat_result | None = None, name: bytes = b"") -> bool:
        """Whether the run made what this socket is to connect to. What the kernel does not tell is nobody's: that is refused, and told."""
        try:
            return local_sockets.is_made_inside(self._judge.members(), file=file, name=name, kind=found.getsockopt(SOL_SOCKET, SO_TYPE))
        except OSError:
            return False

    def may_reach(self, asking: Notification, found: socket, opened: int) -> bool:
        file, path = os.fstat(opened), os.readlink(f"/proc/self/fd/{opened}")
        if not stat.S_ISSOCK(file.st_mode):
            raise OSError(ECONNREFUSED, path)
        own, put = self.is_own(found, file=file), not self._listed.is_meant(path, file)
        request = Request("network", "connect", "unix:" + path, path=os.fsencode(path), own=own, put=put)
        return self._judge.allows(asking, request, quietly=path.startswith(FAMILIAR))

    def refuse_datagram(self, asking: Notification, action: str, name: bytes) -> Answer:
        """Each names where it goes, which no filter sees: so nothing is sent by such a socket, wherever to."""
        path = name if name[:1] == b"\0" else name.partition(b"\0")[0]
        target = "unix:" + os.fsdecode(path.replace(b"\0", b"@", 1))
        self._judge.allows(asking, Request("network", action, target, path=path, mute=True))
        return EACCES
