"""Runs a command in a network of its own, where somebody listens on this machine and at an address elsewhere: by `unshare --net`, for test_profiles.py.

python attempt_world.py COMMAND...
"""

import socket
import subprocess
import sys

LOCAL, ELSEWHERE = ("127.0.0.1", 8000), ("8.8.4.4", 443)


def main():
    for command in ("link set lo up", f"addr add {ELSEWHERE[0]}/32 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    servers = [socket.create_server(address, backlog=50) for address in (LOCAL, ELSEWHERE)]
    code = subprocess.call(sys.argv[1:])
    for server in servers:
        server.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
