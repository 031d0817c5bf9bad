"""The proxies of an environment: which variables name them, what of a URL is read, and what a refusal says of one."""

from __future__ import annotations

import socket

import pytest
from hermetic_guard.decide import Request, decide
from hermetic_guard.guards.proxies import authority, proxy_of, read_proxies
from hermetic_guard.policy import Network, Policy

URLS = {
    "http://proxy.test:3128": ("proxy.test", 3128),
    "http://proxy.test:3128/": ("proxy.test", 3128),
    "proxy.test:3128": ("proxy.test", 3128),
    "proxy.test": ("proxy.test", None),
    "https://proxy.test": ("proxy.test", None),
    "socks5h://10.0.0.1:1080": ("10.0.0.1", 1080),
    "http://user:p%40ss@proxy.test:3128": ("proxy.test", 3128),
    "http://user@other:secret@proxy.test:3128": ("proxy.test", 3128),
    "http://[::1]:3128/": ("::1", 3128),
    "[2001:db8::1]": ("2001:db8::1", None),
    "http://proxy.test:3128?x#y": ("proxy.test", 3128),
    "http://proxy.test:": ("proxy.test", None),
    "http://proxy.test:port": ("proxy.test", None),
    "http://proxy.test:123456": ("proxy.test", None),
    "http://proxy.test:\u0663": ("proxy.test", None),
    "": ("", None),
}


@pytest.mark.parametrize("url", URLS)
def test_authority(url: str) -> None:
    assert authority(url) == URLS[url]


def test_variables() -> None:
    environ = {"HTTP_PROXY": "a:1", "https_proxy": "b:2", "All_Proxy": "c:3", "NO_PROXY": "d:4", "ftp_proxy": "e:5", "X_HTTP_PROXY": "f:6"}
    found = read_proxies({**environ, "http_proxy": ""})
    assert [(one.variable, one.name, one.port) for one in found] == [("All_Proxy", "c", 3), ("HTTP_PROXY", "a", 1), ("https_proxy", "b", 2)]


def v4(text: str) -> bytes:
    return socket.inet_aton(text)


LOOPBACK6 = bytes(15) + b"\1"
FOUND = [
    # the proxy; host, address, port, names of a request; whether it is about the proxy
    ("proxy.test:3128", "Proxy.Test.", None, None, (), True),
    ("proxy.test:3128", "xproxy.test", None, None, (), False),
    ("proxy.test:3128", None, None, None, (), False),
    ("proxy.test:3128", None, v4("8.8.4.4"), 3128, ("other.test", "proxy.test"), True),
    ("proxy.test:3128", None, v4("8.8.4.4"), 443, ("proxy.test",), False),
    ("proxy.test", None, v4("8.8.4.4"), 1080, ("proxy.test",), True),
    ("proxy.test:3128", None, v4("10.0.0.9"), 3128, (), True),
    ("10.0.0.1:3128", None, v4("10.0.0.1"), 3128, (), True),
    ("10.0.0.1:3128", None, bytes(10) + b"\xff\xff" + v4("10.0.0.1"), 3128, (), True),
    ("[::ffff:10.0.0.1]:3128", None, v4("10.0.0.1"), 3128, (), True),
    ("10.0.0.1:3128", None, v4("10.0.0.2"), 3128, (), False),
    ("10.0.0.1:3128", None, v4("10.0.0.1"), 3129, (), False),
    ("167772161:3128", None, v4("10.0.0.1"), 3128, (), True),
    ("localhost:3128", "localhost", None, None, (), True),
    ("localhost:3128", None, LOOPBACK6, 3128, (), True),
    ("localhost:3128", None, v4("127.0.0.1"), 3128, (), True),
    ("localhost:3128", None, v4("127.0.0.1"), 80, (), False),
    ("", "", None, None, (), False),
]


@pytest.mark.parametrize(("url", "host", "address", "port", "names", "expected"), FOUND)
def test_proxy_of(url: str, host: str | None, address: bytes | None, port: int | None, names: tuple[str, ...], expected: bool) -> None:
    """The hosts file says of one name where it is."""
    known = read_proxies({"HTTPS_PROXY": url}, lambda name: [v4("10.0.0.9")] if name == "proxy.test" else [])
    assert (proxy_of(known, host, address, port, names) is not None) is expected


def test_all_variables_are_told() -> None:
    known = read_proxies({"HTTPS_PROXY": "proxy.test:1", "HTTP_PROXY": "http://proxy.test:1", "ALL_PROXY": "other.test:1"})
    assert proxy_of(known, "proxy.test", None, None, ()) == ("HTTPS_PROXY, HTTP_PROXY", 1)


WORDS = [
    # policy, request without its proxy, hint
    (Network(), {"action": "DNS", "host": "proxy.test"}, "--allow-domain proxy.test:3128"),
    (Network(), {"action": "DNS", "host": "localhost"}, "--allow-localhost=3128"),
    (Network(), {"action": "connect", "address": v4("127.0.0.1"), "port": 3128}, "--allow-localhost=3128"),
    (Network(localhost=((80, 80),)), {"action": "connect", "address": v4("127.0.0.1"), "port": 3128}, "--allow-localhost=3128"),
    (Network(), {"action": "connect", "address": v4("10.0.0.1"), "port": 3128}, "--allow-address shown"),
    (Network(denied=((v4("10.0.0.1"), 32, "*"),)), {"action": "connect", "address": v4("10.0.0.1"), "port": 3128}, ""),
]


@pytest.mark.parametrize(("rules", "facts", "hint"), WORDS)
def test_what_is_told(rules: Network, facts: dict, hint: str) -> None:
    """What is allowed of a proxy is what is allowed of anybody."""
    action = facts["action"]
    asked = {name: value for name, value in facts.items() if name != "action"}
    plain = decide(Policy(network=rules), Request("network", action, "shown", **asked))
    told = decide(Policy(network=rules), Request("network", action, "shown", **asked, proxy=("HTTPS_PROXY", 3128)))
    assert (plain.allowed, told.allowed) == (False, False)
    assert (told.rule, told.hint) == (f"{plain.rule} (proxy of the environment: HTTPS_PROXY)", hint)
    open_to_all = Policy(network=Network(localhost="*", domains=(("proxy.test", ((1, 65535),)),), addresses=((v4("10.0.0.1"), 32, "*"),)))
    assert decide(open_to_all, Request("network", action, "shown", **asked, proxy=("HTTPS_PROXY", 3128))).allowed
