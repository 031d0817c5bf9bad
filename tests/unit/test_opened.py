"""What a process has open, in words, and which sockets reach anybody without a connection."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hermetic.linux import opened, own

KINDS = {
    (socket.AF_INET, socket.SOCK_STREAM, 0): False,
    (socket.AF_INET, socket.SOCK_STREAM, 6): False,
    (socket.AF_INET6, socket.SOCK_STREAM, 6): False,
    (socket.AF_UNIX, socket.SOCK_STREAM, 0): False,
    (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0): False,
    (socket.AF_UNIX, socket.SOCK_DGRAM, 0): True,
    (socket.AF_INET, socket.SOCK_DGRAM, 17): True,
    (socket.AF_INET6, socket.SOCK_DGRAM, 17): True,
    (socket.AF_INET, socket.SOCK_STREAM, 132): True,  # SCTP connects by a message
    (socket.AF_INET, socket.SOCK_RAW, 1): True,
    (16, socket.SOCK_RAW, 0): True,
    (17, socket.SOCK_RAW, 3): True,
    (40, socket.SOCK_STREAM, 0): True,
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_sends(kind: tuple[int, int, int]) -> None:
    assert opened.sends(kind) is KINDS[kind]


def test_look(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    path = tmp_path / "file"
    path.write_text("")
    numbers = {
        reading: "pipe",
        writing: "pipe",
        os.open(tmp_path, os.O_RDONLY): f"directory {tmp_path}",
        os.open(path, os.O_RDONLY): "",
        os.open(path, os.O_WRONLY): f"{path} for writing",
        os.open("/dev/null", os.O_RDWR): "",
        os.eventfd(0): "",
        os.pidfd_open(os.getpid()): "anon_inode:[pidfd]",
        socket.socket().detach(): "socket IPv4 stream",
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach(): "socket local datagram",
    }
    found = {one.number: one for one in opened.look()}
    for number, what in numbers.items():
        assert (found[number].what if number in found else "") == what
        os.close(number)


def test_a_default_timeout_changes_no_socket() -> None:
    """The module would have it wait no longer."""
    with socket.socket() as blocking:
        socket.setdefaulttimeout(5)
        try:
            opened.look()
        finally:
            socket.setdefaulttimeout(None)
        assert os.get_blocking(blocking.fileno())


def test_threads() -> None:
    import threading

    before, done = own.threads(), threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert own.threads() == before + 1
    finally:
        done.set()
        thread.join()


NAMING = {
    **KINDS,
    (socket.AF_INET, socket.SOCK_STREAM, 262): False,
    (socket.AF_INET6, socket.SOCK_STREAM, 262): False,
    (40, socket.SOCK_STREAM, 0): False,
    (30, socket.SOCK_STREAM, 0): True,  # TIPC connects by a message
}


@pytest.mark.parametrize("kind", NAMING, ids=str)
def test_names_addresses(kind: tuple[int, int, int]) -> None:
    assert opened.names_addresses(kind) is NAMING[kind]
