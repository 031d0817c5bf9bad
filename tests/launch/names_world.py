"""Names that may be reached, in networks of one's own: run by `unshare --net --mount`, for test_names.py.

The name server has a private address, as many have; what it says of names in `.test` is a public one, elsewhere, but for `own` and `besides`.
Reads {"commands": {name: argv}, "env": {...}} as JSON on stdin, runs them, and writes [code, output, names that were asked for] of each.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from guards.world import bound, question
from launch.wired import BESIDES, INNER, beside

NAME_SERVER, OUTSIDE, LISTED, STRANGE, INSIDE = "10.9.8.7", "8.8.4.4", "8.8.4.9", "8.8.4.7", "10.1.2.3"
ADDRESSES = {
    "app.test": OUTSIDE,
    "below.wild.test": OUTSIDE,
    "inward.test": INSIDE,
    "xn--bcher-kva.test": OUTSIDE,
    "own.test": INNER,
    "besides.test": BESIDES,
}
TURNING = {"turning.test": INSIDE, "looping.test": "127.0.0.1"}
"""First an address where nobody answers, then one of this network, or this machine: a name server that has the caller reach what it likes."""
HOSTS = f"127.0.0.1 localhost\n{LISTED} listed.test alias.test\n{OUTSIDE} unlisted.test\n127.0.0.1 here.test\n"
UNANSWERED = "8.8.5.5"
A, AAAA = 1, 28


def main() -> None:
    task = json.load(sys.stdin)
    for command in ["link set lo up", *(f"addr add {address}/32 dev lo" for address in (NAME_SERVER, OUTSIDE, LISTED, STRANGE, INSIDE))]:
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.TemporaryDirectory() as directory:
        files = {"resolv.conf": f"nameserver {NAME_SERVER}\noptions timeout:2 attempts:1\n", "hosts": HOSTS}
        for name, content in files.items():
            Path(directory, name).write_text(content)
            subprocess.run(["mount", "--bind", f"{directory}/{name}", f"/etc/{name}"], check=True)
        asked: list[str] = []
        threading.Thread(target=answer_names, args=(bound(socket.AF_INET, (NAME_SERVER, 53)), asked), daemon=True).start()
        threading.Thread(target=answer_names_by_tcp, args=(socket.create_server((NAME_SERVER, 53)), asked), daemon=True).start()
        listen()
        found = {}
        with (
            beside(UNANSWERED) as there,
            subprocess.Popen([*there, sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as here,
        ):
            here.stdout.readline()
            for name, argv in task["commands"].items():
                for file, content in files.items():
                    Path(directory, file).write_text(content)  # the last one may have changed them
                found[name] = outcome([*there, *argv], task["env"], asked)
            here.stdin.close()
        print(json.dumps(found))


def listen() -> None:
    for port in (80, 8080):
        threading.Thread(target=serve, args=(socket.create_server(("", port), backlog=50),), daemon=True).start()


def serve_here() -> None:
    """What listens on the machine that the programs are on, until nobody wants it any more."""
    listen()
    print("listening", flush=True)
    sys.stdin.read()


def outcome(argv: list[str], env: dict[str, str], asked: list[str]) -> tuple[int, str, list[str]]:
    asked.clear()
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout, sorted(set(asked))


def answer_names(server: socket.socket, asked: list[str]) -> None:
    while True:
        query, peer = server.recvfrom(4096)
        server.sendto(answer(query, asked), peer)


def answer_names_by_tcp(server: socket.socket, asked: list[str]) -> None:
    while True:
        peer, _ = server.accept()
        with peer:
            while size := int.from_bytes(peer.recv(2, socket.MSG_WAITALL), "big"):
                message = answer(peer.recv(size, socket.MSG_WAITALL), asked)
                peer.sendall(len(message).to_bytes(2, "big") + message)


def answer(query: bytes, asked: list[str]) -> bytes:
    name, end = question(query)
    name = name.lower()
    asked.append(name)
    kind = struct.unpack_from(">H", query, end)[0]
    address = address_of(name, asked.count(name)) if kind == A else None
    record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(address) if address else b""
    head = query[:2] + struct.pack(">HHHHH", 0x8180 if address_of(name, 1) else 0x8183, 1, bool(address), 0, 0)
    return head + query[12 : end + 4] + record


def address_of(name: str, count: int) -> str | None:
    """count: how often the name was asked for; the two kinds of address make two questions of one."""
    if name in TURNING:
        return UNANSWERED if count <= 2 else TURNING[name]
    return OUTSIDE if name.endswith(".wild.test") else ADDRESSES.get(name)


def serve(server: socket.socket) -> None:
    while True:
        peer, _ = server.accept()
        with peer, contextlib.suppress(OSError):  # whoever goes away again
            peer.recv(4096)
            peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nserved")


if __name__ == "__main__":
    serve_here() if sys.argv[1:] else main()
