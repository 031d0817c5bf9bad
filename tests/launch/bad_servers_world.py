"""A name server that misbehaves, in a network of its own: run by `unshare --net --mount`, for test_bad_servers.py.

Reads {"server": how, "commands": {name: argv}, "env": {...}} as JSON on stdin, runs the commands and writes [code, output, seconds, questions] of each;
these are as many as there were of each kind of address.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from guards.world import bound, question
from launch.wired import beside

NAME_SERVER = "10.9.8.7"
TIMEOUT_S = 2
HUGE = 3000
OTHER = b"\5other\7example\0"


def cut_off(query: bytes) -> bytes:
    end = question(query)[1]
    return query[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + query[12 : end + 4]


def huge(query: bytes) -> bytes:
    """Of addresses of IPv4."""
    end = question(query)[1]
    count = HUGE if query[end + 1] == 1 else 0
    records = b"".join(b"\xc0\x0c" + struct.pack(">HHIHI", 1, 1, 1, 4, 0x08080000 + index) for index in range(count))
    return query[:2] + struct.pack(">HHHHH", 0x8180, 1, count, 0, 0) + query[12 : end + 4] + records


def chain(query: bytes) -> bytes:
    """The name is another's, whose address is 8.8.4.4."""
    end = question(query)[1]
    alias = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 1, len(OTHER)) + OTHER
    address = OTHER + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton("8.8.4.4") if query[end + 1] == 1 else b""
    return query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 + bool(address), 0, 0) + query[12 : end + 4] + alias + address


def coded(query: bytes, code: int) -> bytes:
    """Nothing but a response code."""
    end = question(query)[1]
    return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 0, 0, 0) + query[12 : end + 4]


SERVERS = {
    "silent": lambda query: b"",
    "failing": lambda query: coded(query, 2),
    "missing": lambda query: coded(query, 3),
    "empty": lambda query: coded(query, 0),
    "garbage": lambda query: query[:2] + os.urandom(300),
    "short": lambda query: query[:5],
    "huge": cut_off,
    "chain": chain,
}


def main() -> None:
    task = json.load(sys.stdin)
    for command in ("link set lo up", f"addr add {NAME_SERVER}/32 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"nameserver {NAME_SERVER}\noptions timeout:{TIMEOUT_S} attempts:1\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)
        asked: list[int] = []
        server = bound(socket.AF_INET, (NAME_SERVER, 53))
        threading.Thread(target=answer_datagrams, args=(server, SERVERS[task["server"]], asked), daemon=True).start()
        threading.Thread(target=answer_streams, args=(socket.create_server((NAME_SERVER, 53)),), daemon=True).start()
        with beside("8.0.0.0/8") as there:
            print(json.dumps({name: outcome([*there, *argv], task["env"], asked) for name, argv in task["commands"].items()}))


def outcome(argv: list[str], env: dict[str, str], asked: list[int]) -> tuple[int, str, float, list[int]]:
    asked.clear()
    start = time.monotonic()
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout, time.monotonic() - start, [asked.count(kind) for kind in (1, 28)]


def answer_datagrams(server: socket.socket, answer, asked: list[int]) -> None:
    while True:
        query, peer = server.recvfrom(4096)
        asked.append(query[question(query)[1] + 1])
        message = answer(query)
        if message:
            server.sendto(message, peer)


def answer_streams(server: socket.socket) -> None:
    while True:
        peer, _ = server.accept()
        with peer, peer.makefile("rb") as questions:
            while size := questions.read(2):  # both kinds of address are asked for at once
                message = huge(questions.read(int.from_bytes(size, "big")))
                peer.sendall(len(message).to_bytes(2, "big") + message)


if __name__ == "__main__":
    main()
