"""Which names the run's own server asks for, what it hands out, and what it tells."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hermetic_guard.decide import Request
from hermetic_guard.policy import Network, Policy
from unit.test_dns import asked

from hermetic.linux import dns, handed_out, lookup_sources, resolver

WEB = ((80, 80), (443, 443))
POLICY = Policy(network=Network(domains=(("*.wild.example", WEB), ("app.example", WEB))))
HOST = socket.inet_aton("192.0.2.1")
EVIL = socket.inet_aton("192.0.2.66")
HOST6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")


FAMILY = {4: socket.AF_INET, 16: socket.AF_INET6}


class Asked:
    """Names, what they were looked up for, and what was told."""

    def __init__(self, found: list[bytes] | OSError | None = None, policy: Policy = POLICY) -> None:
        self.looked_up: list[tuple[str, int]] = []
        self.told: list[tuple[str, int | None]] = []
        self.found = [HOST] if found is None else found
        self.names = resolver.Names(policy, self.tell, self.look_up, resolver.searched())

    def look_up(self, name: str, family: int) -> list[bytes]:
        self.looked_up.append((name, family))
        if isinstance(self.found, OSError):
            raise self.found
        return [address for address in self.found if family in (0, FAMILY[len(address)])]

    def tell(self, request: Request, asker: int | None) -> None:
        self.told.append((request.target, asker))

    def __call__(self, name: str, kind: int = dns.A, asker: int | None = 1) -> tuple[int, int]:
        """The response code, and how many addresses."""
        answer = self.names.answer(asked(name, kind), asker)
        assert answer is not None
        return answer[3] & 15, answer[7]


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What libc goes by, here nothing."""
    monkeypatch.setattr(resolver, "RESOLVER", str(tmp_path / "resolv.conf"))
    monkeypatch.setattr(resolver, "HOSTS", str(tmp_path / "hosts"))
    return tmp_path


@pytest.mark.parametrize("name", ["app.example", "APP.Example", "a.wild.example", "a.b.wild.example"])
def test_allowed(name: str) -> None:
    names = Asked([HOST, HOST6])
    assert (names(name), names(name, dns.AAAA)) == ((dns.FINE, 1), (dns.FINE, 1))
    assert names.looked_up == [(name.lower(), socket.AF_INET), (name.lower(), socket.AF_INET6)]
    assert {names.names.of(address) for address in (HOST, HOST6)} == {(name.lower(),)}
    assert names.told == []


@pytest.mark.parametrize(
    "name", ["example", "wild.example", "evil-app.example", "app.example.evil.test", "app.example2", "", "a b.example"]
)
def test_refused(name: str) -> None:
    """Nobody is asked, and it is told once, of both kinds of address."""
    names = Asked()
    assert (names(name), names(name, dns.AAAA)) == ((dns.NO_SUCH_NAME, 0),) * 2
    assert (names.looked_up, names.told) == ([], [(name, 1)])
    names(name, asker=2)
    assert names.told[1:] == [(name, 2)]


@pytest.mark.parametrize("kind", [2, 5, 6, 12, 15, 16, 28 + 5, 65, 255])
def test_other_kinds(kind: int) -> None:
    """Of an allowed name there is nothing but addresses: what a record of text says could be anything, and so could the question."""
    names = Asked()
    assert (names("app.example", kind), names("strange.example", kind)) == ((dns.FINE, 0), (dns.NO_SUCH_NAME, 0))
    assert names.looked_up == []


def test_what_cannot_be_found() -> None:
    assert Asked(socket.gaierror(socket.EAI_NONAME, ""))("app.example") == (dns.NO_SUCH_NAME, 0)
    assert Asked(socket.gaierror(socket.EAI_AGAIN, ""))("app.example") == (dns.FAILED, 0)
    assert Asked([])("app.example") == (dns.FINE, 0)
    assert Asked().names.answer(b"nonsense") is None


def test_an_address_of_several_names() -> None:
    names = Asked()
    names("app.example")
    names("a.wild.example")
    names("app.example")
    assert names.names.of(HOST) == ("app.example", "a.wild.example")


def test_a_huge_answer_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of it is what was handed out, once. Of a name whose addresses are always others the last ones are known."""
    found = [index.to_bytes(4, "big") for index in range(1 << 27, (1 << 27) + 5000)]
    names = Asked(list(found))
    for _ in range(20):
        assert int.from_bytes((names.names.answer(asked("app.example"), 1) or b"")[6:8], "big") == resolver.MOST_ADDRESSES
    assert (len(names.names.known), names.names._questions._asked) == (resolver.MOST_ADDRESSES, {})
    assert [names.names.of(found[index]) for index in (0, 999, 1000)] == [("app.example",), ("app.example",), ()]
    monkeypatch.setattr(handed_out, "MOST", 1500)
    for begin in range(0, 5000, 500):
        names.found = found[begin : begin + 500]
        names("app.example")
        assert len(names.names.known) <= 3000
        assert all(names.names.of(address) for address in found[max(0, begin - 1000) : begin + 500])
    assert names.names.of(found[0]) == ()


def test_an_address_of_many_names() -> None:
    names = Asked()
    for number in range(300):
        names(f"n{number}.wild.example")
    assert names.names.of(HOST) == tuple(f"n{number}.wild.example" for number in range(200, 300))


def test_what_the_search_list_makes_of_a_name_is_not_told_again(configuration: Path) -> None:
    (configuration / "resolv.conf").write_text("search one.test\nsearch corp.test Two.Test.\nnameserver 192.0.2.53\n")
    names = Asked()
    for name in ("strange.example", "strange.example.corp.test", "strange.example.two.test"):
        assert names(name) == (dns.NO_SUCH_NAME, 0)
    assert names.told == [("strange.example", 1)]
    assert names("other.corp.test") == (dns.NO_SUCH_NAME, 0)
    assert names.told[1:] == [("other.corp.test", 1)]
    assert (names("app.example.corp.test"), names("ndots.example.corp.test"), names("ndots.example")) == ((dns.NO_SUCH_NAME, 0),) * 3
    assert names.told[2:] == [("ndots.example.corp.test", 1)]
    assert names.looked_up == []


@pytest.mark.parametrize("searched", ["sub.corp.test corp.test", "corp.test sub.corp.test"])
def test_a_search_list_of_which_one_ends_like_another(configuration: Path, searched: str) -> None:
    """As resolvers ask: the name completed by each, in their order, and then as it is."""
    (configuration / "resolv.conf").write_text(f"search {searched}\n")
    names = Asked()
    ends = searched.split()
    for name in ("strange", *(f"db.{end}" for end in ends), "db", "app.example", *(f"app.example.{end}" for end in ends)):
        names(name)
    assert names.told == [("strange", 1), (f"db.{ends[0]}", 1)]


def test_an_address_of_the_other_kind_is_asked_for_by_those_who_have_one(configuration: Path) -> None:
    """The hosts file was asked first, and had the name. Who asks for what is there, or for other records, goes past it."""
    (configuration / "hosts").write_text("127.0.0.1 localhost\n2001:db8::1 six.example\n")
    (configuration / "resolv.conf").write_text("search corp.test\n")
    names = Asked()
    for name, kind in (("localhost", dns.AAAA), ("localhost.corp.test", dns.AAAA), ("six.example", dns.A)):
        assert names(name, kind) == (dns.NO_SUCH_NAME, 0)
    assert names.told == []
    for name, kind in (("localhost", dns.A), ("six.example", 16), ("other.example", dns.AAAA)):
        assert names(name, kind) == (dns.NO_SUCH_NAME, 0)
    assert [name for name, _ in names.told] == ["localhost", "six.example", "other.example"]


def test_the_hosts_file(configuration: Path) -> None:
    """libc does not ask for what it finds there."""
    (configuration / "hosts").write_text("192.0.2.9 app.example strange.example # x\n2001:db8::1\tA.Wild.Example\nnonsense\n")
    names = Asked().names
    assert names.of(socket.inet_aton("192.0.2.9")) == ("app.example",)
    assert names.of(HOST6) == ("a.wild.example",)
    assert names.of(HOST) == ()


ABSOLUTE = [
    # a name, as it is asked for, what is found
    ("app.example", "app.example.", [HOST]),
    ("host", "host", [HOST]),
    ("listed.example", None, [socket.inet_aton("192.0.2.77")]),
]


@pytest.mark.parametrize(("name", "asked_as", "found"), ABSOLUTE)
def test_a_name_is_asked_for_as_it_is(
    monkeypatch: pytest.MonkeyPatch, configuration: Path, name: str, asked_as: str | None, found: list[bytes]
) -> None:
    """What a search list makes of one with a dot is another's."""
    (configuration / "hosts").write_text("192.0.2.77 Listed.example\n")
    seen = []

    def getaddrinfo(host: bytes, *_: object) -> list[tuple[object, ...]]:
        seen.append(host)
        return [(2, 1, 6, "", ("192.0.2.1", 0))]

    import _socket

    monkeypatch.setattr(_socket, "getaddrinfo", getaddrinfo)
    assert resolver.Names(POLICY, lambda *_: None)._look_up(name, socket.AF_INET) == found
    assert seen == ([asked_as.encode()] if asked_as else [])


SERVERS = [
    (
        "nameserver 8.8.8.8\nnameserver fe80::1%eth0\nnameserver nonsense\nnameserver",
        {b"\x08\x08\x08\x08", b"\xfe\x80" + bytes(13) + b"\x01"},
    ),
    ("", {b"\x7f\x00\x00\x01"}),
    (None, {b"\x7f\x00\x00\x01"}),
]


@pytest.mark.parametrize(("text", "found"), SERVERS)
def test_name_servers(configuration: Path, text: str | None, found: set[bytes]) -> None:
    if text is not None:
        (configuration / "resolv.conf").write_text(text)
    assert resolver.name_servers() == {(packed, 53) for packed in found}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that names are found by, which the run may change. Nothing is recent."""
    monkeypatch.setattr(lookup_sources, "RECENT_NS", 0)
    monkeypatch.setattr(resolver, "RECENT_NS", 0)
    (tmp_path / "above").mkdir()
    (tmp_path / "above/file").write_text("before")
    monkeypatch.setattr(resolver, "in_reach", lambda policy: (str(tmp_path / "above/file"),))
    return tmp_path / "above/file"


def test_what_was_changed_before(watched: Path) -> None:
    """Then libc is not asked: it would load what its configuration names."""
    names = Asked()
    watched.write_text("after!")
    assert (names("app.example"), names.looked_up) == ((dns.FAILED, 0), [])
    assert names.told == [("app.example", 1)]


def moved_and_back(file: Path) -> None:
    os.rename(file.parent, file.parent.parent / "other")
    os.rename(file.parent.parent / "other", file.parent)


@pytest.mark.parametrize(("times", "code"), [(0, dns.FINE), (1, dns.FINE), (99, dns.FAILED)])
def test_a_directory_that_is_away_meanwhile(watched: Path, times: int, code: int) -> None:
    """What was found then counts for nothing; once there is rest it is looked up anew."""
    names = Asked()

    def look_up(name: str, family: int) -> list[bytes]:
        if len(names.looked_up) >= times:
            return names.look_up(name, family)
        names.looked_up.append((name, family))
        moved_and_back(watched)
        return [EVIL]

    names.names._lookup = look_up
    assert names("app.example") == (code, int(code == dns.FINE))
    assert names.names.of(EVIL) == ()
    assert len(names.looked_up) == min(times + 1, resolver.TRIES)
