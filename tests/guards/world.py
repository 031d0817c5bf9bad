"""A small world to try to reach: what a test of the network guard looks at from outside, for what the guard says proves nothing.

Runs in namespaces of its own (`unshare --net --mount`), so that its addresses are nobody's: 192.0.2.1 is another machine's to the programs
here, a name server on 127.0.0.53 knows every name in `.test`, and what is routed elsewhere ends in an interface that we listen on. AF_UNIX
services stand for a daemon's. Reads a plan as JSON on stdin, runs it through `driver.py` and writes what was refused, and what was reached.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from launch.wired import INNER, beside  # noqa: E402
from launch.wired import bound as bound_there  # noqa: E402

ALLOWED, ELSEWHERE = "allowed.test", INNER
"""A name that rules are about, and its address, which is really another machine's."""
OUTSIDE = "192.0.2.1"
NAME_SERVER = "127.0.0.53"
SEARCHED = "search.test"
"""Where libc looks for names that it does not find."""

ETH_P_IP, IGMP = 0x0800, 2
SETTLE = 0.003
"""Seconds until a packet is across the pair of interfaces."""

LINKS = f"""
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
ip addr add {OUTSIDE}/24 dev v0
ip route add default via 192.0.2.254 dev v0
ip neigh add 192.0.2.254 lladdr 02:00:00:00:00:01 dev v0 nud permanent
"""


class Tally:
    """What arrived since the last look, by kind."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: list[str] = []

    def add(self, kind: str) -> None:
        with self.lock:
            self.seen.append(kind)

    def take(self) -> list[str]:
        with self.lock:
            seen, self.seen = self.seen, []
            return seen


class World:
    def __init__(self, base: Path) -> None:
        self.base = base
        self.run = base / "run"
        self.tally = Tally()
        self.kept = contextlib.ExitStack()
        for name in ("run/unix", "run/scratch", "tmp", "cwd"):
            (base / name).mkdir(parents=True)
        for command in LINKS.split("\n"):
            subprocess.run(command.split(), check=True) if command else None
        self._files()
        self.sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.sniffer.bind(("v1", ETH_P_IP))
        there = self.kept.enter_context(beside())
        server, receiver = (bound_there(there, kind, ELSEWHERE, port) for kind, port in ((socket.SOCK_STREAM, 80), (socket.SOCK_DGRAM, 9)))
        server.listen(50)
        self.datagrams = [
            ("udp", receiver),
            ("udp", bound(socket.AF_INET, (OUTSIDE, 9))),
            ("unix", bound(socket.AF_UNIX, str(base / "datagram"))),
        ]
        self.listeners = [
            ("tcp", server),
            ("tcp", listening(socket.AF_INET, (OUTSIDE, 80))),
            ("loopback", listening(socket.AF_INET, ("127.0.0.1", 8005))),
            ("loopback", listening(socket.AF_INET, ("127.0.0.1", 9000))),
            ("unix", listening(socket.AF_UNIX, str(base / "daemon"))),
            ("unix", listening(socket.AF_UNIX, "\0hermetic-world")),
            ("scratch", listening(socket.AF_UNIX, str(self.run / "scratch/service"))),
        ]
        os.utime(base / "daemon", (0, 0))  # it was there long before
        threading.Thread(target=self._answer_names, args=(bound(socket.AF_INET, (NAME_SERVER, 53)),), daemon=True).start()

    def _files(self) -> None:
        contents = {"resolv.conf": f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n", "hosts": "127.0.0.1 localhost\n"}
        for name, content in contents.items():
            (self.base / name).write_text(content)
            subprocess.run(["mount", "--bind", self.base / name, f"/etc/{name}"], check=True)

    def _answer_names(self, server: socket.socket) -> None:
        while True:
            query, peer = server.recvfrom(4096)
            name, end = question(query)
            self.tally.add(f"dns {name}")
            kind = struct.unpack_from(">H", query, end)[0]
            known = name.endswith(".test") and SEARCHED not in name
            found = known and kind == 1
            record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(ELSEWHERE if name.lower() == ALLOWED else OUTSIDE) if found else b""
            code = 0x8180 if known else 0x8183
            head = query[:2] + struct.pack(">HHHHH", code, 1, bool(found), 0, 0)
            server.sendto(head + query[12 : end + 4] + record, peer)

    def reached(self) -> list[str]:
        """What was reached since the last call. Connections and datagrams wait in the kernel, the name server has answered by then."""
        time.sleep(SETTLE)
        for kind, server in self.listeners:
            while ready(server):
                server.accept()[0].close()
                self.tally.add(kind)
        for kind, sock in self.datagrams:
            while ready(sock):
                sock.recv(4096)
                self.tally.add(kind)
        while ready(self.sniffer):
            self.tally.add("igmp" if self.sniffer.recv(4096)[23] == IGMP else "packet")
        return self.tally.take()

    def environment(self) -> dict[str, str]:
        bootstrap = HERE.parent.parent / "bootstrap"
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(bootstrap),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.base / "tmp"),
            "LOCALDOMAIN": SEARCHED,
            "LC_ALL": "C.UTF-8",
        }


def bound(family: int, address: object) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind(address)
    return sock


def listening(family: int, address: object) -> socket.socket:
    sock = socket.socket(family)
    sock.bind(address)
    sock.listen(50)
    return sock


def ready(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def question(query: bytes) -> tuple[str, int]:
    """The name a DNS query asks for, and where its type stands."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += query[at] + 1
    return ".".join(labels), at + 1


class Driver:
    """One interpreter that runs snippets."""

    def __init__(self, world: World, python: str, policy: str) -> None:
        self.world = world
        command = [python, str(HERE / "driver.py"), policy, str(world.run)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=world.base / "cwd", env=world.environment()
        )

    def ask(self, code: str, limit: float = 60) -> dict[str, object]:
        """What became of a snippet, and what was reached meanwhile."""
        watch = threading.Timer(limit, self.process.kill)
        watch.start()
        try:
            self.process.stdin.write(json.dumps({"code": code}) + "\n")
            self.process.stdin.flush()
            answer = next((line for line in self.process.stdout if line.startswith("\1")), None)
        except BrokenPipeError:
            answer = None
        watch.cancel()
        found = json.loads(answer[1:]) if answer else {"error": "the interpreter died", "kinds": [], "told": [], "result": ""}
        return dict(found, reached=self.world.reached())

    def close(self) -> list[str]:
        """End it; returns what was reached while it ended."""
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.world.reached()


def carry_out(world: World, python: str, plan: list[tuple[str, str, bool]]) -> list[dict[str, object]]:
    """plan: (policy, code, alone); a snippet that is alone has an interpreter of its own, and counts until that has ended."""
    drivers: dict[str, Driver] = {}
    outcomes = []
    for policy, code, alone in plan:
        if alone or policy not in drivers or drivers[policy].process.poll() is not None:
            driver = Driver(world, python, policy)
            if not alone:
                drivers[policy] = driver
        else:
            driver = drivers[policy]
        outcome = driver.ask(code)
        if alone:
            outcome["reached"] += driver.close()
        outcomes.append(outcome)
    for driver in drivers.values():
        driver.close()
    return outcomes


if __name__ == "__main__":
    base = Path(tempfile.mkdtemp(prefix="hw-", dir="/tmp"))
    try:
        given = json.load(sys.stdin)
        json.dump(carry_out(World(base), given["python"], given["plan"]), sys.stdout)
    finally:
        shutil.rmtree(base, ignore_errors=True)
        sys.stdout.flush()
        os._exit(0)
