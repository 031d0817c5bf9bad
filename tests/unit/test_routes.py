"""Whether an address is this machine's own: by its routes, and where nobody may ask for those by what a socket would do."""

from __future__ import annotations

import _socket
import socket

import pytest
from hermetic_guard.decide import Request
from hermetic_guard.guards.nearness import make_is_here, near

from hermetic.linux import routes

HERE = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"]
ELSEWHERE = ["203.0.113.1", "2001:db8:5::1", "::ffff:203.0.113.1", "64:ff9b::cb00:7101"]


def packed(host: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


@pytest.mark.parametrize("host", [*HERE, *ELSEWHERE])
def test_both_ways(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    asked = routes.Routes()
    assert [asked.is_here(packed(host)) for _ in range(2)] == [host in HERE] * 2
    assert routes.probe()(packed(host)) is (host in HERE)

    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(routes, "made", refuse)
    assert routes.Routes().is_here(packed(host)) is (host in HERE)


def test_an_answer_to_another_question_is_passed_over() -> None:
    asked = routes.Routes()
    assert not asked.is_here(packed(ELSEWHERE[0]))
    assert asked._asked is not None
    asked._asked.send(routes.question(packed(ELSEWHERE[0]), bytes([9, 9, 9, 9])))
    assert asked.is_here(packed(HERE[0]))


def test_what_the_kernel_says() -> None:
    def answer(kind: int, what: bytes) -> bytes:
        return bytes(4) + kind.to_bytes(2, "little") + bytes(10) + what

    assert routes.kind_of(answer(24, bytes(7) + b"\2" + bytes(4))) == routes.LOCAL
    assert routes.kind_of(answer(2, (-101).to_bytes(4, "little", signed=True))) == 0
    with pytest.raises(OSError, match="not supported"):
        routes.kind_of(answer(2, (-95).to_bytes(4, "little", signed=True)))


def test_where_all_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(routes, "made", fail)
    with pytest.raises(OSError, match="Too many"):
        routes.Routes().is_here(packed("203.0.113.1"))


def test_where_nobody_can_say() -> None:
    def fail(*_: int) -> None:
        raise OSError(24, "Too many open files")

    with pytest.raises(OSError, match="Too many"):
        make_is_here(fail, vars(_socket.socket).get)(packed("203.0.113.1"))


class Odd(_socket.socket):
    """Sends from another address than its own, by the loopback interface, as for an address that an interface has besides another."""

    def getsockname(self) -> tuple[str, int]:
        return "203.0.113.9", 1


def test_by_the_length_of_packets_alone() -> None:
    is_here = make_is_here(Odd, lambda name: getattr(Odd, name))
    assert [is_here(packed(host)) for host in ("127.0.0.1", "::1")] == [True, True]


class Silent(Odd):
    """Whose system does not say how long packets may be. number: its errno"""

    number = 92

    def getsockopt(self, *_: int) -> int:  # type: ignore[override]
        raise OSError(self.number, "?")


class Failing(Silent):
    number = 105


def test_where_the_length_is_not_known() -> None:
    """Of a system that has no such option there is nothing more to be had; any other failure says nothing, and allows nothing."""
    assert not make_is_here(Silent, lambda name: getattr(Silent, name))(packed("127.0.0.1"))
    with pytest.raises(OSError, match="105"):
        make_is_here(Failing, lambda name: getattr(Failing, name))(packed("127.0.0.1"))


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        ({"names": ("a.example",), "address": packed("203.0.113.1")}, True),
        ({"names": ("a.example",), "address": packed("10.0.0.1")}, False),
        ({"names": (), "address": packed("203.0.113.1")}, False),
        ({"names": ("a.example",), "address": packed("203.0.113.1"), "datagrams": 1}, False),
    ],
)
def test_when_it_counts(facts: dict[str, object], counts: bool) -> None:
    assert near(Request("network", "connect", "", **facts)) is counts
