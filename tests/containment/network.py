"""The network: to connect, to send, to be reached, to ask for a name."""

from __future__ import annotations

from containment.attempt import BEYOND, Admitted, attempts

DATAGRAMS = (Admitted("native code can send datagrams past the loopback interface", layers=("kernel",)),)
"""In this world all addresses are on that interface."""
NATIVE = (Admitted("Native code, where `--block-native` does not stand"),)

tcp = attempts("tcp", "--no-network")
udp = attempts("udp", "--no-network")
dns = attempts("dns", "--no-network")
unix = attempts("unix", "--no-network")
packet = attempts("packet", "--no-network", root=True)
visited = attempts("visited", "--no-network")
localhost = attempts("tcp", "--no-network", "--allow-localhost")
domain = attempts("tcp", "--no-network", "--allow-domain=allowed.test")

CONNECT = [
    tcp("connect", "import socket; socket.socket().connect(OUT)"),
    tcp("connect_ex", "import socket; socket.socket().connect_ex(OUT)"),
    tcp("connect, by the C module", "import _socket; _socket.socket().connect(OUT)"),
    tcp("connect, unbound", "import _socket, socket; _socket.socket.connect(socket.socket(), OUT)"),
    tcp("create_connection", "import socket; socket.create_connection(OUT)"),
    tcp("connect, without waiting", "import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(OUT)"),
    tcp("connect, by a subclass", "import socket\nclass S(socket.socket):\n    def connect(self, a): return super().connect(OUT)\nS().connect(None)"),
    tcp("a number for the address", "import socket; socket.socket().connect(('3221225985', 80))"),
    tcp("an octal address", "import socket; socket.socket().connect(('0300.0.02.01', 80))"),
    tcp("an address in IPv6's clothes", "import socket; socket.socket(10).connect(('::ffff:' + HOST, 80))"),
    tcp("a descriptor's second object", "import socket; s = socket.socket(); socket.socket(fileno=os.dup(s.fileno())).connect(OUT)"),
    tcp("multipath TCP", "import socket; socket.socket(2, 1, 262).connect(OUT)", probe="import socket; socket.socket(2, 1, 262)"),
    tcp("data in the first packet", "import socket; socket.socket().sendto(b'x', 0x20000000, OUT)"),
    tcp("data in the first packet, sendmsg", "import socket; socket.socket().sendmsg([b'x'], [], 0x20000000, OUT)"),
    tcp("TLS", "import ssl, socket; ssl.SSLContext(ssl.PROTOCOL_TLS).wrap_socket(socket.socket(), do_handshake_on_connect=False).connect(OUT)"),
    tcp("a thread", "import socket, threading; t = threading.Thread(target=socket.socket().connect, args=(OUT,)); t.start(); t.join()"),
    tcp("a bare thread", "import socket, _thread, time; _thread.start_new_thread(socket.socket().connect, (OUT,)); time.sleep(.2)"),
    tcp("a signal handler", "import signal, socket; signal.signal(10, lambda *_: socket.socket().connect(OUT)); os.kill(os.getpid(), 10)"),
    tcp("at exit", "import atexit, socket; atexit.register(socket.create_connection, OUT)"),
    tcp("after a fork", "import socket\nif os.fork(): os.wait()\nelse: socket.create_connection(OUT)"),
    tcp("made in a pool", "from concurrent.futures import ThreadPoolExecutor as P; import socket; P().submit(socket.create_connection, OUT).result()"),
]  # fmt: skip

LIBRARY = [
    tcp("asyncio", "import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.open_connection(*OUT))"),
    tcp("asyncio's sock_connect", """
        import asyncio, socket
        loop = asyncio.new_event_loop()
        s = socket.socket(); s.setblocking(False)
        loop.run_until_complete(loop.sock_connect(s, OUT))"""),
    udp("asyncio's datagrams", """
        import asyncio
        loop = asyncio.new_event_loop()
        transport, _ = loop.run_until_complete(loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=UDP))
        transport.sendto(b'x')"""),
    tcp("http.client", "import http.client; http.client.HTTPConnection(*OUT, timeout=.1).request('GET', '/')"),
    tcp("urllib", "import urllib.request; urllib.request.urlopen(URL, timeout=.1)"),
    tcp("urllib, by a proxy", "os.environ['http_proxy'] = URL; import urllib.request; urllib.request.urlopen('http://other.test', timeout=.1)"),
    tcp("ftplib", "import ftplib; ftplib.FTP(timeout=.1).connect(*OUT)"),
    tcp("smtplib", "import smtplib; smtplib.SMTP(*OUT, timeout=.1)"),
    tcp("poplib", "import poplib; poplib.POP3(*OUT, timeout=.1)"),
    tcp("imaplib", "import imaplib; imaplib.socket.socket().connect(OUT)"),
    tcp("telnetlib", "import warnings; warnings.simplefilter('ignore'); import telnetlib; telnetlib.Telnet(*OUT)", until=(3, 13)),
    tcp("xmlrpc", "import socket, xmlrpc.client; socket.setdefaulttimeout(.1); xmlrpc.client.ServerProxy(URL).call()"),
    tcp("an XML document's entity", """
        import io, socket, xml.sax
        socket.setdefaulttimeout(.1)
        parser = xml.sax.make_parser()
        parser.setFeature(xml.sax.handler.feature_external_ges, True)
        parser.parse(io.StringIO('<!DOCTYPE a [<!ENTITY b SYSTEM "%s">]><a>&b;</a>' % URL))"""),
    tcp("multiprocessing.connection", "from multiprocessing.connection import Client; Client(OUT)"),
    tcp("logging to a socket", "import logging, logging.handlers as h; logging.getLogger().addHandler(h.SocketHandler(*OUT)); logging.error('x')"),
    udp("logging in datagrams", "import logging, logging.handlers as h; logging.getLogger().addHandler(h.DatagramHandler(*UDP)); logging.error('x')"),
    udp("logging to a syslog", "import logging, logging.handlers as h; logging.getLogger().addHandler(h.SysLogHandler(UDP)); logging.error('x')"),
    unix("logging to a local syslog", "import logging, logging.handlers as h; logging.getLogger().addHandler(h.SysLogHandler(DATAGRAMS)); logging.error('x')"),
    tcp("logging as configured", """
        import logging.config
        logging.config.dictConfig({'version': 1, 'handlers': {'h': {'class': 'logging.handlers.SocketHandler', 'host': HOST, 'port': 80}},
                                   'root': {'handlers': ['h']}})
        logging.error('x')"""),
]  # fmt: skip

SENDING = [
    udp("sendto", "import socket; socket.socket(2, 2).sendto(b'x', UDP)"),
    udp("connect and send", "import socket; s = socket.socket(2, 2); s.connect(UDP); s.send(b'x')"),
    udp("sendmsg", "import socket; socket.socket(2, 2).sendmsg([b'x'], [], 0, UDP)"),
    udp("connect and write", "import socket; s = socket.socket(2, 2); s.connect(UDP); os.write(s.fileno(), b'x')"),
    udp("to everybody", "import socket; s = socket.socket(2, 2); s.setsockopt(1, 6, 1); s.sendto(b'x', ('192.0.2.255', 9)); s.sendto(b'x', UDP)"),
    udp("in IPv6's clothes", "import socket; socket.socket(10, 2).sendto(b'x', ('::ffff:' + HOST, 9))"),
    udp("a socket that was open before", "os.write(FD, b'x')", inherits="socket"),
    udp("a socket that was open before, as an object", "import socket; socket.socket(fileno=FD).send(b'x')", inherits="socket"),
    packet("an echo request", "import socket; socket.socket(2, 3, 1).sendto(b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0', ('198.51.100.1', 0))"),
    packet("a frame", "import socket; s = socket.socket(17, 3); s.bind(('v0', 0x800)); s.send(b'\\2\\0\\0\\0\\0\\1' * 2 + b'\\x08\\0' + bytes(46))"),
    packet("a datagram of another kind", "import socket; socket.socket(2, 2, 136).sendto(b'x', ('198.51.100.1', 9))", probe="import socket; socket.socket(2, 2, 136)"),
    unix("a daemon", "import socket; socket.socket(1).connect(DAEMON)"),
    unix("a daemon, in bytes", "import socket; socket.socket(1).connect(DAEMON.encode())"),
    unix("a daemon, by a link", "import socket; os.symlink(DAEMON, 'daemon'); socket.socket(1).connect('daemon')"),
    unix("a daemon's abstract name", "import socket; socket.socket(1).connect(ABSTRACT)"),
    unix("a daemon's abstract name, by one's own of another type", """
        import socket
        own = socket.socket(1, 5); own.bind(ABSTRACT); own.listen(1)
        socket.socket(1).connect(ABSTRACT)"""),
    unix("a daemon's datagrams", "import socket; socket.socket(1, 2).sendto(b'x', DATAGRAMS)"),
    unix("a daemon, asyncio", "import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.open_unix_connection(DAEMON))"),
    unix("a daemon, for a descriptor", "import socket, array; s = socket.socket(1, 2); s.sendmsg([b'x'], [(1, 1, array.array('i', [0]))], 0, DATAGRAMS)"),
]  # fmt: skip

REACHED = [
    visited("listen", """
        import socket
        s = socket.socket(); s.bind(('0.0.0.0', VISITED)); s.listen(1); s.settimeout(3); s.accept()"""),
    visited("listen, both families", """
        import socket
        s = socket.socket(10); s.bind(('::', VISITED)); s.listen(1); s.settimeout(3); s.accept()"""),
    visited("create_server", "import socket; s = socket.create_server((HOST, VISITED)); s.settimeout(3); s.accept()", since=(3, 8)),
    visited("socketserver", """
        import socketserver
        s = socketserver.TCPServer(('', VISITED), socketserver.BaseRequestHandler); s.timeout = 3; s.handle_request()"""),
    visited("http.server", """
        import http.server
        s = http.server.HTTPServer(('', VISITED), http.server.BaseHTTPRequestHandler); s.timeout = 3; s.handle_request()"""),
    visited("asyncio server", """
        import asyncio
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asyncio.start_server(lambda *_: loop.stop(), '0.0.0.0', VISITED))
        loop.call_later(3, loop.stop); loop.run_forever()"""),
    visited("Listener", """
        from multiprocessing.connection import Listener
        import socket
        socket.setdefaulttimeout(3)
        Listener(('0.0.0.0', VISITED)).accept()"""),
]  # fmt: skip

NAMES = [
    dns("getaddrinfo", "import socket; socket.getaddrinfo(NAME, 80)"),
    dns("gethostbyname", "import socket; socket.gethostbyname(NAME)"),
    dns("gethostbyname_ex", "import socket; socket.gethostbyname_ex(NAME)"),
    dns("gethostbyaddr", "import socket; socket.gethostbyaddr(HOST)"),
    dns("getnameinfo", "import socket; socket.getnameinfo(OUT, 0)"),
    dns("getfqdn", "import socket; socket.getfqdn(HOST)"),
    dns("connect by name", "import socket; socket.socket().connect((NAME, 80))"),
    dns("bind by name", "import socket; socket.socket().bind((NAME, 0))"),
    dns("sendto by name", "import socket; socket.socket(2, 2).sendto(b'x', (NAME, 9))"),
    dns("bytes", "import socket; socket.getaddrinfo(NAME.encode(), 80)"),
    dns("in a thread of asyncio's", "import asyncio; loop = asyncio.new_event_loop(); loop.run_until_complete(loop.getaddrinfo(NAME, 80))"),
    dns("asked of the server itself", "import socket; socket.socket(2, 2).sendto(bytes.fromhex('00010100000100000000000001780474657374000001') + b'\\0\\1', ('127.0.0.53', 53))"),
    dns("a name below localhost", "import socket; socket.getaddrinfo('localhost.leak.test', 80)", flags=("--no-network", "--allow-localhost"), layers=("both", "python")),
    dns("a name below an allowed one", "import socket; socket.getaddrinfo('x.allowed.test', 80)", flags=("--no-network", "--allow-domain=allowed.test")),
    dns("a name that ends like an allowed one", "import socket; socket.getaddrinfo('disallowed.test', 80)", flags=("--no-network", "--allow-domain=allowed.test")),
    dns("a name with an allowed one in it", "import socket; socket.getaddrinfo('allowed.test.leak.test', 80)", flags=("--no-network", "--allow-domain=allowed.test")),
]  # fmt: skip

ALLOWED = [
    localhost("another machine", "import socket; socket.socket().connect(OUT)"),
    localhost("another machine in IPv6's clothes", "import socket; socket.socket(10).connect(('::ffff:' + HOST, 80))"),
    localhost("another machine in disguise", "import socket; socket.socket(10).connect(('::ffff:c000:201', 80))"),
    localhost("another machine, when it is looked at again", """
        import socket
        class Liar(str):
            def encode(self, *_): return HOST.encode()
        socket.socket().connect((Liar('127.0.0.1'), 80))""", cpython=True),
    localhost("a datagram elsewhere", "import socket; socket.socket(2, 2).sendto(b'x', UDP)", leaves="udp", admitted=DATAGRAMS),
    localhost("a socket connected twice", """
        import socket
        s = socket.socket(2, 2); s.connect(('127.0.0.1', 9)); s.connect(UDP); s.send(b'x')""", leaves="udp"),
    attempts("loopback", "--no-network", "--allow-localhost=8000-8010")("a port that is not listed", "import socket; socket.socket().connect(('127.0.0.1', 9000))"),
    domain("an address without its name", "import socket; socket.socket().connect(OUT)"),
]  # fmt: skip

DISGUISED = [
    tcp("a payload in base64", """
        import base64
        exec(base64.b64decode(base64.b64encode(('import socket; socket.create_connection(%r)' % (OUT,)).encode())))"""),
    tcp("a payload in a pickle", """
        import pickle, socket
        class Payload:
            def __reduce__(self): return socket.create_connection, (OUT,)
        pickle.loads(pickle.dumps(Payload()))"""),
    tcp("a payload in marshal", """
        import marshal
        exec(marshal.loads(marshal.dumps(compile('import socket; socket.create_connection(OUT)', 'x', 'exec'))))"""),
    tcp("names put together", "getattr(__import__('tekcos'[::-1]), 'etaerc'[::-1] + '_connection')(OUT)"),
    tcp("ctypes", """
        import ctypes, socket, struct
        address = struct.pack('=HHI8x', 2, socket.htons(80), struct.unpack('=I', socket.inet_aton(HOST))[0])
        c = ctypes.CDLL(None); c.connect(c.socket(2, 1, 0), address, 16)""", admitted=NATIVE),
    tcp("ctypes, by the number of the call", """
        import ctypes, socket, struct
        address = struct.pack('=HHI8x', 2, socket.htons(80), struct.unpack('=I', socket.inet_aton(HOST))[0])
        c = ctypes.CDLL(None); c.syscall(42, c.syscall(41, 2, 1, 0), address, 16)""", layers=BEYOND, probe="assert os.uname().machine == 'x86_64'"),
    tcp("Tcl", "import tkinter; tkinter.Tcl().eval('socket %s 80' % HOST)", probe="import tkinter"),
]  # fmt: skip

ATTEMPTS = [*CONNECT, *LIBRARY, *SENDING, *REACHED, *NAMES, *ALLOWED, *DISGUISED]
