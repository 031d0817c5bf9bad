"""What programs do, and must go on doing."""

from __future__ import annotations

from guards.network.row import CLOSED, works

SELF_CERTIFIED = """
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEILpXoer8ydutxyFQyALAK317zdHxZC1dPpP8tag3M8P6oAoGCCqGSM49
AwEHoUQDQgAE+Va2IF0G1VQltpYj2XS5iLkB633zsNVLqf8GmIDSOIOKJsEH8OZ7
ERlW4ZiPQZHmSSTR4eq0ZWuUGAVCk0JfgA==
-----END EC PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUNQssl0wwMaBlWKJLDq6lzTgkWwQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzEyMDUxMVoYDzIxMjYxMDMw
MTIwNTExWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT5VrYgXQbVVCW2liPZdLmIuQHrffOw1Uup/waYgNI4g4omwQfw5nsR
GVbhmI9BkeZJJNHh6rRla5QYBUKTQl+Ao28wbTAdBgNVHQ4EFgQULT/Ohq3TriIf
VaywyPdcXZNX940wHwYDVR0jBBgwFoAULT/Ohq3TriIfVaywyPdcXZNX940wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgMLBnGVSbGFLBZagGN30+NJ8ruMAkAWJk5jPuD/1QR7cCIEH7
pife6GqwUjSR9r9oYHVdqUJ7DZdOa8wM5wA1A706
-----END CERTIFICATE-----
"""
"""A key and its certificate for localhost, made for this table; it secures nothing."""


PROGRAMS = [
    works("socketpair", "a, b = socket.socketpair()\na.sendall(b'x')\nresult = b.recv(1)", CLOSED),
    works("echo", "s = socket.create_connection(('localhost', echo()))\ns.sendall(b'hi\\n')\nresult = s.recv(9)"),
    works(
        "asyncio",
        """
        import asyncio
        async def main():
            async def answer(reader, writer):
                writer.write(await reader.readline())
                await writer.drain()
                writer.close()
            server = await asyncio.start_server(answer, 'localhost', 0)
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection('127.0.0.1', port)
            writer.write(b'hi\\n')
            got = await reader.read()
            writer.close()
            server.close()
            return got
        result = asyncio.new_event_loop().run_until_complete(main())
        """,
    ),
    works(
        "asyncio without a network",
        "import asyncio\nresult = asyncio.new_event_loop().run_until_complete(asyncio.sleep(0, 'slept'))",
        CLOSED,
    ),
    works(
        "TLS",
        f"""
        import ssl, tempfile
        with tempfile.NamedTemporaryFile('w', suffix='.pem') as file:
            file.write({SELF_CERTIFIED!r})
            file.flush()
            inside = ssl.SSLContext(ssl.PROTOCOL_TLS)
            inside.load_cert_chain(file.name)
        server = socket.socket()
        server.bind(('127.0.0.1', 0))
        server.listen()
        def serve():
            with inside.wrap_socket(server.accept()[0], server_side=True) as peer:
                peer.sendall(peer.recv(9))
        thread = threading.Thread(target=serve)
        thread.start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS)
        with context.wrap_socket(socket.create_connection(server.getsockname()), server_hostname='localhost') as peer:
            peer.sendall(b'secret')
            result = peer.recv(9)
        thread.join()
        """,
    ),
    works("datagrams", "s = socket.socket(2, 2)\ns.bind(('localhost', 0))\ns.sendto(b'x', s.getsockname())\nresult = s.recv(1)"),
    works(
        "ancillary data",
        """
        import array
        a, b = socket.socketpair()
        a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0]))])
        result = len(b.recvmsg(1, socket.CMSG_SPACE(4))[1])
        """,
        CLOSED,
    ),
    works(
        "traffic class",
        "s = socket.socket(2, 2)\ns.bind(('127.0.0.1', 0))\nresult = s.sendmsg([b'x'], [(0, 2, b'\\7\\0\\0\\0')], 0, s.getsockname())",
    ),
    works(
        "options",
        """
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 16)
        s.setsockopt(1, 20, b'\\1' + bytes(15))
        socket.socket(10).setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        """,
        CLOSED,
    ),
    works(
        "subclass",
        """
        class S(socket.socket):
            def connect(self, address):
                self.asked = address
                super().connect(address)
        s = S()
        port = echo()
        s.connect(('127.0.0.1', port))
        result = s.asked == ('127.0.0.1', port), isinstance(s, _socket.socket), isinstance(s, socket.SocketType)
        """,
    ),
    works(
        "http.server",
        """
        import http.server, urllib.request
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'here')
            log_message = lambda *_: None
        server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        result = opener.open('http://localhost:%d/' % server.server_port).read()
        thread.join()
        server.server_close()
        """,
    ),
    works(
        "socketserver",
        """
        import socketserver
        class Echo(socketserver.StreamRequestHandler):
            def handle(self): self.wfile.write(self.rfile.readline())
        with socketserver.ThreadingTCPServer(('127.0.0.1', 0), Echo) as server:
            thread = threading.Thread(target=server.serve_forever, args=(.01,))
            thread.start()
            with socket.create_connection(server.server_address) as peer:
                peer.sendall(b'line\\n')
                result = peer.recv(9)
            server.shutdown()
            thread.join()
        """,
    ),
    works(
        "selectors",
        """
        import selectors
        a, b = socket.socketpair()
        with selectors.DefaultSelector() as selector:
            selector.register(b, selectors.EVENT_READ)
            a.send(b'x')
            result = len(selector.select(5))
        """,
        CLOSED,
    ),
    *[
        works(
            f"multiprocessing.connection {family}",
            f"""
            from multiprocessing.connection import Client, Listener
            with Listener({address}, {family!r}) as listener:
                got = []
                def serve():
                    with listener.accept() as peer: got.append(peer.recv())
                thread = threading.Thread(target=serve)
                thread.start()
                with Client(listener.address) as peer: peer.send('hello')
                thread.join()
            result = got
            """,
            under,
        )
        for family, address, under in (("AF_UNIX", "None", CLOSED), ("AF_INET", "('localhost', 0)", ("localhost",)))
    ],
    works(
        "Manager",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Manager() as manager:\n    result = list(manager.list([1, 2]))",
        CLOSED,
        alone=True,
    ),
    works(
        "forkserver",
        """
        import math, multiprocessing
        context = multiprocessing.get_context('forkserver')
        with context.Pool(1) as pool:
            result = pool.map(math.sqrt, [4, 9])
        """,
        CLOSED,
        alone=True,
    ),
    works("getfqdn", "result = socket.getfqdn('127.0.0.1'), socket.getfqdn('localhost')"),
    works("getfqdn of this machine", "result = bool(socket.getfqdn())", CLOSED),
    works("uuid", "import uuid\nresult = uuid.uuid4().version, bool(uuid.getnode())", CLOSED),
    works("numbers need no name server", "result = socket.getaddrinfo('192.0.2.1', 80, type=1), socket.gethostbyname('192.0.2.1')", CLOSED),
    works("numbers, IPv6", "result = socket.getaddrinfo('::1', 80, type=1), socket.getaddrinfo('2001:db8::1', 80, type=2)", CLOSED),
    works("no host", "result = socket.getaddrinfo(None, 80, type=1, flags=1), socket.gethostbyname('')", CLOSED),
    works("numeric getnameinfo", "result = socket.getnameinfo(('192.0.2.1', 80), 3)", CLOSED),
    works("numeric getnameinfo, zone", "result = socket.getnameinfo(('fe80::1', 53, 0, 1), 1 | 16)", CLOSED, cpython=True),
    works(
        "getaddrinfo of localhost",
        "result = socket.getaddrinfo('localhost', 'http', type=1), socket.getaddrinfo('LOCALHOST', 80, 2, 2, 17, 2)",
    ),
    works(
        "gethostby of localhost",
        "result = socket.gethostbyname('localhost'), socket.gethostbyname_ex('localhost'), socket.gethostbyaddr('127.0.0.1')",
    ),
    works("getnameinfo of loopback", "result = socket.getnameinfo(('127.0.0.1', 80), 0), socket.getnameinfo(('127.0.0.1', 80), 8 | 2)"),
    works(
        "offline fallback", "try: socket.create_connection(('192.0.2.1', 81), 1)\nexcept OSError: result = 'offline'", ("none", "localhost")
    ),
    works(
        "offline fallback, name",
        "try: socket.getaddrinfo('x.invalid', 80)\nexcept socket.gaierror as e: result = 'offline', e.errno",
        CLOSED,
    ),
    works("repr", "s = socket.socket()\nresult = repr(s).replace(str(s.fileno()), 'N'), type(s).__module__, type(s).__qualname__", CLOSED),
    works("no pickling", "import pickle\ntry: pickle.dumps(socket.socket())\nexcept TypeError as e: result = str(e)", CLOSED),
    works("no copying", "import copy\ntry: copy.copy(socket.socket())\nexcept TypeError as e: result = str(e)", CLOSED),
    works(
        "names of methods",
        "result = [getattr(socket.socket, n).__name__ for n in ('connect', 'sendto', 'listen')], bool(socket.socket.connect.__doc__)",
        CLOSED,
    ),
    works(
        "malformed addresses",
        """
        result = []
        short, long, strange = ('127.0.0.1',), ('a', 1, 2, 3, 4), [('127.0.0.1', 70000), ('127.0.0.1', -1), ('127.0.0.1\\0', 1), (None, 80)]
        for address in [5, None, 'x', (), short, long] + strange:
            for family in (2, 10):
                try: socket.socket(family, 2).connect(address)
                except Exception as e: result.append((type(e).__name__, str(e)) if sys.implementation.name == 'cpython' else 'refused')
        """,
    ),
    works(
        "malformed calls",
        """
        result = []
        s = socket.socket(2, 2)
        for call in ('s.connect()', 's.connect(1, 2)', 's.sendto(b"")', 's.sendmsg()', 's.setsockopt(1)', 's.listen(1, 2)', 's.bind(a=1)',
                     'socket.socket.connect(5, ("127.0.0.1", 9))', 's.connect(("127.0.0.1", "80"))', 's.sendmsg([b""], [(1, 2)])'):
            try: eval(call)
            except Exception as e: result.append(type(e).__name__)
        """,
    ),
    works("closed socket", "s = socket.socket()\ns.close()\ntry: s.listen()\nexcept OSError as e: result = e.errno", CLOSED),
    works("syslog is not loaded", "result = 'syslog' in sys.modules, 'ipaddress' in sys.modules", CLOSED, alone=True),
]
