"""Questions and answers of the run's own name server, as bytes; dnspython's words are compared where it is there."""

from __future__ import annotations

import random
import socket
import struct

import pytest

from hermetic.linux import dns


def asked(name: str, kind: int = dns.A, flags: int = 0x0100, count: int = 1, family: int = 1, more: bytes = b"") -> bytes:
    labels = b"".join(bytes([len(label)]) + label for label in name.encode().split(b".") if label)
    return struct.pack(">HHHHHH", 7, flags, count, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, family) + more


def test_a_question() -> None:
    question = dns.read(asked("Api.Example.COM", dns.AAAA, more=b"\0\0\x29\x10\0\0\0\0\0\0\0"))  # EDNS, which is passed over
    assert (question.name, question.kind, question.number) == ("api.example.com", dns.AAAA, b"\0\7")


MALFORMED = {
    "nothing": b"",
    "a header alone": asked("a.example")[:12],
    "cut off": asked("a.example")[:-1],
    "an answer": asked("a.example", flags=0x8180),
    "an update": asked("a.example", flags=0x2800),
    "two questions": asked("a.example", count=2),
    "no question": asked("a.example", count=0),
    "of another class": asked("a.example", family=3),
    "a pointer": asked("")[:12] + b"\xc0\x0c\0\1\0\1",
    "a label that is cut off": asked("")[:12] + b"\x3fabc\0\0\1\0\1",
    "a label that is too long": asked("")[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
    "a name that is too long": asked(".".join(["a" * 60] * 6)),
    "a dot within": asked("")[:12] + b"\3a.b\0\0\1\0\1",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed(what: str) -> None:
    with pytest.raises(dns.Malformed):
        dns.read(MALFORMED[what])


def test_anything_at_all() -> None:
    source = random.Random(1)
    for _ in range(20_000):
        message = bytearray(asked("a.example.com"))
        for _ in range(source.randrange(1, 6)):
            message[source.randrange(len(message))] = source.randrange(256)
        try:
            question = dns.read(bytes(message[: source.randrange(len(message) + 1)]))
        except dns.Malformed:
            continue
        assert question.name.isascii()
        assert len(question.name) < 256


@pytest.mark.parametrize(
    ("kind", "family", "hosts"), [(dns.A, socket.AF_INET, ["192.0.2.1", "192.0.2.2"]), (dns.AAAA, socket.AF_INET6, ["2001:db8::1"])]
)
def test_an_answer(kind: int, family: int, hosts: list[str]) -> None:
    message = dns.answer(dns.read(asked("a.example", kind)), [socket.inet_pton(family, host) for host in hosts])
    number, flags, questions, answers, authorities, additional = struct.unpack_from(">HHHHHH", message)
    assert (number, flags, questions, answers, authorities, additional) == (7, 0x8180, 1, len(hosts), 0, 0)
    records = message[len(asked("a.example", kind)) :]
    size = 12 + (4 if family == socket.AF_INET else 16)
    for index, host in enumerate(hosts):
        record = records[index * size : (index + 1) * size]
        assert struct.unpack_from(">HHHIH", record) == (0xC00C, kind, 1, dns.LIFETIME_S, size - 12)
        assert socket.inet_ntop(family, record[12:]) == host


def test_codes_and_what_was_wanted() -> None:
    question = dns.read(asked("a.example", flags=0))
    assert struct.unpack_from(">H", dns.answer(question, [], dns.NO_SUCH_NAME), 2) == (0x8083,)
    assert struct.unpack_from(">H", dns.answer(question, [], dns.FAILED), 2) == (0x8082,)


def test_what_is_too_long_for_a_datagram_is_asked_for_again() -> None:
    question = dns.read(asked("a.example"))
    short, long = dns.answer(question, [bytes(4)]), dns.answer(question, [bytes([index] * 4) for index in range(40)])
    assert dns.as_datagram(short) == short
    cut = dns.as_datagram(long)
    assert len(cut) <= 512
    assert struct.unpack_from(">HHHHHH", cut) == (7, 0x8380, 1, 0, 0, 0)
    assert cut[12:] == asked("a.example")[12:]
