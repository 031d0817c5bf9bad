"""Which variables are granted, and how two lists of them combine."""

import itertools
import re

import pytest
from hermetic_guard.intersection import common_names, matches
from hermetic_guard.policy import Environment

from hermetic.errors import UsageError
from hermetic.policy import environment

NAMES = ["A", "AB", "AXB", "AWS_KEY", "AWS_", "AWS", "MY_AWS_KEY", "B", "", "a", "A*", "LC_ALL"]
PATTERNS = ["A", "A*", "*B", "A*B", "AWS_*", "*_*", "*", "A**B", "*AWS*KEY", "", "LC_*"]
EXPECTED = {
    "A": {"A"},
    "A*": {"A", "AB", "AXB", "AWS_KEY", "AWS_", "AWS", "A*"},
    "*B": {"AB", "AXB", "B"},
    "A*B": {"AB", "AXB"},
    "A**B": {"AB", "AXB"},
    "AWS_*": {"AWS_KEY", "AWS_"},
    "*_*": {"AWS_KEY", "AWS_", "MY_AWS_KEY", "LC_ALL"},
    "*AWS*KEY": {"AWS_KEY", "MY_AWS_KEY"},
    "*": set(NAMES),
    "": {""},
    "LC_*": {"LC_ALL"},
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(pattern):
    assert {name for name in NAMES if matches(pattern, name)} == EXPECTED[pattern]


@pytest.mark.parametrize(("one", "other"), list(itertools.product(PATTERNS, repeat=2)))
def test_an_intersection_grants_nothing_that_either_does_not(one, other):
    both = common_names((one,), (other,))
    for name in NAMES:
        if environment.is_granted(name, both):
            assert matches(one, name)
            assert matches(other, name)
    if one == other or "*" in (one, other):
        assert {name for name in NAMES if environment.is_granted(name, both)} == EXPECTED[one] & EXPECTED[other]


USER = {b"PATH": b"/bin", b"LC_ALL": b"C", b"AWS_KEY": b"k", b"TOKEN": b"\xff", b"PYTHONPATH": b"/p", b"LD_PRELOAD": b"/l"}


@pytest.mark.parametrize(
    ("rules", "given", "names"),
    [
        (None, [], set(USER)),
        (Environment(keep=environment.BASE), [], {b"PATH", b"LC_ALL"}),
        (Environment(keep=(*environment.BASE, "AWS_*")), [], {b"PATH", b"LC_ALL", b"AWS_KEY"}),
        (Environment(), [], set()),
        (Environment(), ["TOKEN=x=y"], {b"TOKEN"}),
        (None, ["NEW="], {*USER, b"NEW"}),
    ],
)
def test_what_is_granted(rules, given, names):
    found = environment.granted(USER, rules, given)
    assert set(found) == names
    assert all(found[name] == USER[name] for name in names if name in USER and not given)


@pytest.mark.parametrize(
    ("text", "why"),
    [("A B", "' ' in it (at character 2)"), ("A,B", "','"), ("$A", "'$'"), ("A=", "'='"), ("A\n", r"'\n'"), ("", "was expected")],
)
def test_what_is_no_name(text, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        environment.pattern(text)


@pytest.mark.parametrize("text", ["A", "AWS_*", "*", "BASH_FUNC_x%%", "ProgramFiles(x86)", "a.b-c"])
def test_what_is_a_name(text):
    assert environment.pattern(text) == text


def test_what_is_set():
    assert environment.assignment("A=b=c") == (b"A", b"b=c")
    assert environment.assignment("A=\udcff") == (b"A", b"\xff")
    assert environment.granted(USER, None, ["TOKEN=new"])[b"TOKEN"] == b"new"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A", "a variable and its value were expected"),
        ("=x", "a variable and its value were expected"),
        ("A=\0", "a variable and its value were expected"),
        ("LD_PRELOAD=/x.so", "it would have other code loaded before the guards"),
        ("LD_AUDIT=", "other code"),
        ("PYTHONHOME=/x", "other code"),
        ("_HERMETIC=1", "other code"),
        ("_HERMETIC_POLICY=x", "other code"),
    ],
)
def test_what_cannot_be_set(text, why):
    with pytest.raises(UsageError, match=why):
        environment.assignment(text)


def test_the_base_holds_no_secrets_and_no_code():
    """Nothing in it that names code to load, or that is called as secrets are."""
    assert not {name for name in environment.BASE if any(word in name for word in ("KEY", "TOKEN", "SECRET", "PASS", "AUTH", "PRELOAD"))}
    assert not {"PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "LD_LIBRARY_PATH"} & set(environment.BASE)
    assert len(set(environment.BASE)) == len(environment.BASE)
