"""The filters hold whoever calls: a program in C, a shell with what it starts, and Python by its own functions."""

import errno
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from containment import seccomp_rows as rows
from containment.filtered import EVERYTHING, GUARDS, MACHINE, NOBODY, USERS, outer_filter, run, users
from containment.places import PYTHON
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Network, Policy

from hermetic.linux.numbers import native, number

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
SLOT = min(HARD, 2**16) - 1

ALWAYS = {
    **dict.fromkeys(("seize", "namespace", "mount", "type", "executable_memory", "key", "limit_other"), "EPERM"),
    "ring": "ENOSYS",
}
REFUSED = {
    "network": {**dict.fromkeys(("connect", "udp", "netlink", "listen", "pair_datagram"), "EACCES"), "fast_open": "ENOTSUP"},
    "subprocess": {
        **dict.fromkeys(("fork", "vfork", "clone", "posix_spawn", "system"), "EPERM"),
        **dict.fromkeys(("exec_path", "exec_opened", "exec_slot", "exec_slot_path"), "EPERM"),
        # These two the filter lets pass. There is no such descriptor, and no room for a path.
        "exec_last_empty": "EBADF",
        "exec_last_path": "EFAULT",
        "duplicate": "EBADF",
        "duplicate_above": "EINVAL",
        "raise_limit": "EPERM",
    },
    "filesystem": dict.fromkeys(("mode", "owner", "times", "attribute"), "EROFS"),
    "native": {},
}
POLICIES = {
    **{guard: (policy, {**ALWAYS, **REFUSED[guard]}) for guard, policy in GUARDS.items()},
    "everything": (EVERYTHING, {name: answer for guard in REFUSED for name, answer in {**ALWAYS, **REFUSED[guard]}.items()}),
}


@pytest.fixture(scope="module")
def place():
    """A directory that every user can enter, with the compiled programs and a file of each user's."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o755)
    for name in ("attempts", "calls"):
        source = Path(__file__).with_name(f"{name}.c")
        subprocess.run(["cc", "-Wall", "-O1", "-pthread", "-o", directory / name, source], check=True)
    for user in USERS:
        (directory / user).touch()
    if os.geteuid() == 0:
        os.chown(directory / "ordinary", NOBODY, NOBODY)
    yield directory
    shutil.rmtree(directory)


def attempts(place, policy, user):
    """What became of each attempt of the program."""
    done = run([place / "attempts", place / user, SLOT], policy, user)
    assert done.code == 0, done
    answers = dict(line.split() for line in done.out.splitlines())
    return {name: errno.errorcode.get(int(number), "ok") for name, number in answers.items()}


@pytest.mark.parametrize("guard", POLICIES)
@users
def test_a_program_in_c(place, user, guard):
    """What the policy is about is refused; all else is as without a filter."""
    policy, refused = POLICIES[guard]
    bare = attempts(place, None, user)
    assert attempts(place, policy, user) == {**bare, **refused}
    assert [name for name, answer in refused.items() if bare[name] == answer] in ([], ["exec_last_empty", "exec_last_path"])


LOCALHOST = Policy(network=Network(localhost=ANY))
OF_SOCKETS = [*rows.NOT_TCP, *rows.SENT, *rows.STEERING]
ROWS = {
    "network": (GUARDS["network"], [*OF_SOCKETS, *rows.CONNECTING, *rows.INTERFACES]),
    "localhost": (LOCALHOST, [*OF_SOCKETS, *rows.LOCAL]),
    "subprocess": (GUARDS["subprocess"], rows.PROCESSES),
    "filesystem": (GUARDS["filesystem"], [*rows.METADATA, *rows.SUBVOLUMES]),
    "native": (GUARDS["native"], []),
}
ROWS["everything"] = (EVERYTHING, [row for guard in GUARDS for row in ROWS[guard][1]])
STARTED = {
    "by itself": [],
    "by a shell": ["/bin/sh", "-c", '"$@"; exit $?', "sh"],
    "by Python": [PYTHON, "-ISc", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"],
}


def words(row):
    """A call for the program: see calls.c."""
    told = [native(row.call), *(f"={word.decode()}" if isinstance(word, bytes) else word for word in row.arguments)]
    return ",".join(str(word % 2**64) if isinstance(word, int) else word for word in told)


@pytest.mark.parametrize(
    ("guard", "how"), [(guard, how) for guard in ROWS for how in STARTED if not (ROWS[guard][0].subprocess and STARTED[how])]
)
@users
def test_every_rule_holds_a_program_in_c(place, user, guard, how):
    policy, found = ROWS[guard]
    found = [row for row in rows.ALWAYS + found if number(row.call, MACHINE) is not None]
    if policy.subprocess and user == "root":
        found += rows.DESCRIPTOR_LIMIT
    command = [*STARTED[how], place / "calls", *map(words, found)]
    refused, bare = (run(command, tried, user) for tried in (policy, None))
    answers, free = ([errno.errorcode.get(int(line), "ok") for line in done.out.splitlines()] for done in (refused, bare))
    assert dict(zip(map(str, found), answers, strict=True)) == {str(row): row.refused for row in found}, refused
    same = {str(row) for row, answer in zip(found, free, strict=True) if answer == row.refused != row.bare.get(user)}
    by_the_system = {str(row) for row in found if outer_filter() or row.refused == "ENOSYS"}
    assert same <= by_the_system, bare


SHELL = [
    # guard, script; it says "did" when the forbidden thing is done
    ("network", "exec 3<>/dev/tcp/127.0.0.1/$PORT && echo did"),
    ("network", "exec 3<>/dev/udp/127.0.0.1/$PORT && echo did"),
    ("subprocess", "(true) && echo did"),
    ("subprocess", "/bin/true && echo did"),
    ("subprocess", "exec /bin/echo did"),
    ("subprocess", "echo $(echo did)"),
    ("subprocess", "echo did | while read -r word; do echo $word; done"),
    ("subprocess", "true & wait $! && echo did"),
    ("filesystem", "chmod 640 $FILE && echo did"),
    ("filesystem", "touch -d 2001-01-01 $FILE && echo did"),
    ("filesystem", "cp -p /bin/true $DIR/copy-$UID && echo did"),
    ("native", "unshare --user true && echo did"),
    ("native", "setarch --addr-no-randomize true && echo did"),
    ("native", "sleep 60 & prlimit --pid $! --nofile=100 && echo did; kill $!"),
]


@pytest.mark.parametrize(("guard", "script"), SHELL, ids=[script for _, script in SHELL])
@users
def test_a_shell(place, user, guard, script):
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory(dir=place) as directory:
        os.chmod(directory, 0o777)
        settings = {"PATH": os.environ["PATH"], "FILE": str(place / user), "DIR": directory, "PORT": str(server.getsockname()[1])}
        for policy, said in ((None, "did\n"), (GUARDS[guard], ""), (EVERYTHING, "")):
            done = run(["/bin/bash", "-c", script], policy, user, env=settings)
            assert done.out == said, done
            assert "refused" not in done.err


def test_a_shell_reaches_what_is_allowed(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = {"PATH": os.environ["PATH"], "PORT": str(server.getsockname()[1])}
        script = "exec 3<>/dev/tcp/127.0.0.1/$PORT && echo $(echo did)"
        assert run(["/bin/bash", "-c", script], LOCALHOST, env=settings).out == "did\n"


OWN_CHILD = "import subprocess; child = subprocess.Popen(['sleep', '60'], stdin=0); "
IN_PYTHON = [
    # guard, code; what does not raise has been done
    ("network", "import socket; socket.create_connection(ADDRESS)"),
    ("network", "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ADDRESS)"),
    ("network", "import socket; socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ADDRESS)"),
    ("network", "import socket; socket.create_server(('127.0.0.1', 0))"),
    ("network", "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    ("network", "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"),
    (
        "network",
        "import socket, struct; g = struct.pack('=I4xHH4s120x', 1, 2, 0, bytes([239, 0, 0, 1])); socket.socket().setsockopt(0, 42, g)",
    ),
    ("network", "import asyncio; asyncio.run(asyncio.open_connection(*ADDRESS))"),
    ("subprocess", "os.fork() or os._exit(0)"),
    ("subprocess", "import pty; pty.fork()[0] or os._exit(0)"),
    ("subprocess", "os.posix_spawn('/bin/true', ['true'], {})"),
    ("subprocess", "import subprocess; subprocess.run('true', shell=True, check=True)"),
    ("subprocess", "assert os.system('true') == 0"),
    ("subprocess", "sys.stdout.flush(); os.execv('/bin/echo', ['echo', 'did'])"),
    ("subprocess", "import multiprocessing as m; p = m.get_context('fork').Process(target=int); p.start(); p.join()"),
    ("filesystem", "os.chmod(FILE, 0o600)"),
    ("filesystem", "os.chown(FILE, os.getuid(), -1)"),
    ("filesystem", "os.utime(FILE, (1, 1))"),
    ("filesystem", "os.setxattr(FILE, 'user.a', b'b')"),
    ("filesystem", "os.fchmod(os.open(FILE, os.O_RDONLY), 0o600)"),
    ("filesystem", "import shutil; shutil.copystat('/bin/true', FILE)"),
    ("native", OWN_CHILD + "import resource; resource.prlimit(child.pid, resource.RLIMIT_NOFILE, (99, 99))"),
    ("native", "import subprocess; subprocess.run(['unshare', '--user', 'true'], check=True)"),
]


@pytest.mark.parametrize(("guard", "code"), IN_PYTHON, ids=[code.rpartition("; ")[2] for _, code in IN_PYTHON])
@users
def test_functions_of_python(place, user, guard, code):
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = f"import os, sys\nFILE, ADDRESS = {str(place / user)!r}, {server.getsockname()!r}\n{code}\nprint('did')"
        for policy, said in ((None, "did\n"), (GUARDS[guard], ""), (EVERYTHING, "")):
            done = run([PYTHON, "-ISc", source], policy, user, env={"PATH": "/usr/bin:/bin"})
            assert done.out == said, done
            assert "refused" not in done.err
