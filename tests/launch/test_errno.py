"""What connect(2) says of every call, guarded and not: the same errno, but EACCES for what is refused; nothing is refused without an event."""

from __future__ import annotations

import json
import os

from conftest import find_python

CALLS = """
import ctypes, json, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
found, held = {}, []
def connect(name, descriptor, address, size=None):
    result = libc.connect(descriptor, address, len(address) if size is None else size)
    found.setdefault(name, []).append(-ctypes.get_errno() if result == -1 else result)
def v4(host, port, family=2):
    return struct.pack('=HH4sQ', family, socket.htons(port), socket.inet_aton(host), 0)
def v6(host, port, family=10):
    return struct.pack('=HHI16sI', family, socket.htons(port), 0, socket.inet_pton(10, host), 0)
def made(family=2, kind=1):
    held.append(socket.socket(family, kind))
    return held[-1].fileno()
def pending(family=2):
    held.append(socket.socket(family)); held[-1].setblocking(False)
    return held[-1].fileno()
server, server6 = socket.create_server(('127.0.0.1', 0)), socket.create_server(('::1', 0), family=10)
port, port6 = server.getsockname()[1], server6.getsockname()[1]
gone = socket.create_server(('127.0.0.1', 0)); closed = gone.getsockname()[1]; gone.close()
full = socket.socket(); full.bind(('127.0.0.1', 0)); full.listen(0)
for _ in range(4): connect('filling', pending(), v4('127.0.0.1', full.getsockname()[1]))

one = made(); connect('blocking', one, v4('127.0.0.1', port)); connect('blocking, again', one, v4('127.0.0.1', port))
connect('blocking, elsewhere', one, v4('127.0.0.1', closed))
one = made(10); connect('IPv6', one, v6('::1', port6)); connect('IPv6, again', one, v6('::1', port6))
connect('mapped', made(10), v6('::ffff:127.0.0.1', port))
connect('closed', made(), v4('127.0.0.1', closed))
one = pending(); connect('not blocking', one, v4('127.0.0.1', port))
import select; select.select([], [one], [])
connect('not blocking, then', one, v4('127.0.0.1', port)); connect('not blocking, after', one, v4('127.0.0.1', port))
one = pending(); connect('not blocking, closed', one, v4('127.0.0.1', closed)); select.select([], [one], [])
connect('not blocking, closed, then', one, v4('127.0.0.1', closed))
one = pending(); connect('under way', one, v4('127.0.0.1', full.getsockname()[1])); connect('under way, then', one, v4('127.0.0.1', full.getsockname()[1]))
connect('IPv6 not blocking', pending(10), v6('::1', port6))
waits = socket.socket(); waits.settimeout(0.2); held.append(waits)
waits.setsockopt(1, 21, struct.pack('=QQ', 0, 200000)); waits.setblocking(True)
connect('a time limit', waits.fileno(), v4('127.0.0.1', full.getsockname()[1]))
connect('no port', made(), v4('127.0.0.1', 0))
connect('short', made(), v4('127.0.0.1', port), 8)
connect('very short', made(), v4('127.0.0.1', port), 1)
connect('no size', made(), v4('127.0.0.1', port), 0)
connect('negative size', made(), v4('127.0.0.1', port), -1)
connect('long', made(), v4('127.0.0.1', port) + bytes(100), 100)
connect('too long', made(), v4('127.0.0.1', port) + bytes(200), 200)
connect('short IPv6', made(10), v6('::1', port6), 20)
connect('IPv6 without its scope', made(10), v6('::1', port6), 24)
connect('IPv4 to IPv6', made(10), v4('127.0.0.1', port))
connect('IPv6 to IPv4', made(), v6('::1', port6))
connect('another family', made(), v4('127.0.0.1', port, 77))
connect('unspecified', made(), v4('127.0.0.1', port, 0))
one = made(); connect('taken away', one, v4('127.0.0.1', port)); connect('taken away', one, bytes(16)); connect('taken away', one, v4('127.0.0.1', port))
connect('nowhere', made(), None, 16)
connect('bad address', made(), ctypes.c_void_p(8), 16)
connect('no socket', os.open('/dev/null', 0), v4('127.0.0.1', port))
connect('no descriptor', 999, v4('127.0.0.1', port))
connect('a path', os.open('/', os.O_PATH), v4('127.0.0.1', port))
connect('a listening one', server.fileno(), v4('127.0.0.1', port))
connect('datagrams', made(2, 2), v4('127.0.0.1', port))
connect('datagrams, IPv6', made(10, 2), v6('::1', port6))
one = made(); held[-1].bind(('127.0.0.1', 0)); connect('bound', one, v4('127.0.0.1', port))
one = made(1); connect('no such path', one, struct.pack('=H', 1) + b'/nowhere/socket\\0')
connect('no socket there', made(1), struct.pack('=H', 1) + b'/etc/passwd\\0')
connect('internet to local', made(1), v4('127.0.0.1', port))
connect('local to internet', made(), struct.pack('=H', 1) + b'/nowhere' + bytes(8))
local = socket.socket(1); local.bind('\\0errno-%d' % os.getpid()); local.listen(5)
connect('a long path', made(1), struct.pack('=H', 1) + b'/' * 109)
connect('no path', made(1), struct.pack('=H', 1))
connect('a full path', made(1), struct.pack('=H', 1) + b'/' * 108)
connect('a name', made(1), struct.pack('=H', 1) + b'\\0errno-%d' % os.getpid())
for name, address in (('elsewhere', v4('192.0.2.1', 80)), ('elsewhere, mapped', v6('::ffff:192.0.2.1', 80)), ('elsewhere, IPv6', v6('2001:db8::1', 80))):
    if sys.argv[1] == 'guarded':
        connect(name, made(2 if len(address) == 16 else 10), address); connect(name + ', not blocking', pending(2 if len(address) == 16 else 10), address)
print(json.dumps(found))
"""
REFUSED = ("elsewhere", "elsewhere, mapped", "elsewhere, IPv6")


def test_every_errno(jobs) -> None:
    python, env = str(find_python("3.11").path), jobs.environ()
    bare = jobs.native(python, "-c", CALLS, "bare", env=env)
    assert bare.code == 0, bare.err
    done = jobs.guarded("--no-network", "--allow-localhost", "--", python, "-c", CALLS, "guarded", env=env)
    assert done.code == 0, done.err
    expected, found = json.loads(bare.out), json.loads(done.out)
    refused = {name: found.pop(name) for name in [name for name in found if name.startswith("elsewhere")]}
    assert found == expected
    assert refused == {name + more: [-13] for name in REFUSED for more in ("", ", not blocking")}
    assert len(done.refused) == len(refused)


def test_a_descriptor_of_another_process(jobs) -> None:
    """A link that may not be read leads nobody knows where; root sees that there is one."""
    code = "try: open('/proc/1/fd/1', 'wb')\nexcept PermissionError: print('PermissionError')"
    done = jobs.guarded("--no-network", "--", str(find_python("3.11").path), "-c", code, env=jobs.environ())
    assert (done.code, done.out) == (0, "PermissionError\n"), done.err
    assert done.refused == (["write(/proc/1/fd/1)"] if os.geteuid() == 0 else [])
