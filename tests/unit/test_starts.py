"""What becomes of a start: which way it takes, with which command line and environment, and when it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hermetic_guard import injection, programs
from hermetic_guard.start import Start
from hermetic_guard.starts import Planner

USER = {b"LD_LIBRARY_PATH": b"/users"}
BINARY = b"\x7fELF"


class Refused(Exception):
    """What the fake enforcer raises."""


class Questions:
    """Refuses by an exception of ours. allowed: names of the programs that may be started, None where all may."""

    def __init__(self) -> None:
        self.policy: bytes | None = None
        self.allowed: tuple[str, ...] | None = None
        self.harmless: tuple[bytes, ...] = ()
        self.asked: list[str] = []
        self.readable = True

    def judge_reading(self, path: str) -> None:
        if not self.readable:
            raise Refused("read", path)

    def judge(self, action: str, shown: str, path: str) -> None:
        assert shown == path
        self.asked.append(os.path.basename(path))
        if self.allowed is not None and os.path.basename(path) not in self.allowed:
            raise Refused(action, path)

    def allows(self, action: str, path: str | None = None) -> bool:
        assert action == ("fork" if path is None else "start")
        return self.allowed != () if path is None else self.allowed is None or path in self.allowed

    def set_variable(self, name: bytes, value: bytes) -> None:
        if self.allowed is not None and name not in self.harmless:
            raise Refused("load", os.fsdecode(name + b"=" + value))

    def refuse(self, action: str, target: str) -> None:
        raise Refused(action, target)

    def narrowed(self) -> bytes | None:
        return self.policy


class World:
    """A directory with programs in it, and one that is the run directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = directory / "run"
        self.run.mkdir()
        (self.run / "policy").write_bytes(b"1")
        for name in ("python", "python9", "ls", "env"):
            self.program(name, BINARY)
        self.questions = Questions()
        handoff = injection.Handoff(os.fsencode(self.run), b"d1g35t", (1, 2))
        proved = frozenset([os.path.realpath(self.path("python"))])
        self.planner = Planner(self.questions, handoff, ["policy"], proved, USER)

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def program(self, name: str, content: bytes) -> str:
        file = self.directory / name
        file.write_bytes(content)
        file.chmod(0o755)
        return str(file)

    def plan(self, line: str, environment: dict[bytes, bytes] | None = None, *before: str) -> Start:
        """Plan the start of a command line; `before` are executables tried first."""
        words = line.split()
        words[0] = self.path(words[0])
        return self.planner.plan(Start([*before, words[0]], words, dict(environment or {})))

    def shown(self, start: Start) -> str:
        """The way, the executable and the command line, without directories."""
        way = start.environment[b"_HERMETIC"].split(b":")[4].decode() if b"_HERMETIC" in start.environment else "-"
        text = " ".join([way, start.executables[-1] + ":", *start.arguments[1:]])
        return (
            text.replace(f"{self.run}/{injection.STUB}", "STUB")
            .replace(f"{self.run}/{injection.REOPEN}", "REOPEN")
            .replace(f"{self.directory}/", "")
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ls -I", "early ls: -I"),
        ("python a.py b", "early python: a.py b"),
        ("python -s -m a", "early python: -s -m a"),
        ("python -I a.py", "stub python: -S -I STUB f a.py"),
        ("python -bEc 1 a", "stub python: -S -bE STUB c 1 a"),
        ("python -S a.py", "stub python: -S -S STUB F a.py"),
        ("python -I", "stub python: -S -I STUB i"),
        ("python -Ii", "stub python: -E -S REOPEN STUB -S -Ii STUB i"),
        ("python -IV", "early python: -IV"),
        ("python9 a.py", "stub python9: -S STUB f a.py"),
        ("nowhere -I", "early nowhere: -I"),
        ("env", "-: env:"),
        ("env -0", "early env: -0"),
        ("env nowhere", "early env: nowhere"),
    ],
)
def test_way(world: World, line: str, expected: str) -> None:
    assert world.shown(world.plan(line)).replace("- env:", "-: env:") == expected


def test_arguments_may_be_missing(world: World) -> None:
    start = world.planner.plan(Start([world.path("python9")], [], {}))
    assert start.arguments[:2] == ["", "-S"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("#!{0}/python\n", "early script: a"),
        ("#!{0}/python -E\n", "stub python: -S -E STUB f script a"),
        ("#!{0}/python9\n", "stub python9: -S STUB f script a"),
        ("#!/usr/bin/env -S {0}/python -I\n", "stub python: -S -I STUB f script a"),
        ("#!/usr/bin/env -S A=b {0}/python\n", "early python: script a"),
        ("#!/usr/bin/env -S -i {0}/ls\n", "early ls: script a"),
        ("#!{0}/ls\n", "early script: a"),
        ("echo\n", "early script: a"),
    ],
)
def test_script(world: World, head: str, expected: str) -> None:
    world.program("script", head.format(world.directory).encode())
    assert world.shown(world.plan("script a", {b"C": b"d"})) == expected


def test_script_gets_what_its_env_sets(world: World) -> None:
    world.program("script", b"#!/usr/bin/env -S -i A=b %s/python\n" % os.fsencode(world.directory))
    assert injection.restore_environment(world.plan("script", {b"C": b"d"}).environment) == {b"A": b"b"}


@pytest.mark.parametrize(
    ("line", "expected", "environment"),
    [
        ("env -i {0}/python a", "early python: a", {}),
        ("env -u C A=b {0}/python -I a", "stub python: -S -I STUB f a", {b"A": b"b"}),
        ("env -i {0}/env A=b {0}/ls", "early ls:", {b"A": b"b"}),
    ],
)
def test_env_is_passed_over(world: World, line: str, expected: str, environment: dict[bytes, bytes]) -> None:
    start = world.plan(line.format(world.directory), {b"C": b"d"})
    assert world.shown(start).rstrip() == expected
    assert injection.restore_environment(start.environment) == environment


def test_the_first_that_can_be_run_decides(world: World) -> None:
    nothing, empty = world.path("nothing"), world.program("empty", b"")
    assert world.plan("ls", {}, nothing, empty).executables == [nothing, empty, world.path("ls")]
    assert world.plan("ls", {}, empty, world.path("python")).executables == [empty, world.path("python")]
    stub = world.planner.plan(Start([empty, world.path("python")], ["python", "-I", "a"], {}))
    assert stub.executables == [world.path("python")]


def test_relative_to_the_directory_of_the_child(world: World) -> None:
    early = world.planner.plan(Start(["./python"], ["./python", "a"], {}, str(world.directory)))
    assert (early.executables, early.arguments) == (["./python"], ["./python", "a"])
    stub = world.planner.plan(Start(["./python"], ["./python", "-I", "a"], {}, str(world.directory)))
    assert os.path.isabs(stub.executables[0])
    assert stub.arguments[0] == "./python"


@pytest.mark.parametrize(
    ("line", "environment"),
    [
        ("python a", {b"PYTHONHOME": b"/a"}),
        ("python a", {b"PYTHONPLATLIBDIR": b"a"}),
        ("python -I a", {b"PYTHONEXECUTABLE": b"/a"}),
        ("env PYTHONEXECUTABLE=/a ls", {}),
        ("ls", {b"__PYVENV_LAUNCHER__": b"/a"}),
        ("ls", {b"PYTHONHOME": b"/a"}),
        ("env PYTHONHOME=/a ls", {}),
        ("python -Xpycache_prefix=/a a", {}),
        ("python -I -X pycache_prefix=/a a", {}),
        ("python -bX presite=a a", {}),
    ],
)
def test_misled(world: World, line: str, environment: dict[bytes, bytes]) -> None:
    with pytest.raises(Refused, match=r"PYTHONHOME|PYTHONPLATLIBDIR|PYTHONEXECUTABLE|LAUNCHER|-X"):
        world.plan(line, environment)


@pytest.mark.parametrize("line", ["python -E a", "python -I a"])
def test_ignored_variables_mislead_nobody(world: World, line: str) -> None:
    start = world.plan(line, {b"PYTHONHOME": b"/a"})
    assert b"PYTHONHOME" not in start.environment
    assert injection.restore_environment(start.environment) == {b"PYTHONHOME": b"/a"}


@pytest.mark.parametrize("value", [b"/users", b"/others", None])
def test_interpreters_get_the_users_libraries_only(world: World, value: bytes | None) -> None:
    given = {b"LD_PRELOAD": b"x", **({b"LD_LIBRARY_PATH": value} if value else {})}
    start = world.plan("python a", given)
    assert start.environment.get(b"LD_LIBRARY_PATH") == (b"/users" if value else None)
    assert b"LD_PRELOAD" not in start.environment
    assert injection.restore_environment(start.environment) == given
    assert world.plan("ls", given).environment[b"LD_PRELOAD"] == b"x"


def test_nothing_is_preloaded_where_that_would_be_another_program(world: World) -> None:
    world.questions.allowed = ("ls",)
    with pytest.raises(Refused, match="LD_PRELOAD=x"):
        world.plan("ls", {b"LD_PRELOAD": b"x"})
    world.questions.harmless = (b"LD_PRELOAD",)
    with pytest.raises(Refused, match="LD_PRELOAD would make another program of it"):
        world.plan("ls", {b"LD_PRELOAD": b"x"})
    world.plan("ls", {b"LD_LIBRARY_PATH": b"x"})


def test_a_narrower_policy_is_handed_on(world: World) -> None:
    assert injection.NARROWED not in world.plan("ls").environment
    world.questions.policy = b"narrow"
    assert world.plan("ls").environment[injection.NARROWED] == b"narrow"


@pytest.mark.parametrize("change", ["touch", "write", "add", "remove"])
def test_altered_run_directory(world: World, change: str) -> None:
    world.plan("ls")
    if change == "touch":
        os.utime(world.run / "policy", ns=(1, 1))
    elif change == "write":
        (world.run / "policy").write_bytes(b"22")
    elif change == "add":
        (world.run / "json.py").touch()
    else:
        (world.run / "policy").unlink()
    with pytest.raises(Refused, match="the run directory was altered"):
        world.plan("ls")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("ls", ["ls"]),
        ("python a.py", ["python"]),
        ("python9 -I a.py", ["python9"]),
        ("linked", ["ls"]),
        ("script", ["script"]),
        ("env script", ["env", "script"]),
        ("env -i {0}/env A=b {0}/script", ["env", "env", "script"]),
        ("nowhere", []),
    ],
)
def test_who_is_asked_for(world: World, line: str, asked: list[str]) -> None:
    """The file that is named, behind its links; for a script that is the script."""
    world.program("script", b"#!%s/python\n" % os.fsencode(world.directory))
    os.symlink("ls", world.directory / "linked")
    world.plan(line.format(world.directory), {b"PATH": os.fsencode(world.directory)})
    assert world.questions.asked == asked


@pytest.mark.parametrize("line", ["python a", "env ls", "script", "nowhere/python"])
def test_nothing_else_is_started(world: World, line: str) -> None:
    world.program("script", b"#!%s/ls\n" % os.fsencode(world.directory))
    world.questions.allowed = ("ls",)
    world.plan("ls")
    if line == "nowhere/python":
        world.plan(line)  # it fails by itself
    else:
        with pytest.raises(Refused, match="start"):
            world.plan(line, {b"PATH": os.fsencode(world.directory)})


def test_all_that_could_be_run_are_asked_for(world: World) -> None:
    """The kernel may run what cannot be read, or is nothing that we know."""
    world.questions.allowed = ("ls",)
    with pytest.raises(Refused, match="strange"):
        world.plan("ls", {}, world.program("strange", b"\0\1\2\3"))
    (world.directory / "plain").write_bytes(BINARY)
    world.plan("ls", {}, world.path("plain"), world.path("nowhere"))


def test_where_nothing_may_be_started_nothing_is_looked_for_by_a_fork(world: World) -> None:
    world.questions.allowed = ()
    with pytest.raises(Refused):
        world.plan("ls")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        world.plan("nowhere")


@pytest.mark.parametrize("name", [b"OPENSSL_CONF", b"OPENSSL_MODULES", b"GCONV_PATH"])
def test_variables_that_load_libraries(world: World, name: bytes) -> None:
    world.questions.allowed = ("python", "ls")
    world.plan("ls", {name: b"/a"})
    with pytest.raises(Refused, match="load"):
        world.plan("python a", {name: b"/a"})


NOBODY_CAN_SAY = "nobody can say what it is"


def test_what_cannot_be_read_is_not_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def leased(file: str) -> bytes:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(programs, "read_head", leased)
    for line in ("ls", "python -I a", "env ls"):
        with pytest.raises(Refused, match=NOBODY_CAN_SAY):
            world.plan(line, {b"PATH": os.fsencode(world.directory)})
    world.plan("nowhere")
    world.questions.readable = False
    with pytest.raises(Refused, match=r"'read', '/.*/ls'"):  # where it is the policy that keeps it from being read
        world.plan("ls")


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("executable", "cwd"), [("/dev/fd/{0}", ""), ("ls", "/dev/fd/{1}"), ("/dev/fd/{1}/ls", "")])
def test_what_is_something_else_in_the_child(world: World, executable: str, cwd: str, same: bool) -> None:
    """By a descriptor, of the program, its directory, and one on the way."""
    descriptors = [os.open(path, os.O_RDONLY) for path in (world.path("ls"), world.directory)]
    asked = []
    start = Start([executable.format(*descriptors)], ["ls"], {}, cwd.format(*descriptors), lambda name: bool(asked.append(name)) or same)
    try:
        if same:
            assert world.planner.plan(start).executables == start.executables
        else:
            with pytest.raises(Refused, match="is something else in the process that will start"):
                world.planner.plan(start)
        assert set(asked) <= {str(one) for one in descriptors}
        assert asked
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def test_argv0_is_kept_but_where_it_leads_astray(world: World) -> None:
    for folder in ("lib/python3.11", "evil/lib/python3.11", "evil/bin", "harmless"):
        world.directory.joinpath(folder).mkdir(parents=True)
    for folder in ("lib", "evil/lib"):
        world.directory.joinpath(folder, "python3.11/os.py").touch()
    world.directory.joinpath("bin").mkdir()
    python = world.program("bin/python", BINARY)
    kept = ["python", "anything", python, world.path("harmless/python")]
    for name in [*kept, world.path("evil/bin/nothing")]:
        start = world.planner.plan(Start([python], [name, "a"], {}, str(world.directory / "harmless")))
        assert start.arguments[0] == (name if name in kept else python)
    start = world.planner.plan(Start([python], ["python"], {}, str(world.directory / "evil")))
    assert start.arguments[0] == python
