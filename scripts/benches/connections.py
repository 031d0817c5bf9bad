"""What connections cost, and what is sent over them: on the loopback interface, and by name in a network of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

from benches.measure import in_turn
from benches.place import ROOT

CONNECT = """
import socket, sys
TIMES, address = 20, ("127.0.0.1", int(sys.argv[1]))
def once():
    socket.create_connection(address).close()
"""
STREAM = """
import socket, sys
port, count, size = map(int, sys.argv[1:])
TIMES, piece = 1, bytes(65536)
made = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for one in made:
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the end waits for an acknowledgement, sometimes
def once():
    for _ in range(size // len(piece) // count):
        for one in made:
            one.sendall(piece)
    for one in made:
        one.sendall(b"!")
    for one in made:
        assert one.recv(1) == b"x"
"""
NAMED = """
import socket, sys
TIMES = 5
def once():
    socket.create_connection(("bench.test", int(sys.argv[1]))).close()
"""
LOCALHOST = "--no-network", "--allow-localhost"
NETWORK = "link set lo up", "addr add 8.8.4.4/32 dev lo", "addr add 10.9.8.7/32 dev lo"


def connect(layer=""):
    def measured(place, rounds):
        prefix = place.under_one(layer, *LOCALHOST) if layer else place.under(*LOCALHOST)
        with server() as port:
            return in_turn([place.python], [*prefix, place.python], CONNECT, port, rounds=rounds)

    return measured


def stream(count, size):
    """What is sent a turn, `size` bytes in all over `count` connections."""

    def measured(place, rounds):
        with server() as port:
            return in_turn([place.python], [*place.under(*LOCALHOST), place.python], STREAM, port, count, size, rounds=rounds)

    return measured


def named(place, rounds):
    """By a name that is looked up, of a server elsewhere. In namespaces of its own, by this file as a program."""
    command = ["unshare", "--mount", "--net", *(["--map-root-user"] if os.geteuid() else []), sys.executable, "-m", "benches.connections"]
    words = [*map(str, (place.hermetic, place.python, rounds))]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'tests'}"}
    done = subprocess.run([*command, *words], check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def by_name(hermetic, python, rounds):
    from launch.wired import beside  # the way to it is known to this program alone

    os.environ.pop("PYTHONPATH")
    for command in NETWORK:
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.NamedTemporaryFile("w") as file, server("8.8.4.4") as port:
        file.write("nameserver 10.9.8.7\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, os.path.realpath("/etc/resolv.conf")], check=True)
        threading.Thread(target=answer_names, args=(socket.socket(socket.AF_INET, socket.SOCK_DGRAM),), daemon=True).start()
        guarded = [hermetic, "run", "--quiet", "--no-network", f"--allow-domain=bench.test:{port}", "--", python]
        with beside() as there:
            return in_turn([*there, python], [*there, *guarded], NAMED, port, rounds=int(rounds))


def answer_names(asked):
    """Of every name that its address is 8.8.4.4, and that it has none of IPv6."""
    asked.bind(("10.9.8.7", 53))
    while True:
        query, peer = asked.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x08\x08\4\4" if query[end - 3] == 1 else b""
        asked.sendto(query[:2] + b"\x81\x80\0\1\0" + bytes([bool(record)]) + bytes(4) + query[12:end] + record, peer)


@contextlib.contextmanager
def server(host="127.0.0.1"):
    """The port of one that accepts connections, reads what comes, and answers each `!` at the end of something."""
    with socket.create_server((host, 0), backlog=512) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]


def serve(listening):
    while True:
        try:
            peer = listening.accept()[0]
        except OSError:
            return
        threading.Thread(target=read, args=(peer,), daemon=True).start()


def read(peer):
    with peer:
        try:
            while data := peer.recv(1 << 18):
                if data.endswith(b"!"):
                    peer.sendall(b"x")
        except OSError:
            return  # whoever connects to see how long it takes is not there for the answer


if __name__ == "__main__":
    print(json.dumps(by_name(*sys.argv[1:])))
