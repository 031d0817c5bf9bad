"""The launcher's threads: nobody waits for an answer that will not come."""

from __future__ import annotations

import os
import select
import time
from typing import Any

import pytest

from hermetic.linux.supervisor import Supervisor


def test_where_nobody_can_answer_calls_fail() -> None:
    """A listener that is closed has them fail (ENOSYS)."""

    def make() -> Any:
        raise MemoryError

    listener, other = os.pipe()
    os.write(other, b"a call")
    supervisor = Supervisor(listener, make)
    supervisor._begun.acquire()
    supervisor.begin()
    with pytest.raises(MemoryError):
        supervisor._first()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(listener)
    os.close(other)


class Made:
    """A supervisor at a pipe, which can be read where a listener has a call. What happens is written into another."""

    def __init__(self) -> None:
        self.listener, self.calls = os.pipe()
        told, self.tell = os.pipe()
        self.told = os.fdopen(told, "rb")
        self.supervisor = Supervisor(self.listener, lambda: os.write(self.tell, b"made\n"))  # type: ignore[arg-type, return-value]
        self.supervisor._answer_all = self.answer  # type: ignore[method-assign]
        self.supervisor.start()

    def answer(self) -> None:
        os.write(self.tell, b"answering\n")

    def ended(self) -> bool:
        """Whether its thread does, before long."""
        return any(not self.supervisor._threads or time.sleep(0.01) for _ in range(1000))


def test_answers_are_made_once_somebody_asks() -> None:
    made = Made()
    os.write(made.calls, b"a call")
    assert select.select([made.told], [], [], 0.05)[0] == []
    made.supervisor.begin()
    assert [made.told.readline(), made.told.readline()] == [b"made\n", b"answering\n"]
    assert made.ended()


def test_where_nobody_asks_nothing_is_made() -> None:
    """A pipe that nobody can write to any more is as a listener whose processes have ended. Until then nobody needs to be waited for."""
    made = Made()
    made.supervisor.begin()
    assert any(not made.supervisor.is_busy() or time.sleep(0.01) for _ in range(1000))
    os.close(made.calls)
    assert made.ended()
    os.close(made.tell)
    assert made.told.read() == b""
