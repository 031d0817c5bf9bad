"""How socket addresses are read: which hosts are numbers, what goes on to the original call, and that it is made of exact types."""

from __future__ import annotations

import socket

import pytest
from hermetic_guard.guards import addresses
from hermetic_guard.guards.addresses import (
    exact_int,
    exact_text,
    exact_tuple,
    foreign_kind,
    is_plain,
    read_address,
    read_host,
    show_address,
)
from hermetic_guard.guards.names import numeric
from hermetic_guard.guards.resolution import loopbacks_of

INET, INET6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX


class Text(str):
    """A str that lies about everything."""

    def __getitem__(self, at):
        return "192.0.2.1"

    __str__ = lower = strip = partition = encode = __iter__ = __getitem__


class Octets(bytes):
    def __getitem__(self, at):
        return b"192.0.2.1"

    decode = __getitem__

    def __buffer__(self, flags):
        return memoryview(b"192.0.2.1")


class Pair(tuple):
    def __getitem__(self, at):
        return "192.0.2.1"

    def __iter__(self):
        return iter(("192.0.2.1", 9))

    def __len__(self):
        return 7


class Number(int):
    def __index__(self):
        return 9

    __add__ = __int__ = __index__


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("::1", "::1"),
        ("0:0:0:0:0:ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("", None),
        ("127.0.0.1 ", None),
        ("127.0.0.1 evil.example", None),
        ("127.0.0.1\n", None),
        ("127.0.0.1\0", None),
        ("127.0.0.1.", None),
        ("256.0.0.1", None),
        ("1.2.3.4.5", None),
        ("08.0.0.1", None),
        ("٢.0.0.1", None),
        ("::1%lo", None),
        ("::1\0", None),
        (":", None),
        ("localhost", None),
        ("face", None),
        ("example.com", None),
    ],
)
def test_host(text, number):
    assert read_host(text) == (None if number is None else socket.inet_pton(INET6 if ":" in number else INET, number))


@pytest.mark.parametrize(
    ("family", "address", "canonical", "shown"),
    [
        (INET, ("127.1", 80), ("127.0.0.1", 80), "127.0.0.1:80"),
        (INET, (b"127.1", 80), ("127.0.0.1", 80), "127.0.0.1:80"),
        (INET, (bytearray(b"127.1"), True), ("127.0.0.1", 1), "127.0.0.1:1"),
        (INET, ("", 80), ("0.0.0.0", 80), "0.0.0.0:80"),
        (INET, ("<broadcast>", 80), ("255.255.255.255", 80), "255.255.255.255:80"),
        (INET, ("localhost", 80), ("127.0.0.1", 80), "127.0.0.1:80"),
        (INET, ("LOCALHOST.", 80), ("127.0.0.1", 80), "127.0.0.1:80"),
        (INET, ("example.com", 80), ("example.com", 80), "example.com:80"),
        (INET, (b"\xff", 80), (b"\xff", 80), "\udcff:80"),
        (INET, ("::1", 80), ("::1", 80), "[::1]:80"),
        (INET6, ("localhost", 80), ("::1", 80), "[::1]:80"),
        (INET6, ("0::1", 80, 0, 2), ("::1", 80, 0, 2), "[::1]:80"),
        (INET6, ("fe80::1%1", 80), ("fe80::1", 80), "[fe80::1]:80"),
        (INET6, ("fe80::1%nowhere", 80), ("fe80::1%nowhere", 80), "[fe80::1%nowhere]:80"),
        (INET6, ("", 80), ("::", 80), "[::]:80"),
        (INET6, ("127.0.0.1", 80), ("127.0.0.1", 80), "127.0.0.1:80"),
        (UNIX, "/run/x", b"/run/x", "unix:/run/x"),
        (UNIX, b"/run/x\0y", b"/run/x", "unix:/run/x"),
        (UNIX, memoryview(b"\0name"), b"\0name", "unix:@name"),
        (UNIX, "", b"", "unix:"),
        (UNIX, "\udcff", b"\xff", "unix:\udcff"),
    ],
)
def test_address(family, address, canonical, shown):
    copy, facts = read_address(family, address)
    assert copy == canonical
    assert show_address(facts) == shown
    assert is_plain(*(copy if type(copy) is tuple else (copy,)))
    assert read_address(family, copy) == (copy, facts)


@pytest.mark.parametrize("family", [INET, INET6])
@pytest.mark.parametrize(
    "address", [(), ("127.0.0.1",), ("a", 1, 2, 3, 4), (None, 80), (5, 80), (("a",), 80), ("127.0.0.1", -1), ("127.1", 65536), ("a\0", 80)]
)
def test_malformed_goes_to_the_original(family, address):
    """Without facts there is nothing to judge: the original refuses it, whatever it was made of, before it resolves anything."""
    copy, facts = read_address(family, address)
    assert facts is None
    with socket.socket(family, socket.SOCK_DGRAM) as sock, pytest.raises((TypeError, OverflowError, ValueError, socket.gaierror)):
        sock.connect(copy)


@pytest.mark.parametrize("address", ["x" * 108, b"\0" + b"x" * 108])
def test_too_long_goes_to_the_original(address):
    copy, facts = read_address(UNIX, address)
    assert facts is None
    with socket.socket(UNIX) as sock, pytest.raises(OSError, match="too long"):
        sock.connect(copy)


@pytest.mark.parametrize(
    ("family", "address"),
    [(UNIX, 5), (UNIX, None), (UNIX, ("a",)), (INET, ("127.0.0.1", "80")), (INET, ("127.0.0.1", 80.0)), (INET6, ("::1", None))],
)
def test_wrong_type(family, address):
    with pytest.raises(TypeError):
        read_address(family, address)


def test_lies_are_not_believed():
    assert read_address(INET, Pair((Text("127.0.0.1"), Number(80)))) == (("127.0.0.1", 80), (None, b"\x7f\0\0\1", 80, None))
    assert read_address(INET, Pair((Octets(b"127.0.0.1"), Number(80))))[0] == ("127.0.0.1", 80)
    assert read_address(UNIX, Text("/run/x"))[0] == b"/run/x"


def test_exact():
    """Not by parametrize: pytest would look at these liars."""
    for copy, lie, truth in ((exact_text, Text("x"), "x"), (exact_text, Octets(b"x"), b"x"), (exact_int, Number(5), 5)):
        made = copy(lie)
        assert type(made) is type(truth)
        assert made == truth


def test_exact_tuple():
    made = exact_tuple(Pair((1, 2, 3)))
    assert type(made) is tuple
    assert made == (1, 2, 3)


def test_is_not_plain():
    for value in (Text(), Octets(), Number(), True, 1.0, (), [], object()):
        assert not is_plain("a", value)


def test_is_a_does_not_ask_the_object():
    class Liar:
        __class__ = property(lambda self: pytest.fail("was asked"))

    assert not addresses.is_a(Liar(), str)
    assert exact_text(Liar()) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ((-1, -1, -1), None),
        ((INET, socket.SOCK_STREAM, 0), None),
        ((INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 6), None),
        ((INET6, socket.SOCK_DGRAM, 17), None),
        ((INET, socket.SOCK_STREAM, 262), None),
        ((UNIX, socket.SOCK_SEQPACKET, 0), None),
        ((INET, socket.SOCK_RAW, 1), "SOCK_RAW"),
        ((INET, socket.SOCK_SEQPACKET, 0), "SOCK_SEQPACKET"),
        ((INET, socket.SOCK_STREAM, 132), "IPPROTO_SCTP"),
        ((UNIX, socket.SOCK_RAW, 0), "SOCK_RAW"),
        ((socket.AF_NETLINK, 2, 0), "AF_NETLINK"),
        ((socket.AF_PACKET, 3, 0), "AF_PACKET"),
        ((0, 1, 0), "AF_UNSPEC"),
        ((4711, 1, 0), "AF_4711"),
    ],
)
def test_kind(kind, name):
    assert foreign_kind(*kind) == name


@pytest.mark.parametrize(
    ("name", "handed_on"),
    [
        ("", b""),
        ("127.1", b"127.0.0.1"),
        ("0::1", b"::1"),
        ("fe80::1%1", b"fe80::1%1"),
        ("127.0.0.1%1", None),
        ("fe80::1%nowhere", None),
        ("localhost", None),
    ],
)
def test_number_for_getaddrinfo(name, handed_on):
    assert numeric(name) == handed_on


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (b"", ["127.0.0.1"]),
        (b"127.0.0.1 localhost\n", ["127.0.0.1"]),
        (b"127.0.0.1\tlocalhost\n::1\tip6-localhost localhost # both\n", ["::1", "127.0.0.1"]),
        (b"#::1 localhost\n::1 other\n192.0.2.1 localhost\n", ["127.0.0.1"]),
    ],
)
def test_loopbacks(hosts, expected):
    assert [addresses.show_host(packed) for packed in loopbacks_of(hosts)] == expected
