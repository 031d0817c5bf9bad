"""The filters hold whoever calls: a program in C, and a shell with what it starts."""

import errno
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from containment.filtered import EVERYTHING, GUARDS, NOBODY, USERS, run, users
from hermetic_guard.policy import ANY, Network, Policy

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
    """A directory that every user can enter, with the compiled program and a file of each user's."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o755)
    source = Path(__file__).with_name("attempts.c")
    subprocess.run(["cc", "-Wall", "-O1", "-pthread", "-o", directory / "attempts", source], check=True)
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
        assert run(["/bin/bash", "-c", script], Policy(network=Network(localhost=ANY)), env=settings).out == "did\n"
