"""Names: what a name server may be asked."""

from __future__ import annotations

from guards.network.row import CLOSED, OPEN, Row, refused, works
from launch.wired import INNER as ELSEWHERE


def name_rows(call: str, what: str = "DNS(leak.test)", reaches: str = "dns", under: tuple[str, ...] = CLOSED, **more: bool) -> Row:
    return refused(call, call, what, reaches, under, **more)


NAMES = [
    name_rows("socket.getaddrinfo('leak.test', 80)"),
    name_rows("_socket.getaddrinfo(b'leak.test', 80)"),
    name_rows("socket.getaddrinfo('leak.test.', 80)", "DNS(leak.test.)"),
    name_rows("socket.gethostbyname('leak.test')"),
    name_rows("socket.gethostbyname_ex('leak.test')"),
    name_rows("socket.gethostbyaddr('leak.test')"),
    name_rows("socket.gethostbyaddr('192.0.2.7')", "DNS(192.0.2.7)"),
    name_rows("socket.getnameinfo(('192.0.2.7', 80), 0)", "DNS(192.0.2.7)"),
    name_rows("socket.getnameinfo(('2001:db8::7', 80), 0)", "DNS(2001:db8::7)"),
    name_rows("socket.getfqdn('leak.test')"),
    name_rows("socket.socket().connect(('leak.test', 80))"),
    name_rows("socket.socket().connect_ex(('leak.test', 80))"),
    name_rows("socket.socket(10).connect(('leak.test', 80))"),
    name_rows("socket.socket().bind(('leak.test', 0))"),
    name_rows("socket.socket(2, 2).sendto(b'x', ('leak.test', 9))", under=OPEN),
    name_rows("socket.socket(2, 2).sendto(b'x', 0, (bytearray(b'leak.test'), 9))", under=OPEN),
    name_rows("socket.socket(2, 2).sendmsg([b'x'], [], 0, ('leak.test', 9))", under=OPEN),
    name_rows("socket.create_connection(('leak.test', 80))"),
    name_rows("import urllib.request; urllib.request.urlopen('http://leak.test/', timeout=.1)"),
    name_rows("socket.getaddrinfo('127.0.0.1.leak.test', 80)", "DNS(127.0.0.1.leak.test)"),
    name_rows("socket.getaddrinfo('1.2.3.4.', 80)", "DNS(1.2.3.4.)"),
    name_rows("socket.getaddrinfo('a.localhost', 80)", "DNS(a.localhost)"),
    name_rows("socket.getaddrinfo('localhost.leak.test', 80)", "DNS(localhost.leak.test)"),
    name_rows("socket.getaddrinfo('\\u0661\\u0662\\u0667.0.0.1', 80)", "DNS(xn--9hbcp.0.0.1)"),
    name_rows("socket.getaddrinfo('b\\xfccher.test', 80)", "DNS(xn--bcher-kva.test)"),
    refused("blank", "socket.getaddrinfo('127.0.0.1 leak', 80)", "DNS(127.0.0.1 leak)", "error"),
    refused("zone", "socket.getaddrinfo('::1%leak.test', 80)", "DNS(::1%leak.test)", "error"),
    # libc would ask the name server, search domain and all.
    refused("localhost, IPv6", "socket.getaddrinfo('localhost', 80, socket.AF_INET6)", None, "dns", ("localhost",)),
    refused("localhost.", "socket.getaddrinfo('localhost.', 80)", None, "dns", ("localhost",)),
    refused("name of 127.0.0.2", "socket.gethostbyaddr('127.0.0.2')", None, "dns", ("localhost",)),
    refused("name of ::1", "socket.getnameinfo(('::1', 80, 0, 0), 0)", None, "dns", ("localhost",)),
    refused("numeric form", "socket.gethostbyname_ex('0x7f.1')", None, "dns", ("localhost",), safer=True),
    refused(
        "codec",
        """
        import encodings.idna
        encodings.idna.Codec.encode = lambda *_: (b'leak.test', 9)
        socket.getaddrinfo('127.0.0.1', 80)
        """,
        None,
        "dns",
        alone=True,
        safer=True,
    ),
    works(
        "numeric only",
        "try: socket.getaddrinfo('leak.test', 80, flags=socket.AI_NUMERICHOST)\nexcept socket.gaierror as e: result = e.args",
        CLOSED,
    ),
]

DOMAINS = [
    works("allowed name", "socket.create_connection(('allowed.test', 80), 5)", ("domain",)),
    works("allowed name, connect", "socket.socket().connect(('ALLOWED.test', 80))", ("domain",)),
    works(
        "allowed name, asyncio",
        "import asyncio\nasyncio.new_event_loop().run_until_complete(asyncio.open_connection('allowed.test', 80))",
        ("domain",),
    ),
    works("allowed name, gethostbyname", "socket.socket().connect((socket.gethostbyname('allowed.test'), 80))", ("domain",)),
    works("allowed name, _ex", "socket.socket().connect((socket.gethostbyname_ex('allowed.test')[2][0], 80))", ("domain",)),
    refused("other name", "socket.create_connection(('leak.test', 80), 5)", "DNS(leak.test)", "dns", ("domain",)),
    refused(
        "other port",
        "s = socket.socket(2, 2)\ns.sendto(b'x', (socket.gethostbyname('allowed.test'), 9))",
        f"send({ELSEWHERE}:9)",
        "udp",
        ("domain",),
    ),
    refused(
        "address without its name",
        f"socket.socket().connect(({ELSEWHERE!r}, 80))",
        f"connect({ELSEWHERE}:80)",
        "tcp",
        ("domain",),
        alone=True,
    ),
    refused(
        "reported address",
        "getattr(sys, 'audit', print)('hermetic.network.resolve', [], 'allowed.test', None, 0, 0, 0, ())\n"
        f"socket.socket().connect(({ELSEWHERE!r}, 80))",
        None,
        "tcp",
        ("domain",),
        alone=True,
    ),
]
