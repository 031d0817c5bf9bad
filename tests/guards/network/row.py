"""A row of the network guard's table: policy, snippet, what is expected, and how its control shows that the attempt works."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

CLOSED = ("none", "localhost")
"""Policies that differ only in what they say of loopback."""
OPEN = ("localhost",)
"""Those under which there are sockets of UDP."""


@dataclass(frozen=True)
class Row:
    """One snippet, under each of some policies.

    refused: what the guard must tell first, as "connect(192.0.2.1:80)", or how that begins: "listen("; None if it need not tell anything
    reaches: what the snippet reaches without the guard and must not reach with it: tcp, udp, dns, packet, igmp, unix, loopback. Or what its
             control shows instead: "nothing" that it ends without an error, "error" that it does not, "maybe" has none
    works:   the snippet must behave as it does without the guard
    alone:   in an interpreter of its own, because it changes that, or because it acts when that ends
    events:  only where the interpreter has audit events
    cpython: its control, or what must stay the same, is CPython's way
    safer:   the guard in place does better even under a policy that does not ask for it
    """

    name: str
    code: str
    under: tuple[str, ...]
    refused: str | None = None
    reaches: str = "nothing"
    works: bool = False
    alone: bool = False
    events: bool = False
    cpython: bool = False
    safer: bool = False


def refused(name: str, code: str, what: str | None, reaches: str = "nothing", under: tuple[str, ...] = CLOSED, **more: bool) -> Row:
    return Row(name, dedent(code), under, refused=what, reaches=reaches, **more)


def works(name: str, code: str, under: tuple[str, ...] = ("localhost",), **more: bool) -> Row:
    return Row(name, dedent(code), under, works=True, **more)


TCP = "connect(192.0.2.1:80)"
UDP = "send(192.0.2.1:9)"
