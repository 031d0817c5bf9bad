"""`--allow-listen`: a server in the sandbox is reached at an address that is not a loopback one, by its port and by no other."""

from __future__ import annotations

import re

import pytest
from launch.test_names import Names
from launch.wired import INNER

SERVE = {
    "uvicorn": "uvicorn --host {host} --port 8000 asgi_app:app",
    "http.server": "python -m http.server --bind {host} 8000",
    "jupyter": "jupyter server --allow-root --no-browser --ip {host} --port 8000 --ServerApp.port_retries=0 --IdentityProvider.token=",
}
RECIPES = {"jupyter": "jupyter server"}
ASK = (
    "{start} {command} >log 2>&1 & "
    "for try in $(seq 400); do curl -sS -m 5 -o page http://{inner}:8000/ 2>/dev/null && break; kill -0 $! 2>/dev/null || break; sleep .1; done; "
    "test -s page && echo reached; kill $! 2>/dev/null; wait $!; cat log"
)


@pytest.mark.parametrize("name", SERVE)
def test_reached(among_names: Names, hermetic_command: str, environments, tmp_path, name: str) -> None:
    bin = environments.get(RECIPES.get(name, "everyday 3.11")).bin
    (tmp_path / "asgi_app.py").write_text(
        "async def app(scope, receive, send):\n    if scope['type'] == 'http':\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "        await send({'type': 'http.response.body', 'body': b'served'})\n"
    )
    hermetic = f"{hermetic_command} --no-network {{options}} --"
    starts = {
        "bare": "",
        "its port": hermetic.format(options="--allow-listen 8000 --allow-localhost"),
        "another": hermetic.format(options="--allow-listen 8001 --allow-localhost"),
        "none": hermetic.format(options=""),
    }
    commands = {}
    for kind, start in starts.items():
        place = tmp_path / kind.replace(" ", "-")
        place.mkdir()
        asked = ASK.format(start=start, inner=INNER, command=SERVE[name].format(host="0.0.0.0"))
        commands[kind] = ["sh", "-c", f"cd {place}; export PATH={bin}:$PATH PYTHONPATH={tmp_path} HOME={place}; {asked}"]
    found = among_names(commands)
    assert found["bare"][1].startswith("reached\n"), found["bare"]
    assert found["its port"][1].startswith("reached\n"), found["its port"]
    assert not {"bind(", "listen("} & set(re.findall(r"\w+\(", found["its port"][1]))
    for kind in ("another", "none"):
        assert not found[kind][1].startswith("reached\n"), found[kind]
        assert "allow it  --allow-listen 8000" in found[kind][1], found[kind]
