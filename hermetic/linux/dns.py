"""Questions to a name server, and answers, as bytes (RFC 1035): as much of it as C libraries ask for when they look up a host."""

from __future__ import annotations

A, AAAA, IN = 1, 28, 1
"""Types of records, and the class of the internet."""
FINE, FAILED, NO_SUCH_NAME = 0, 2, 3
"""Response codes: NOERROR, SERVFAIL, NXDOMAIN."""
HEADER = 12
RESPONSE, TRUNCATED, RECURSION_DESIRED, RECURSION_AVAILABLE = 0x8000, 0x0200, 0x0100, 0x0080
OPERATION = 0x7800
CODE = 0x0F
POINTER = 0xC0
DATAGRAM = 512
LONGEST_LABEL, LONGEST_NAME = 63, 255
LIFETIME_S = 5
"""How long an answer may be kept: an address is good for the whole run, but the name may have moved."""


class Malformed(ValueError):
    """Bytes that are no question which could be answered."""


class Question:
    """name: in lower case, without the dot of the root; kind: the type of record asked for; wire: the question as it was written"""

    __slots__ = ("kind", "name", "number", "wanted", "wire")

    def __init__(self, number: bytes, name: str, kind: int, wanted: int, wire: bytes) -> None:
        self.number = number
        self.name = name
        self.kind = kind
        self.wanted = wanted
        self.wire = wire


def read(message: bytes) -> Question:
    """The one question of a message. Raises Malformed."""
    flags, count = (int.from_bytes(message[at : at + 2], "big") for at in (2, 4))
    if len(message) < HEADER or flags & (RESPONSE | OPERATION) or count != 1:
        raise Malformed("not one plain question")
    labels, at = _labels(message, HEADER)
    end = at + 4
    if len(message) < end or int.from_bytes(message[at + 2 : end], "big") != IN:
        raise Malformed("not of the internet")
    kind = int.from_bytes(message[at : at + 2], "big")
    return Question(message[:2], ".".join(labels).lower(), kind, flags & RECURSION_DESIRED, message[HEADER:end])


def groups(messages: list[bytes]) -> list[list[Question]]:
    """The questions of messages; two that ask for both kinds of address of one name, one behind the other, together. [] for what is no question."""
    found: list[list[Question]] = []
    for message in messages:
        try:
            question = read(message)
        except Malformed:
            found.append([])
            continue
        if found and _is_other_kind(found[-1], question):
            found[-1].append(question)
        else:
            found.append([question])
    return found


def _is_other_kind(before: list[Question], question: Question) -> bool:
    return len(before) == 1 and before[0].name == question.name and {before[0].kind, question.kind} == {A, AAAA}


def _labels(message: bytes, at: int) -> tuple[list[str], int]:
    """The labels of a name, and where what follows it begins. A dot within a label would make another name of it."""
    found: list[str] = []
    while True:
        size = message[at] if at < len(message) else POINTER
        if size >= POINTER:
            raise Malformed("a name that does not end")
        label = message[at + 1 : at + 1 + size]
        if not size:
            return found, at + 1
        if len(label) != size or size > LONGEST_LABEL or b"." in label or at - HEADER > LONGEST_NAME:
            raise Malformed("a label that is none, or a name that is too long")
        found.append(label.decode("ascii", "backslashreplace"))
        at += 1 + size


def answer(question: Question, addresses: list[bytes], code: int = FINE) -> bytes:
    """A message with these addresses, of 4 or 16 bytes as the question's kind has them."""
    flags = RESPONSE | RECURSION_AVAILABLE | question.wanted | code
    head = question.number + b"".join(word.to_bytes(2, "big") for word in (flags, 1, len(addresses), 0, 0))
    return head + question.wire + b"".join(_record(question.kind, address) for address in addresses)


def has_failed(message: bytes) -> bool:
    """Whether this is the answer that there may be one later."""
    return message[3] & CODE == FAILED


def as_datagram(message: bytes) -> bytes:
    """The same message; where it is too long for one, a short one that has the resolver ask again by TCP (RFC 1035, 4.2.1)."""
    if len(message) <= DATAGRAM:
        return message
    question = read(message[:2] + bytes(2) + message[4:])
    flags = int.from_bytes(message[2:4], "big") | TRUNCATED
    return message[:2] + flags.to_bytes(2, "big") + bytes([0, 1, 0, 0, 0, 0, 0, 0]) + question.wire


def _record(kind: int, address: bytes) -> bytes:
    """Of the name in the question, which stands right behind the header."""
    fields = (POINTER << 8 | HEADER).to_bytes(2, "big"), kind.to_bytes(2, "big"), IN.to_bytes(2, "big"), LIFETIME_S.to_bytes(4, "big")
    return b"".join(fields) + len(address).to_bytes(2, "big") + address
