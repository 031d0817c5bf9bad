"""Two networks, in one of which every address is at the other end of the wire: run by `unshare --net --mount`, for test_network_rules.py.

Reads [{"command": argv, "rows": [request, ...], "addresses": [...], "own": [...]}, ...] as JSON on stdin: each command gets rules_probe.py and the
requests behind it, while the name server says of every name that it has these addresses. `own`, if given: what this machine has for all. Writes what each command printed.
"""

from __future__ import annotations

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
from launch.wired import beside

HERE = Path(__file__).resolve().parent
NAME_SERVER = "10.9.8.7"
NETWORK = "link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo"
UNPRIVILEGED = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"
"""No run has the privilege that others take."""
FAMILIES = {1: socket.AF_INET, 28: socket.AF_INET6}


def main() -> None:
    tasks = json.load(sys.stdin)
    for command in NETWORK:
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.TemporaryDirectory() as directory:
        contents = {
            "resolv.conf": f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n",
            "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        }
        for name, content in contents.items():
            Path(directory, name).write_text(content)
            subprocess.run(["mount", "--bind", f"{directory}/{name}", f"/etc/{name}"], check=True)
        addresses: list[str] = []
        threading.Thread(target=answer, args=(bound(socket.AF_INET, (NAME_SERVER, 53)), addresses), daemon=True).start()
        with beside() as there:
            subprocess.run([*there, "sh", "-c", UNPRIVILEGED], check=True)
            for address in {address for task in tasks for address in task.get("own", ())}:
                subprocess.run([*there, "ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
            print(json.dumps([outcome({**task, "command": [*there, *task["command"]]}, addresses) for task in tasks]))


def outcome(task: dict, addresses: list[str]) -> dict:
    addresses[:] = task["addresses"]
    command = [*task["command"], str(HERE / "rules_probe.py"), json.dumps(task["rows"])]
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": task["home"]}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def answer(server: socket.socket, addresses: list[str]) -> None:
    while True:
        query, peer = server.recvfrom(4096)
        _, end = question(query)
        kind = struct.unpack_from(">H", query, end)[0]
        found = [host for host in addresses if (":" in host) == (kind == 28)] if kind in FAMILIES else []
        packed = [socket.inet_pton(FAMILIES[kind], host) for host in found or (["192.0.2.200"] if kind == 1 else [])]
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(address)) + address for address in packed)
        server.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(packed), 0, 0) + query[12 : end + 4] + records, peer)


if __name__ == "__main__":
    main()
