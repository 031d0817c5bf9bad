"""The language of --allow-address and --deny-address, and of --allow-listen."""

from __future__ import annotations

import re
import socket

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Network, Policy
from hermetic_guard.serialized import dumps, loads

from hermetic import options
from hermetic.errors import UsageError
from hermetic.policy import addresses, combine, described


def v4(text: str) -> bytes:
    return socket.inet_aton(text)


def v6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


GOOD = [
    ("192.0.2.1", (v4("192.0.2.1"), 32, ANY)),
    ("192.0.2.0/24", (v4("192.0.2.0"), 24, ANY)),
    ("192.0.2.1:80", (v4("192.0.2.1"), 32, ((80, 80),))),
    ("10.0.0.0/8:80,8000-8010", (v4("10.0.0.0"), 8, ((80, 80), (8000, 8010)))),
    ("0.0.0.0/0:443", (bytes(4), 0, ((443, 443),))),
    ("2001:db8::1", (v6("2001:db8::1"), 128, ANY)),
    ("2001:DB8::/32", (v6("2001:db8::"), 32, ANY)),
    ("[2001:db8::1]", (v6("2001:db8::1"), 128, ANY)),
    ("[2001:db8::1]:443", (v6("2001:db8::1"), 128, ((443, 443),))),
    ("[2001:db8::/32]:443", (v6("2001:db8::"), 32, ((443, 443),))),
    ("::1", (v6("::1"), 128, ANY)),
    ("::/0", (bytes(16), 0, ANY)),
    ("::ffff:192.0.2.1", (v4("192.0.2.1"), 32, ANY)),
    ("::ffff:192.0.2.0/120", (v4("192.0.2.0"), 24, ANY)),
    ("::/90", (bytes(16), 90, ANY)),
    ("[::1:80]", (v6("::1:80"), 128, ANY)),
    ("1:2:3:4:5:6:7:80", (v6("1:2:3:4:5:6:7:80"), 128, ANY)),
]


@pytest.mark.parametrize(("text", "block"), GOOD)
def test_reads(text: str, block: addresses.Block) -> None:
    assert addresses.read(text) == block
    policy = Policy(network=Network(addresses=(block,), denied=(block,)))
    assert loads(dumps(policy)) == policy


BAD = {
    "": "an IPv4 or IPv6 address, or a block of them, was expected; for a name there is --allow-domain (at character 1)",
    "example.com": "for a name there is --allow-domain (at character 2)",
    "192.0.2": "four numbers from 0 to 255, without leading zeros, and a prefix at most 32 bits (at character 8)",
    "192.0.2.256": "at character 9",
    "192.0.2.01": "at character 9",
    "192..2.1": "at character 5",
    "192.0.2.1.5": "at character 11",
    "192.0.2.1/33": "at most 32 bits (at character 11)",
    "192.0.2.1/": "at character 11",
    "192.0.2.1/x": "at character 11",
    "3221225985": "at character 1)",
    "0xc0000201": "at character 2)",
    "192.0.2.1/24": "the block is 192.0.2.0/24 (at character 11)",
    "2001:db8::1/32": "the block is 2001:db8::/32 (at character 13)",
    "[2001:db8::1/32]": "the block is 2001:db8::/32 (at character 14)",
    "2001:db8::1/129": "at character 13",
    "2001:db8::g": "at character 11",
    "2001:db80f::1": "at character 6",
    "1::2::3": "at character 5",
    "1:2:3:4:5:6:7": "at character 14",
    "1:2:3:4:5:6:7:8:9:10": "at character 19",
    "::1.2.3": "at character 8",
    "192.0.2.1:": "a port number was expected (at character 11)",
    "192.0.2.1:0": "at character 11",
    "192.0.2.1:80-": "at character 14",
    "[192.0.2.1]": "brackets are for IPv6 (at character 1)",
    "[2001:db8::1": "the bracket is not closed (at character 1)",
    "[2001:db8::1]443": "a colon or the end was expected (at character 14",
    "[2001:db8::1]:x": "at character 15",
    "[2001:db8::g]:80": "at character 12",
    "fe80::1%eth0/64": "no zone here (at character 8)",
    "1.2.3.4:80:90": "at character 14",
    " 192.0.2.1": "at character 1)",
    "https://192.0.2.1": "at character 1)",
    "user@192.0.2.1": "at character 1)",
    "\u0661.2.3.4": "at character 1)",
    "2001:db8::/32:80": "brackets say where an address of IPv6 ends: [2001:db8::/32]:80 (at character 14)",
    "::1:80": "brackets say where an address of IPv6 ends: [::1]:80 or [::1:80] (at character 4)",
    "1.2.3.0/0.0.0.255": "a prefix is a number of bits (at character 9)",
    "1.2.3.0/255.255.255.0": "a prefix is a number of bits (at character 9)",
    "192.0.2.1:*": "all ports are written 1-65535 (at character 11)",
}


@pytest.mark.parametrize(("text", "why"), BAD.items())
def test_refuses(text: str, why: str) -> None:
    with pytest.raises(addresses.AddressError, match=re.escape(why)):
        addresses.read(text)


def resolve(line: str) -> Network:
    invocation = options.parse([*line.split(), "--", "x"], {})
    assert invocation is not None
    network = combine.resolve(invocation, "/work").policy.network
    assert network is not None
    return network


def test_options() -> None:
    found = resolve(
        "--no-network --allow-address=10.0.0.0/8:80 --allow-address 10.0.0.0/8:443 --deny-address=10.0.0.1 --allow-listen=80,81 --allow-listen 82"
    )
    assert found.addresses == ((v4("10.0.0.0"), 8, ((80, 80), (443, 443))),)
    assert found.denied == ((v4("10.0.0.1"), 32, ANY),)
    assert found.listen == ((80, 82),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--no-network --allow-address=x", "--allow-address x: an IPv4"),
        ("--no-network --deny-address=1.2.3.4/8", "--deny-address 1.2.3.4/8: bits are set"),
        ("--no-network --allow-listen=x", "--allow-listen x: a port number was expected (at character 1)"),
        (
            "--no-network --deny-address=example.com",
            "--deny-address example.com: an IPv4 or IPv6 address, or a block of them, was expected; what names",
        ),
        ("--no-network --allow-unix=unix:/run/x", "--allow-unix unix:/run/x: a path alone was expected"),
        ("--no-network --allow-localhost=0", "--allow-localhost=0: a port is a number from 1 to 65535 (at character 1)"),
        ("--fs-readonly --allow-address=1.2.3.4", "--allow-address has nothing to adjust"),
    ],
)
def test_mistakes(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(line)
    assert str(caught.value).startswith(said)


def test_shown() -> None:
    shown = described.describe(
        Policy(network=resolve("--no-network --allow-address=10.0.0.0/8:80 --deny-address=10.0.0.1 --allow-listen=80"))
    )
    assert shown == "no network but 10.0.0.0/8 port 80, never 10.0.0.1 and listening at port 80"
