"""What is put into an environment comes out again, whatever it was, and whatever a shell did to it on the way."""

from __future__ import annotations

import pytest
from hermetic_guard import cmdline, injection

HANDOFF = injection.Handoff(b"/tmp/hermetic-abc", b"d1g35t", (1, 2))
RUN = HANDOFF.run
ENVIRONMENTS = {
    "plain": {b"HOME": b"/root"},
    "empty": {},
    "path": {b"PYTHONPATH": b"src:lib"},
    "path empty": {b"PYTHONPATH": b""},
    "path with an empty entry": {b"PYTHONPATH": b":a:"},
    "warnings": {b"PYTHONWARNINGS": b"error,ignore::DeprecationWarning"},
    "warnings empty": {b"PYTHONWARNINGS": b""},
    "other library": {b"PYTHONHOME": b"", b"PYTHONPLATLIBDIR": b"lib"},
    "all": {b"PYTHONPATH": b"a", b"PYTHONWARNINGS": b"default", b"PYTHONPYCACHEPREFIX": b"/c"},
    "not UTF-8": {b"PYTHONPATH": b"\xff\xfe", b"\xe4": b"\n"},
}


@pytest.mark.parametrize("way", ["early", "stub"])
@pytest.mark.parametrize("user", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_round_trip(user: dict[bytes, bytes], way: str) -> None:
    prepared = injection.prepare_environment(user, HANDOFF, way)
    assert injection.restore_environment(prepared) == user


@pytest.mark.parametrize("user", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_at_start_nothing_of_the_users_is_on_the_path(user: dict[bytes, bytes]) -> None:
    early = injection.prepare_environment(user, HANDOFF, "early")
    assert early[b"PYTHONPATH"] == RUN
    assert early[b"PYTHONWARNINGS"].split(b",")[0] == injection.WARNING
    assert not set(injection.HANDED_OVER) & set(injection.prepare_environment(user, HANDOFF, "stub"))


@pytest.mark.parametrize("loader", [{}, {b"LD_PRELOAD": b"users"}])
def test_what_is_told_to_the_loader_comes_back(loader: dict[bytes, bytes]) -> None:
    given = {b"LD_PRELOAD": b"a", b"LD_AUDIT": b""}
    prepared = injection.prepare_environment(given, HANDOFF, "early", loader=loader)
    assert {name: prepared[name] for name in injection.LOADER if name in prepared} == loader
    assert injection.restore_environment(prepared) == given


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python a", ""),
        ("python -X dev a", ""),
        ("python a -X pycache_prefix=b", ""),
        ("python -Xpycache_prefix=b a", "-X pycache_prefix=b"),
        ("python -I -X pycache_prefix=b a", "-X pycache_prefix=b"),
        ("python -bX presite=b -c a", "-X presite=b"),
    ],
)
def test_options_that_mislead(line: str, expected: str) -> None:
    assert injection.misleading({b"PYTHONHOME": b""}, cmdline.parse(line.split())) == expected


@pytest.mark.parametrize("name", injection.OTHER_LIBRARY)
def test_variables_that_mislead(name: bytes) -> None:
    assert injection.misleading({name: b"a"}) == name.decode()
    assert injection.misleading({name: b"a"}, cmdline.parse(["python", "-s"])) == name.decode()
    assert injection.misleading({name: b"a"}, cmdline.parse(["python", "-E"])) == ""


@pytest.mark.parametrize("name", injection.OTHER_PLACE)
@pytest.mark.parametrize("options", ["-s", "-E", "-I"])
def test_variables_that_mislead_whatever_the_options(name: bytes, options: str) -> None:
    assert injection.misleading({name: b"a"}) == name.decode()
    assert injection.misleading({name: b"a"}, cmdline.parse(["python", options])) == name.decode()
    assert injection.misleading({name: b""}, cmdline.parse(["python", options])) == ""


def test_a_second_preparation_replaces_the_first() -> None:
    once = injection.prepare_environment({b"PYTHONPATH": b"a"}, HANDOFF, "early", narrowed=b"x")
    restored = injection.restore_environment(once)
    other = injection.Handoff(b"/tmp/hermetic-def", b"0", (3, 4))
    again = injection.prepare_environment(restored, other, "early")
    assert injection.restore_environment(again) == {b"PYTHONPATH": b"a"}
    assert injection.NARROWED not in again


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (b"new:" + RUN, b"new:a"),
        (RUN + b":new", b"a:new"),
        (b"new", b"new"),
    ],
)
def test_what_a_shell_adds_to_the_path_stays(changed: bytes, expected: bytes) -> None:
    prepared = injection.prepare_environment({b"PYTHONPATH": b"a"}, HANDOFF, "early")
    prepared[b"PYTHONPATH"] = changed
    assert injection.restore_environment(prepared)[b"PYTHONPATH"] == expected


def test_what_a_shell_adds_to_the_path_stays_where_there_was_none() -> None:
    prepared = injection.prepare_environment({}, HANDOFF, "early")
    prepared[b"PYTHONPATH"] = RUN + b":new"
    assert injection.restore_environment(prepared)[b"PYTHONPATH"] == b"new"


STUB = [
    ("python -I script.py a", "-S -I STUB f script.py a"),
    ("python -Ibc CODE a", "-S -Ib STUB c CODE a"),
    ("python -E -m mod -x", "-S -E STUB m mod -x"),
    ("python -I - a", "-S -I STUB - a"),
    ("python -S script.py", "-S -S STUB F script.py"),
    ("python -IS - a", "-S -IS STUB -S a"),
    ("python -W error -X dev -I s", "-S -W error -X dev -I STUB f s"),
    ("python -I -i s a", "-E -S REOPEN STUB -S -I -i STUB f s a"),
]


@pytest.mark.parametrize(("line", "expected"), STUB)
def test_a_command_line_through_the_stub(line: str, expected: str) -> None:
    read = cmdline.parse(line.split())
    words = " ".join(injection.stub_arguments(read, "run", injection.inspects(read, {})))
    assert words.replace(f"run/{injection.STUB}", "STUB").replace(f"run/{injection.REOPEN}", "REOPEN") == expected


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        ("-S s", b"1", True),
        ("-S s", b"", False),
        ("-I s", b"1", False),
        ("-Es", b"1", False),
        ("-Ei s", b"", True),
        ("-S s -i", b"", False),
    ],
)
def test_whether_a_prompt_follows(line: str, value: bytes, expected: bool) -> None:
    assert injection.inspects(cmdline.parse(["python", *line.split()]), {b"PYTHONINSPECT": value}) is expected
