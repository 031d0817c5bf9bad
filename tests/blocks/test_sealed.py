"""What a sealed process is refused, through Python, by system calls and in programs that it starts; and that nothing takes the seal off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Python
from guards import tampering_rows
from launch.staged import Listener

from hermetic.launch import stage
from hermetic.linux import landlock

SCRIPT = Path(__file__).with_name("sealing.py")
SOURCE = Path(__file__).with_name("attempt.c")
ORDINARY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
USERS = ["root", "ordinary"] if os.geteuid() == 0 else ["ordinary"]

NETWORK = {
    "python": "socket.create_connection(('127.0.0.1', port)).close()",
    "python, by the module below": "import _socket; _socket.socket().connect(('127.0.0.1', port))",
    "call": "call('connect', call('socket', 2, 1, 0), address(port), 16)",
    "call, UDP": "call('socket', 2, 2, 0)",
    "call, MPTCP": "call('socket', 2, 1, 262)",
    "C": "run(program, 'connect', str(port))",
    "shell": "run('sh', '-c', 'exec $0 connect $1', program, str(port))",
    "fork": "failed(forked(lambda: call('connect', call('socket', 2, 1, 0), address(port), 16)))",
}
SUBPROCESS = {
    "python": "run('true')",
    "python, fork": "parent_of(os.fork())",
    "python, exec": "os.execv('/bin/echo', ['echo', 'done'])",
    "python, system": "failed(os.system('true'))",
    "call, clone": "parent_of(call('clone', 17))",
    "call, execve": "call('execve', b'/bin/echo', strings(b'echo', b'done'), strings())",
    "call, execveat": "call('execveat', -100, b'/bin/echo', strings(b'echo', b'done'), strings(), 0)",
    "libc, posix_spawn": "failed(libc.posix_spawn(ctypes.byref(ctypes.c_int()), b'/bin/true', None, None, strings(b'true'), strings()))",
    "libc, system": "failed(libc.system(b'true') and 1)",
}
FILESYSTEM = {
    "python": "open(place + '/new', 'x').close(); os.unlink(place + '/new')",
    "python, no event": "os.mkfifo(place + '/fifo'); os.unlink(place + '/fifo')",
    "python, mode": "os.chmod(place + '/file', 0o600)",
    "call": "os.close(call('openat', -100, (place + '/file').encode(), os.O_WRONLY))",
    "call, mode": "call('fchmodat', -100, (place + '/file').encode(), 0o600)",
    "call, own memory": "os.close(call('openat', -100, b'/proc/self/mem', os.O_RDWR))",
    "C": "run(program, 'write', place + '/file')",
    "C, mode": "run(program, 'mode', place + '/file')",
    "shell": "run('sh', '-c', 'echo x >> $0/file', place)",
}
ALWAYS = {
    "call, trace": "call('ptrace', 0x4206, os.getppid())",
    "call, signal": "call('kill', os.getppid(), 0)",
    "call, ring": "call('io_uring_setup', 1, bytes(120))",
    "call, namespace": "call('unshare', 0x10000000)",
    "call, shared memory": "call('shmat', call('shmget', 0, 4096, 0o1600), 0, 0)",
    "call, POSIX queue": "name = b'hermetic-%d' % os.getpid(); os.close(call('mq_open', name, 0o102, 0o600, 0)); call('mq_unlink', name)",
    **{
        f"call, {name}": f"asked({name!r}, -1, bytes(16), 1, 0)"
        for name in ("shmctl", "semop", "semtimedop", "semctl", "msgsnd", "msgrcv", "msgctl")
    },
}
GUARDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "network": ({"block_network": True}, {**NETWORK, **ALWAYS}),
    "subprocess": ({"block_subprocess": True}, SUBPROCESS),
    "filesystem": ({"fs_readonly": True}, FILESYSTEM),
}
pytestmark = pytest.mark.skipif(landlock.abi() < 6, reason="Landlock is missing here, or too old to hold all that is sealed")


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture(scope="session")
def program() -> Iterator[Path]:
    """Where an ordinary user gets to."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-o", f"{made}/attempt", SOURCE], check=True)
        yield Path(made) / "attempt"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may change, with a file of the ordinary user's in it."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o777)
        Path(made, "file").write_text("")
        if ORDINARY:
            os.chown(f"{made}/file", 65534, 65534)
        yield Path(made)


def outcomes(
    attempts: dict[str, str],
    *seals: dict[str, Any],
    user: str = "root",
    threads: tuple[str, ...] = ("main",),
    python: bool = False,
    interpreter: str = sys.executable,
    **names: Any,
) -> dict[str, dict[str, Any]]:
    """By thread, what became of each."""
    shown = {name: str(value) if isinstance(value, Path) else value for name, value in names.items()}
    given = {"attempts": attempts, "seals": seals, "threads": threads, "python": python, "names": shown}
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/bootstrap", "HOME": "/nonexistent"}
    command = [*(ORDINARY if user == "ordinary" else []), interpreter, "-B", str(SCRIPT)]
    done = subprocess.run(command, input=json.dumps(given), env=environ, capture_output=True, text=True, timeout=300, cwd="/")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def result(code: str, *seals: dict[str, Any], thread: str = "main", **more: Any) -> Any:
    """What a snippet has left in `result`, or what became of it."""
    return outcomes({"it": code}, *seals, threads=(thread,), **more)[thread]["it"]


def not_done(found: dict[str, Any]) -> set[str]:
    return {name for name, what in found.items() if what != "done"}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("guard", GUARDS)
def test_layers_together(guard: str, user: str, place: Path, program: Path, listener: Listener) -> None:
    """What the Python layer knows of it refuses, and the kernel the rest. A thread that was there may go on where only Landlock would hold it, which
    is said (`test_what_is_said`)."""
    arguments, attempts = GUARDS[guard]
    names = {"port": listener.port, "place": place, "program": program}
    assert not_done(outcomes(attempts, user=user, **names)["main"]) == set()
    listener.visits()
    threads = ("main", "before") if user == "root" else ("main", "after", "two", "before")
    found = outcomes(attempts, arguments, user=user, threads=threads, **names)
    free = {"filesystem": {"call", "call, own memory"}, "network": {"call, signal"}, "subprocess": set[str]()}[guard]
    for thread, became in found.items():
        bound = thread != "before" or landlock.abi() >= landlock.TSYNC_SINCE
        assert became.keys() - not_done(became) == (set() if bound else free), thread
        starts = {"C", "C, mode", "shell"} if thread in ("two", "before") else set()
        assert {name for name, what in became.items() if "Violation" in what} == {
            name for name in attempts if name.startswith("python") or name in starts
        }, thread
    assert listener.visits() == 0


BY_ITS_OWN_MEANS = {
    "what blocks are known by": """
standing, groups = guards(), frozenset(["always", "network", "subprocess", "filesystem", "native"])
standing.inside.aside.add(threading.get_ident())
standing.inside.standing.clear()
for _ in range(3): standing._ledger and standing._ledger.disarm(groups)
call()""",
    "its own events": """
for event in ("tighten", "narrowed", "refuse", "change", "network", "network.allows", "ending"):
    for prefix in ("sealed1.hermetic.", "blocks.hermetic."):
        for words in ([], b"hermetic-policy 2\\non_violation refuse\\n"), ([],), ([], "a", "b"), (), (1, 2):
            try: sys.audit(prefix + event, *words)
            except Exception: pass
call()""",
    "another prefix": "import hermetic_guard.hook as hook; hook.PREFIX[0] = 'none.'; call()",
    "what sees to children": """
from hermetic.blocks import sealed_starts
sealed_starts.Known.first = None
if guards().children: guards().children.sealed = False
guards().sealed = ()
assert subprocess.call([sys.executable, '-c', CALL]) == 0""",
    "a directory of one's own for children": """
import tempfile
import textwrap
os.environ['TMPDIR'] = free
assert subprocess.call([sys.executable, '-I', '-c', CALL], env={'_HERMETIC': '1:0:0:0:stub:' + free}) == 0""",
}
"""What there is of a seal that is not in a launched program."""


def attacks(python: Python) -> dict[str, str]:
    """What the guard of a launched program withstands; of those that are about a launch there is nothing to try."""
    table = {**tampering_rows.REACHING, **tampering_rows.SUBINTERPRETERS}
    fit = {name: row.code for name, row in table.items() if row.since <= python.version <= row.until}
    has_file = subprocess.run([python.path, "-c", WHERE], capture_output=True, text=True).stdout != "-\n"
    again = {name: code for name, code in tampering_rows.SECOND_LOADS.items() if has_file or tampering_rows.FILE not in code}
    if python.version >= (3, 13):
        again.pop(tampering_rows.ASKED_ONCE, None)
    return {name: tampering_rows.PRELUDE + code for name, code in {**fit, **again, **BY_ITS_OWN_MEANS}.items()}


WHERE = "import _socket; print(getattr(_socket, '__file__', '-'))"


def withstands(python: Python, listener: Listener, place: Path) -> None:
    """By the Python layer alone."""
    names, tried = {"port": listener.port, "free": place, "interpreter": python.path}, attacks(python)
    assert not_done(outcomes(tried, **names)["main"]) == set()
    assert listener.visits() >= len(tried)
    found = outcomes(tried, {"block_network": True}, python=True, **names)["main"]
    assert found.keys() - not_done(found) == set()
    assert (
        "InterpreterPoolExecutor" in found
        or found["_xxsubinterpreters" if python.version < (3, 13) else "_interpreters"] == "IntegrityViolation"
    )
    assert listener.visits() == 0


@pytest.mark.pythons("3.13")
def test_nothing_takes_it_off(python: Python, listener: Listener, tmp_path: Path) -> None:
    withstands(python, listener, tmp_path)


@pytest.mark.soak
@pytest.mark.pythons("3.11", "3.12", "3.14", "3.15")
def test_nothing_takes_it_off_elsewhere(python: Python, listener: Listener, tmp_path: Path) -> None:
    withstands(python, listener, tmp_path)


SAID = "result = {guard: [one.kernel, one.gap] for guard, one in sealed.layers.items()}"
EVERYTHING = {"block_network": True, "block_subprocess": True, "fs_readonly": True, "block_native": True}
THREADS = "threads that ran already can do with files and other processes what they could"
LIBRARIES = "the kernel cannot tell a library from data"


def test_what_is_said() -> None:
    full, native = ["full", ""], ["none", LIBRARIES]
    assert result(SAID, EVERYTHING, user="ordinary") == {"network": full, "subprocess": full, "filesystem": full, "native": native}
    if landlock.abi() < landlock.TSYNC_SINCE:
        said = result(SAID, EVERYTHING, user="ordinary", thread="two")
        assert said == {**{guard: ["partial", THREADS] for guard in GUARDS}, "native": native}
    assert result(SAID, {"block_network": True, "allow_domains": "example.com"})["network"][0] == "none"


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed")
def test_what_is_said_to_root() -> None:
    said = result(SAID, EVERYTHING)
    assert said["filesystem"] == ["partial", "disks can be read past their file systems"]
    assert said["network"] == said["subprocess"] == ["full", ""]


OPEN = """
datagrams, stream = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
directory, writing, reading = os.open("/", os.O_RDONLY), os.open(place + "/file", os.O_WRONLY), os.open(place + "/file", os.O_RDONLY)
own = {str(one) for one in (datagrams.fileno(), stream.fileno(), directory, writing, reading)}
sealed = hermetic.seal(block_network=True)
result = [[one.partition(": ")[2] for one in sealed.open if one.split()[1].rstrip(":") in own], sealed.layers["network"].kernel]
"""


def test_what_is_open_already(place: Path) -> None:
    """It stays as it is. A socket that needs no connection reaches anybody, so the guard is not whole."""
    words, kernel = result(OPEN, place=place)
    assert sorted(words) == [f"{place}/file for writing", "directory /", "socket IPv4 datagram", "socket IPv4 stream"]
    assert kernel == "partial"
    assert result(OPEN.replace("socket.socket(type=socket.SOCK_DGRAM)", "socket.socket()"), place=place)[1] == "full"


REQUIRED = """
try:
    hermetic.seal(fs_readonly=True, require="kernel", **more)
    result = "sealed"
except hermetic.api.GuardUnavailable as error:
    call('chmod', (place + '/file').encode(), 0o600)
    os.mkdir(place + '/made')
    result = str(error)
"""


def test_what_is_required(place: Path) -> None:
    """What cannot be had changes nothing."""
    why = result(REQUIRED, place=place, more={"block_native": True}, user="ordinary")
    assert why == f"the native guard cannot stand as required: the kernel's part is none ({LIBRARIES})"
    assert (place / "made").exists()
    assert result(REQUIRED, place=place, more={"block_network": True}, user="ordinary") == "sealed"
    if landlock.abi() < landlock.TSYNC_SINCE:
        (place / "made").rmdir()
        assert result(REQUIRED, place=place, more={}, user="ordinary", thread="two").endswith(f"partial ({THREADS})")


FOREIGN = """
go, done = threading.Event(), threading.Event()
def filtered():
    libc.prctl(38, 1, 0, 0, 0)
    allow = (0x06 | 0x7fff0000 << 32).to_bytes(8, "little")
    memory = ctypes.create_string_buffer(allow)
    call("seccomp", 1, 0, (1).to_bytes(8, "little") + ctypes.addressof(memory).to_bytes(8, "little"))
    go.set()
    done.wait()
    try: outcome.append(call("socket", 2, 2, 0) and "done")
    except OSError as error: outcome.append(errno.errorcode[error.errno])
outcome = []
thread = threading.Thread(target=filtered)
thread.start()
go.wait()
try:
    sealed = hermetic.seal(block_network=True, require=require)
    said = sealed.layers["network"].kernel, "filters of their own" in sealed.layers["network"].gap
    main = tried("call('socket', 2, 2, 0)", {})
except hermetic.api.GuardUnavailable as error:
    said, main = "refused", tried("call('socket', 2, 2, 0)", {})
done.set()
thread.join()
result = [said, main, *outcome]
"""


def test_a_thread_with_filters_of_its_own() -> None:
    """No filter can be put on that one (seccomp(2), SECCOMP_FILTER_FLAG_TSYNC): the others get it, or none."""
    assert result(FOREIGN, require=None) == [["partial", True], "EACCES", "done"]
    assert result(FOREIGN, require="kernel") == ["refused", "done", "done"]


LATER = {
    "a block takes away": "with hermetic_blocker(block_network=True): socket.create_connection(('127.0.0.1', port))",
    "a block takes away, where there is no event": "with hermetic_blocker(fs_readonly=True): os.mkfifo(place + '/fifo')",
    "a block adds nothing": "with hermetic_blocker(fs_readonly=True, allow_write=[place]): os.mkdir(place + '/kept/made')",
    "a second seal takes away": "hermetic.seal(block_network=True); socket.create_connection(('127.0.0.1', port))",
    "a second seal takes away, in C": "hermetic.seal(block_network=True); run(program, 'connect', str(port))",
    "a second seal adds nothing": "hermetic.seal(fs_readonly=True, allow_write=[place]); os.mkdir(place + '/kept/made')",
    "a second seal, what starts": "hermetic.seal(block_subprocess=True); run('true')",
    "a child of a block": "with hermetic_blocker(block_network=True): run(sys.executable, '-c', f'__import__(\"socket\").create_connection((\"127.0.0.1\", {port}))')",
    "a child of a second seal": "hermetic.seal(block_network=True); run(sys.executable, '-Ic', f'__import__(\"socket\").create_connection((\"127.0.0.1\", {port}))')",
    "a child of a block, not Python": "with hermetic_blocker(block_network=True): run('true')",
    "an exit": "[ticket for ticket in [hermetic_blocker(fs_readonly=True)]][0].__exit__(None, None, None)",
}


def test_what_comes_later(place: Path, program: Path, listener: Listener) -> None:
    (place / "kept").mkdir()
    (place / "other").mkdir()
    names = {"port": listener.port, "place": place, "program": program}
    found = outcomes(
        {**LATER, "control": "socket.create_connection(('127.0.0.1', port)).close(); run('true')"},
        {"fs_readonly": True, "allow_write": [f"{place}/other"]},
        **names,
    )["main"]
    assert found.pop("control") == "done"
    assert listener.visits() == 1
    assert found.keys() - not_done(found) == set()
    assert found["an exit"] == "RuntimeError"


STARTED = r"""
child = "import socket, os\nfor name in ('mkdir', 'mkfifo'):\n try: getattr(os, name)(%r + '/' + name)\n except Exception: pass" % place
run(sys.executable, "-c", child)
run(sys.executable, "-I", "-c", child, env={})
forked(lambda: os.mkdir(place + "/forked"))
kept = [[one.action, one.target.rpartition("/")[2], one.hint.partition("=")[0]] for one in sealed.violations]
result = [kept, sealed.refused]
"""


def test_children_tell(place: Path) -> None:
    told, count = result(STARTED, {"fs_readonly": True}, place=place)
    mine = [["create", name, "allow_write"] for name in ("mkdir", "mkfifo")]
    assert (sorted(told), count) == (sorted([*mine, *mine, ["create", "forked", "allow_write"]]), 5)


STANDS = {
    "native, and a shell": ({"block_native": True}, "run('true')", "ProcessViolation"),
    "native, and a listed program": ({"block_native": True, "block_subprocess": True, "allow_run": ["true"]}, "run('true')", "done"),
    "native": ({"block_native": True}, "import _ctypes_test", "NativeRefused"),
    "a program beside the listed": ({"block_subprocess": True, "allow_run": ["true"]}, "run('false')", "ProcessViolation"),
    "the same in C": ({"block_subprocess": True, "allow_run": ["true"]}, "call('execve', b'/bin/echo', strings(b'echo', b'done'), strings())", "EACCES"),
    "read": ({"fs_root": "/usr"}, "open(place + '/file')", "FilesystemViolation"),
    "read, in C": ({"fs_root": "/usr"}, "call('openat', -100, (place + '/file').encode(), 0)", "EACCES"),
    "write where it is allowed": ({"fs_readonly": True, "allow_write": ["/dev/shm"]}, "open('/dev/shm/sealed-%d' % os.getpid(), 'x').close(); os.unlink('/dev/shm/sealed-%d' % os.getpid())", "done"),
    "refuse": ({"block_network": True, "on_violation": "refuse"}, "socket.create_connection(('127.0.0.1', 9))", "NetworkRefused"),
    "asyncio": ({"block_network": True}, "import asyncio; asyncio.run(asyncio.sleep(0)); asyncio.run(asyncio.to_thread(int))", "done"),
}  # fmt: skip


def test_arguments(place: Path) -> None:
    attempts = {name: f"hermetic.seal(**{arguments!r})\n{code}" for name, (arguments, code, _) in STANDS.items()}
    assert outcomes(attempts, place=place)["main"] == {name: became for name, (*_, became) in STANDS.items()}


FORK_SERVER = """
import multiprocessing, multiprocessing.forkserver
multiprocessing.forkserver.ensure_running()
start = lambda: multiprocessing.get_context("forkserver").Process(target=int).start()
start()
hermetic.seal(block_network=True)
start()
"""


def test_a_fork_server_from_before() -> None:
    """Its children come of a process that is not sealed."""
    assert result(FORK_SERVER.replace("hermetic.seal(block_network=True)\n", "")) == "done"
    assert result(FORK_SERVER) == "ProcessViolation"


OTHER = """
child = "import subprocess; subprocess.run(['true'], check=True)"
hermetic.seal(block_native=True)
result = subprocess.run([sys.executable, "-c", child], stderr=subprocess.PIPE, text=True).stderr or "done"
"""


def test_children_of_a_seal_that_the_kernel_does_not_hold() -> None:
    """What they start is no more than what they could: a program that is not Python would have no guard. It is said what would allow it."""
    assert result(OTHER.replace("hermetic.seal(block_native=True)\n", "")) == "done"
    found = result(OTHER)
    assert "true: not Python, so nothing would hold it; it is allowed by block_subprocess=True, allow_run=[...]" in found, found


def test_at_the_end(place: Path, listener: Listener) -> None:
    """Objects that are released last find no way out, and an ordinary program ends as ever."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT}/bootstrap", "TMPDIR": str(place)}
    late = tampering_rows.LATE.format(port=listener.port, keep=tampering_rows.KEPT["codecs.register_error"])
    for begin, visits in (("", 2), ("import hermetic; hermetic.seal(block_network=True, block_subprocess=True)\n", 0)):
        done = subprocess.run([sys.executable, "-c", begin + late], env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert listener.visits() == visits
    assert [path.name for path in place.iterdir()] == ["file"]


def alone(code: str, place: Path, before: tuple[str, ...] = ()) -> list[str]:
    """What a program printed, which has to succeed."""
    script = place / "program.py"
    script.write_text(f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'bootstrap')!r}]\n" + textwrap.dedent(code))
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(place), "HOME": "/nonexistent"}
    done = subprocess.run([*before, sys.executable, "-B", str(script)], env=environ, capture_output=True, text=True, cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


INSIDE_A_RUN = """
import os, socket, subprocess
import hermetic
sealed = hermetic.seal(fs_readonly=True)
code = "import os\\ntry: os.mkdir('made')\\nexcept Exception as error: print(type(error).__name__, error.rule)"
print(subprocess.run([sys.executable, "-I", "-c", code], env={}, capture_output=True, text=True).stdout.strip())
print(subprocess.run(["mkdir", "made"], stderr=subprocess.DEVNULL).returncode)
try: os.mkdir("made")
except Exception as error: print(type(error).__name__, error.hint.partition("=")[0])
try: socket.create_connection(("127.0.0.1", 9))
except Exception as error: print(type(error).__name__, error.hint)
"""


def test_inside_of_a_run(hermetic_command: str, place: Path) -> None:
    """Both hold, for children as well; each says in its own words what would allow it."""
    assert alone(INSIDE_A_RUN, place, (hermetic_command, "run", "-q", "--no-network", "--no-policy", "--")) == [
        "FilesystemViolation filesystem read-only",
        "1",
        "FilesystemViolation allow_write",
        "NetworkRefused --allow-localhost=9",
    ]
    assert not (place / "made").exists()


INSIDE_A_BLOCK = """
import os
import hermetic
def act(what, *arguments):
    try: what(*arguments)
    except hermetic.PolicyViolation as error: return error.guard
    return "done"
with hermetic.hermetic_blocker(fs_readonly=True, block_native=True) as run:
    hermetic.seal(fs_readonly=True, allow_write=["kept"])
    print(act(os.mkdir, "kept/one"), act(os.mkfifo, "kept/two"), act(os.mkdir, "three"))
print(act(os.mkdir, "kept/one"), act(os.mkfifo, "kept/two"), act(os.mkdir, "three"), run.refused)
with hermetic.hermetic_blocker(fs_readonly=True) as run:
    print(act(os.mkdir, "kept/four"), act(os.mkfifo, "kept/five"), run.refused)
print(act(os.mkdir, "kept/four"))
"""


def test_inside_of_a_block(place: Path) -> None:
    """What is open stays open until it is left, and what opens later finds its replacements where it needs them."""
    (place / "kept").mkdir()
    assert alone(INSIDE_A_BLOCK, place) == [
        "filesystem filesystem filesystem",
        "done done filesystem 3",
        "filesystem filesystem 2",
        "done",
    ]
    assert sorted(path.name for path in (place / "kept").iterdir()) == ["four", "one", "two"]


def test_what_is_left_behind(place: Path) -> None:
    """Where programs may be started, what they start from, which nobody in there can remove: the next start does."""
    place.chmod(0o700)  # run directories are made where nobody else may write, if there is such a place
    alone("import hermetic; hermetic.seal(fs_readonly=True)", place)
    (left,) = [path for path in place.iterdir() if path.name.startswith(stage.PREFIX)]
    for _ in stage.sweep({"TMPDIR": str(place)}):
        pass
    assert not left.exists()
    alone("import hermetic; hermetic.seal(fs_readonly=True, block_subprocess=True)", place)
    refused = """
    import os, hermetic
    from hermetic.api import GuardUnavailable
    before = os.mkfifo, os.open, sys.meta_path[:]
    try: hermetic.seal(block_native=True, require="kernel")
    except GuardUnavailable: print(before == (os.mkfifo, os.open, sys.meta_path[:]))
    """
    assert alone(refused, place) == ["True"]
    assert sorted(path.name for path in place.iterdir()) == ["file", "program.py"]
