"""Programs and libraries that people use to reach servers by name, as commands for the world of clients_world.py, under each layer and bare."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from launch.namespaces import private_mounts

HERE = Path(__file__).resolve().parent
ONE_LAYER = str(HERE.parent / "containment/one_layer.py")
LAYERS = ("both", "python", "kernel")


class Client(NamedTuple):
    """code: of Python, with the name as sys.argv[1]; argv: another program's, with NAME in it; native: it does without Python's sockets"""

    code: str = ""
    argv: tuple[str, ...] = ()
    native: bool = False
    served: str = "served"


ASYNC = "import asyncio, sys\nasync def main():\n{}\nprint(asyncio.run(main()))"
CLIENTS = {
    "urllib": Client("import sys, urllib.request; print(urllib.request.urlopen(f'https://{sys.argv[1]}/').read())"),
    "urllib3": Client("import sys, urllib3, os; print(urllib3.PoolManager(ca_certs=os.environ['SSL_CERT_FILE']).request('GET', f'https://{sys.argv[1]}/', retries=False).data)"),
    "requests": Client("import sys, requests; print(requests.get(f'https://{sys.argv[1]}/').text)"),
    "httpx": Client("import sys, httpx; print(httpx.get(f'https://{sys.argv[1]}/').text)"),
    "httpx, HTTP/2": Client("import sys, httpx; print(httpx.Client(http2=True).get(f'https://{sys.argv[1]}/').text)", served="served by HTTP/2"),
    "httpx, asyncio": Client(ASYNC.format("    import httpx\n    async with httpx.AsyncClient() as client: return (await client.get(f'https://{sys.argv[1]}/')).text")),
    "aiohttp": Client(
        ASYNC.format(
            "    import aiohttp, ssl\n    async with aiohttp.ClientSession() as session:\n"
            "        async with session.get(f'https://{sys.argv[1]}/', ssl=ssl.create_default_context()) as answer: return await answer.text()"
        )
    ),
    "websockets": Client(
        ASYNC.format(
            "    import ssl, websockets\n    async with websockets.connect(f'wss://{sys.argv[1]}/', ssl=ssl.create_default_context()) as connection:\n"
            "        await connection.send('x'); return await connection.recv()"
        )
    ),
    "grpc": Client(
        "import sys, grpc; channel = grpc.insecure_channel(f'{sys.argv[1]}:50051'); print(channel.unary_unary('/served/call')(b'x', timeout=10))", native=True
    ),
    "psycopg": Client(
        "import sys, psycopg; print(psycopg.connect(host=sys.argv[1], user='postgres', sslmode='disable', connect_timeout=10).execute(\"select 'served'\").fetchall())",
        native=True,
    ),
    "pip": Client(
        argv=("pip", "--isolated", "--disable-pip-version-check", "install", "--retries=0", "--no-cache-dir", "--target=PLACE/pip-LAYER-NAME", "--index-url=http://NAME:8082/simple", "--trusted-host=NAME", "served-demo"),
        served="Successfully installed",
    ),
    "uv": Client(
        argv=("uv", "--no-cache", "pip", "install", "--target=PLACE/uv-LAYER-NAME", "--index-url=http://NAME:8082/simple", "served-demo"), native=True, served="+ served-demo"
    ),
    "curl": Client(argv=("curl", "-sS", "--http2", "https://NAME/"), native=True, served="served by HTTP/2"),
    "git": Client(argv=("git", "clone", "http://NAME:8081/cgi-bin/git/repository", "PLACE/git-LAYER-NAME"), native=True, served="cloned an empty repository"),
}  # fmt: skip

FILL_IN = 'for word do shift; set -- "$@" "$(printf %s "$word" | sed "s|PLACE|$PLACE|")"; done; exec env SSL_CERT_FILE="$PLACE/ca.pem" "$@"'
CERTIFICATES = ["CURL_CA_BUNDLE=PLACE/ca.pem", "REQUESTS_CA_BUNDLE=PLACE/ca.pem"]


def command(hermetic: str, client: str, name: str, layer: str, bin: Path, options: list[str], variables: Sequence[str] = ()) -> list[str]:
    """hermetic, where that is not to be bare, and the client, asked for a name, with more variables in the environment."""
    guarded = {"both": [hermetic], "bare": []}.get(layer, [str(bin / "python"), "-IS", ONE_LAYER, layer])
    started = [*guarded, *options, "--"] if guarded else []
    return ["sh", "-c", FILL_IN, "sh", *CERTIFICATES, *variables, *started, *words(CLIENTS[client], name, layer, bin)]


def words(client: Client, name: str, layer: str, bin: Path) -> list[str]:
    if client.code:
        return [str(bin / "python"), "-c", client.code, name]
    filled = [word.replace("NAME", name).replace("LAYER", layer) for word in client.argv]
    own = bin / filled[0]
    return [str(own) if own.exists() else filled[0], *filled[1:]]


def in_world(commands: dict[str, list[str]], servers: list[str], bin: Path, home: str) -> dict[str, list]:
    """Exit code and output of each, while these servers are there."""
    env = {"PATH": f"{bin}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
    task = {"commands": commands, "env": env, "servers": servers}
    world = [*private_mounts(), "--net", str(bin / "python"), str(HERE / "clients_world.py")]
    done = subprocess.run(world, input=json.dumps(task), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, list] = json.loads(done.stdout)
    return found
