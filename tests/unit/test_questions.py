"""How often a name is asked for, and what becomes of the outcome."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from hermetic.linux import questions
from hermetic.linux.questions import Questions

V4, V6 = socket.AF_INET, socket.AF_INET6
HOST = socket.inet_aton("192.0.2.1")


class Lookup:
    """What is found, by family, once `go` is set."""

    def __init__(self, **found: list[bytes] | int) -> None:
        self.found = found
        self.asked: list[int] = []
        self.go = threading.Event()

    def __call__(self, name: str, family: int) -> list[bytes]:
        self.asked.append(family)
        self.go.wait(5)
        outcome = self.found["v4" if family == V4 else "v6"]
        if isinstance(outcome, int):
            raise socket.gaierror(outcome, "")
        return outcome


def at_once(lookup: Lookup, *families: int) -> list[list[bytes] | int | None]:
    """What each gets of those who ask at the same time."""
    asked, outcomes = Questions(lookup), {}

    def ask(index: int, family: int) -> None:
        try:
            outcomes[index] = asked.addresses("a.example", family)
        except OSError as error:
            outcomes[index] = error.errno

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(families)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 5
    while len(lookup.asked) < len(set(families)) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)
    lookup.go.set()
    for thread in threads:
        thread.join()
    return [outcomes[index] for index in range(len(families))]


def test_who_asks_the_same_meanwhile_waits() -> None:
    lookup = Lookup(v4=[HOST])
    assert at_once(lookup, V4, V4, V4) == [[HOST]] * 3
    assert lookup.asked == [V4]


@pytest.mark.parametrize(("other", "found"), [([HOST], []), (socket.EAI_NONAME, socket.EAI_NONAME), (socket.EAI_AGAIN, socket.EAI_NONAME)])
def test_a_name_that_one_kind_says_there_is_not(other: list[bytes] | int, found: list[bytes] | int) -> None:
    """There is one if there are addresses of the other kind, which may be found later."""
    assert at_once(Lookup(v4=other, v6=socket.EAI_NONAME), V6, V4)[0] == found


def test_no_address_of_this_kind() -> None:
    assert at_once(Lookup(v6=socket.EAI_NODATA), V6) == [[]]


def test_what_counts_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure; not what was found, nor that there is nothing, which may be otherwise by now."""
    clock = [100.0]
    monkeypatch.setattr(questions, "now", lambda: clock[0])
    for outcome, times in (([HOST], 2), (socket.EAI_NONAME, 2), (socket.EAI_AGAIN, 1)):
        lookup = Lookup(v4=outcome)
        lookup.go.set()
        asked = Questions(lookup)
        for _ in range(2):
            assert error_of(asked) == (outcome if isinstance(outcome, int) else None)
        assert len(lookup.asked) == times, outcome
        clock[0] += questions.RECENT_S + 0.1
        error_of(asked)
        assert len(lookup.asked) == times + 1


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(questions, "now", lambda: clock[0])
    lookup = Lookup(v4=[HOST])
    lookup.go.set()
    asked = Questions(lookup)
    for number in range(1000):
        clock[0] += 0.1
        asked.addresses(f"n{number}.example", V4)
        assert max(len(asked._asked), len(asked._found)) <= questions.MANY + 1


def test_what_was_found_is_not_kept() -> None:
    """Nor is it asked for less often than programs would."""
    lookup = Lookup(v4=[HOST] * 5000, v6=socket.EAI_NONAME)
    lookup.go.set()
    asked = Questions(lookup)
    assert [len(asked.addresses("a.example", V4)) for _ in range(3)] == [5000] * 3
    assert (asked._asked, lookup.asked) == ({}, [V4] * 3)
    assert asked.addresses("a.example", V6) == []


def error_of(asked: Questions) -> int | None:
    try:
        asked.addresses("a.example", V4)
    except OSError as error:
        return error.errno
    return None


def test_a_fault_is_heard_of_by_all() -> None:
    lookup = Lookup()  # KeyError
    assert at_once(lookup, V4, V4) == [0, 0]
    assert lookup.asked == [V4]
