"""The log's schema, version 1: every event with exactly these fields, as docs/log.md has it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

COMMON: dict[str, type | tuple[type, ...]] = {"v": int, "event": str, "run": str, "time": float}
FIELDS: dict[str, dict[str, type]] = {
    "run": {"command": list, "policy": str},
    "ready": {"pid": int, "way": str, "python": str, "implementation": str},
    "refused": {"pid": int, "guard": str, "action": str, "target": str, "rule": str, "hint": str, "stack": list},
    "hidden": {"pid": int, "action": str, "target": str, "stack": list},
    "limit": {"limit": str, "value": int},
    "uncaught": {"pid": int},
    "failed": {"pid": int, "why": str},
    "end": {"exit_code": int, "blocked": dict},
}
OPTIONAL = {"refused": {"lost": int}}

CODE = """
import os, socket, subprocess, sys
subprocess.call([sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 80))"], stderr=subprocess.DEVNULL)
socket.getaddrinfo("example.com", 80)
"""


@pytest.fixture
def log(hermetic_command: str, tmp_path: Path) -> list[dict[str, Any]]:
    command = [hermetic_command, "--no-network", "-q", "--log", str(tmp_path / "log"), "--", sys.executable, "-c", CODE]
    assert subprocess.run(command, capture_output=True).returncode == 77
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_every_event_has_its_fields(log: list[dict[str, Any]]) -> None:
    assert [event["event"] for event in log] == ["run", "ready", "ready", "refused", "uncaught", "refused", "uncaught", "end"]
    for event in log:
        expected = {**COMMON, **FIELDS[event["event"]]}
        assert {name: type(value) for name, value in event.items()} == expected
        assert event["v"] == 1
    assert len({event["run"] for event in log}) == 1
    assert [event["time"] for event in log] == sorted(event["time"] for event in log)


def test_what_they_say(log: list[dict[str, Any]]) -> None:
    first, ready, child, blocked, uncaught, refused, ended, end = log
    assert first["command"] == [sys.executable, "-c", CODE]
    assert first["policy"].startswith("hermetic-policy 2\n")
    assert (ready["way"], ready["python"], ready["implementation"]) == ("early", sys.version.split()[0], "cpython")
    assert child["pid"] == blocked["pid"] == uncaught["pid"] != ready["pid"] == refused["pid"] == ended["pid"]
    assert (blocked["action"], blocked["target"]) == ("connect", "192.0.2.1:80")
    told = {name: refused[name] for name in ("guard", "action", "target", "rule", "hint")}
    assert told == {
        "guard": "network",
        "action": "DNS",
        "target": "example.com",
        "rule": "network disabled",
        "hint": "--allow-domain example.com",
    }
    assert refused["stack"][-1] == ["<string>", 4, "<module>"]
    assert all([type(item) for item in frame] == [str, int, str] for frame in refused["stack"])
    assert (end["exit_code"], end["blocked"]) == (77, {"network": 2})


def test_a_failure(hermetic_command: str, tmp_path: Path) -> None:
    """Nothing was run, and the log says why."""
    driver = f"""
import sys
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from hermetic_guard import policy
from hermetic.launch import payload
files = payload.files
payload.files = lambda *words, **named: dict(files(*words, **named), policy=b"hermetic-policy 3\\n")
from hermetic.__main__ import main
sys.exit(main())
"""
    words = ["--no-network", "--log", str(tmp_path / "log"), "--", sys.executable, "-c", "print('run')"]
    done = subprocess.run([sys.executable, "-c", driver, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.endswith("the policy has version 3, this guard reads version 2; nothing was run\n")
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [event["event"] for event in events] == ["run", "failed", "end"]
    assert {name: type(value) for name, value in events[1].items()} == {**COMMON, **FIELDS["failed"]}


def test_what_is_hidden_and_what_is_limited(hermetic_command: str, tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    code = f"""
try: open({str(tmp_path / "secret")!r})
except OSError: open({str(tmp_path / "large")!r}, "wb").write(bytes(9999))
"""
    words = ["--fs-readonly", "--allow-write", str(tmp_path), "--hide", str(tmp_path / "secret"), "--max-file-size", "1K"]
    command = [hermetic_command, *words, "-q", "--log", str(tmp_path / "log"), "--", sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True).returncode == 1
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [event["event"] for event in events] == ["run", "ready", "hidden", "limit", "end"]
    for event in events[2:4]:
        assert {name: type(value) for name, value in event.items()} == {**COMMON, **FIELDS[event["event"]]}


def test_the_readme_has_the_same() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "docs/log.md").read_text(), re.MULTILINE)
    named = {event: set(re.findall(r"`(\w+)`(?=[,:;(\s]|$)", text)) for event, text in rows if event in FIELDS}
    assert named.keys() == FIELDS.keys()
    for event, fields in FIELDS.items():
        assert {*fields, *OPTIONAL.get(event, {})} <= named[event], event
