"""Keeps a socket that listens to what is sent to a loopback address, or to a port that may be listened at, whatever it is bound to; and one of UDP
to nothing at all.

A judgement of where it is bound does not last: by shutdown(2), or a connection that fails, another thread can have it unbound and bind it anew
before listen(2) is carried out, and no filter sees any of that. So it gets a filter of its own first (SO_ATTACH_FILTER, socket(7)), which
seccomp.py lets nobody inside replace. Connections that are accepted inherit it.

An ordinary user's TCP socket gets none any more (Linux commit 5d39580f68e6 of 2026, in stable versions too). It is tied to the loopback interface
instead, by which all comes that this machine sends to itself, and which nobody without CAP_NET_RAW undoes (sock_bindtoindex, net/core/sock.c).
"""

from __future__ import annotations

from hermetic.linux import syscalls
from hermetic.linux.numbers import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Iterable, Sequence

    Instruction = tuple[int, int, int, int]
    """operation, yes and no (how many instructions are left out), operand"""

SOL_SOCKET, SO_BINDTODEVICE, SO_ATTACH_FILTER = 1, 25, 26
LOOPBACK = b"lo\0"

LOAD_WORD, LOAD_HALF, LOAD_BYTE, SHIFT_RIGHT, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ABOVE, RETURN = 0x20, 0x28, 0x30, 0x74, 0x15, 0x35, 0x25, 0x06
"""linux/bpf_common.h"""
DESTINATION_PORT = 2
"""Where a segment's header has it; that is where a filter of TCP's begins to count (tcp_filter, net/ipv4/tcp_ipv4.c)."""
NETWORK_HEADER = 0xFFF00000
"""SKF_NET_OFF of linux/filter.h: where offsets into the header of IP begin."""
ALL, NOTHING = 0xFFFFFFFF, 0
"""How many bytes of a packet are let through."""

TO_LOOPBACK = (
    (LOAD_BYTE, 0, 0, NETWORK_HEADER),
    (SHIFT_RIGHT, 0, 0, 4),
    (JUMP_EQUAL, 2, 0, 6),
    (LOAD_BYTE, 0, 0, NETWORK_HEADER + 16),  # of IPv4: to 127.0.0.0/8
    (JUMP_EQUAL, 8, 9, 127),
    (LOAD_WORD, 0, 0, NETWORK_HEADER + 24),  # of IPv6: to ::1
    (JUMP_EQUAL, 0, 7, 0),
    (LOAD_WORD, 0, 0, NETWORK_HEADER + 28),
    (JUMP_EQUAL, 0, 5, 0),
    (LOAD_WORD, 0, 0, NETWORK_HEADER + 32),
    (JUMP_EQUAL, 0, 3, 0),
    (LOAD_WORD, 0, 0, NETWORK_HEADER + 36),
    (JUMP_EQUAL, 0, 1, 1),
    (RETURN, 0, 0, ALL),
    (RETURN, 0, 0, NOTHING),
)


def program(ports: Iterable[tuple[int, int]]) -> list[Instruction]:
    """The filter. ports: inclusive ranges that may be reached from anywhere."""
    rows = [(LOAD_HALF, 0, 0, DESTINATION_PORT)]
    for low, high in ports:
        rows += [(JUMP_AT_LEAST, 0, 2, low), (JUMP_ABOVE, 1, 0, high), (RETURN, 0, 0, ALL)]
    return [*rows, *TO_LOOPBACK]


def as_bytes(program: Iterable[Instruction]) -> bytes:
    """As the kernel reads it: struct sock_filter, one after the other."""
    return b"".join(
        operation.to_bytes(2, "little") + bytes([yes, no]) + operand.to_bytes(4, "little") for operation, yes, no, operand in program
    )


def keep(listening: socket, ports: Sequence[tuple[int, int]], port: int) -> bool:
    """Have it take nothing but what is sent to a loopback address, or to one of these ports. port: which it is bound to now. Raises OSError.

    Returns False where nothing can keep it, and it is bound to one of the ports: then it must stay so.
    """
    try:
        attach(listening, program(ports))
    except PermissionError:
        if any(low <= port <= high for low, high in ports):
            return False
        tie(listening)
    return True


def tie(listening: socket) -> None:
    """Have it take nothing but what comes by the loopback interface. Raises OSError, also where it is tied to another."""
    if listening.getsockopt(SOL_SOCKET, SO_BINDTODEVICE, 16) != LOOPBACK:  # who may tie it once may not do so again
        listening.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, LOOPBACK)


def close(datagrams: socket) -> None:
    """Have it take nothing. Raises OSError."""
    attach(datagrams, [(RETURN, 0, 0, NOTHING)])


def attach(to: socket, program: Iterable[Instruction]) -> None:
    instructions = as_bytes(program)
    described = (len(instructions) // 8).to_bytes(8, "little") + syscalls.pointers([instructions])  # struct sock_fprog
    syscalls.call(native("setsockopt"), to.fileno(), SOL_SOCKET, SO_ATTACH_FILTER, described, len(described))
