"""`hermetic_blocker` and `with_hermetic` as programs use them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from blocks.running import BEGIN, lines
from blocks.running import python as run
from conftest import LoopbackServer, Python

from hermetic.errors import BadArgument, BadBlock, HermeticError


def test_the_examples(tmp_path: Path) -> None:
    code = """
    with hermetic_blocker(block_subprocess=True):
        print(said(os.system, "echo no"))
    print(said(os.system, "true"))

    @with_hermetic(fs_readonly=True, fs_root="sandbox")
    def analyze(path):
        return open(path).read()

    print(analyze("sandbox/data"), said(analyze, "secret"), sep="|")
    with hermetic_blocker(fs_readonly=True):
        print(said(open, "new", "w"))
    print(said(open, "new", "w"))
    with hermetic_blocker(block_native=True):
        print(said(__import__, "ctypes"))
    with hermetic_blocker(profile="block-all"):
        print(said(os.mkdir, "made"), said(socket.getaddrinfo, "example.com", 80), said(os.fork), sep="|")
    """
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox/data").write_text("data")
    (tmp_path / "secret").write_text("secret")
    found = lines(code, tmp_path)
    assert "ProcessViolation: subprocess disabled: start(" in found[0]
    assert found[1] == "done"
    assert found[2].startswith("data|FilesystemViolation: ")
    assert found[3].startswith("FilesystemViolation: filesystem read-only: write(")
    assert found[4] == "done"
    assert found[5].startswith("NativeRefused: ")
    assert [part.partition(":")[0] for part in found[6].split("|")] == ["FilesystemViolation", "NetworkViolation", "ProcessViolation"]


def test_names_and_addresses(tmp_path: Path, loopback_server: LoopbackServer) -> None:
    """Without a name server an allowed name is looked up in vain, which is no violation."""
    code = f"""
    reach = lambda host, port: socket.create_connection((host, port), 5).close()
    with hermetic_blocker(block_network=True, allow_domains=["allowed.invalid"], allow_localhost=[{loopback_server.port}]):
        print(said(reach, "allowed.invalid", 443), said(reach, "example.com", 443), sep="|")
        print(said(reach, "127.0.0.1", {loopback_server.port}), said(reach, "127.0.0.1", 1), sep="|")
    print(said(reach, "127.0.0.1", {loopback_server.port}))
    """
    names, addresses, after = lines(code, tmp_path)
    assert names.startswith("gaierror: ")
    assert "|NetworkViolation: network disabled: DNS(example.com)" in names
    assert addresses.startswith("done|NetworkViolation: ")
    assert after == "done"
    assert len(loopback_server.visitors) == 2


def test_violations_are_told_whoever_swallows_them(tmp_path: Path) -> None:
    code = """
    def careless():
        try:
            socket.create_connection(("127.0.0.1", 9))
        except Exception:
            pass

    with hermetic_blocker(block_network=True) as outer:
        with hermetic_blocker(fs_readonly=True) as inner:
            careless()
            thread = threading.Thread(target=careless)
            thread.start()
            thread.join()
            said(os.mkdir, "made")
    for one in outer.violations:
        print(one.guard, one.action, one.target, one.rule, one.hint, one.asked_by, sep="|")
    print(outer.refused, inner.violations == outer.violations, one.stack[0][2], one)
    """
    found = lines(code, tmp_path)
    assert found[0].startswith("network|connect|127.0.0.1:9|network disabled|allow_localhost=9|script.py:")
    assert found[1] == found[0]
    assert found[2].startswith(f"filesystem|create|{tmp_path}/made|filesystem read-only|allow_write=[")
    assert found[3] == f"3 True said filesystem read-only: create({tmp_path}/made)"


def test_pickles(tmp_path: Path) -> None:
    code = """
    block = hermetic_blocker(block_network=True, scope="context")
    again = pickle.loads(pickle.dumps(block))
    print(again.policy == block.policy, again.scope)

    @with_hermetic(fs_readonly=True)
    def function():
        os.mkdir("made")

    print(pickle.loads(pickle.dumps(function)) is function)
    try:
        function()
    except PolicyViolation as error:
        copy = pickle.loads(pickle.dumps(error))
        print(type(copy) is type(error), copy.target == error.target, isinstance(error, OSError))
    with hermetic_blocker(fs_readonly=True, on_violation="refuse"):
        try:
            os.mkdir("made")
        except OSError as error:
            print(isinstance(pickle.loads(pickle.dumps(error)), PolicyViolation), error.errno)
    """
    assert lines(code, tmp_path) == ["True context", "True", "True True False", "True 30"]


BAD = {
    "nothing": ({}, BadBlock, "nothing is guarded"),
    "nothing either": ({"block_network": False}, BadBlock, "nothing is guarded"),
    "no guard for it": ({"fs_readonly": True, "allow_domains": ["example.com"]}, BadBlock, "--allow-domain has nothing to adjust"),
    "no name": ({"block_network": True, "allow_domains": ["a b"]}, BadBlock, "--allow-domain"),
    "no text": ({"block_network": True, "allow_domains": [1]}, BadArgument, "allow_domains takes text"),
    "no switch": ({"block_network": "yes"}, BadArgument, "block_network is True or False"),
    "no directory": ({"fs_root": "/nowhere/at/all"}, BadBlock, "there is no such directory"),
    "not both": ({"fs_readonly": False, "fs_root": "."}, BadBlock, "fs_root"),
    "no path": ({"fs_root": 3}, BadArgument, "fs_root is a path"),
    "no profile": ({"profile": "nothing"}, BadBlock, "nothing"),
    "no block's profile": ({"profile": "llm-code"}, BadBlock, "a block in a process cannot hold"),
    "no file": ({"policy": "/nowhere/policy.toml"}, BadBlock, "/nowhere/policy.toml"),
    "no manner": ({"block_network": True, "on_violation": "shout"}, BadBlock, "only raise or refuse or kill"),
    "no scope": ({"block_network": True, "scope": "thread"}, BadBlock, "only process or context"),
    "no ports": ({"block_network": True, "allow_localhost": "http"}, BadBlock, "--allow-localhost"),
}


def test_what_was_asked_for_before_is_no_other(tmp_path: Path) -> None:
    """Blocks with the same few arguments share what these come to; 1 is no switch, though it equals True."""
    from hermetic import hermetic_blocker

    one, other = (hermetic_blocker(block_network=True, allow_localhost=what) for what in (True, False))
    assert one.policy != other.policy
    assert hermetic_blocker(block_network=True, allow_localhost=True).policy == one.policy
    for switch in (1, 1.0):
        with pytest.raises(BadArgument):
            hermetic_blocker(block_network=switch, allow_localhost=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name: str) -> None:
    """Said when the block is made, not when it is entered."""
    from hermetic import hermetic_blocker

    given, kind, text = BAD[name]
    with pytest.raises(kind, match=text) as caught:
        hermetic_blocker(**given)
    assert isinstance(caught.value, HermeticError)
    assert isinstance(caught.value, TypeError if kind is BadArgument else ValueError)


def test_what_cannot_be_decorated() -> None:
    from hermetic import with_hermetic

    for what in (3, type("Thing", (), {})):
        with pytest.raises(BadArgument):
            with_hermetic(block_network=True)(what)
    with pytest.raises(TypeError):
        with_hermetic(print)  # without parentheses


def test_blocks_that_leave_nothing(tmp_path: Path) -> None:
    code = """
    for name in "ab":
        os.mkdir(name)
    from hermetic.api import Block
    from hermetic_guard.policy import Filesystem, Policy
    one, other = [Block(Policy(filesystem=Filesystem(read=(os.path.abspath(name),)))) for name in "ab"]
    with one:
        print(said(other.__enter__))
    print(said(other.__enter__))
    """
    first, second = lines(code, tmp_path)
    assert first.startswith("BadBlock: this block and those around it leave nothing")
    assert second == "done"


def test_a_policy_file(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'version = 1\n[network]\nallow-localhost = true\n[profile.quiet]\nfilesystem.allow-write = ["kept"]\n'
    )
    code = """
    os.mkdir("kept")
    with hermetic_blocker(policy="own.toml"):
        print(said(socket.getaddrinfo, "example.com", 80), said(os.mkdir, "free"), sep="|")
    with hermetic_blocker(policy="own.toml", profile="quiet"):
        print(said(os.mkdir, "kept/in"), said(os.mkdir, "out"), said(socket.getaddrinfo, "example.com", 80), sep="|")
    """
    found = [[part.partition(":")[0] for part in line.split("|")] for line in lines(code, tmp_path, XDG_CONFIG_HOME=str(tmp_path))]
    assert found == [["NetworkViolation", "done"], ["done", "FilesystemViolation", "NetworkViolation"]]


def test_the_manner(tmp_path: Path) -> None:
    """`raise` where nothing is said; a file's word holds if it is the stricter one."""
    (tmp_path / "kill.toml").write_text('version = 1\non-violation = "kill"\n[filesystem]\n')
    code = """
    for given in ({}, {"on_violation": "refuse"}, {"policy": "kill.toml"}):
        block = hermetic_blocker(fs_readonly=True, **given)
        print(block.policy.on_violation)
    child = os.fork()
    if not child:
        with block:
            said(os.mkdir, "made")
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert lines(code, tmp_path) == ["raise", "refuse", "kill", "77"]


def test_in_a_run(tmp_path: Path, hermetic_command: str) -> None:
    """Both hold: what the block forbids and what the run does, whatever the block would allow."""
    script = tmp_path / "script.py"
    script.write_text(
        BEGIN
        + textwrap.dedent("""
        reach = lambda: socket.create_connection(("127.0.0.1", 9))
        with hermetic_blocker(fs_readonly=True) as passed:
            print(said(os.mkdir, "made"), said(reach), sep="|")
        print(said(os.mkdir, "made"), said(reach), sep="|")
        with hermetic_blocker(block_network=True, allow_localhost=True):
            print(said(reach), said(socket.getaddrinfo, "example.com", 80), sep="|")
        print(said(subprocess.run, [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]))
        print([one.guard for one in passed.violations])
        """)
    )
    done = subprocess.run(
        [hermetic_command, "exec", "-q", "--no-network", "--no-policy", "--python", sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second, third, child, told = done.stdout.splitlines()
    assert [part.partition(":")[0] for part in first.split("|")] == ["FilesystemViolation", "NetworkRefused"]
    assert [part.partition(":")[0] for part in second.split("|")] == ["done", "NetworkRefused"]
    assert third.startswith("NetworkRefused: ")
    assert "example.com" in third
    assert (child, told) == ("done", "['filesystem']")


CYCLES = """
block = hermetic_blocker(block_network=True, scope={scope!r})
decorated = block(lambda: None)
def turn(count):
    for _ in range(count):
        with block:
            pass
    decorated()
turn(1000)
import gc
gc.collect()
before = sys.getallocatedblocks()
turn({count})
gc.collect()
print(sys.getallocatedblocks() - before)
"""


@pytest.mark.parametrize("scope", ["process", "context"])
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_nothing_is_left_of_blocks(tmp_path: Path, scope: str, count: int) -> None:
    (left,) = lines(CYCLES.format(scope=scope, count=count), tmp_path)
    assert abs(int(left)) < 50


def test_an_open_block_does_not_keep_run_directories(tmp_path: Path) -> None:
    """Those of children, though nothing may be written any more."""
    code = """
    hermetic_blocker(fs_readonly=True).__enter__()
    print(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True).stdout)
    """
    assert lines(code, tmp_path, TMPDIR=str(tmp_path)) == ["1", ""]
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]


THREADS = """
import concurrent.futures, random, time
from hermetic.blocks.process import guards
blocks = [hermetic_blocker(fs_readonly=True, scope=scope) for scope in ("process", "context", "context")]
def work(seed):
    order = random.Random(seed)
    for _ in range(300):
        with order.choice(blocks), order.choice(blocks):
            assert said(os.mkdir, "made").startswith("FilesystemViolation")
original = os.mkfifo
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(work, range(8)))
print(os.mkfifo is original, said(os.mkdir, "made"), len(guards().inside.standing))
"""


def test_many_threads(tmp_path: Path) -> None:
    assert lines(THREADS, tmp_path) == ["True done 0"]


def test_types(tmp_path: Path) -> None:
    """For mypy, of programs that use it; what is decorated keeps its type."""
    program = tmp_path / "program.py"
    program.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", sys.executable, "--no-incremental", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    revealed = [line.partition('"')[2].rstrip('"') for line in done.stdout.splitlines() if "Revealed" in line]
    assert (done.returncode, revealed) == (0, TYPES), done.stdout


TYPED = """
from hermetic import PolicyViolation, hermetic_blocker, seal, with_hermetic

@with_hermetic(block_network=True, allow_domains=["api.example.com"], allow_localhost=[8000])
async def fetch(name: str) -> int:
    return 1

with hermetic_blocker(fs_readonly=True, fs_root=".", scope="context", on_violation="refuse") as run:
    pass
reveal_type(fetch)
reveal_type(run.violations[0].target)
try:
    pass
except PolicyViolation as error:
    reveal_type(error.hint)
sealed = seal(block_network=True, allow_run=["true"], require="kernel")
reveal_type(sealed.layers["network"].kernel)
reveal_type(sealed.violations[0].hint)
"""
TYPES = ["def (name: str) -> typing.Coroutine[Any, Any, int]", "str", "str", "str", "str"]


INTERPRETERS = """
import sys
module = __import__("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
from hermetic import PolicyViolation, hermetic_blocker
import os, threading
known = module.create()
def said(name):
    try:
        (getattr(module, "exec", None) or module.run_string)(known, f"import os\\nos.mkdir({name!r})")
    except PolicyViolation as error:
        return error.target
    return "done" if os.path.isdir(name) else "nothing"
def elsewhere(name):
    found = []
    thread = threading.Thread(target=lambda: (go.wait(), found.append(said(name))))
    return thread, found
go = threading.Event()
print(said("before"))
for scope in ("process", "context"):
    go.clear()
    thread, found = elsewhere(f"elsewhere-{scope}")
    thread.start()
    with hermetic_blocker(fs_readonly=True, scope=scope):
        print(said(f"inside-{scope}"))
        go.set()
        thread.join()
    print(*found, said(f"after-{scope}"))
"""


@pytest.mark.pythons("3.11", "3.12", "3.13", "3.14")
def test_an_interpreter_that_was_there_before(python: Python, tmp_path: Path) -> None:
    """No hook of ours sees what code does in there."""
    found = run("-W", "ignore", "-c", INTERPRETERS, interpreter=python.path, cwd=tmp_path)
    refused = "a sub-interpreter"
    assert found == ["done", refused, f"{refused} done", refused, "done done"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after-context", "after-process", "before", "elsewhere-context"]
