"""The guards that stand in this version, for tests that go through all of them: a guard to come is a row."""

import socket
from typing import NamedTuple


class Guard(NamedTuple):
    """flags: what switches it on; attempt: code that is refused under it, and else leaves a name with a `Witness`."""

    flags: tuple[str, ...]
    attempt: str


CALL = "import socket; peer = socket.create_connection(('127.0.0.1', {port})); peer.sendall(b'{name}\\n'); peer.close()"
START = "import os; os.system('echo {name} >> {file}') == 0 or 1 / 0"
WRITE = "file = open('{file}', 'a'); file.write('{name}\\n'); file.close()"

GUARDS = {
    "network": Guard(("--no-network",), CALL),
    "subprocess": Guard(("--no-subprocess",), START),
    "filesystem": Guard(("--fs-readonly",), WRITE),
    "native": Guard(("--block-native",), "import ctypes; " + WRITE),
}

TRY_ALL = """\
failed = []
for code in {}:
    try:
        exec(code.replace("<WHO>", WHO))
    except Exception as error:
        failed.append(error)
if failed:
    raise failed[0]
"""
"""Each is tried, and what came of the first that failed is told in the end."""


class Witness:
    """Knows who has done what a guard refuses: called a port, or left a line in a file."""

    def __init__(self, directory):
        self.file = directory / "witness"
        self._server = socket.create_server(("127.0.0.1", 0), backlog=50)
        self._server.setblocking(False)
        self.port = self._server.getsockname()[1]

    def attempts(self, *guards):
        """Code that does what each of these guards refuses, in the name that WHO is."""
        names = {guard: GUARDS[guard].attempt.format(port=self.port, file=self.file, name=f"<WHO>-{guard}") for guard in guards}
        return TRY_ALL.format([*names.values()])

    def names(self):
        """`demo-network` and the like: who has come since the last time, and by what. They have ended by now, so all that they sent is there."""
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
