"""The lines between a guarded process and its launcher: written without the json module, read with it, bounded on both sides."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hermetic_guard import events as written

from hermetic.events import EventReader, scan

REFUSED = {
    "event": "refused",
    "pid": 7,
    "guard": "network",
    "action": "DNS",
    "target": "example.com",
    "rule": "network disabled",
    "hint": "",
    "stack": [("/a/b.py", 3, "f")],
}
VALUES = [None, True, False, 0, -5, 2**70, "", 'a"b\\c', "\n\t\0\x7f", "ä€😀", "\udcff", [1, ["x"]], {"k": {"n": None}}, ("t", 1)]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_written_is_json(value: object) -> None:
    text = written.encode(value)
    assert text.isascii()
    assert json.loads(text) == json.loads(json.dumps(value))


def test_a_line_is_never_longer_than_a_pipe_writes_at_once() -> None:
    frames = [("/very/long/" + "ä" * 200, 1, "f" * 100)] * 40
    line = written.encode_line({**REFUSED, "target": "x" * 9000, "stack": frames})
    assert len(line) <= written.PIPE_BUF
    [event] = EventReader().feed(line)
    assert event["target"] == "x" * 400


def test_a_line_of_what_takes_twelve_bytes_a_character_is_cut_as_well() -> None:
    line = written.encode_line({**REFUSED, "target": "\U0001f600" * 9000, "rule": "\U0001f600" * 9000, "hint": "\U0001f600" * 9000})
    assert len(line) <= written.PIPE_BUF
    [event] = EventReader().feed(line)
    assert event["target"] == "\U0001f600" * 100


def test_long_stacks_lose_their_outermost_frames() -> None:
    frames = [(f"/f{number}/" + "x" * 150, number, "f") for number in range(40)]
    [event] = EventReader().feed(written.encode_line({**REFUSED, "stack": frames}))
    kept = [line for _, line, _ in event["stack"]]
    assert kept == list(range(len(kept)))
    assert len(kept) > 10


def test_pieces_are_put_together() -> None:
    data = written.encode_line(REFUSED) * 3
    reader = EventReader()
    got = [event for index in range(0, len(data), 10) for event in reader.feed(data[index : index + 10])]
    assert [event["target"] for event in got] == ["example.com"] * 3
    assert reader.foreign == 0


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_written_is_read_as_json_would(value: object) -> None:
    text = written.encode(value)
    assert scan(text) == (json.loads(text), len(text))


FOREIGN = [
    b"",
    b"hello",
    b"{}",
    b"[]",
    b"nul",
    b'{"v":2,"event":"uncaught","pid":1}',
    b'{"v":1,"event":"uncaught","pid":"1"}',
    b'{"v":1,"event":"uncaught","pid":true}',
    b'{"v":1,"event":"other"}',
    b'{"v":1,"event":[]}',
    json.dumps({**REFUSED, "v": 1, "stack": [["a", "1", "f"]]}).encode(),
    json.dumps({**REFUSED, "v": 1, "stack": [1]}).encode(),
    b"\xff\xfe",
    b"[" * 4000,
    b'{"v":1,"event":"uncaught","pid":1} ',
    b'{"v":1,"event":"uncaught","pid":1}{}',
    b'\xef\xbb\xbf{"v":1,"event":"uncaught","pid":1}',
    b'{"v":1,"event":"uncaught","pid":1',
    b'{"v":1,"event":"uncaught","pid":NaN}',
    b'{"v":1,"event":"uncaught","pid":1,"a":"\t"}',
    b"x" * 5000,
    b'{"v":true,"event":"uncaught","pid":1}',
    b'{"v":1,"event":"uncaught","pid":0}',
    b'{"v":1,"event":"uncaught","pid":99999999}',
    b'{"v":1,"event":"uncaught","pid":1,"self":"x"}',
    b'{"v":1,"event":"uncaught","pid":1,"run":"x","time":0}',
    b'{"v":1,"event":"uncaught","pid":1,"lost":0}',
    b'{"v":1,"event":"uncaught"}',
    b'{"v":1,"event":"ready","pid":1,"way":"early","python":"' + b"3" * 101 + b'","implementation":"cpython"}',
    *(
        json.dumps({**REFUSED, "v": 1, **changes}).encode()
        for changes in (
            {"guard": "\x1b[31mX\nhermetic: all good"},
            {"guard": "Network"},
            {"program": "/bin/true"},
            {"target": None},
            {"stack": [["f", 1, "g"]] * 41},
            {"stack": [["f", 1 << 31, "g"]]},
            {"stack": [["f", 1]]},
            {"stack": {}},
        )
    ),
]


@pytest.mark.parametrize("line", FOREIGN, ids=lambda line: repr(line[:30]))
def test_other_lines_are_counted_and_dropped(line: bytes) -> None:
    reader = EventReader()
    assert reader.feed(line + b"\n") == []
    assert reader.foreign == 1


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    reader = EventReader()
    for _ in range(1000):
        reader.feed(b"x" * 4096)
    assert len(reader._rest) <= 4097
    assert reader.feed(b"\n") == []
    assert reader.foreign == 1
    assert [event["pid"] for event in reader.feed(written.encode_line({"event": "uncaught", "pid": 3}))] == [3]


@pytest.fixture
def fifo(tmp_path: Path) -> tuple[Path, int]:
    path = tmp_path / "events"
    os.mkfifo(path)
    return path, os.open(path, os.O_RDWR | os.O_NONBLOCK)


def identity(path: Path) -> tuple[int, int]:
    return path.stat().st_dev, path.stat().st_ino


def test_the_channel_delivers(fifo: tuple[Path, int]) -> None:
    path, descriptor = fifo
    before = sorted(os.listdir("/proc/self/fd"))
    written.Channel(str(path), identity(path)).tell(REFUSED)
    [event] = EventReader().feed(os.read(descriptor, 5000))
    assert event["target"] == "example.com"
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_full_pipe_never_blocks_and_losses_are_told(fifo: tuple[Path, int]) -> None:
    path, descriptor = fifo
    channel = written.Channel(str(path), identity(path))
    for _ in range(2000):
        channel.tell(REFUSED)
    delivered = os.read(descriptor, 1 << 20).count(b"\n")
    channel.tell(REFUSED)
    assert json.loads(os.read(descriptor, 5000))["lost"] == 2000 - delivered > 0


def test_something_else_at_the_path_is_not_written_to(fifo: tuple[Path, int]) -> None:
    path, _ = fifo
    channel = written.Channel(str(path), identity(path))
    path.rename(path.with_name("moved"))
    path.write_text("precious")
    channel.tell(REFUSED)
    assert path.read_text() == "precious"
