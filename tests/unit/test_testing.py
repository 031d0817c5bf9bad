"""Which policy a test has, as a function of what its session has and of markers; and what is told of a refusal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hermetic_guard.decide import Request, decide
from hermetic_guard.hosts import ANY
from hermetic_guard.keywords import as_keyword
from hermetic_guard.policy import Filesystem, Network, Policy, Subprocess
from hermetic_guard.starts import NOT_PYTHON

from hermetic.blocks.refusals import Refusal
from hermetic.testing import asked, policies, told, widening
from hermetic.testing.policies import BadMark, Project

mark = pytest.mark
CLOSED = Policy(network=Network(), filesystem=Filesystem(), on_violation="raise")
LOCAL = Policy(network=Network(localhost=ANY), filesystem=Filesystem(), on_violation="raise")
BLOCK = Policy(network=Network(), on_violation="raise")
LOCAL_BLOCK = Policy(network=Network(localhost=ANY), on_violation="raise")

block = mark.hermetic(block_network=True)
local = mark.allow_network("localhost")
none = mark.no_hermetic(reason="it asks the printer")

LEVELS = {
    "no marker": ([], CLOSED),
    "a block alone": ([[block]], BLOCK),
    "an allowance": ([[local]], LOCAL),
    "an allowance further out": ([[local], []], LOCAL),
    "the closer block replaces what is further out": ([[local], [block]], BLOCK),
    "the closer allowance adds to it": ([[block], [local]], LOCAL_BLOCK),
    "on one level the block comes first": ([[local, block]], LOCAL_BLOCK),
    "three levels": ([[local], [block], [local]], LOCAL_BLOCK),
    "the function's before the class's before the module's": ([[mark.hermetic(fs_readonly=True)], [local], [block]], BLOCK),
    "none": ([[none]], None),
    "none goes before what is closer": ([[none], [block]], None),
    "and before what is further out": ([[block], [none]], None),
    "none with a bare reason": ([[mark.no_hermetic("because")]], None),
}


@pytest.mark.parametrize("name", LEVELS)
def test_levels(name: str) -> None:
    levels, expected = LEVELS[name]
    found = policies.resolved(CLOSED, [[one.mark for one in level] for level in levels], Project("/"))
    assert found == expected


def test_allowances_ask_for_nothing() -> None:
    assert policies.resolved(None, [[local.mark, mark.allow_run("true").mark]], Project("/")) is None


BAD = {
    "no reason": (mark.no_hermetic, "needs a reason"),
    "an empty one": (mark.no_hermetic(reason=" "), "needs a reason"),
    "no text": (mark.no_hermetic(reason=3), "needs a reason"),
    "another argument": (mark.no_hermetic(why="so"), "needs a reason"),
    "no profile": (mark.hermetic("none"), "there is no profile none"),
    "no argument": (mark.hermetic(block_all=True), "there is no argument block_all"),
    "a scope": (mark.hermetic(block_network=True, scope="context"), "there is no argument scope"),
    "nothing guarded": (mark.hermetic(block_network=False), "nothing is guarded"),
    "an end of pytest": (mark.hermetic(block_network=True, on_violation="kill"), "would end pytest"),
    "no host": (mark.allow_network("a b"), "a host name"),
    "no ports": (mark.allow_network("localhost:http"), "allow_network"),
    "no word": (mark.allow_network(80), "text was expected"),
    "a keyword": (mark.allow_network(host="x"), "takes no host"),
    "no program": (mark.allow_run, "no program is named"),
    "no path": (mark.allow_write, "no path is named"),
    "nothing there": (mark.allow_write("nowhere"), "there is nothing there yet"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_markers(name: str) -> None:
    """Whatever else is said; nothing is taken for no marker."""
    marker, text = BAD[name]
    with pytest.raises(BadMark, match=text):
        policies.resolved(CLOSED, [[marker.mark]], Project("/"))


def test_networks() -> None:
    words = ["localhost:8000", "example.com", "*.example.com:8443", "192.0.2.0/24:443", "[2001:db8::1]:80", "unix:/run/x.sock"]
    rules = widening.widened(CLOSED, "allow_network", words, "/").network
    assert rules is not None
    assert rules.localhost == ((8000, 8000),)
    assert [name for name, _ in rules.domains] == ["*.example.com", "example.com"]
    assert len(rules.addresses) == 2
    assert rules.unix == ("/run/x.sock",)
    assert widening.widened(CLOSED, "allow_network", [], "/") == CLOSED.replaced(network=None)


def test_programs(tmp_path: Path) -> None:
    """A guard that stands is widened; where none does, this Python can still be started."""
    guarded = widening.widened(Policy(subprocess=Subprocess()), "allow_run", ["true"], "/").subprocess
    assert guarded is not None
    assert [path.rpartition("/")[2] for path in guarded.run] == ["true"]
    added = widening.widened(CLOSED, "allow_run", ["true", "no-such-program"], "/").subprocess
    assert added is not None
    assert {str(Path(sys.executable).resolve())} < {*added.run}


def test_paths(tmp_path: Path) -> None:
    """From the project's root."""
    (tmp_path / "out").mkdir()
    rules = widening.widened(CLOSED, "allow_write", [Path("out"), "/usr"], str(tmp_path)).filesystem
    assert rules is not None
    assert {*rules.write} == {str(tmp_path.resolve() / "out"), "/usr"}


def test_what_pytest_needs() -> None:
    assert asked.with_needs(BLOCK, ["/tmp"]) == BLOCK
    rules = asked.with_needs(CLOSED, ["/tmp"]).filesystem
    assert rules is not None
    assert rules.write == ("/tmp",)
    assert asked.outside_tests(CLOSED) == CLOSED.replaced(on_violation="refuse")
    assert asked.after_tests(CLOSED) == BLOCK.replaced(on_violation="refuse")
    assert asked.outside_tests(None) is asked.after_tests(None) is None


REQUESTS = {
    "name": (Request("network", "DNS", "example.com", host="example.com"), '@pytest.mark.allow_network("example.com")'),
    "address": (
        Request("network", "connect", "192.0.2.1:80", address=b"\xc0\0\2\1", port=80),
        '@pytest.mark.allow_network("192.0.2.1:80")',
    ),
    "localhost": (
        Request("network", "connect", "127.0.0.1:80", address=b"\x7f\0\0\1", port=80),
        '@pytest.mark.allow_network("localhost:80")',
    ),
    "local socket": (Request("network", "connect", "unix:/run/x", path=b"/run/x"), '@pytest.mark.allow_network("unix:/run/x")'),
    "file": (Request("filesystem", "write", "/x/y", path="/x/y", there="/x"), '@pytest.mark.allow_write("/x")'),
    "program": (Request("subprocess", "start", "/usr/bin/true", path="/usr/bin/true"), '@pytest.mark.allow_run("/usr/bin/true")'),
    "native": (
        Request("native", "load", "x.so", distribution="numpy"),
        "@pytest.mark.hermetic(..., allow_native='numpy')",
    ),
    "nothing": (Request("integrity", "use", "a sub-interpreter"), 'nothing but @pytest.mark.no_hermetic(reason="...")'),
}
ALL = Policy(**{guard: kind() for guard, kind in {"network": Network, "filesystem": Filesystem, "subprocess": Subprocess}.items()})


@pytest.mark.parametrize("name", REQUESTS)
def test_advice(name: str) -> None:
    """From the hints that decisions have. What is advised to be allowed is."""
    from hermetic_guard.policy import Native

    request, text = REQUESTS[name]
    decision = decide(ALL.replaced(native=Native()), request)
    refusal = Refusal(request.guard, request.action, request.target, decision.rule, as_keyword(decision.hint), ())
    assert told.advice(refusal) == text
    marker, _, word = text.partition("mark.")[2].partition("(")
    if marker in widening.MARKERS and name != "file":
        assert decide(widening.widened(ALL, marker, [word.strip('")')], "/"), request).allowed


def test_what_is_told() -> None:
    program = Refusal("subprocess", "start", "/usr/bin/git", *NOT_PYTHON, (("/x/test.py", 3, "test"), (f"{told.RUNNERS[0]}x.py", 1, "f")))
    assert told.told([program, program]).splitlines() == [
        "not Python, so nothing would hold it: start(/usr/bin/git) (2 times)",
        "  asked by  /x/test.py:3",
        '  allow it  @pytest.mark.allow_run("git")',
    ]
    many = [program._replace(target=f"/bin/{number}") for number in range(told.SHOWN + 5)]
    assert told.told(many).splitlines()[-1] == "and 5 more"
    assert "\x1b" not in told.told([program._replace(target="/bin/\x1b[2J")])
