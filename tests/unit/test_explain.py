"""`hermetic why` and its words; it says of every row of the table what the guards say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hermetic_guard.policy import Policy
from unit.network_rows import ROWS, Row

from hermetic import explain, options
from hermetic.errors import UsageError
from hermetic.policy import combine

CONNECTIONS = [row for row in ROWS if row.request.startswith("connect ") and not row.name and not row.request.endswith(":0")]
LOOKUPS = [row for row in ROWS if row.request.startswith("DNS ") and explain.is_name(explain.canonical_name(row.request[4:]))]


LISTENING = [row for row in ROWS if row.request.startswith(("bind ", "listen ")) and not row.request.endswith(":0")]


def answers(line: str, what: str, surface: str = "net") -> list[explain.Answer]:
    invocation = options.parse(["--no-network", *line.split(), "--", "x"], {})
    assert invocation is not None
    return explain.answers(combine.resolve(invocation, "/work").policy, surface, what)


@pytest.mark.parametrize("row", CONNECTIONS, ids=str)
def test_connections(row: Row) -> None:
    (answer,) = answers(row.options, row.request.partition(" ")[2])
    assert answer.decision.allowed is row.allowed


@pytest.mark.parametrize("row", LOOKUPS, ids=str)
def test_names(row: Row) -> None:
    found = answers(row.options, row.request.partition(" ")[2] + ":80")
    assert found[0].decision.allowed is row.allowed
    assert len(found) == 1 + row.allowed


@pytest.mark.parametrize("row", LISTENING, ids=str)
def test_servers(row: Row) -> None:
    """A server is bound, and then listens."""
    action, _, place = row.request.partition(" ")
    found = {answer.asked: answer.decision.allowed for answer in answers(row.options, place, "listen")}
    assert found.get(f"{action}({place})", False) is row.allowed


SAID = [
    ("", "example.com:443", ["refused  DNS(example.com): network disabled  allow it  --allow-domain example.com"]),
    (
        "--allow-domain=example.com",
        "Example.com.:443",
        ["allowed  DNS(example.com)", f"allowed  connect(Example.com.:443), {explain.INWARD}"],
    ),
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
        ["allowed  DNS(xn--bcher-kva.example)", f"allowed  connect(xn--bcher-kva.example:80), {explain.INWARD}"],
    ),
    ("--allow-localhost", "localhost:80", ["allowed  DNS(localhost)", "allowed  connect(localhost:80)"]),
    ("", "127.0.0.1:80", ["refused  connect(127.0.0.1:80): network disabled  allow it  --allow-localhost=80"]),
    ("--allow-address=127.0.0.1:9", "localhost:9", ["allowed  DNS(localhost)", "allowed  connect(localhost:9)"]),
    (
        "--allow-address=127.0.0.1:9",
        "localhost:8",
        ["allowed  DNS(localhost)", "refused  connect(localhost:8): network disabled  allow it  --allow-localhost=8"],
    ),
    ("", "[2001:db8::1]:80", ["refused  connect([2001:db8::1]:80): network disabled  allow it  --allow-address [2001:db8::1]:80"]),
    (
        "--allow-address=10.0.0.0/8 --deny-address=10.1.0.0/16",
        "10.1.0.1:80",
        ["refused  connect(10.1.0.1:80): network denied by --deny-address"],
    ),
    ("--no-network", "0:80", ["refused  connect(0.0.0.0:80): network disabled  allow it  --allow-address 0.0.0.0:80"]),
    (
        "--no-network",
        "3405803786:80",
        ["refused  connect(203.0.113.10:80): network disabled  allow it  --allow-address 203.0.113.10:80"],
    ),
    ("--no-network --allow-address=203.0.113.10", "0xcb00710a:80", ["allowed  connect(203.0.113.10:80)"]),
]


@pytest.mark.parametrize(("line", "what", "said"), SAID)
def test_said(line: str, what: str, said: list[str]) -> None:
    assert [answer.told() for answer in answers(line, what)] == said


EVERYWHERE = "bind(0.0.0.0:8000)", "listen(0.0.0.0:8000)"
SERVED = [
    ("", "8000", [f"refused  {EVERYWHERE[0]}: network disabled  allow it  --allow-listen 8000"]),
    ("--allow-listen=8000", "8000", [f"allowed  {asked}" for asked in EVERYWHERE]),
    ("--allow-listen=8000", "[::]:8000", ["allowed  bind([::]:8000)", "allowed  listen([::]:8000)"]),
    ("--allow-localhost=8000", "LOCALHOST:8000", ["allowed  bind(127.0.0.1:8000)", "allowed  listen(127.0.0.1:8000)"]),
    (
        "--allow-localhost=8000",
        "[::1]:80",
        ["refused  bind([::1]:80): network limited to localhost port 8000  allow it  --allow-localhost=80"],
    ),
    (
        "--allow-localhost",
        "8000",
        [f"refused  {EVERYWHERE[0]}: network disabled  allow it  --allow-listen 8000  # or bind 127.0.0.1 rather than all addresses"],
    ),
    ("--allow-domain=example.com --allow-listen=53", "53", ["refused  bind(0.0.0.0:53): names come from outside"]),
]


@pytest.mark.parametrize(("line", "what", "said"), SERVED)
def test_said_of_servers(line: str, what: str, said: list[str]) -> None:
    assert [answer.told() for answer in answers(line, what, "listen")] == said


@pytest.mark.parametrize(
    ("what", "why"),
    {
        "": "a port number was expected (at character 1)",
        "x": "a port number was expected (at character 1)",
        "0": "(at character 1)",
        "80-81": "one port was expected (at character 1)",
        "127.0.0.1:": "a port number was expected (at character 11)",
        "example.com:80": "an address of this machine was expected",
        "*:80": "an address of this machine was expected",
        ":80": "an address of this machine was expected",
        "::1:80": "an address of this machine was expected",
        "[127.0.0.1]:80": "an address of this machine was expected",
        "[::1%lo]:80": "an address of this machine was expected",
        "http://0.0.0.0:80": "an address of this machine was expected",
    }.items(),
)
def test_no_server(what: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        answers("", what, "listen")
    assert why in str(caught.value)
    assert "as in 8000, " in str(caught.value)


PROXIES = [
    ("http_proxy", "http://10.0.0.1:3128", "example.com:80", ["http_proxy refused  connect(10.0.0.1:3128): network disabled  allow it  --allow-address 10.0.0.1:3128"]),
    ("HTTPS_PROXY", "http://user:x@10.0.0.2:3128/", "example.com:443", ["HTTPS_PROXY allowed  connect(10.0.0.2:3128)"]),
    ("https_proxy", "http://proxy.example", "example.com:443", ["https_proxy refused  DNS(proxy.example): network disabled  allow it  --allow-domain proxy.example"]),
    ("all_proxy", "[2001:db8::1]:1080", "example.com:22", ["all_proxy refused  connect([2001:db8::1]:1080): network disabled  allow it  --allow-address [2001:db8::1]:1080"]),
    ("http_proxy", "http://10.0.0.1:3128", "example.com:443", []),
    ("no_proxy", "example.com", "example.com:80", []),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "value", "what", "said"), PROXIES)
def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, what: str, said: list[str]) -> None:
    """A client that heeds it goes there. What the environment's rules take away nobody heeds."""
    if variable == "no_proxy":
        monkeypatch.setenv("http_proxy", "http://10.0.0.1:3128")
    monkeypatch.setenv(variable, value)
    line = "--no-network --allow-domain=example.com --allow-address=10.0.0.2"
    for options_given, found in ((line, said), (f"{line} --clean-env", [])):
        invocation = options.parse([*options_given.split(), "--", "x"], {})
        assert invocation is not None
        policy = combine.resolve(invocation, "/work").policy
        told = [f"{name} {answer.told()}" for name, answer in explain.by_proxies(policy, what, os.environ)]
        assert told == found


BAD = {
    "/run/socket": "not a path",
    "": "at character 1",
    "example.com": "at character 12",
    "example.com:": "at character 13",
    "example.com:x": "at character 13",
    "example.com:0": "a port is a number from 1 to 65535 (at character 13)",
    "example.com:99999": "a port is a number from 1 to 65535 (at character 13)",
    "example.com:80,82": "one port was expected (at character 13)",
    "example.com:80-81": "one port was expected",
    "2001:db8::1:80": "an IPv6 address stands in brackets",
    "https://example.com:443": "not a URL",
    "user@example.com:443": "a host and one port were expected (at character 5)",
    ":80": "a host and one port were expected (at character 1)",
    "straße.example:80": "at character 5",
    "bü cher.example:80": "at character 3",
    "[fe80::1%lo]:80": "at character 9",
    "[::1%1]:80": "at character 5",
    "[::g]:80": "at character 4",
    "*.test:80": "at character 1",
}


@pytest.mark.parametrize(("what", "why"), BAD.items())
def test_refuses(what: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain.read(what)
    assert why in str(caught.value)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "out").mkdir()
    for name in ("file", "secret", "out/file"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("out/file")
    (tmp_path / "way").mkdir()
    (tmp_path / "way/link").symlink_to("../file")
    monkeypatch.chdir(tmp_path)
    return tmp_path


HERE = [
    ("--fs-readonly", "read file", "allowed  read({})"),
    ("--fs-readonly", "write file", "refused  write({}): filesystem read-only  allow it  --allow-write {}"),
    ("--fs-readonly", "write new", "refused  create({}): filesystem read-only  allow it  --allow-write PLACE"),
    ("--fs-readonly --allow-write=out", "write out/new", "allowed  create({})"),
    ("--fs-readonly --allow-write=out", "write link", "allowed  write(PLACE/out/file)"),
    (
        "--fs-readonly --allow-write=out/file",
        "write out/new",
        "refused  create({}): filesystem read-only  allow it  --allow-write PLACE/out",
    ),
    ("--fs-readonly --allow-write=. --protect=out", "write out/file", "refused  write({}): protected"),
    ("--fs-readonly --hide=secret", "read secret", "refused  read({}): hidden"),
    ("--fs-readonly --hide=secret", "read way/link", "allowed  read(PLACE/file)"),
    ("--fs-readonly --hide=way", "read way/link", "refused  read({}): hidden"),
    ("--fs-readonly=out", "read file", "refused  read({}): reads limited  allow it  --allow-read {}"),
    ("--fs-readonly=out", "read .", "refused  list(PLACE): reads limited  allow it  --allow-read PLACE"),
    ("--no-network", "write kept/x", "refused  write({}): guards stay in place"),
    ("--no-network", "write file", "allowed  write({})"),
    ("--no-subprocess", "run /bin/cat", "refused  start(CAT): subprocess disabled  allow it  --allow-run CAT"),
    ("--no-subprocess --allow-run=cat", "run cat", "allowed  start(CAT)"),
    ("--block-native", "native NumPy", "refused  import(numpy): native code disabled  allow it  --allow-native numpy"),
    ("--block-native --allow-native=a.b", "native A_B", "allowed  import(a-b)"),
]


@pytest.mark.parametrize(("line", "question", "said"), HERE, ids=[f"{line} {question}" for line, question, _ in HERE])
def test_on_this_machine(place: Path, line: str, question: str, said: str) -> None:
    invocation = options.parse([*line.split(), "--", "x"], {})
    assert invocation is not None
    surface, what = question.split()
    found = explain.answers(combine.resolve(invocation, str(place)).policy, surface, what, [f"{place}/kept"])
    told = said.replace("{}", f"{place}/{what}").replace("PLACE", str(place)).replace("CAT", os.path.realpath("/bin/cat"))
    assert found[-1].told() == told


def test_no_hint_opens_the_home_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the sake of what is to be made there; `new` is, where the home directory is another."""
    invocation = options.parse(["--fs-readonly", "--", "x"], {})
    assert invocation is not None
    policy = combine.resolve(invocation, str(place)).policy

    def hint(what: str) -> str:
        return explain.answers(policy, "write", what)[-1].decision.hint

    assert hint("new/deep") == f"--allow-write {place}"
    for home in (place, place / "out"):
        monkeypatch.setenv("HOME", str(home))
        assert hint("new/deep") == f"--allow-write {place}/new/deep  # make it first"
    assert hint("file") == f"--allow-write {place}/file"


@pytest.mark.parametrize(
    ("surface", "what", "why"),
    [("run", "no-such-program", "not found"), ("native", "a b", "the name of a distribution was expected"), ("read", "a\0b", "null byte")],
)
def test_refuses_what_is_none(place: Path, surface: str, what: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain.answers(Policy(), surface, what)
    assert why in str(caught.value)


@pytest.mark.parametrize("here", [True, False])
def test_what_the_hosts_file_has_lead_to_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, here: bool) -> None:
    (tmp_path / "hosts").write_text("203.0.113.7 me.example.com\n")
    monkeypatch.setattr(explain.resolver, "HOSTS", str(tmp_path / "hosts"))
    monkeypatch.setattr(explain.routes.Routes, "is_here", lambda self, address: here and address == bytes([203, 0, 113, 7]))
    looked_up, connected = answers("--allow-domain=me.example.com", "me.example.com:443")
    assert looked_up.decision.allowed
    assert (connected.decision.allowed, "leads to this machine" in connected.decision.rule) == (not here, here)
