"""A network of one's own with a wire that is listened at: run by `unshare --net`, for test_wire.py.

Reads {"commands": {name: [argv, marker]}, "env": {...}} as JSON on stdin and runs them. Writes of each [code, output, how many frames with the
marker (hex) in them went over the wire, the ports that could be reached at an address that is not a loopback one].
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time

NETWORK = """
PATH=$PATH:/usr/sbin:/sbin
set -e
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
ip link set lo up
ip link add d0 type veth peer name d1
ip link set d1 up
ip addr add 10.9.9.1/24 dev d0
ip link set d0 up
ip neigh add 10.9.9.7 lladdr 02:00:00:00:00:01 dev d0
ip neigh add fe80::7 lladdr 02:00:00:00:00:01 dev d0
ip route add default via 10.9.9.7 dev d0
ip -6 route add default via fe80::7 dev d0
"""
HERE = "10.9.9.1"
EVERY_FRAME = 3


def main() -> None:
    task = json.load(sys.stdin)
    subprocess.run(["sh", "-c", NETWORK], check=True)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_FRAME))
    wire.bind(("d1", 0))
    wire.settimeout(0.3)
    env = {**task["env"], "DEVICE": str(socket.if_nametoindex("d0"))}
    print(json.dumps({name: outcome(argv, env, wire, bytes.fromhex(marker)) for name, (argv, marker) in task["commands"].items()}))


def outcome(argv: list[str], env: dict[str, str], wire: socket.socket, marker: bytes) -> tuple[int, str, int, list[int]]:
    process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    reached: list[int] = []
    thread = threading.Thread(target=reach, args=(process, reached))
    thread.start()
    out = process.communicate(timeout=30)[0]
    thread.join()
    return process.returncode, out, sum(marker in frame for frame in frames(wire)), sorted(set(reached))


def frames(wire: socket.socket) -> list[bytes]:
    """What has come, until it is quiet."""
    found = []
    try:
        while True:
            found.append(wire.recv(2048))
    except TimeoutError:
        return found


def reach(process: subprocess.Popen[str], reached: list[int]) -> None:
    """Connect to whatever says that it listens on every address, while the process is there."""
    while process.poll() is None:
        for port in listening():
            try:
                socket.create_connection((HERE, port), 0.2).close()
            except OSError:
                continue
            reached.append(port)
        time.sleep(0.005)


def listening() -> list[int]:
    with open("/proc/net/tcp") as file:
        addresses = [line.split()[1] for line in file if line.split()[3] == "0A"]
    return [int(port, 16) for host, port in (address.split(":") for address in addresses) if host == "00000000"]


if __name__ == "__main__":
    main()
