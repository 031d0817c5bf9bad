"""Daemons of a machine that look names up for others, as local sockets at their usual places: run by `unshare --net --mount`, for test_daemons.py.

Reads {"commands": {name: argv}, "env": {...}} as JSON on stdin, runs them, and writes [code, output, the paths at which somebody connected] of each.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading

DAEMONS = (
    "/run/nscd/socket",
    "/run/avahi-daemon/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/dbus/system_bus_socket",
    "/run/systemd/userdb/io.systemd.NameServiceSwitch",
)


def main() -> None:
    task = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    reached: list[str] = []
    for path in DAEMONS:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        made = socket.socket(socket.AF_UNIX)
        made.bind(path)
        os.chmod(path, 0o777)
        made.listen(20)
        threading.Thread(target=serve, args=(made, path, reached), daemon=True).start()
    print(json.dumps({name: outcome(argv, task["env"], reached) for name, argv in task["commands"].items()}))


def outcome(argv: list[str], env: dict[str, str], reached: list[str]) -> tuple[int, str, list[str]]:
    reached.clear()
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout, sorted(set(reached))


def serve(server: socket.socket, path: str, reached: list[str]) -> None:
    while True:
        peer, _ = server.accept()
        reached.append(path)
        peer.close()


if __name__ == "__main__":
    main()
