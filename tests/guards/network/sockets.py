"""Reaching out by address: every way to call, addresses that lie, datagrams, packets that are steered, kinds of sockets, listening."""

from __future__ import annotations

from guards.network.row import CLOSED, OPEN, TCP, UDP, refused, works

CONNECT = [
    refused("connect", "socket.socket().connect(('192.0.2.1', 80))", TCP, "tcp"),
    refused("connect_ex", "result = socket.socket().connect_ex(('192.0.2.1', 80))", TCP, "tcp"),
    refused("_socket", "_socket.socket(2, 1).connect(('192.0.2.1', 80))", TCP, "tcp"),
    refused("SocketType", "_socket.SocketType(2, 1).connect(('192.0.2.1', 80))", TCP, "tcp"),
    refused("create_connection", "socket.create_connection(('192.0.2.1', 80))", TCP, "tcp"),
    refused(
        "each class above",
        """
        for kind in socket.socket.__mro__:
            method = vars(kind).get('connect')
            if method is not None:
                method(socket.socket(), ('192.0.2.1', 80))
        """,
        TCP,
        "tcp",
    ),
    refused("super", "class S(socket.socket): pass\nsuper(S, S()).connect(('192.0.2.1', 80))", TCP, "tcp"),
    refused(
        "subclass",
        """
        class S(socket.socket):
            def connect(self, address):
                return _socket.socket.connect(self, address)
        S().connect(('192.0.2.1', 80))
        """,
        TCP,
        "tcp",
    ),
    refused("bound method", "connect = socket.socket().connect\nconnect(('192.0.2.1', 80))", TCP, "tcp"),
    refused("getattribute", "s = socket.socket()\nobject.__getattribute__(s, 'connect')(('192.0.2.1', 80))", TCP, "tcp"),
    refused("methodcaller", "import operator\noperator.methodcaller('connect', ('192.0.2.1', 80))(socket.socket())", TCP, "tcp"),
    refused("map", "list(map(_socket.socket.connect, [socket.socket()], [('192.0.2.1', 80)]))", TCP, "tcp"),
    refused(
        "thread",
        """
        errors = []
        def run():
            try:
                socket.socket().connect(('192.0.2.1', 80))
            except OSError as error:
                errors.append(error)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        """,
        TCP,
        "tcp",
    ),
    refused("urllib", "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=.1)", TCP, "tcp"),
    refused("http.client", "import http.client\nhttp.client.HTTPConnection('192.0.2.1').request('GET', '/')", TCP, "tcp"),
    refused(
        "asyncio",
        """
        import asyncio
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asyncio.open_connection('192.0.2.1', 80))
        """,
        TCP,
        "tcp",
    ),
    refused("IPv4-mapped", "socket.socket(10).connect(('::ffff:192.0.2.1', 80))", "connect([::ffff:192.0.2.1]:80)", "tcp"),
    refused("MPTCP", "socket.socket(2, 1, 262).connect(('192.0.2.1', 80))", TCP),
    refused("fast open", "socket.socket().sendto(b'x', 0x20000000, ('192.0.2.1', 80))", "send(192.0.2.1:80)", "tcp"),
    refused("loopback", "socket.socket().connect(('127.0.0.1', 9000))", "connect(127.0.0.1:9000)", "loopback", ("none", "ports")),
    refused("loopback by name", "socket.socket().connect(('localhost', 9000))", "connect(127.0.0.1:9000)", "loopback", ("none", "ports")),
    refused("any address", "socket.socket().connect(('', 9000))", "connect(0.0.0.0:9000)", "loopback", ("none", "ports", "localhost")),
]

FORMS = [
    refused(f"host {host!r}", f"socket.socket().connect(({host!r}, 80))", TCP, "tcp")
    for host in ("3221225985", "0xc0000201", "0300.0.2.1", "192.0.513", b"192.0.2.1")
]

LIARS = [
    refused(
        "str subclass",
        """
        class Host(str):
            def encode(self, *_): return b'192.0.2.1'
        socket.socket().connect((Host('127.0.0.1'), 80))
        """,
        None,
        "tcp",
        cpython=True,
    ),
    refused(
        "str subclass, the other way round",
        """
        class Host(str):
            def encode(self, *_): return b'127.0.0.1'
            def partition(self, *_): return '127.0.0.1', '', ''
            def __eq__(self, other): return True
            __hash__ = str.__hash__
        socket.socket().connect((Host('192.0.2.1'), 80))
        """,
        TCP,
        "error",
        cpython=True,
    ),
    refused(
        "tuple subclass",
        """
        class Address(tuple):
            def __getitem__(self, at): return ('127.0.0.1', 80)[at]
            def __iter__(self): return iter(('127.0.0.1', 80))
            def __len__(self): return 2
        socket.socket().connect(Address(('192.0.2.1', 80)))
        """,
        TCP,
        "tcp",
        cpython=True,
    ),
    works(
        "changing port",
        """
        ports = [9000, 8005]
        class Port:
            def __index__(self): return ports.pop()
            __int__ = __index__  # of which 3.7 and older ask
        s = socket.socket()
        s.connect(('127.0.0.1', Port()))
        result = s.getpeername(), ports
        """,
        ("ports", "localhost"),
    ),
    refused("bytearray", "socket.socket().connect((bytearray(b'192.0.2.1'), 80))", TCP, "tcp"),
    refused(
        "bytes subclass",
        """
        class Host(bytes):
            def decode(self, *_): return '127.0.0.1'
            def __buffer__(self, flags): return memoryview(b'127.0.0.1')
        socket.socket().connect((Host(b'192.0.2.1'), 80))
        """,
        TCP,
        "tcp",
    ),
    refused(
        "lying family",
        """
        class S(socket.socket):
            family = socket.AF_UNIX
        S().connect(('192.0.2.1', 80))
        """,
        TCP,
        "tcp",
    ),
    refused(
        "claims another class",
        """
        class Liar:
            __class__ = tuple
        socket.socket().connect(Liar())
        """,
        None,
        reaches="error",
    ),
    refused(
        "lying name",
        """
        class Name(str):
            def encode(self, *_): return b'leak.test'
            def lower(self): return 'localhost'
        socket.getaddrinfo(Name('leak.test'), 80)
        """,
        "DNS(leak.test)",
        "dns",
    ),
]

MUTE = (*CLOSED, "ports")
CONNECTED = "s = socket.socket(2, 2)\ns.connect(('192.0.2.1', 9))\n"

DATAGRAMS = [
    refused("sendto", "socket.socket(2, 2).sendto(b'x', ('192.0.2.1', 9))", UDP, "udp", MUTE),
    refused("sendto with flags", "socket.socket(2, 2).sendto(b'x', 0, ('192.0.2.1', 9))", UDP, "udp", MUTE),
    refused("sendmsg", "socket.socket(2, 2).sendmsg([b'x'], [], 0, ('192.0.2.1', 9))", UDP, "udp", MUTE),
    refused("connected", CONNECTED + "s.send(b'x')", UDP, "udp", MUTE),
    refused("connected, sendall", CONNECTED + "s.sendall(b'x')", UDP, "udp", MUTE),
    refused("connected, sendmsg", CONNECTED + "s.sendmsg([b'x'])", UDP, "udp", MUTE),
    refused(
        "connected, IPv6",
        "s = socket.socket(10, 2)\ns.connect(('::ffff:192.0.2.1', 9))\ns.send(b'x')",
        "send([::ffff:192.0.2.1]:9)",
        "udp",
        MUTE,
    ),
    refused("connected, connect_ex", "s = socket.socket(2, 2)\ns.connect_ex(('192.0.2.1', 9))\ns.send(b'x')", UDP, "udp", MUTE),
    refused("connected, as a file", CONNECTED + "os.write(s.fileno(), b'x')", None, "udp", MUTE),
    refused(
        "connected, by a second descriptor", CONNECTED + "s = socket.socket(fileno=os.dup(s.fileno()))\ns.send(b'x')", UDP, "udp", MUTE
    ),
    refused("connected anew", CONNECTED + "s.connect(('192.0.2.1', 9))\ns.send(b'x')", UDP, "udp", MUTE),
    refused("connected by name", "s = socket.socket(2, 2)\ns.connect(('leak.test', 9))\ns.send(b'x')", "DNS(leak.test)", "dns", MUTE),
    refused("connected to a name server", "socket.socket(2, 2).connect(('192.0.2.1', 53))", "connect(192.0.2.1:53)", under=MUTE),
    works("connected to see which address one has", CONNECTED + "result = s.getsockname()[0], s.getpeername()", (*MUTE, "domain")),
    refused("IPv6 socket", "socket.socket(10, 2).sendto(b'x', ('::ffff:192.0.2.1', 9))", "send([::ffff:192.0.2.1]:9)", "udp", MUTE),
    refused(
        "asyncio",
        """
        import asyncio
        loop = asyncio.new_event_loop()
        make = loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=('192.0.2.1', 9))
        transport, _ = loop.run_until_complete(make)
        transport.sendto(b'x')
        """,
        UDP,
        "udp",
        MUTE,
    ),
    refused(
        "broadcast",
        "s = socket.socket(2, 2)\ns.setsockopt(1, 6, 1)\ns.sendto(b'x', ('<broadcast>', 9))",
        "send(255.255.255.255:9)",
        "packet",
        MUTE,
    ),
    refused("multicast", "socket.socket(2, 2).sendto(b'x', ('239.1.2.3', 9))", "send(239.1.2.3:9)", "packet", MUTE),
]

# A packet to a loopback address that leaves the machine all the same.
ROUTE = r"route = bytes([131, 7, 4]) + socket.inet_aton('198.51.100.7') + b'\0'" + "\n"
SOURCE_ROUTED = "s = socket.socket(2, 2)\n%s(s, 0, 4, route)\ns.sendto(b'x', ('127.0.0.1', 9))"

STEERED = [
    refused(
        "source route",
        ROUTE + SOURCE_ROUTED % "socket.socket.setsockopt",
        "socket(option 4 of level 0)",
        "packet",
        OPEN,
    ),
    refused(
        "source route, TCP",
        ROUTE + "s = socket.socket()\ns.settimeout(.2)\ns.setsockopt(0, 4, route)\ns.connect(('127.0.0.1', 9))",
        "socket(option 4 of level 0)",
        "packet",
    ),
    refused(
        "source route, message",
        ROUTE + "socket.socket(2, 2).sendmsg([b'x'], [(0, 7, route)], 0, ('127.0.0.1', 9))",
        "socket(control message 7 of level 0)",
        "packet",
        OPEN,
    ),
    refused(
        "interface, message",
        """
        import fcntl, struct
        s = socket.socket(2, 2)
        found = fcntl.ioctl(s, 0x8933, struct.pack('16si20x', b'v0', 0))  # SIOCGIFINDEX
        info = struct.pack('=i4s4s', struct.unpack_from('16si', found)[1], socket.inet_aton('192.0.2.1'), bytes(4))
        s.sendmsg([b'x'], [(0, 8, info)], 0, ('127.0.0.1', 9))
        """,
        "socket(control message 8 of level 0)",
        "packet",
        OPEN,
    ),
    refused(
        "device",
        "s = socket.socket(2, 2)\ns.setsockopt(1, 25, b'v0')\ns.sendto(b'x', ('127.0.0.1', 9))",
        "socket(SO_BINDTODEVICE)",
        "packet",
        OPEN,
    ),
    refused(
        "joining a group",
        """
        import time
        group = [239, 1, os.getpid() >> 8 & 255, os.getpid() & 255]
        s = socket.socket(2, 2)
        s.setsockopt(0, 35, bytes(group + [0, 0, 0, 0]))
        time.sleep(.1)
        """,
        "socket(option 35 of level 0)",
        "igmp",
        OPEN,
    ),
]

KINDS = [
    refused("AF_PACKET", "socket.socket(17, 3)", "socket(AF_PACKET)"),
    works("UDP", "socket.socket(2, 2)", (*MUTE, "domain")),
    works("UDP, IPv6", "_socket.socket(10, 2 | socket.SOCK_CLOEXEC, 17)", (*MUTE, "domain")),
    refused("UDP of another kind", "socket.socket(2, 2, 136)", "socket("),
    refused("AF_NETLINK", "socket.socket(16, 3)", "socket(AF_NETLINK)"),
    refused("SOCK_RAW", "socket.socket(2, 3, 1)", "socket(SOCK_RAW)"),
    refused("_socket directly", "_socket.socket(16, 3)", "socket(AF_NETLINK)"),
    refused("subclass of _socket's", "class S(_socket.socket): pass\nS(16, 3)", "socket(AF_NETLINK)"),
    refused("AF_ALG", "socket.socket(38, 5)", None, "maybe"),
    refused("AF_VSOCK", "socket.socket(40, 1)", None, "maybe"),
    refused("AF_CAN", "socket.socket(29, 3, 1)", None, "maybe"),
    refused("AF_TIPC", "socket.socket(30, 1)", None, "maybe"),
    refused("SCTP", "socket.socket(2, 1, 132)", None, "maybe"),
    refused("foreign descriptor", "socket.socket(fileno=os.dup(netlink))", "socket(AF_NETLINK)"),
    refused("foreign descriptor called TCP", "socket.socket(2, 1, 0, fileno=os.dup(netlink))", "socket(AF_NETLINK)"),
    refused("fromfd", "socket.fromfd(netlink, 2, 1)", "socket(AF_NETLINK)"),
]

LISTEN = [
    refused("bind, any", "socket.socket().bind(('', 0))", "bind(0.0.0.0:0)"),
    refused("bind, 0.0.0.0", "socket.socket().bind(('0.0.0.0', 0))", "bind(0.0.0.0:0)"),
    refused("bind, ::", "socket.socket(10).bind(('::', 0))", "bind([::]:0)"),
    refused("bind, outside", "socket.socket().bind(('192.0.2.1', 0))", "bind(192.0.2.1:0)"),
    refused("bind, UDP", "socket.socket(2, 2).bind(('', 0))", "bind(0.0.0.0:0)", under=OPEN),
    refused("unbound listen", "socket.socket().listen()", "listen(0.0.0.0:0)"),
    refused("unbound listen, IPv6", "socket.socket(10).listen(1)", "listen([::]:0)"),
    refused("unbound listen, _socket", "_socket.socket(2, 1).listen(1)", "listen(0.0.0.0:0)"),
    refused(
        "unbound listen, called AF_UNIX",
        "s = socket.socket()\nsocket.socket(1, 1, 0, fileno=os.dup(s.fileno())).listen(1)",
        "listen(",
    ),
    refused("bind, loopback", "s = socket.socket()\ns.bind(('127.0.0.1', 8010))\ns.close()", "bind(127.0.0.1:8010)", under=("none",)),
    works("bind, loopback, any port", "s = socket.socket(10)\ns.bind(('::1', 0))\ns.close()", ("none",)),
    refused("listen, loopback", "s = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()", "listen(", under=("none",)),
    refused("bind, other port", "s = socket.socket()\ns.bind(('127.0.0.1', 8011))\ns.close()", "bind(127.0.0.1:8011)", under=("ports",)),
    works("bind, port allowed", "s = socket.socket()\ns.bind(('127.0.0.1', 8010))\ns.listen()\ns.close()", ("ports", "localhost")),
    works(
        "bind, any port", "s = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\nresult = s.getsockname()[0]", ("ports", "localhost")
    ),
    works("connect, port allowed", "socket.socket().connect(('127.0.0.1', 8005))", ("ports", "localhost")),
]
