"""What `hermetic why` says of random policies and connections is what happens: under both layers, and under each alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

from conftest import find_python
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from launch.namespaces import private_mounts
from launch.test_network_rules import HERE, LAYERS, prefix

from hermetic import explain, options
from hermetic.policy import combine

ELSEWHERE = "203.0.113.1"
"""What every name leads to, here and in explain.py."""

NAMES = ["example.com", "a.example.com", "b.a.example.com", "example.org"]
ADDRESSES = ["127.0.0.1", "127.0.0.2", "[::1]", "10.0.0.1", "192.0.2.1", "192.0.2.200", "198.51.100.1", "[2001:db8::1]", "[2001:db9::1]"]
OWN = ["0.0.0.0", "[::]", "127.0.0.1", "127.0.0.2", "[::1]", "10.0.0.1", "198.51.100.1"]
"""What can be bound there."""
BLOCKS = [
    "10.0.0.0/8",
    "192.0.2.0/24",
    "192.0.2.0/25:80-90",
    "192.0.2.1:443",
    "[2001:db8::/32]:80",
    "2001:db8::1",
    "127.0.0.2",
    "0.0.0.0/1",
]

ports = st.sampled_from(["80", "81", "443", "80-90", "80,443", "1-65535"])
words = st.one_of(
    st.just("--allow-localhost"),
    ports.map("--allow-localhost={}".format),
    st.tuples(st.sampled_from([*NAMES, "*.example.com", "*.org"]), ports).map(lambda pair: f"--allow-domain={pair[0]}:{pair[1]}"),
    st.sampled_from(BLOCKS).map("--allow-address={}".format),
    st.sampled_from(BLOCKS).map("--deny-address={}".format),
    st.sampled_from(["--allow-listen=8000", "--allow-listen=80-90", "--allow-listen=443,8080"]),
)
lines = st.lists(words, max_size=4).map(" ".join)
numbers = st.sampled_from([80, 81, 443, 8000, 8080])
asked = st.one_of(
    st.tuples(st.just("net"), st.sampled_from([*NAMES, *ADDRESSES]), numbers),
    st.tuples(st.just("listen"), st.sampled_from(OWN), numbers),
)


class Row(NamedTuple):
    """request: as rules_probe.py takes it; allowed: what `why` says of it"""

    request: str
    allowed: bool


def rows(line: str, what: list[tuple[str, str, int]]) -> list[Row]:
    """Each part of what `why` answers of connections, and what it comes to of servers. A name is looked up before it is connected to, as it says."""
    invocation = options.parse(["--no-network", *line.split(), "--", "x"], {})
    assert invocation is not None
    policy = combine.resolve(invocation, "/").policy
    found = []
    for surface, host, port in what:
        answers = explain.answers(policy, surface, f"{host}:{port}")
        if surface == "listen":
            found.append(Row(f"listen {host}:{port}", all(answer.decision.allowed for answer in answers)))
            continue
        for answer in answers:
            action = answer.asked.partition("(")[0]
            request = f"as {host} connect {ELSEWHERE}:{port}" if host in NAMES else f"connect {host}:{port}"
            found.append(Row(f"DNS {host}" if action == "DNS" else request, answer.decision.allowed))
    return found


@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(lines, st.lists(asked, min_size=5, max_size=12, unique=True)), min_size=3, max_size=3))
def test_what_why_says_happens(hermetic_command: str, jobs, cases: list[tuple[str, list[tuple[str, str, int]]]]) -> None:
    python, expected, tasks = str(find_python("3.11").path), [], []
    for line, what in cases:
        tried = rows(line, what)
        for layer in LAYERS:
            expected.append((line, layer, tried))
            command = prefix(layer, hermetic_command, line, python)
            tasks.append(
                {
                    "command": command,
                    "rows": [row.request for row in tried],
                    "addresses": [ELSEWHERE],
                    "own": OWN[-2:],
                    "home": str(jobs.home),
                }
            )
    command = [*private_mounts(), "--net", sys.executable, str(HERE / "rules_world.py")]
    done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for (line, layer, tried), outcome in zip(expected, json.loads(done.stdout), strict=True):
        happened = [said.endswith(": True") for said in outcome["out"].splitlines()]
        assert len(happened) == len(tried), (line, layer, outcome)
        wrong = [row for row, is_let in zip(tried, happened, strict=True) if row.allowed is not is_let]
        assert wrong == [], (line, layer, outcome["err"])
