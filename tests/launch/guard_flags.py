"""The guards that stand in this version, for tests that go through all of them: a guard to come is a row."""

import socket
from typing import NamedTuple


class Guard(NamedTuple):
    """flags: what switches it on; attempt: code that leaves WHO at a `Witness` and is refused under it."""

    flags: tuple[str, ...]
    attempt: str


GUARDS = {
    "network": Guard(
        ("--no-network",),
        "import socket; peer = socket.create_connection(('127.0.0.1', {port})); peer.sendall((WHO + '\\n').encode()); peer.close()",
    ),
}


class Witness:
    """Knows who has done what a guard refuses: called a port, or left a line in a file."""

    def __init__(self, directory):
        self.file = directory / "witness"
        self._server = socket.create_server(("127.0.0.1", 0), backlog=50)
        self._server.setblocking(False)
        self.port = self._server.getsockname()[1]

    def attempt(self, guard):
        """The code, with what it needs to know of this witness."""
        return GUARDS[guard].attempt.format(port=self.port, file=self.file)

    def names(self):
        """Those who have come since the last time. They have ended by now, so all that they sent is there."""
        text = self.file.read_text() if self.file.exists() else ""
        self.file.unlink(missing_ok=True)
        while True:
            try:
                peer = self._server.accept()[0]
            except BlockingIOError:
                return set(text.split())
            peer.setblocking(True)
            with peer, peer.makefile() as file:
                text += file.read()

    def close(self):
        self._server.close()
