"""The language of port lists."""

import itertools

import pytest
from hermetic_guard.hosts import ANY

from hermetic.policy import ports


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("8000", ((8000, 8000),)),
        ("8000-8010", ((8000, 8010),)),
        ("80,443,8000-8100", ((80, 80), (443, 443), (8000, 8100))),
        ("443,80", ((80, 80), (443, 443))),
        ("80,80", ((80, 80),)),
        ("80,81", ((80, 81),)),
        ("80-90,85-100,101", ((80, 101),)),
        ("1-100,50", ((1, 100),)),
        ("5-5", ((5, 5),)),
        ("1-65535", ((1, 65535),)),
        ("00080", ((80, 80),)),
    ],
)
def test_reads(text, ranges):
    assert ports.read(text) == ranges


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("x", 1),
        ("80,x", 4),
        ("80,", 4),
        (",80", 1),
        ("80,,90", 4),
        ("80 ,90", 3),
        ("80, 90", 4),
        (" 80", 1),
        ("80;90", 3),
        ("80-", 4),
        ("-80", 1),
        ("80-70", 4),
        ("80-90-100", 6),
        ("0", 1),
        ("65536", 1),
        ("80,65536", 4),
        ("1-65536", 3),
        ("000080", 1),
        ("9" * 5000, 1),
        ("8\u0660", 2),
        ("\u0668\u0660", 1),
        ("²", 1),
        ("*", 1),
        ("80=", 3),
        ("+80", 1),
        ("8_0", 2),
        ("80\n", 3),
        ("80\x00", 3),
        ("80\udcff", 3),
    ],
)
def test_refuses(text, position):
    with pytest.raises(ports.PortsError, match=f"^character {position}: ") as caught:
        ports.read(text)
    assert caught.value.position == position


def test_union_is_the_ports_of_either():
    texts = ["80", "80-90", "85-100", "1-5,91", "101,103", "1-65535"]
    for one, other in itertools.product(texts, texts):
        assert ports.union(ports.read(one), ports.read(other)) == ports.read(f"{one},{other}")
    assert ports.union((), ports.read("80")) == ((80, 80),)
    assert ports.union(ANY, ports.read("80")) == ports.union((), ANY) == ANY
