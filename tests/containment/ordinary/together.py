"""Programs that need one thing allowed: loopback, children, native code, or their own directory; they run under all other guards."""

from __future__ import annotations

from containment.ordinary.program import EVERY, programs
from guards.network.programs import SELF_CERTIFIED

loopback = programs(*EVERY, allow=("--allow-localhost",))
local = programs(*EVERY)
children = programs("network", "native")
offspring = programs("network", "filesystem", "native", allow=("--allow-write=.",))
foreign = programs("network", "subprocess", "filesystem")
own = programs(*EVERY, allow=("--allow-write=.",))

SERVED = """
import threading
def serve(server, client):
    thread = threading.Thread(target=server.serve_forever, args=(.01,)); thread.start()
    try: print(client(*server.server_address[:2]))
    finally: server.shutdown(); thread.join(); server.server_close()
"""

NETWORK = [
    loopback("an echo", "import socket, threading\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)\nthreading.Thread(target=lambda: s.accept()[0].sendall(b'hi')).start()\nprint(socket.create_connection(s.getsockname()).recv(9))"),
    loopback("another loopback address", "import socket; s = socket.socket(); s.bind(('127.0.0.2', 0)); s.listen(1); socket.create_connection(s.getsockname()); print(s.accept()[1][0][:8])"),
    loopback("IPv6's loopback", "import socket; s = socket.socket(10); s.bind(('::1', 0)); s.listen(1); socket.create_connection(s.getsockname()[:2]); print(s.accept()[1][0])", probe="import socket; socket.socket(10).bind(('::1', 0))"),
    loopback("by name", "import socket; s = socket.socket(); s.bind(('localhost', 0)); s.listen(1); socket.create_connection(('localhost', s.getsockname()[1])); print(socket.gethostbyname('localhost'))"),
    loopback("http.server and urllib", SERVED + """
import http.server, urllib.request
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'here')
    def log_message(self, *_): pass
serve(http.server.HTTPServer(('127.0.0.1', 0), H), lambda *a: urllib.request.urlopen('http://%s:%d/' % a).read())"""),
    loopback("files over HTTP", SERVED + """
import http.server, urllib.request
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
serve(http.server.ThreadingHTTPServer(('127.0.0.1', 0), H), lambda *a: urllib.request.urlopen('http://%s:%d/' % a).status)""", since=(3, 7)),
    loopback("XML-RPC", SERVED + """
import xmlrpc.client, xmlrpc.server
s = xmlrpc.server.SimpleXMLRPCServer(('127.0.0.1', 0), logRequests=False); s.register_function(pow)
serve(s, lambda *a: xmlrpc.client.ServerProxy('http://%s:%d' % a).pow(2, 5))"""),
    loopback("socketserver", SERVED + """
import socket, socketserver
class H(socketserver.StreamRequestHandler):
    def handle(self): self.wfile.write(self.rfile.readline())
def ask(*a):
    with socket.create_connection(a) as s: s.sendall(b'line\\n'); return s.recv(9)
serve(socketserver.ThreadingTCPServer(('127.0.0.1', 0), H), ask)"""),
    loopback("datagrams", "import socket; s = socket.socket(2, 2); s.bind(('127.0.0.1', 0)); s.sendto(b'x', s.getsockname()); print(s.recv(9))"),
    loopback("asyncio's server", """
        import asyncio
        async def answer(reader, writer): writer.write(await reader.readline()); await writer.drain(); writer.close()
        async def main():
            server = await asyncio.start_server(answer, '127.0.0.1', 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b'line\\n'); print(await reader.read()); writer.close(); server.close()
        asyncio.new_event_loop().run_until_complete(main())"""),
    loopback("asyncio's datagrams", """
        import asyncio
        class P(asyncio.DatagramProtocol):
            def datagram_received(self, data, address): print(data); loop.stop()
        loop = asyncio.new_event_loop()
        t, _ = loop.run_until_complete(loop.create_datagram_endpoint(P, ('127.0.0.1', 0)))
        t.sendto(b'x', t.get_extra_info('sockname')); loop.call_later(9, loop.stop); loop.run_forever()"""),
    loopback("TLS", f"""
import ssl, socket, tempfile, threading, warnings
warnings.simplefilter('ignore')
file = tempfile.NamedTemporaryFile('w'); file.write({SELF_CERTIFIED!r}); file.flush()
inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); inside.load_cert_chain(file.name)
outside = ssl.create_default_context(cafile=file.name)
server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen(1)
def serve():
    with inside.wrap_socket(server.accept()[0], server_side=True) as peer: peer.sendall(peer.recv(9))
thread = threading.Thread(target=serve); thread.start()
outside.check_hostname = False; outside.verify_mode = ssl.CERT_NONE
with outside.wrap_socket(socket.create_connection(server.getsockname()), server_hostname='localhost') as peer: peer.sendall(b'hi'); print(peer.recv(9))
thread.join()"""),
    loopback("multiprocessing.connection", "import threading\nfrom multiprocessing.connection import Client, Listener\nl = Listener(('127.0.0.1', 0))\nthreading.Thread(target=lambda: l.accept().send('hi')).start()\nprint(Client(l.address).recv())"),
    loopback("a log over the network", "import logging.handlers as h, logging, socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); x = logging.getLogger(); x.addHandler(h.SocketHandler(*s.getsockname())); x.error('x'); print(len(s.accept()[0].recv(9)))"),
    loopback("a subclass of socket", "import socket\nclass S(socket.socket):\n    def connect(self, a): self.asked = a; super().connect(a)\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); c = S(); c.connect(s.getsockname()); print(c.asked == s.getsockname())"),
    local("a free port", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1] > 0, socket.has_ipv6)"),
    local("a local server in a temporary directory", "import asyncio, tempfile\nasync def main():\n    path = tempfile.mkdtemp() + '/s'\n    server = await asyncio.start_unix_server(lambda r, w: (w.write(b'hi'), w.close()), path)\n    print(await (await asyncio.open_unix_connection(path))[0].read())\nasyncio.new_event_loop().run_until_complete(main())"),
    local("a local Listener", "import threading\nfrom multiprocessing.connection import Client, Listener\nl = Listener(family='AF_UNIX')\nthreading.Thread(target=lambda: l.accept().send('hi')).start()\nprint(Client(l.address).recv())"),
]  # fmt: skip

MAIN = "import multiprocessing\nif __name__ == '__main__':\n"
CHILDREN = [
    children("a Python child", "import subprocess; print(subprocess.check_output([PY, '-c', 'import sys; print(sys.argv)', 'a']))"),
    children("an isolated Python child", "import subprocess; print(subprocess.check_output([PY, '-I', '-c', 'import sys; print(sys.flags.isolated, sys.path[0])'], env={})[:1])"),
    children("a child's output, thrown away", "import subprocess; print(subprocess.call(['echo', 'x'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL))"),
    children("a child that is talked with", "import subprocess; p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE); print(p.communicate(b'x'), p.returncode)"),
    children("text of a shell", "import subprocess; print(subprocess.check_output('echo $A | tr a b', shell=True, env={'A': 'aa', 'PATH': '/usr/bin:/bin'}, universal_newlines=True))"),
    children("a subclass of Popen", "import subprocess\nclass P(subprocess.Popen):\n    def hello(self): return 'hello'\np = P(['true']); print(p.hello(), p.wait(), isinstance(p, subprocess.Popen))"),
    children("Popen's type of text", "import subprocess; print(subprocess.Popen[str], subprocess.CompletedProcess[str])", since=(3, 9)),
    children("a child that takes too long", "import subprocess\ntry: subprocess.run(['sleep', '9'], timeout=.05)\nexcept subprocess.TimeoutExpired: print('late')"),
    children("a child that is not there", "import subprocess\ntry: subprocess.run(['no-such-program'])\nexcept FileNotFoundError as e: print(e.errno, e.filename)"),
    children("a child that fails", "import subprocess; print(subprocess.run(['sh', '-c', 'exit 5']).returncode, subprocess.run(['sh', '-c', 'kill -9 $$']).returncode)"),
    children("a child in a group of its own", "import signal, subprocess; p = subprocess.Popen(['sleep', '9'], start_new_session=True); os.killpg(p.pid, signal.SIGTERM); print(p.wait())"),
    children("a child in another directory", "import subprocess; print(subprocess.check_output(['pwd'], cwd='/'))"),
    children("a child prepared", "import subprocess; r, w = os.pipe(); subprocess.call(['sh', '-c', 'echo x >&%d' % w], pass_fds=[w], preexec_fn=lambda: os.nice(1)); print(os.read(r, 9))"),
    children("system and popen", "sys.stdout.flush(); print(os.system('echo a; exit 3'), os.popen('echo b').read())"),
    children("spawnv", "print(os.spawnv(os.P_WAIT, '/bin/sh', ['sh', '-c', 'exit 4']))"),
    children("posix_spawn", "print(os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'exit 4'], {}), 0)[1])", since=(3, 8), cpython=True),
    children("fork", "pid = os.fork()\nif not pid: os._exit(7)\nprint(os.waitpid(pid, 0)[1] >> 8)"),
    children("exec", "print('before', flush=True); os.execvp('echo', ['echo', 'after'])"),
    children("exec of Python", "print('before', flush=True); os.execv(PY, [PY, '-c', 'print(5)'])"),
    children("a terminal's child", "import pty; print(pty.spawn(['echo', 'x'], lambda fd: os.read(fd, 99)))"),
    children("asyncio's child", "import asyncio\nasync def main(): return await (await asyncio.create_subprocess_exec('echo', 'x', stdout=-1)).communicate()\nprint(asyncio.run(main()))", since=(3, 8)),
    *[children(f"a pool of processes, {how}", MAIN + f"    with multiprocessing.get_context({how!r}).Pool(2) as p: print(p.map(abs, [-1, -2]))") for how in ("fork", "spawn", "forkserver")],
    children("processes with a queue", MAIN + "    c = multiprocessing.get_context('spawn'); q = c.Queue(); p = c.Process(target=q.put, args=(5,)); p.start(); print(q.get()); p.join(); print(p.exitcode)"),
    children("a manager", MAIN + "    with multiprocessing.Manager() as m: d = m.dict(a=1); d['b'] = 2; print(d.copy())"),
    children("an executor", "from concurrent.futures import ProcessPoolExecutor as P\nif __name__ == '__main__':\n    with P(1) as p: print(p.submit(pow, 2, 5).result())"),
    children("shared memory", "from multiprocessing import shared_memory as s; m = s.SharedMemory(create=True, size=9); m.buf[0] = 5; n = s.SharedMemory(m.name); print(n.buf[0]); n.close(); m.close(); m.unlink()", since=(3, 8), guards=("network",)),
    children("a module as a program", "import subprocess; print(subprocess.run([PY, '-m', 'json.tool'], input=b'{\"a\": 1}', stdout=subprocess.PIPE).stdout)"),
    children("the debugger as a program", "import subprocess; print(subprocess.run([PY, '-m', 'pdb', SCRIPTS + '/other.py'], input=b'n\\np value\\nq\\n', stdout=subprocess.PIPE).stdout.count(b'(Pdb) 8'))",
             files={"script/other.py": "value = 8\nother = 5\n"}, since=(3, 7)),
    children("unittest as a program", "import subprocess; print(subprocess.run([PY, '-m', 'unittest', '-q', 'test_other'], cwd=SCRIPTS).returncode)",
             files={"script/test_other.py": "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n"}),
    offspring("a virtual environment", "import subprocess; print(subprocess.call([PY, '-m', 'venv', '--without-pip', 'env']), subprocess.check_output(['env/bin/python', '-c', 'import sys; print(sys.prefix != sys.base_prefix)']))"),
    offspring("a child that writes where it may", "import subprocess; print(subprocess.call([PY, '-c', 'open(\"new\", \"w\").write(\"x\")']), open('new').read())"),
    offspring("a pool of processes that may not write elsewhere", MAIN + "    with multiprocessing.get_context('fork').Pool(2) as p: print(p.map(abs, [-1, -2]))"),
]  # fmt: skip

NATIVE = [
    foreign("ctypes", "import ctypes; print(ctypes.CDLL(None).abs(-5), ctypes.sizeof(ctypes.c_long))"),
    foreign("ctypes' callbacks", "import ctypes; k = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)); a = (ctypes.c_int * 3)(3, 1, 2); ctypes.CDLL(None).qsort(a, 3, 4, k(lambda x, y: x[0] - y[0])); print(list(a))"),
    foreign("multiprocessing's shared values", "from multiprocessing.sharedctypes import RawArray; a = RawArray('i', 3); a[1] = 5; print(list(a))"),
]  # fmt: skip

OWN = [
    own("files of its own", "import pathlib; p = pathlib.Path('a/b'); p.mkdir(parents=True); (p / 'c').write_text('x'); (p / 'c').rename('d'); print(sorted(str(x) for x in pathlib.Path().rglob('*')))"),
    own("a database of its own", "import sqlite3; d = sqlite3.connect('db'); d.execute('create table a (b)'); d.commit(); print(os.listdir())"),
    own("an archive unpacked", "import io, tarfile; f = io.BytesIO(); t = tarfile.open(fileobj=f, mode='w'); t.addfile(tarfile.TarInfo('a/b')); t.close(); tarfile.open(fileobj=io.BytesIO(f.getvalue())).extractall('.'); print(list(os.walk('.')))"),
    own("a file replaced at once", "import tempfile; fd, name = tempfile.mkstemp(dir='.'); os.write(fd, b'x'); os.fsync(fd); os.replace(name, 'file'); os.utime('file', (1, 1)); os.chmod('file', 0o640); print(open('file').read(), os.listdir())"),
    own("bytecode of its own", "put('fresh.py', 'value = 8\\n'); sys.path.insert(0, '.'); import fresh; print(fresh.value)"),
]  # fmt: skip

PROGRAMS = [*NETWORK, *CHILDREN, *NATIVE, *OWN]
