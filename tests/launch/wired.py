"""Another network beside the one that a world is in, for the programs that it runs: what the world has is elsewhere to them.

They are two ends of a wire, so what is an address of the world's is none of this machine's there, and is reached.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

OUTER, INNER = "8.8.6.1", "8.8.6.2"
"""Public ones: the world's end, and the programs' only address besides those of their loopback interface."""
OUTER6, INNER6 = "2606:4700:ffff::1", "2606:4700:ffff::2"
BESIDES = "8.8.6.3"
"""Another one of theirs, of the same network, by which they send nothing."""
WIRE = f"""
PATH=$PATH:/usr/sbin:/sbin
set -e
ip link add wire0 type veth peer name wire1 netns $1
for end in "wire0 {OUTER} {OUTER6}" "wire1 {INNER} {INNER6}"; do
    set -- $1 $end
    run=; [ $2 = wire0 ] || run="nsenter --net=/proc/$1/ns/net"
    $run ip link set lo up
    $run ip link set $2 up
    $run ip addr add $3/24 dev $2
    $run ip addr add $4/64 dev $2 nodad
done
ip route add {INNER} dev wire0 table local
ip -6 route add {INNER6} dev wire0 table local
nsenter --net=/proc/$1/ns/net ip addr add {BESIDES}/24 dev wire1
nsenter --net=/proc/$1/ns/net ip route add default via {OUTER} dev wire1
nsenter --net=/proc/$1/ns/net ip -6 route add default via {OUTER6} dev wire1
"""

HAND_OVER = """
import socket, sys
made = socket.socket(socket.AF_INET, int(sys.argv[1]))
made.bind((sys.argv[2], int(sys.argv[3])))
socket.send_fds(socket.socket(fileno=0), [b"x"], [made.fileno()])
"""


def bound(there: list[str], kind: int, host: str, port: int) -> socket.socket:
    """A socket of that network, to have here. there: what `beside` gives"""
    here, other = socket.socketpair()
    with here, other:
        subprocess.run([*there, sys.executable, "-c", HAND_OVER, str(int(kind)), host, str(port)], stdin=other, check=True)
        return socket.socket(fileno=socket.recv_fds(here, 1, 1)[1][0])


@contextlib.contextmanager
def beside(*nowhere: str) -> Iterator[list[str]]:
    """Gives the beginning of a command that is to run there, in the same mounts. nowhere: to where there is no way"""
    with subprocess.Popen(["unshare", "--net", "sh", "-c", "echo made; read _"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            holder.stdout.readline()
            subprocess.run(["sh", "-c", WIRE, "sh", str(holder.pid)], check=True)
            there = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
            for network in nowhere:
                subprocess.run([*there, "ip", "route", "add", "unreachable", network], check=True)
            yield there
        finally:
            holder.stdin.close()
