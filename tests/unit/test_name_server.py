"""The run's own name server: whom it serves, by TCP and by UDP."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from hermetic_guard.hosts import NAME_SERVER
from unit.test_dns import asked
from unit.test_resolver import HOST, Asked

from hermetic.linux import dns, loopback_server, name_server
from hermetic.linux.loopback_server import LoopbackServer


def connection(server: name_server.Server) -> socket.socket:
    made = socket.socket()
    made.connect(("127.0.0.1", server.port))
    made.settimeout(5)
    return made


def test_serving() -> None:
    """Question after question by one connection, to those who were led here."""
    names = Asked()
    server = name_server.Server(names.names)
    with connection(server) as made:
        server.expect(made.getsockname()[1], 42, 43)
        for name in ("app.example", "strange.example"):
            question = asked(name)
            made.sendall(len(question).to_bytes(2, "big") + question)
            size = int.from_bytes(made.recv(2), "big")
            answer = made.recv(size)
            assert (len(answer), answer[:2]) == (size, question[:2])
        assert names.told == [("strange.example", 42)]
        made.sendall(b"\0\3abc")
        assert made.recv(1) == b""


def test_a_failure_of_one_question_is_told_by_the_connection() -> None:
    """And by the next one, once; one of two is answered."""
    server = name_server.Server(Asked(socket.gaierror(socket.EAI_AGAIN, "")).names)
    question = asked("app.example")
    with connection(server) as made:
        server.expect(made.getsockname()[1], 42, 43)
        made.sendall(len(question).to_bytes(2, "big") + question)
        with pytest.raises(ConnectionResetError):
            made.recv(2)
    assert [server.refuses(thread) for thread in (42, 43, 43)] == [False, True, False]
    both_kinds(server)
    assert not server.refuses(43)


def both_kinds(server: name_server.Server) -> float:
    """How long it takes until what is asked at once, as C libraries do, is answered."""
    questions = [asked("app.example"), asked("app.example", dns.AAAA)]
    begun = time.monotonic()
    with connection(server) as made:
        server.expect(made.getsockname()[1], 42, 43)
        made.sendall(b"".join(len(question).to_bytes(2, "big") + question for question in questions))
        for _ in questions:
            size = int.from_bytes(made.recv(2, socket.MSG_WAITALL), "big")
            assert len(made.recv(size, socket.MSG_WAITALL)) == size
    return time.monotonic() - begun


def test_both_kinds_of_address_are_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Asked()
    monkeypatch.setattr(names.names, "_lookup", lambda name, family: time.sleep(0.6) or [HOST if family == socket.AF_INET else bytes(16)])
    server = name_server.Server(names.names)
    assert 0.6 <= both_kinds(server) < 1.1
    monkeypatch.setattr(server._crew, "could_do", lambda *_: False)  # nobody is free: one after the other
    assert both_kinds(server) >= 1.2


def test_more_than_there_are_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for each other; none is told that there is no such name."""
    monkeypatch.setattr(name_server, "WORKERS", 2)
    names = Asked()
    server = name_server.Server(names.names)
    monkeypatch.setattr(names.names, "_lookup", lambda name, family: time.sleep(0.05) or [HOST])
    made = [connection(server) for _ in range(8)]
    for one in made:
        server.expect(one.getsockname()[1], 42, 43)
        question = asked("app.example")
        one.sendall(len(question).to_bytes(2, "big") + question)
    for one in made:
        with one:
            assert one.recv(2) != b""


def test_nobody_else_is_served() -> None:
    names = Asked()
    with connection(name_server.Server(names.names)) as made:
        question = asked("app.example")
        made.sendall(len(question).to_bytes(2, "big") + question)
        assert received(made) == b""
    assert names.looked_up == []


def received(made: socket.socket) -> bytes:
    """What comes before it is closed, politely or not."""
    try:
        return made.recv(1)
    except ConnectionError:
        return b""


# By UDP.


def question_to(server: LoopbackServer, name: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0.5)
    made.sendto(asked(name), (server.host, server.port))
    return made


def serving(members: list[int]) -> tuple[LoopbackServer, Asked]:
    """As name_server.Resolution does."""
    server, names = LoopbackServer(), Asked()

    def answer(message: bytes, address: tuple[str, int]) -> bytes | None:
        asker = server.asker(address[1], members)
        return None if asker is None else names.names.answer(message, asker)

    threading.Thread(target=name_server.answer_datagrams, args=(server.socket, answer), daemon=True).start()
    return server, names


def test_datagrams() -> None:
    """It is known who asks; the answer comes from where the question went."""
    server, names = serving([os.getpid()])
    for name, code in (("app.example", 0), ("strange.example", 3)):
        with question_to(server, name) as made:
            answer, address = made.recvfrom(512)
            assert (answer[3] & 15, address) == (code, (server.host, server.port))
    assert names.told == [("strange.example", os.getpid())]


def test_nobody_outside_is_answered() -> None:
    """Other users of this machine can send there as well."""
    server, names = serving([os.getppid()])
    with question_to(server, "strange.example") as made, pytest.raises(TimeoutError):
        made.recv(512)
    assert (names.told, names.looked_up) == ([], [])


def test_each_run_has_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the one that comes to mind is taken."""
    drawn = iter(["127.83.9.9", "127.83.9.9", "127.83.9.10"])
    monkeypatch.setattr(loopback_server, "address_of_its_own", lambda: next(drawn))
    one, other = LoopbackServer(), LoopbackServer()
    assert (one.host, one.port) != (other.host, other.port)


def test_without_the_privilege(monkeypatch: pytest.MonkeyPatch) -> None:
    """At any port; the supervisor leads there whoever connects."""
    monkeypatch.setattr(loopback_server, "PORT", 1)
    before = os.geteuid()
    os.seteuid(before or 65534)
    try:
        server = LoopbackServer()
    finally:
        os.seteuid(before)
    assert server.port > 1
    assert server.address(socket.AF_INET) == b"\2\0" + server.port.to_bytes(2, "big") + server.packed + bytes(8)
    assert len(server.address(socket.AF_INET6)) == 28


def test_the_usual_address() -> None:
    assert socket.inet_aton(name_server.HOST) == NAME_SERVER


def test_whose_a_question_is_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table in /proc is read piece by piece, and a line of it is missed while others go."""
    server = LoopbackServer()
    server.socket.close()
    resolution = name_server.Resolution.__new__(name_server.Resolution)
    resolution.loopback, resolution._members, resolution.names = server, lambda: [os.getpid()], Asked().names
    found: list[int] = []

    def missing(port: int, whole: int) -> list[int]:
        found.append(port)
        return sockets_at(port) if len(found) >= whole else []

    sockets_at = loopback_server.sockets_at
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        for whole, answered in ((1, True), (3, True), (9, False)):
            found.clear()
            monkeypatch.setattr(loopback_server, "sockets_at", lambda port, network, whole=whole: missing(port, whole))
            assert (resolution._answer_datagram(asked("app.example"), made.getsockname()) is not None) == answered
