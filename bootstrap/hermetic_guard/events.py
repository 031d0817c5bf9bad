"""Telling the launcher: one JSON line per event, written to the run's FIFO.

The FIFO is opened for each event and closed again, so the target finds no descriptor that it did not open, one it closed or put something
else in the place of is no trouble, and children need nothing handed down. Its identity is checked, for whatever stands at that path; the
write never blocks: an event that finds the pipe full is dropped and the next one says how many were. A line is at most PIPE_BUF bytes, which
pipe(7) makes atomic.

Events are the target side's claims: never the only proof that nothing happened.
"""

import os

from hermetic_guard.sealing import seal

SCHEMA = 1
PIPE_BUF = 4096


class Channel(object):
    """path: the FIFO; identity: its (st_dev, st_ino) as the launcher made it; block: what says in each event whom it is for, None in a run.

    tell(event) writes one; what cannot be delivered is counted, never raised, for a refusal must reach the target all the same.
    reach() raises OSError if nobody could be told.
    """

    def __init__(self, path: str, identity: "tuple[int, int]", block: "bytes | None" = None) -> None:
        self.path = path
        self.tell, self.reach = seal(globals())["make_channel"](path, identity, {} if block is None else {"block": block.decode("ascii")})


def make_channel(path, identity, more):
    os_open, os_close, os_write, os_fstat, os_error = os.open, os.close, os.write, os.fstat, OSError
    flags = os.O_WRONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
    line, lost = encode_line, [0]

    def write(content: bytes) -> None:
        descriptor = os_open(path, flags)
        try:
            seen = os_fstat(descriptor)
            if (seen.st_dev, seen.st_ino) != identity:
                raise os_error("%s is not the run's channel" % path)
            if content:
                os_write(descriptor, content)
        finally:
            os_close(descriptor)

    def tell(event: "dict[str, object]") -> None:
        content = line(dict(event, lost=lost[0], **more) if lost[0] else dict(event, **more))
        try:
            write(content)
            lost[0] = 0
        except os_error:
            lost[0] += 1

    def reach() -> None:
        write(b"")

    return tell, reach


def encode_line(event: "dict[str, object]") -> bytes:
    """One line of JSON, at most PIPE_BUF bytes; the outermost frames of `stack` go first, then long texts are cut."""
    event = dict(event, v=SCHEMA)
    longest = 800
    line = encode(event) + "\n"
    while len(line) > PIPE_BUF:
        stack = event.get("stack")
        if stack:
            event["stack"] = stack[: len(stack) * 3 // 4]  # type: ignore[index,arg-type]
        else:
            longest //= 2
            event = {key: value[:longest] if type(value) is str else value for key, value in event.items()}
        line = encode(event) + "\n"
    return line.encode("utf-8")


def encode(value: object) -> str:
    """JSON for None, bool, int, str, list, tuple and dict; the json module would import `re` into the target."""
    kind = type(value)
    if kind is str:
        return '"%s"' % "".join(map(_escape, value))  # type: ignore[call-overload]
    if kind is dict:
        return "{%s}" % ",".join("%s:%s" % (encode(key), encode(item)) for key, item in value.items())  # type: ignore[attr-defined]
    if kind in (list, tuple):
        return "[%s]" % ",".join(map(encode, value))  # type: ignore[call-overload]
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]
    return "%d" % value  # type: ignore[str-format]


def _escape(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if 32 <= code < 127:
        return character
    if code < 0x10000:
        return "\\u%04x" % code
    code -= 0x10000
    return "\\u%04x\\u%04x" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF)
