"""The launcher's threads: nobody waits for an answer that will not come."""

from __future__ import annotations

import os
from typing import Any

import pytest

from hermetic.linux.supervisor import Supervisor


def test_where_nobody_can_answer_calls_fail() -> None:
    """A listener that is closed has them fail (ENOSYS)."""

    def make() -> Any:
        raise MemoryError

    listener, other = os.pipe()
    supervisor = Supervisor(listener, make)
    with pytest.raises(MemoryError):
        supervisor._first()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(listener)
    os.close(other)


def test_answers_are_made_once_it_begins() -> None:
    made: list[int] = []
    read, write = os.pipe()

    def make() -> Any:
        made.append(1)
        os.write(write, b"x")

    supervisor = Supervisor(read, make)
    supervisor._answer_all = lambda: None  # type: ignore[method-assign]
    supervisor.start()
    assert not made
    supervisor.begin()
    assert os.read(read, 1) == b"x"
    os.close(read)
    os.close(write)
