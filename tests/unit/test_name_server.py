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

from hermetic.linux import crew, dns, loopback_server, name_server, name_streams
from hermetic.linux.loopback_server import LoopbackServer
from hermetic.linux.name_streams import Server


def connection(server: Server, thread: int = 43) -> socket.socket:
    """As the supervisor makes one, for a process 42, and attends to it in a thread of its own."""
    meeting, made = server.meeting(), socket.socket()
    made.settimeout(5)
    made.connect(("127.0.0.1", int.from_bytes(meeting.address(socket.AF_INET)[2:4], "big")))
    peer = meeting.other_end(made, socket.AF_INET)
    meeting.close()
    threading.Thread(target=server.attend, args=(peer, 42, thread), daemon=True).start()
    return made


def framed(*questions: bytes) -> bytes:
    return b"".join(len(question).to_bytes(2, "big") + question for question in questions)


def received(made: socket.socket) -> bytes:
    """The next message."""
    size = int.from_bytes(made.recv(2, socket.MSG_WAITALL), "big")
    answer = made.recv(size, socket.MSG_WAITALL)
    assert len(answer) == size
    return answer


def test_serving() -> None:
    """Question after question by one connection, in whatever pieces they come."""
    names = Asked()
    with connection(Server(names.names)) as made:
        for name in ("app.example", "strange.example"):
            question = asked(name)
            made.sendall(framed(question))
            assert received(made)[:2] == question[:2]
        assert names.told == [("strange.example", 42)]
        for byte in framed(question):
            made.sendall(bytes([byte]))
        assert received(made)[:2] == question[:2]
        made.sendall(b"\0\3abc")
        assert made.recv(1) == b""


def test_many_questions_at_once() -> None:
    """Each is answered, what is asked of one name at once is looked up once."""
    names = Asked()
    questions = [asked(f"{name}.wild.example", kind) for name in "abcd" for kind in (dns.A, dns.AAAA)]
    with connection(Server(names.names)) as made:
        made.sendall(framed(*questions))
        answers = [received(made) for _ in questions]
    assert sorted(answer[12:] for answer in answers if answer[7] == 0) == sorted(question[12:] for question in questions[1::2])
    assert sorted(names.looked_up) == [(f"{name}.wild.example", socket.AF_UNSPEC) for name in "abcd"]


def test_a_failure_of_one_question_is_told_by_the_connection() -> None:
    """And by the next one, once; one of two is answered."""
    server = Server(Asked(socket.gaierror(socket.EAI_AGAIN, "")).names)
    with connection(server) as made:
        made.sendall(framed(asked("app.example")))
        with pytest.raises(ConnectionResetError):
            made.recv(2)
    assert [server.refuses(thread) for thread in (42, 43, 43)] == [False, True, False]
    with connection(server) as made:
        made.sendall(framed(asked("app.example"), asked("app.example", dns.AAAA)))
        assert [received(made)[3] & 15 for _ in range(2)] == [dns.FAILED, dns.FAILED]
    assert not server.refuses(43)


def test_nothing_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked at once of several names is looked up at once, where somebody is free."""
    names, slow = Asked(), threading.Event()

    def look_up(name: str, family: int) -> list[bytes]:
        if name == "app.example":
            slow.wait(5)
        return [HOST]

    monkeypatch.setattr(names.names, "_lookup", look_up)
    server = Server(names.names)
    with connection(server) as made:
        made.sendall(framed(asked("app.example"), asked("a.wild.example")))
        assert b"wild" in received(made)
        slow.set()
        assert b"wild" not in received(made)
        monkeypatch.setattr(server._crew, "could_do", lambda *_: False)  # nobody is free: one after the other
        made.sendall(framed(asked("app.example"), asked("a.wild.example")))
        assert [b"wild" in received(made) for _ in range(2)] == [False, True]


def test_more_than_there_are_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for each other; none is told that there is no such name, and the supervisor does not wait for them."""
    monkeypatch.setattr(crew, "WORKERS", 2)
    monkeypatch.setattr(name_streams, "HERE", 1)
    names, go = Asked(), threading.Event()
    monkeypatch.setattr(names.names, "_lookup", lambda name, family: [HOST] if go.wait(5) else [])
    server = Server(names.names)
    made = [connection(server) for _ in range(8)]
    for one in made:
        one.sendall(framed(asked("app.example")))
    until = time.monotonic() + 5
    while len(server._crew._kept) < 5 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(server._crew._kept) == 5
    go.set()
    for one in made:
        with one:
            assert received(one)[7] == 1


def test_nobody_else_is_served() -> None:
    """Others that come to where a connection is made are sent away."""
    meeting = Server(Asked().names).meeting()
    place = ("127.0.0.1", int.from_bytes(meeting.address(socket.AF_INET)[2:4], "big"))
    with socket.create_connection(place, 5) as stranger, socket.create_connection(place, 5) as made:
        assert meeting.other_end(made, socket.AF_INET).getpeername() == made.getsockname()
        assert stranger.recv(1) == b""
    meeting.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, 5)


def test_who_says_nothing_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_streams, "IDLE_S", 1)
    with connection(Server(Asked().names)) as made:
        assert made.recv(1) == b""


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
