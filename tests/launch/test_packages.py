"""What single packages may do besides: small distributions in a virtual environment, of which one is granted something."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import LoopbackServer, Python
from launch.jobs import Jobs
from launch.staged import make_venv, site_packages
from launch.test_names import Names

MODULE = """
import socket, subprocess

def connect(place, port):
    socket.create_connection(("127.0.0.1", int(port)), 5).close()

def write(place, port):
    with open(place + "/" + __name__, "w") as file: file.write("x")

def start(place, port):
    subprocess.check_call(["/bin/true"])

def load(place, port):
    import ctypes

def call(function, *arguments):
    return function(*arguments)

async def connect_async(port):
    import asyncio
    _, writer = await asyncio.open_connection("localhost", int(port))
    writer.close()
"""
DISTRIBUTIONS = {"other": "0.1", "middle": "2.0", "granted": "1.2.3"}
"""The granted one last: what it has loaded all have."""

TRY = """
import json, sys, threading
import other, middle, granted
place, port = sys.argv[1:]
found = {}
def attempt(who, deed, function, *arguments):
    try: function(*(arguments or (place, port)))
    except Exception as error: found[who + " " + deed] = type(error).__name__
    else: found[who + " " + deed] = "done"
def mine(place, port): middle.call(lambda: __import__("socket").create_connection(("127.0.0.1", int(port)), 5).close())
for deed in ("connect", "write", "start", "load"):
    attempt("other", deed, getattr(other, deed))
    attempt("granted by middle", deed, granted.call, getattr(middle, deed), place, port)
    attempt("granted", deed, getattr(granted, deed))
attempt("mine", "connect", mine)
attempt("called back", "connect", granted.call, mine, place, port)
for package in (other, granted):
    thread = threading.Thread(target=attempt, args=(package.__name__, "in a thread", package.connect))
    attempt(package.__name__, "thread", lambda *_: (thread.start(), thread.join()))
    if sys.version_info >= (3, 7):
        attempt(package.__name__, "in asyncio", lambda *_: __import__("asyncio").run(package.connect_async(port)))
attempt("granted", "after other", granted.connect)
attempt("other", "after granted", other.connect)
print(json.dumps(found))
"""
GRANTS = """
version = 1
[package.Granted]
network.allow-localhost = true
filesystem.allow-write = "free"
subprocess.allow-run = "/bin/true"
native.allow-native = "ctypes"
"""
GUARDS = ["--no-network", "--fs-readonly", "--no-subprocess", "--block-native"]
REFUSED = {"connect": "NetworkRefused", "write": "FilesystemRefused", "start": "ProcessRefused", "load": "NativeRefused"}


class World:
    def __init__(self, jobs: Jobs, server: LoopbackServer, python: Python) -> None:
        self.jobs, self.server = jobs, server
        self.project = jobs.directory / "project"
        (self.project / "free").mkdir(parents=True)
        venv = jobs.directory / "venv"
        self.python = make_venv(venv, python)
        site = site_packages(venv, python)
        for name, version in DISTRIBUTIONS.items():
            self.install(site, name, version)
        (self.project / "try.py").write_text(TRY)

    def install(self, site: Path, name: str, version: str) -> None:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text(f"{name}.py,,\n{name}-{version}.dist-info/METADATA,,\n")
        (site / f"{name}.py").write_text(MODULE)

    def words(self) -> list[str]:
        return [self.python, "try.py", str(self.project / "free"), str(self.server.port)]

    def found(self, done: Any) -> dict[str, str]:
        assert done.code == 0, done.err
        found: dict[str, str] = json.loads(done.out)
        return found

    def native(self) -> dict[str, str]:
        return self.found(self.jobs.native(*self.words(), env=self.jobs.environ(), cwd=self.project))

    def guarded(self, *options: str, grants: str = GRANTS, **more: Any) -> tuple[dict[str, str], Any]:
        (self.project / "grants.toml").write_text(grants)
        done = self.jobs.guarded(
            *(options or GUARDS), "--policy=grants.toml", "--", *self.words(), env=self.jobs.environ(), cwd=self.project, **more
        )
        return self.found(done), done


@pytest.fixture
def world(jobs: Jobs, loopback_server: LoopbackServer, python: Python) -> World:
    return World(jobs, loopback_server, python)


def said(done: Any) -> str:
    """All that the user was told, and the rule of each refusal: only the first of its kind is printed."""
    return done.err + "".join(f"{event['rule']}\n" for event in done.of("refused"))


def refused(found: dict[str, str]) -> list[str]:
    return sorted(what for what, outcome in found.items() if outcome != "done")


OTHERS = [
    *(f"{who} {deed}" for who in ("other", "granted by middle") for deed in REFUSED),
    "called back connect", "mine connect", "other after granted", "other in a thread",
]  # fmt: skip


@pytest.mark.pythons("all")
def test_one_may_and_no_other(world: World, python: Python) -> None:
    assert refused(world.native()) == []
    found, done = world.guarded()
    others = [*OTHERS, "other in asyncio"] if python.version >= (3, 7) else OTHERS
    if python.implementation == "pypy":
        others = [*others, "granted load"]  # what is loaded from its start is forgotten, and does not come back whole
    assert refused(found) == sorted(others), done.err
    for deed, kind in REFUSED.items():
        assert found[f"other {deed}"] in (kind, "NameRefused"), found
    assert "network disabled: allowed for granted only, asked by other 0.1\n" in said(done)
    assert "network disabled: allowed for granted only, asked by middle 2.0\n" in said(done)
    assert "network disabled: allowed for granted only, asked by code of no distribution\n" in said(done)


@pytest.mark.pythons("smoke")
@pytest.mark.shared
def test_through(world: World) -> None:
    """What a package asks by is passed over, and nothing else is."""
    found, _ = world.guarded(grants=GRANTS + 'through = "middle"\n')
    assert [name for name in refused(found) if name.startswith("granted by middle")] == []
    assert {"other connect", "called back connect", "mine connect"} <= set(refused(found))


SAID = '[package.granted]\nnetwork.allow-localhost = true\nreason = "for a test"\n'


@pytest.mark.pythons("smoke")
@pytest.mark.shared
@pytest.mark.parametrize(
    ("more", "may", "told"),
    [
        ('approved = "1.2.*"', True, ""),
        ('approved = ["9", "1.2.3"]', True, ""),
        ('approved = "1.3.*"', False, "allowed for granted 1.3.* (for a test) only, asked by granted 1.2.3\n"),
        ("expires = 2999-01-31", True, ""),
        ("expires = 2020-01-31", False, "grants.toml: what package granted may do (for a test) has expired on 2020-01-31\n"),
    ],
)
def test_conditions(world: World, more: str, may: bool, told: str) -> None:
    found, done = world.guarded("--no-network", grants=f"version = 1\n{SAID}{more}\n")
    assert (found["granted connect"] == "done") is may
    assert found["other connect"] == "NetworkRefused"
    assert told in said(done)
    if "asked by" in told:
        assert '[package.granted] approved = "1.2.3"' in {event.get("hint") for event in done.events}
        assert "  allow it  in grants.toml: [package.other] network.allow-localhost=" in done.err
    assert not may or "expired" not in done.err


@pytest.mark.pythons("smoke")
@pytest.mark.shared
def test_trust(world: World) -> None:
    """A project's file gives nothing before it is trusted; at its top it holds in every run."""
    file = world.project / "hermetic.toml"
    file.write_text(f"version = 1\n{SAID}")
    env = world.jobs.environ(HOME=world.jobs.directory)
    words = ("--no-network", "--", *world.words())
    done = world.jobs.guarded(*words, env=env, cwd=world.project)
    assert world.found(done)["granted connect"] == "NetworkRefused"
    assert "hermetic.toml is not trusted, so what it lets single packages do is not given" in done.err
    done = world.jobs.guarded("policy", "trust", env=env, cwd=world.project, log=False)
    assert "  + package.granted.network.allow-localhost = true\n" in done.out
    found = world.found(world.jobs.guarded(*words, env=env, cwd=world.project))
    assert (found["granted connect"], found["other connect"]) == ("done", "NetworkRefused")
    file.write_text(f"version = 1\n[network]\n{SAID}")
    found = world.found(world.jobs.guarded(*words[:1], "--allow-localhost", *words[1:], env=env, cwd=world.project))
    assert found["other connect"] == "NetworkRefused"


@pytest.mark.pythons("smoke")
@pytest.mark.shared
def test_nested(world: World, hermetic_command: str) -> None:
    """What the outer one does not allow a package, the inner one cannot give it; and the other way round."""
    (world.project / "grants.toml").write_text(f"version = 1\n{SAID}")
    plain, granting, open_to_all = ["--no-network"], ["--no-network", "--policy=grants.toml"], ["--no-network", "--allow-localhost"]
    for outer, inner, expected in (
        (granting, granting, ("done", "NetworkRefused")),
        (granting, plain, ("NetworkRefused", "NetworkRefused")),
        (plain, granting, ("NetworkRefused", "NetworkRefused")),
        (open_to_all, granting, ("done", "NetworkRefused")),
        (granting, open_to_all, ("done", "NetworkRefused")),
    ):
        done = world.jobs.guarded(*outer, "--", hermetic_command, *inner, "--", *world.words(), env=world.jobs.environ(), cwd=world.project)
        found = world.found(done)
        assert (found["granted connect"], found["other connect"]) == expected, (outer, inner, done.err)


PROGRAM = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5).close(); print('reached')"
CALL = """
import ctypes, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
made = libc.socket(2, 1, 0)
address = struct.pack("=H", 2) + struct.pack(">H", int(sys.argv[1])) + bytes([127, 0, 0, 1]) + bytes(8)
print("reached" if libc.connect(made, address, 16) == 0 else ctypes.get_errno())
"""


def test_the_kernel_holds_the_union(jobs: Jobs, loopback_server: LoopbackServer) -> None:
    """It cannot tell who asks, so native code may what any package may, and not more."""
    (jobs.directory / "grants.toml").write_text(f"version = 1\n{SAID}")
    port = str(loopback_server.port)
    run = ("--", sys.executable, "-c", CALL, port)
    for words, reached in ((["--policy=grants.toml"], True), ([], False)):
        done = jobs.guarded("--no-network", "--no-policy" if not words else words[0], *run, env=jobs.environ())
        assert ("reached" in done.out) is reached, done.err
    done = jobs.guarded("--no-network", "--policy=grants.toml", "--", sys.executable, "-c", PROGRAM, port, env=jobs.environ())
    assert done.refused == [f"connect(127.0.0.1:{port})"]
    done = jobs.guarded(
        "-v", "--no-network", "--policy=grants.toml", "--require=kernel", "--", sys.executable, "-c", "", env=jobs.environ()
    )
    assert done.code == 125
    assert "what single packages may do all may" in done.err


FETCH = """
import socket
def fetch(connect=socket.create_connection):
    with connect(("app.test", 80), 5) as s:
        s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        return s.recv(999)
async def stream():
    import asyncio
    reader, writer = await asyncio.open_connection("app.test", 80)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    return await reader.read()
"""
BY = "def connect(*words):\n import socket\n return socket.create_connection(*words)\n"


@pytest.mark.pythons("smoke")
@pytest.mark.shared
def test_names(world: World, among_names: Names, hermetic_command: str) -> None:
    """The addresses that a package's name leads to it may connect to, and so may what it asks by; to others the same addresses stay closed."""
    site = next(Path(world.python).parent.parent.glob("lib*/py*/site-packages"))
    for name, text in (("granted", FETCH), ("other", FETCH), ("middle", BY)):
        (site / f"{name}.py").write_text(text)
    allowed = "version = 1\n[package.granted]\nnetwork.allow-domain = 'app.test'\n"
    for name, text in (("near", allowed), ("through", f"{allowed}through = ['middle']\n")):
        (world.project / f"{name}.toml").write_text(text)
    codes = {
        "granted": "import granted; print(granted.fetch())",
        "granted by middle": "import granted, middle; print(granted.fetch(middle.connect))",
        "granted in asyncio": "import asyncio, granted; print(asyncio.run(granted.stream()))",
        "other": "import other; print(other.fetch())",
        "other by middle": "import other, middle; print(other.fetch(middle.connect))",
        "other in asyncio": "import asyncio, other; print(asyncio.run(other.stream()))",
        "another's address": "import granted, middle; granted.fetch(); middle.connect(('8.8.4.4', 80))",
    }
    run = [hermetic_command, "--no-network", "--policy"]
    found = among_names(
        {
            **{f"{policy}: {name}": [*run, f"{world.project}/{policy}.toml", "--", world.python, "-c", code] for name, code in codes.items()
               for policy in ("near", "through")},
            **{f"bare: {name}": [world.python, "-c", code] for name, code in codes.items()},
        }
    )  # fmt: skip
    assert {name for name, (code, _, _) in found.items() if code == 0} == {
        *(f"bare: {name}" for name in codes),
        *(f"{policy}: {name}" for policy in ("near", "through") for name in ("granted", "granted in asyncio")),
        "through: granted by middle",
    }, found
    assert "allowed for granted only, asked by middle 2.0: connect(8.8.4.4:80)" in found["near: another's address"][1]
    assert found["near: other"][2] == []


FORGED = "exec(compile('import socket; socket.create_connection((\"127.0.0.1\", int(port)), 5).close()', granted.__file__, 'exec'))"


@pytest.mark.pythons("3.11")
@pytest.mark.xfail(strict=True, reason="README: who asks")
def test_hole(world: World) -> None:
    code = f"import granted, sys; port = sys.argv[1]; {FORGED}"
    (world.project / "grants.toml").write_text(f"version = 1\n{SAID}")
    words = ("--no-network", "--policy=grants.toml", "--", world.python, "-c", code, str(world.server.port))
    done = world.jobs.guarded(*words, env=world.jobs.environ(), cwd=world.project)
    assert done.code == 77
