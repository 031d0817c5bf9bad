"""What a run is given, or finds on the machine, and does not get further by: each way is gone without a guard, and not with one.

Programs in Perl stand for any that is not Python.
"""

import contextlib
import os
import pty
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from launch.users import ORDINARY, USERS, place_of_everybody


def said(command, env, **options):
    """What a program in Perl said, and what hermetic did."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "cwd": "/", **options}
    done = subprocess.run([str(word) for word in command], env=env, stderr=subprocess.PIPE, text=True, timeout=60, **options)
    return done.stdout or "", done.stderr


# Sockets as standard streams. No filter sees where sendmsg(2) sends.

SENDMSG = """
use Socket;
my ($where, $port) = @ARGV;
my $name = $port ? pack_sockaddr_in($port, inet_aton('127.0.0.1')) : pack('Sa*', 1, $where);
my $data = 'x';
my $vector = pack('PQ', $data, 1);
my $message = pack('PLx4PQQQlx4', $name, length $name, $vector, 1, 0, 0, 0);
my $number = (POSIX::uname())[4] eq 'aarch64' ? 211 : 46;
syscall($number, STREAM, $message, 0) == 1 or die "sendmsg: $!\\n";
"""


@contextlib.contextmanager
def receiver(family, where):
    with socket.socket(family, socket.SOCK_DGRAM) as made:
        made.bind(where)
        made.settimeout(10)
        if family == socket.AF_UNIX:
            os.chmod(where, 0o777)
        yield made


def has_come(made):
    """Whether something was sent there: the program has ended by now."""
    made.setblocking(False)
    try:
        return made.recv(10) == b"x"
    except BlockingIOError:
        return False


@USERS
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX], ids=["UDP", "local"])
@pytest.mark.parametrize("stream", [0, 1])
def test_a_standard_stream_that_sends_to_any_address(hermetic_command, env, place, as_user, family, stream):
    where = ("127.0.0.1", 0) if family == socket.AF_INET else str(place / "receiver")
    with receiver(family, where) as made, socket.socket(family, socket.SOCK_DGRAM) as given:
        port = made.getsockname()[1] if family == socket.AF_INET else 0
        program = ["perl", "-MPOSIX", "-e", SENDMSG.replace("STREAM", str(stream)), place / "receiver", port]
        streams = {("stdin", "stdout")[stream]: given}
        assert said([*as_user, *program], env, **streams)[1] == ""
        assert has_come(made)
        for options, sent in ((["--no-network"], False), (["--no-network", "--allow-localhost"], False), (["--fs-readonly"], True)):
            _, errors = said([*as_user, hermetic_command, *options, "--", *program], env, **streams)
            assert has_come(made) is sent, errors
            assert (f"descriptor {stream}, a socket that sends to any address" in errors) is not sent


@USERS
def test_a_standard_stream_that_is_connected(hermetic_command, env, as_user):
    """As launchers give them: what is written there comes to who is at the other end."""
    for family, kind in (
        (socket.AF_UNIX, socket.SOCK_STREAM),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET),
        (socket.AF_INET, socket.SOCK_STREAM),
    ):
        ours, theirs = connected(family, kind)
        with ours, theirs:
            ours.settimeout(60)
            _, errors = said([*as_user, hermetic_command, "--no-network", "--", "perl", "-e", "syswrite STDOUT, 'x'"], env, stdout=theirs)
            assert ours.recv(10) == b"x", errors


def connected(family, kind):
    if family == socket.AF_UNIX:
        return socket.socketpair(family, kind)
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        return server.accept()[0], theirs


# Links that the launcher follows when it is asked to connect.

CONNECT = """
my $path = shift @ARGV;
socket my $made, 1, 1, 0 or die "socket: $!\\n";
print connect($made, pack('Sa*', 1, $path)) ? "connected\\n" : "$!\\n";
"""


@USERS
def test_whether_something_hidden_is_there_is_not_told(hermetic_command, env, place, as_user):
    hidden, there, missing = place / "hidden", place / "there", place / "missing"
    hidden.mkdir(mode=0o755)
    (hidden / "file").touch()
    (hidden / "file").chmod(0o666)
    there.symlink_to(hidden / "file")
    missing.symlink_to(hidden / "nothing")
    answers = {}
    for words in ((), (hermetic_command, "--no-network", "--fs-readonly", "--hide", hidden, "--")):
        asked = [said([*as_user, *words, "perl", "-e", CONNECT, path], env)[0] for path in (there, missing)]
        relative = [said([*as_user, *words, "perl", "-e", CONNECT, path.name], env, cwd=place)[0] for path in (there, missing)]
        assert asked == relative
        answers[bool(words)] = asked
    assert answers[False] == ["Connection refused\n", "No such file or directory\n"]
    assert answers[True] == ["No such file or directory\n"] * 2


OWN = """
chdir $ARGV[0] or die "chdir: $!\\n";
mkdir 'below';
socket my $server, 1, 1, 0; bind $server, pack('Sa*', 1, 'own') or die "bind: $!\\n"; listen $server, 9;
symlink "$ARGV[0]/own", 'link'; symlink "$ARGV[0]/below", 'to-below';
opendir my $here, '.'; my $number = fileno $here;
for my $path ('own', "$ARGV[0]/own", 'below/../own', 'link', "$ARGV[0]/link", 'to-below/../link', "/proc/self/fd/$number/own", '/proc/self/cwd/link') {
    socket my $made, 1, 1, 0;
    connect $made, pack('Sa*', 1, $path) or print "$path: $!\\n";
}
"""


@USERS
@pytest.mark.parametrize("guards", [[], ["--fs-readonly", "--allow-write=/dev/shm"]], ids=["network", "and files"])
def test_own_sockets_are_found_however_they_are_named(hermetic_command, env, as_user, guards):
    """Behind mounts, in a directory that the launcher does not see: /dev/shm of the run's own, where it has one."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as outside:
        os.chmod(outside, 0o777)
        assert said([*as_user, "perl", "-e", OWN, outside], env) == ("", "")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as outside:
        os.chmod(outside, 0o777)
        assert said([*as_user, hermetic_command, "--no-network", *guards, "--", "perl", "-e", OWN, outside], env)[0] == ""
    script = "mkdir '/dev/shm/own' or die qq($!\\n);" + OWN
    if guards:
        assert said([*as_user, hermetic_command, "--no-network", "--fs-readonly", "--", "perl", "-e", script, "/dev/shm/own"], env)[0] == ""


# What is asked for, swapped by other threads while it is judged.


@contextlib.contextmanager
def servers(family, place):
    """Two: the addresses, and how often each was reached."""
    visits, made = ([], []), []
    for index in range(2):
        server = socket.socket(family)
        server.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(place / f"server-{index}"))
        server.listen(64)
        if family == socket.AF_UNIX:
            os.chmod(server.getsockname(), 0o777)
        threading.Thread(target=serve, args=(server, visits[index]), daemon=True).start()
        made.append(server)
    yield [server.getsockname()[1] if family == socket.AF_INET else server.getsockname() for server in made], visits
    for server in made:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def serve(server, visits):
    while True:
        try:
            peer = server.accept()[0]
        except OSError:
            return
        visits.append(1)
        peer.close()


@pytest.fixture(scope="module")
def swaps():
    with place_of_everybody() as made:
        source = os.path.join(os.path.dirname(__file__), "swaps.c")
        subprocess.run(["cc", "-Wall", "-O1", "-pthread", "-o", made / "swaps", source], check=True)
        yield made / "swaps"


@USERS
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX], ids=["address", "path"])
def test_what_is_swapped_while_it_is_judged(hermetic_command, env, place, swaps, as_user, family):
    """What was judged is what is connected to, whatever stands there by then."""
    for guarded in (False, True):
        (place / str(guarded)).mkdir()
        with servers(family, place / str(guarded)) as (addresses, visits):
            allowed = f"--allow-localhost={addresses[0]}" if family == socket.AF_INET else f"--allow-unix={addresses[0]}"
            words = [hermetic_command, "--no-network", allowed, "--"] if guarded else []
            kind, link = "inet" if family == socket.AF_INET else "unix", place / "link"
            for _ in range(1 if guarded else 50):  # on a busy machine the threads may not have come to it
                out, errors = said([*as_user, *words, swaps, 100, kind, *addresses, link], env)
                assert " of 100" in out, errors
                if visits[1]:
                    break
            said([*as_user, *words, swaps, 1, kind, addresses[0], addresses[0], link], env)
            until = time.monotonic() + 30
            while not (visits[0] and (guarded or visits[1])) and time.monotonic() < until:
                time.sleep(0.01)
        assert visits[0]
        assert bool(visits[1]) is not guarded


# The launcher, seen from outside of the run.


def test_nobody_looks_into_the_launcher(hermetic_command, env):
    """Another process of the same user: not root, who may look into all."""
    for words, seen in (([], True), ([hermetic_command, "--no-network", "--"], False)):
        command = [*ORDINARY, *words, "sh", "-c", "echo begun; read word"]
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/") as run:
            assert run.stdout.readline() == b"begun\n"
            for name in ("environ", "maps", "mem"):
                looked = said([*ORDINARY, "perl", "-e", "open my $file, '<', $ARGV[0] and print 'seen'", f"/proc/{run.pid}/{name}"], env)
                assert (looked[0] == "seen", name) == (seen, name)
            run.stdin.close()


@pytest.mark.skipif(bool(os.geteuid()), reason="root is needed")
@USERS
def test_root_stays_who_it_is(hermetic_command, env, as_user):
    """In a user namespace other owners' files would be nobody's. An ordinary user gets no mounts without."""
    paths = ["/proc/self/ns/user", "/proc/self/ns/mnt"]
    bare, guarded = (
        said([*as_user, *words, "readlink", *paths], env)[0].split() for words in ([], [hermetic_command, "--fs-readonly", "--"])
    )
    assert [one == other for one, other in zip(bare, guarded, strict=True)] == [not as_user, False]


# Terminals of others.


def shown_at(master, terminal):
    """All that was written to a terminal until now."""
    os.write(terminal, b"end")
    shown = b""
    while not shown.endswith(b"end"):
        shown += os.read(master, 100)
    return shown


TERMINAL = "open my $t, '+<', $ARGV[0] or die qq($!\\n); syswrite $t, 'shown'; sysread $t, my $word, 100; print $word"


@USERS
def test_another_terminal_is_out_of_reach(hermetic_command, env, as_user):
    """Somebody types a password there. Under another guard it is a file as others are."""
    for options, reached in (([], True), (["--no-network"], True), (["--fs-readonly"], False), (["--fs-readonly=/tmp"], False)):
        master, terminal = os.openpty()
        path = os.ttyname(terminal)
        if as_user:
            os.chown(path, 12345, 12345)
        os.write(master, b"password\n")
        guarded = [hermetic_command, *options, "--"] if options else []
        out, errors = said([*as_user, *guarded, "perl", "-e", TERMINAL, path], env)
        assert (out, b"shown" in shown_at(master, terminal), options) == ("password\n" if reached else "", reached, options), errors
        os.close(master)
        os.close(terminal)


def test_a_terminal_that_is_written_by_the_policy(hermetic_command, env):
    master, terminal = os.openpty()
    os.write(master, b"password\n")
    path = os.ttyname(terminal)
    assert said([hermetic_command, "--fs-readonly", "--allow-write", path, "--", "perl", "-e", TERMINAL, path], env)[0] == "password\n"
    os.close(master)
    os.close(terminal)


OF_ITS_OWN = "use POSIX; print POSIX::ttyname(0), ' ', open(my $t, '+<', '/dev/tty') ? 'opened' : $!, qq(\\n)"


@USERS
def test_its_own_terminal_stays(hermetic_command, env, as_user):
    """Whichever of the streams it is, with its name; also what is controlled by it alone."""
    for words in ([], [hermetic_command, "--fs-readonly", "--"]):
        pid, master = pty.fork()
        if not pid:
            os.fchown(0, 12345 if as_user else os.getuid(), -1)
            command = [*as_user, *words, "perl", "-e", OF_ITS_OWN]
            os.execvpe(command[0], list(map(str, command)), env)
        shown = b""
        with contextlib.suppress(OSError):
            while piece := os.read(master, 1000):
                shown += piece
        os.waitpid(pid, 0)
        os.close(master)
        last = shown.decode().splitlines()[-1]
        assert last.startswith("/dev/pts/"), shown
        assert last.endswith(" opened"), shown


LATER = "$| = 1; print qq(begun\\n); chomp(my $path = <STDIN>); @ARGV = ($path);" + TERMINAL


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="README: A terminal of this user's that is opened while a run goes on can be read and written",
)
def test_a_terminal_that_is_opened_later(hermetic_command, env):
    command = [hermetic_command, "--fs-readonly", "--", "perl", "-e", LATER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as run:
        begun = run.stdout.readline()
        master, terminal = os.openpty()
        os.write(master, b"password\n")
        out = run.communicate(os.ttyname(terminal) + "\n", timeout=60)[0]
        os.close(master)
        os.close(terminal)
    if begun != "begun\n":
        pytest.fail("it did not run")
    assert out == ""
