"""The language of --allow-domain."""

from __future__ import annotations

import pytest
from hermetic_guard.policy import Network, Policy

from hermetic import options
from hermetic.errors import UsageError
from hermetic.policy import combine, domains

WEB = ((80, 80), (443, 443))

GOOD = [
    ("example.com", ("example.com", WEB)),
    ("Example.COM.", ("example.com", WEB)),
    ("*.example.com", ("*.example.com", WEB)),
    ("example.com:8443", ("example.com", ((8443, 8443),))),
    ("example.com:80,8000-8010", ("example.com", ((80, 80), (8000, 8010)))),
    ("my_host", ("my_host", WEB)),
    ("0xhost", ("0xhost", WEB)),
    ("1.2.3.4.de", ("1.2.3.4.de", WEB)),
    ("xn--bcher-kva.example", ("xn--bcher-kva.example", WEB)),
    ("bücher.example", ("xn--bcher-kva.example", WEB)),
    ("*", ("*", WEB)),
    ("*:8000-8010", ("*", ((8000, 8010),))),
    ("*.Bücher.Example.:22", ("*.xn--bcher-kva.example", ((22, 22),))),
    ("例え.テスト", ("xn--r8jz45g.xn--zckzah", WEB)),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_reads(text: str, expected: object) -> None:
    assert domains.read(text) == expected


BAD = {
    "": "a host name",
    "*.*.a": "a host name",
    "a.*.b": "a host name",
    "*a.b": "a host name",
    "a..b": "a host name",
    "-" * 64: "a host name",
    "a b": "a host name",
    "https://example.com": "not a URL \\(at character 6",
    "example.com/x": "not a URL \\(at character 12",
    "straße.example": "xn--… \\(at character 5",
    "*.straße.example": "xn--… \\(at character 7",
    "bücher .example": "at character 7",
    "*.bü cher.example": "at character 5",
    "bücher..example": "at character 8",
    "a\u2028b.example": "at character 2",
    "https://user:secret@example.com": "not a URL",
    "0x7f.1": "not an address",
    "0xcb00710a": "not an address",
    "3405803786": "not an address",
    "*.0X7f": "not an address",
    "a.1": "not an address",
    "a b.example": "at character 2",
    "a..example": "at character 3",
    "*.a.*.b": "at character 5",
    "user@example.com:80": "at character 5",
    "localhost:80": "--allow-localhost",
    "192.0.2.1": "not an address",
    "example.com:": "character 13",
    "*:0": "character 3",
    "**": "a host name",
    "example.com:0": "character 13",
    "example.com:80-": "character 16",
    "[::1]": "a host name",
    "user@example.com": "a host name",
}


@pytest.mark.parametrize(("text", "why"), BAD.items())
def test_refuses(text: str, why: str) -> None:
    with pytest.raises(domains.DomainError, match=why.replace("*", "[*]")):
        domains.read(text)


def resolve(line: str) -> Policy:
    invocation = options.parse([*line.split(), "--", "x"], {})
    assert invocation is not None
    return combine.resolve(invocation, "/work").policy


def test_flags_add_up() -> None:
    flags = "--no-network --allow-domain b.test --allow-domain a.test:8080 --allow-domain=b.test:22 --allow-localhost"
    assert resolve(flags).network == Network(
        localhost="*", domains=(("a.test", ((8080, 8080),)), ("b.test", ((22, 22), (80, 80), (443, 443))))
    )


@pytest.mark.parametrize("line", ["--no-network --allow-domain 1.2.3.4", "--no-subprocess --allow-domain a.test"])
def test_what_makes_no_sense_names_the_flag(line: str) -> None:
    with pytest.raises(UsageError, match="--allow-domain"):
        resolve(line)
