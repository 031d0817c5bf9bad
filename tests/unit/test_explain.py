"""`hermetic why` and its words; it says of every row of the table what the guards say."""

from __future__ import annotations

import pytest
from unit.network_rows import ROWS, Row

from hermetic import explain, options
from hermetic.errors import UsageError
from hermetic.policy import combine

CONNECTIONS = [row for row in ROWS if row.request.startswith("connect ") and not row.name and not row.request.endswith(":0")]
LOOKUPS = [row for row in ROWS if row.request.startswith("DNS ") and explain.is_name(explain.canonical_name(row.request[4:]))]


def answers(line: str, what: str) -> list[explain.Answer]:
    invocation = options.parse(["--no-network", *line.split(), "--", "x"], {})
    assert invocation is not None
    return explain.answers(combine.resolve(invocation, "/work").policy, "net", what)


@pytest.mark.parametrize("row", CONNECTIONS, ids=str)
def test_connections(row: Row) -> None:
    (answer,) = answers(row.options, row.request.partition(" ")[2])
    assert answer.decision.allowed is row.allowed


@pytest.mark.parametrize("row", LOOKUPS, ids=str)
def test_names(row: Row) -> None:
    found = answers(row.options, row.request.partition(" ")[2] + ":80")
    assert found[0].decision.allowed is row.allowed
    assert len(found) == 1 + row.allowed


SAID = [
    ("", "example.com:443", ["refused  DNS(example.com): network disabled  allow it  --allow-domain example.com"]),
    ("--allow-domain=example.com", "Example.com.:443", ["allowed  DNS(example.com)", "allowed  connect(Example.com.:443)"]),
    (
        "--allow-domain=example.com",
        "example.com:22",
        [
            "allowed  DNS(example.com)",
            "refused  connect(example.com:22): network disabled on this port of example.com  allow it  --allow-domain example.com:22",
        ],
    ),
    (
        "--allow-domain=bücher.example",
        "Bücher.example:80",
        ["allowed  DNS(xn--bcher-kva.example)", "allowed  connect(xn--bcher-kva.example:80)"],
    ),
    ("--allow-localhost", "localhost:80", ["allowed  DNS(localhost)", "allowed  connect(localhost:80)"]),
    ("", "127.0.0.1:80", ["refused  connect(127.0.0.1:80): network disabled  allow it  --allow-localhost"]),
    ("", "[2001:db8::1]:80", ["refused  connect([2001:db8::1]:80): network disabled  allow it  --allow-address [2001:db8::1]:80"]),
    (
        "--allow-address=10.0.0.0/8 --deny-address=10.1.0.0/16",
        "10.1.0.1:80",
        ["refused  connect(10.1.0.1:80): network denied by --deny-address"],
    ),
]


@pytest.mark.parametrize(("line", "what", "said"), SAID)
def test_said(line: str, what: str, said: list[str]) -> None:
    assert [answer.told() for answer in answers(line, what)] == said


BAD = {
    "": "at character 1",
    "example.com": "at character 12",
    "example.com:": "at character 13",
    "example.com:x": "at character 13",
    "example.com:0": "a port is a number from 1 to 65535 (at character 13)",
    "example.com:99999": "a port is a number from 1 to 65535 (at character 13)",
    "example.com:80,82": "a host and one port were expected (at character 13)",
    "example.com:80-81": "a host and one port were expected",
    "2001:db8::1:80": "an IPv6 address stands in brackets",
    "https://example.com:443": "not a URL",
    "user@example.com:443": "a host and one port were expected (at character 5)",
    ":80": "a host and one port were expected (at character 1)",
    "straße.example:80": "at character 5",
    "bü cher.example:80": "at character 3",
}


@pytest.mark.parametrize(("what", "why"), BAD.items())
def test_refuses(what: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain.read(what)
    assert why in str(caught.value)
