"""What each guard forbids, as small programs that try it: the doctor runs them under the kernel's rules, and once without.

Each is Python source for `-I -S -c`, in two parts: what it needs, and the act, which ends with an OSError where it is refused. `place` is a
directory made by someone outside: with `file` in it, the local sockets `socket` and `datagrams`, and with `port`, `outside` and `mapped`, which
hold the number of a TCP port somebody listens at, of a process, and an address in its memory.
"""

from __future__ import annotations

REFUSED = 77
"""The exit code of an attempt that was kept from its act. 0: it was done; any other: it did not come to it."""

PROGRAM = """
import os, sys
sys.stderr = open(os.devnull, "w")
place = sys.argv[1]
def read(name):
    with open(place + "/" + name) as file:
        return file.read()
{needs}
def act():
    {act}
try:
    act()
except OSError:
    os._exit({refused})
"""

SOCKET = "import socket"

PORT = """
import socket
address = "127.0.0.1", int(read('port'))
"""

GROUP = """
import socket, struct
group = struct.pack('=I4xHH4s120x', 1, 2, 0, bytes([239, 0, 0, 1]))
"""

OUTSIDE = """
outside = int(read('outside'))
"""

LIBC = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
KEY = {"x86_64": 248, "aarch64": 217}
def call(name, *words):
    if getattr(libc, name)(*words) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""

MEMORY = (
    LIBC
    + OUTSIDE
    + """
memory = ctypes.create_string_buffer(1)
here, there = [(ctypes.c_size_t * 2)(address, 1) for address in (ctypes.addressof(memory), int(read('mapped')))]
"""
)

TERMINAL = """
import fcntl, termios
terminal = os.openpty()[1]
os.setsid()
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
"""


class Attempt:
    """guard: whose rules forbid it, "" for what is refused in every run; what: in a few words; code: the program.

    act: a line of it; needs: what comes before that; fields: of the guard's rules, with what in `place` they list
    """

    __slots__ = ("code", "fields", "guard", "what")

    def __init__(self, guard: str, what: str, act: str, needs: str = "", **fields: str) -> None:
        self.guard = guard
        self.what = what
        self.code = PROGRAM.format(needs=needs, act=act, refused=REFUSED)
        self.fields = fields


ATTEMPTS = (
    Attempt("network", "connect by TCP", "socket.create_connection(address)", PORT),
    Attempt("network", "send by UDP", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', address)", PORT),
    Attempt("network", "connect by TCP fast open", "socket.socket().sendto(b'x', 0x20000000, address)", PORT),
    Attempt("network", "connect by MPTCP", "socket.socket(proto=262).connect(address)", PORT),
    Attempt("network", "listen", "socket.create_server(('127.0.0.1', 0))", SOCKET),
    Attempt(
        "network",
        "announce a group by an option of a socket",  # to the loopback interface, where nobody hears it
        "socket.socket().setsockopt(0, 42, group)",
        GROUP,
    ),
    Attempt("network", "talk to the kernel by netlink", "socket.socket(16, 3, 0)", SOCKET),
    Attempt("network", "reach a local socket of another process", "socket.socket(socket.AF_UNIX).connect(place + '/socket')", SOCKET),
    Attempt(
        "network",
        "send to a local socket from a pair",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', place + '/datagrams')",
        SOCKET,
    ),
    Attempt("subprocess", "fork", "os._exit(0) if not os.fork() else os.wait()"),
    Attempt("subprocess", "start a program", "subprocess.run(['/bin/true'], check=True)", "import subprocess"),
    Attempt("subprocess", "start a program by posix_spawn", "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)"),
    Attempt("subprocess", "become another program", "os.execv('/bin/true', ['true'])"),
    Attempt("filesystem", "write a file", "open(place + '/file', 'a').close()"),
    Attempt("filesystem", "make a file", "open(place + '/new', 'x').close()"),
    Attempt("filesystem", "make a directory", "os.mkdir(place + '/made'), os.rmdir(place + '/made')"),
    Attempt("filesystem", "truncate a file", "os.truncate(place + '/file', 0)"),
    Attempt("filesystem", "rename a file", "os.rename(place + '/file', place + '/new')"),
    Attempt("filesystem", "give a file another name", "os.link(place + '/file', place + '/new')"),
    Attempt("filesystem", "delete a file", "os.unlink(place + '/file')"),
    Attempt("filesystem", "change a file's mode", "os.chmod(place + '/file', 0o600)"),
    Attempt("filesystem", "change a file's times", "os.utime(place + '/file', (0, 0))"),
    Attempt("filesystem", "read what is hidden", "read('file')", hide="file"),
    Attempt("filesystem", "read outside of the one directory", "read('file')", read="directory"),
    Attempt("", "read another process's environment", "open('/proc/%d/environ' % outside, 'rb').close()", OUTSIDE),
    Attempt("", "read where another process's memory is", "open('/proc/%d/maps' % outside, 'rb').read(1)", OUTSIDE),
    Attempt("", "read another process's memory", "call('process_vm_readv', outside, here, 1, there, 1, 0)", MEMORY),
    Attempt("", "write another process's memory", "open('/proc/%d/mem' % outside, 'r+b', 0).close()", OUTSIDE),
    Attempt(
        "", "take another process's descriptor", "call('syscall', 438, opened, 1, 0)", LIBC + OUTSIDE + "opened = os.pidfd_open(outside)"
    ),
    Attempt("", "write its own memory as a file", "open('/proc/self/mem', 'r+b', 0).close()"),
    Attempt("", "signal another process", "os.kill(outside, 0)", OUTSIDE),
    Attempt("", "change another process's limits", "resource.prlimit(outside, 7, (64, 64))", "import resource" + OUTSIDE),
    Attempt("", "trace another process", "call('ptrace', 0x4206, outside, 0, 0)", LIBC + OUTSIDE),
    Attempt("", "keep a key", "call('syscall', KEY[os.uname().machine], b'user', b'hermetic', b'x', 1, -2)", LIBC),
    Attempt("", "have all readable memory executed", "call('personality', 0x400000)", LIBC),
    Attempt("", "type into the terminal", "fcntl.ioctl(terminal, 0x5412, b'x')", TERMINAL),
    Attempt("", "make a user namespace", "call('unshare', 0x10000000)", LIBC),
    Attempt("", "make an io_uring", "call('syscall', 425, 1, ctypes.create_string_buffer(120))", LIBC),
)
