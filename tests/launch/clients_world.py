"""Servers of many kinds in a network of their own, beside that of their clients, for clients.py: run by `unshare --net --mount`, by the interpreter of their environment.

Reads {"commands": {name: argv}, "env": {...}, "servers": [name, ...]} as JSON on stdin, makes a directory with `ca.pem`, `packages` and `repository`, runs the commands there
and writes [code, output] of each. `app.test` and `strange.test` are names of the same kind; both lead there,
and `proxy.test` to a private address.
"""

from __future__ import annotations

import contextlib
import glob
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import dns.message
import dns.rrset
import grpc
import trustme

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from launch.wired import beside

NAME_SERVER = "10.9.8.7"
NETWORK = (
    "link set lo up",
    f"addr add {NAME_SERVER}/32 dev lo",
    "route add local 8.8.4.0/24 dev lo",
    "-6 route add local 2001:4860::/32 dev lo",
)
NAMES = {
    "app.test.": {"A": "8.8.4.4", "AAAA": "2001:4860::4"},
    "strange.test.": {"A": "8.8.4.5", "AAAA": "2001:4860::5"},
    "proxy.test.": {"A": NAME_SERVER},
}

HTTP, HTTPS, PROXY, POSTGRES, GIT, INDEX, GRPC = 80, 443, 3128, 5432, 8081, 8082, 50051

APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "served " + (await receive())["text"]})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"served by HTTP/" + scope["http_version"].encode()})
"""
CGI = "#!/bin/sh\nGIT_PROJECT_ROOT={base} GIT_HTTP_EXPORT_ALL=1 exec git http-backend\n"
SERVE_CGI = "import http.server as s; s.test(s.CGIHTTPRequestHandler, port={port}, bind='0.0.0.0')"


def main() -> None:
    task = json.load(sys.stdin)
    for command in NETWORK:
        subprocess.run(["ip", *command.split()], check=True)
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    base.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        configure(base)
        threading.Thread(target=answer_names, daemon=True).start()
        for name in task["servers"]:
            stack.callback(SERVERS[name].start(base))
        for name in task["servers"]:
            for port in SERVERS[name].ports:
                wait_for(port)
        env = {**task["env"], "PLACE": str(base)}
        with beside() as there, contextlib.ExitStack() as at_home:
            if "proxy" in task["servers"]:
                at_home.callback(proxy(base, there))
                wait_for(PROXY, there)
            print(json.dumps({name: outcome([*there, *argv], env, base) for name, argv in task["commands"].items()}))


def outcome(argv: list[str], env: dict[str, str], base: Path) -> tuple[int, str]:
    done = subprocess.run(
        argv, env=env, cwd=base, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    return done.returncode, done.stdout


def configure(base: Path) -> None:
    for name, content in {
        "resolv.conf": f"nameserver {NAME_SERVER}\noptions timeout:2 attempts:1\n",
        "hosts": "127.0.0.1 localhost\n",
    }.items():
        (base / name).write_text(content)
        subprocess.run(["mount", "--bind", base / name, f"/etc/{name}"], check=True)


def answer_names() -> None:
    import socket

    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((NAME_SERVER, 53))
    while True:
        wire, peer = server.recvfrom(4096)
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        found = NAMES.get(question.name.to_text().lower())
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif kind in found:
            answer.answer.append(dns.rrset.from_text(question.name, 1, "IN", kind, found[kind]))
        server.sendto(answer.to_wire(), peer)


def wait_for(port: int, there: Sequence[str] = ()) -> None:
    """there: the beginning of a command on the clients' machine, if it is awaited there"""
    code = f"import socket; socket.create_connection(({'127.0.0.1' if there else '8.8.4.4'!r}, {port}), 1)"
    until = time.monotonic() + 30
    while subprocess.run([*there, sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode:
        assert time.monotonic() < until, f"nobody listens at {port}"
        time.sleep(0.05)


def started(*command: object, cwd: Path, log: str) -> Callable[[], None]:
    with open(cwd / log, "w") as file:
        process = subprocess.Popen(list(map(str, command)), cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def stop() -> None:
        process.terminate()
        process.wait()

    return stop


def web(base: Path) -> Callable[[], None]:
    """HTTP/1.1, HTTP/2 and WebSockets, with TLS and without."""
    authority = trustme.CA()
    certificate = authority.issue_cert("app.test", "strange.test")
    authority.cert_pem.write_to_path(str(base / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(base / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(base / "cert.pem"), append=True)
    (base / "served.py").write_text(APP)
    binds = ["--bind", f"[::]:{HTTPS}", "--insecure-bind", f"[::]:{HTTP}"]  # which takes IPv4 as well
    keys = ["--certfile", base / "cert.pem", "--keyfile", base / "key.pem"]
    return started(sys.executable, "-m", "hypercorn", *binds, *keys, "served:app", cwd=base, log="web.log")


def git(base: Path) -> Callable[[], None]:
    subprocess.run(["git", "init", "--quiet", "--bare", base / "repository"], check=True)
    (base / "cgi-bin").mkdir()
    (base / "cgi-bin/git").write_text(CGI.format(base=base))
    (base / "cgi-bin/git").chmod(0o755)
    subprocess.run(["chown", "-R", "nobody", base / "repository"], check=True)  # as whom the server runs programs
    return started(sys.executable, "-c", SERVE_CGI.format(port=GIT), cwd=base, log="git.log")


def index(base: Path) -> Callable[[], None]:
    (base / "packages").mkdir()
    with zipfile.ZipFile(base / "packages/served_demo-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("served_demo.py", "")
        wheel.writestr("served_demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: served-demo\nVersion: 1.0\n")
        wheel.writestr("served_demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("served_demo-1.0.dist-info/RECORD", "")
    return started(sys.executable, "-m", "pypiserver", "run", "-p", INDEX, "-i", "0.0.0.0", base / "packages", cwd=base, log="index.log")


def postgres(base: Path) -> Callable[[], None]:
    """Not by root, who is refused."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    (base / "database").mkdir()
    shutil.chown(base / "database", "nobody")
    as_nobody = ["setpriv", "--reuid=nobody", "--clear-groups", "env", f"HOME={base}/database"]
    options = ["-U", "postgres", "--auth=trust", "--no-sync", "-D", base / "database/data"]
    subprocess.run([*as_nobody, f"{programs}/initdb", *options], check=True, capture_output=True)
    with open(base / "database/data/pg_hba.conf", "a") as file:
        file.write("host all all 0.0.0.0/0 trust\nhost all all ::/0 trust\n")
    settings = ["-c", "listen_addresses=*", "-c", f"unix_socket_directories={base}/database", "-c", "fsync=off"]
    return started(*as_nobody, f"{programs}/postgres", "-D", base / "database/data", *settings, cwd=base, log="postgres.log")


def remote_calls(base: Path) -> Callable[[], None]:
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.method_handlers_generic_handler(
        "served", {"call": grpc.unary_unary_rpc_method_handler(lambda request, context: b"served " + request)}
    )
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"[::]:{GRPC}")
    server.start()
    return lambda: server.stop(None)


def proxy(base: Path, there: Sequence[str] = ()) -> Callable[[], None]:
    """Of HTTP, and by CONNECT of everything else."""
    options = ["--hostname", "0.0.0.0", "--port", PROXY, "--num-workers", 1, "--num-acceptors", 1]
    return started(*there, sys.executable, "-m", "proxy", *options, cwd=base, log=f"proxy{len(there)}.log")


class Server(NamedTuple):
    """start: gives what stops it; ports: where it then listens"""

    start: Callable[[Path], Callable[[], None]]
    ports: tuple[int, ...]


SERVERS = {
    "web": Server(web, (HTTP, HTTPS)),
    "git": Server(git, (GIT,)),
    "index": Server(index, (INDEX,)),
    "postgres": Server(postgres, (POSTGRES,)),
    "grpc": Server(remote_calls, (GRPC,)),
    "proxy": Server(proxy, (PROXY,)),
}


if __name__ == "__main__":
    main()
