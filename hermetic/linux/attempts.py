"""What each guard forbids, as small programs that try it: the doctor runs them under the kernel's rules, and once without.

Each is Python source for `-I -S -c` that ends with an exception where it was kept from what it tried. `place` is a directory made by
someone outside: with `file` in it, the local sockets `socket` and `datagrams`, and with `port`, `outside` and `mapped`, which hold the number of
a TCP port somebody listens at, of a process, and an address in its memory.
"""

from __future__ import annotations

PREAMBLE = """
import os, sys
sys.stderr = open(os.devnull, "w")
place = sys.argv[1]
def read(name):
    with open(place + "/" + name) as file:
        return file.read()
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

SOCKET = "import socket\n"


class Attempt:
    """guard: whose rules forbid it, "" for what is refused in every run; what: in a few words; code: the program.

    fields: of the guard's rules, with what in `place` they list
    """

    __slots__ = ("code", "fields", "guard", "what")

    def __init__(self, guard: str, what: str, code: str, **fields: str) -> None:
        self.guard = guard
        self.what = what
        self.code = PREAMBLE + code
        self.fields = fields


ATTEMPTS = (
    Attempt("network", "connect by TCP", SOCKET + "socket.create_connection(('127.0.0.1', int(read('port'))))"),
    Attempt("network", "send by UDP", SOCKET + "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(read('port'))))"),
    Attempt(
        "network",
        "connect by TCP fast open",
        SOCKET + "socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', int(read('port'))))",
    ),
    Attempt("network", "connect by MPTCP", SOCKET + "socket.socket(proto=262).connect(('127.0.0.1', int(read('port'))))"),
    Attempt("network", "listen", SOCKET + "socket.create_server(('127.0.0.1', 0))"),
    Attempt(
        "network",
        "announce a group by an option of a socket",  # to the loopback interface, where nobody hears it
        SOCKET + "import struct\nsocket.socket().setsockopt(0, 42, struct.pack('=I4xHH4s120x', 1, 2, 0, bytes([239, 0, 0, 1])))",
    ),
    Attempt("network", "talk to the kernel by netlink", SOCKET + "socket.socket(16, 3, 0)"),
    Attempt("network", "reach a local socket of another process", SOCKET + "socket.socket(socket.AF_UNIX).connect(place + '/socket')"),
    Attempt(
        "network",
        "send to a local socket from a pair",
        SOCKET + "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', place + '/datagrams')",
    ),
    Attempt("subprocess", "fork", "pid = os.fork()\nos._exit(0) if not pid else os.waitpid(pid, 0)"),
    Attempt("subprocess", "start a program", "import _posixsubprocess, subprocess\nsubprocess.run(['/bin/true'], check=True)"),
    Attempt("subprocess", "start a program by posix_spawn", "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)"),
    Attempt("subprocess", "become another program", "os.execv('/bin/true', ['true'])"),
    Attempt("filesystem", "write a file", "open(place + '/file', 'a').close()"),
    Attempt("filesystem", "make a file", "open(place + '/new', 'x').close()"),
    Attempt("filesystem", "make a directory", "os.mkdir(place + '/made')\nos.rmdir(place + '/made')"),
    Attempt("filesystem", "truncate a file", "os.truncate(place + '/file', 0)"),
    Attempt("filesystem", "rename a file", "os.rename(place + '/file', place + '/new')"),
    Attempt("filesystem", "give a file another name", "os.link(place + '/file', place + '/new')"),
    Attempt("filesystem", "delete a file", "os.unlink(place + '/file')"),
    Attempt("filesystem", "change a file's mode", "os.chmod(place + '/file', 0o600)"),
    Attempt("filesystem", "change a file's times", "os.utime(place + '/file', (0, 0))"),
    Attempt("filesystem", "read what is hidden", "read('file')", hide="file"),
    Attempt("filesystem", "read outside of the one directory", "read('file')", read="directory"),
    Attempt("", "read another process's environment", "open('/proc/%s/environ' % read('outside'), 'rb').close()"),
    Attempt("", "read where another process's memory is", "open('/proc/%s/maps' % read('outside'), 'rb').read(1)"),
    Attempt("", "read another process's memory", MEMORY + "call('process_vm_readv', int(read('outside')), here, 1, there, 1, 0)"),
    Attempt("", "write another process's memory", "open('/proc/%s/mem' % read('outside'), 'r+b', 0).close()"),
    Attempt("", "take another process's descriptor", LIBC + "call('syscall', 438, os.pidfd_open(int(read('outside'))), 1, 0)"),
    Attempt("", "write its own memory as a file", "open('/proc/self/mem', 'r+b', 0).close()"),
    Attempt("", "signal another process", "os.kill(int(read('outside')), 0)"),
    Attempt("", "change another process's limits", "import resource\nresource.prlimit(int(read('outside')), 7, (64, 64))"),
    Attempt("", "trace another process", LIBC + "call('ptrace', 0x4206, int(read('outside')), 0, 0)"),
    Attempt("", "keep a key", LIBC + "call('syscall', KEY[os.uname().machine], b'user', b'hermetic', b'x', 1, -2)"),
    Attempt("", "have all readable memory executed", LIBC + "call('personality', 0x400000)"),
    Attempt("", "type into the terminal", TERMINAL + "fcntl.ioctl(terminal, 0x5412, b'x')"),
    Attempt("", "make a user namespace", LIBC + "call('unshare', 0x10000000)"),
    Attempt("", "make an io_uring", LIBC + "call('syscall', 425, 1, ctypes.create_string_buffer(120))"),
)
