"""Programs that need nothing but the interpreter and a place for temporary files: they run under all guards at once."""

from __future__ import annotations

from containment.ordinary.program import EVERY, programs

plain = programs(*EVERY)

LANGUAGE = [
    plain("arguments and exit code", "print(sys.argv[1:], __name__, __file__[-10:]); sys.exit(3)"),
    plain("an uncaught exception", "print('before', flush=True); 1 / 0"),
    plain("its own end by a signal", "import signal; print('before', flush=True); os.kill(os.getpid(), signal.SIGTERM)"),
    plain("at exit", "import atexit; atexit.register(print, 'last'); print('first')"),
    plain("a finalizer at the end", "class A:\n    def __del__(self, write=os.write): write(1, b'gone')\na = A(); print('here', flush=True)"),
    plain("weakref and gc", "import gc, weakref\nclass A: pass\na = A(); w = weakref.ref(a); a.b = a; del a; gc.collect(); print(w() is None)", cpython=True),
    plain("trace", "seen = []\ndef t(f, e, a): seen.append(e); return t\nsys.settrace(t); (lambda: 1)(); sys.settrace(None); print(seen)", cpython=True),
    plain("profile", "import cProfile, pstats, io; p = cProfile.Profile(); p.runcall(sorted, [2, 1]); s = io.StringIO(); pstats.Stats(p, stream=s); print('ok')"),
    plain("source of a function", "import inspect\ndef f(): return 5\nprint(inspect.getsource(f), inspect.signature(f))"),
    plain("a traceback's text", "import traceback\ntry: {}['a']\nexcept KeyError: print(traceback.format_exc().replace(SCRIPTS, ''))"),
    plain("compile and exec", "import ast, dis; print(ast.literal_eval('[1, {2: 3}]'), eval(compile('6 * 7', 'x', 'eval')))"),
    plain("a module beside it", "import neighbour; print(neighbour.value)", files={"script/neighbour.py": "value = 5\n"}),
    plain("a package beside it, reloaded", "import importlib, pack.part; print(importlib.reload(pack.part).value)",
          files={"script/pack/__init__.py": "", "script/pack/part.py": "value = 6\n"}),
    plain("a module run as a program", "import runpy; print(runpy.run_module('neighbour')['value'])", files={"script/neighbour.py": "value = 7\n"}),
    plain("a venv's package", "import inside; print(inside.__name__, sys.prefix != sys.base_prefix)", files={"packages/inside.py": "", "packages/x.pth": "import sys\n"}),
    plain("installed distributions", "from importlib import metadata; print(sorted({d.metadata['Name'] for d in metadata.distributions()} & {'pip'}))", since=(3, 8)),
    plain("the debugger", "import io, pdb\ndef f(): return 5\ns = io.StringIO(); d = pdb.Pdb(stdin=io.StringIO('p 1 + 1\\nc\\n'), stdout=s, nosigint=True, readrc=False)\nprint(d.runcall(f), '(Pdb) 2' in s.getvalue())", since=(3, 7), cpython=True),
    plain("a console", "import code; c = code.InteractiveConsole(); print(c.push('print(1 + 1)'))"),
    plain("unittest", """
        import unittest
        class T(unittest.TestCase):
            def test(self): self.assertEqual(1, 1)
            @unittest.skip('x')
            def test_skipped(self): pass
        result = unittest.main(exit=False, argv=['x']).result
        print(result.testsRun, result.wasSuccessful(), len(result.skipped))"""),
    plain("doctest", "import doctest\ndef f():\n    '''\n    >>> 1 + 1\n    2\n    '''\nprint(doctest.testmod())"),
    plain("help of a parser", "import argparse; p = argparse.ArgumentParser(prog='p'); p.add_argument('--a'); p.parse_args(['--help'])"),
    plain("warnings", "import warnings\nwith warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always'); warnings.warn('x')\nprint(len(w), sys.warnoptions)"),
    plain("pickle and copy", "import copy, pickle, datetime; print(pickle.loads(pickle.dumps(copy.deepcopy([datetime.date(2020, 1, 2), {'a'}]))))"),
    plain("what is imported at start", "print(sorted(set('socket subprocess ssl ctypes asyncio'.split()) & set(sys.modules)))", cpython=True),
]  # fmt: skip

DATA = [
    plain("decimal and fractions", "import decimal, fractions, statistics; print(decimal.Decimal(2).sqrt(), fractions.Fraction('1/3') + 1, statistics.stdev([1, 2, 4]))"),
    plain("json", "import json; print(json.loads(json.dumps({'a': [1, 2.5, None]})))"),
    plain("csv", "import csv, io; f = io.StringIO(); csv.writer(f).writerow(['a', 'b,c']); print(f.getvalue(), list(csv.reader(['1,2'])))"),
    plain("configparser", "import configparser; c = configparser.ConfigParser(); c.read_string('[a]\\nb = 1'); print(c['a'].getint('b'))"),
    plain("XML and HTML", "import xml.etree.ElementTree as e, xml.dom.minidom as m, html; print(e.fromstring('<a b=\"1\"/>').attrib, m.parseString('<a/>').documentElement.tagName, html.escape('<'))"),
    plain("hashes", "import hashlib, hmac; print(hashlib.sha256(b'x').hexdigest(), hashlib.blake2b(b'x').hexdigest()[:9], hmac.new(b'k', b'x', 'sha1').hexdigest())"),
    plain("compression", "import bz2, gzip, lzma, zlib; print([m.decompress(m.compress(b'x' * 99)) == b'x' * 99 for m in (bz2, gzip, lzma, zlib)])"),
    plain("time zones", "import zoneinfo, datetime; print(datetime.datetime(2020, 6, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).isoformat())", since=(3, 9), probe="import zoneinfo; zoneinfo.ZoneInfo('Europe/Berlin')"),
    plain("local time", "import time; os.environ['TZ'] = 'America/New_York'; time.tzset(); print(time.strftime('%H %Z', time.localtime(0)))"),
    plain("locale", "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.getlocale(), locale.localeconv()['decimal_point'])"),
    plain("gettext", "import gettext; print(gettext.translation('x', fallback=True).gettext('word'))"),
    plain("email", "from email.message import EmailMessage as M; m = M(); m['Subject'] = 'ä'; m.set_content('x'); print(m.as_bytes())"),
    plain("unicode", "import unicodedata; print(unicodedata.name('ä'), 'bücher.example'.encode('idna'), 'ä'.encode('utf-16'))"),
    plain("addresses", "import ipaddress, urllib.parse, http.cookies, mimetypes; print(ipaddress.ip_network('192.0.2.0/30').num_addresses, urllib.parse.urlsplit('http://a/b'), mimetypes.guess_type('a.html'))"),
    plain("random numbers", "import random, secrets; random.seed(5); print(random.random(), len(secrets.token_bytes(9)), len(os.urandom(7)))"),
    plain("UUIDs", "import uuid; print(uuid.uuid4().version, uuid.uuid5(uuid.NAMESPACE_DNS, 'a'), uuid.uuid1().version)"),
    plain("array and struct", "import array, struct; print(array.array('d', [1.5]).tobytes(), struct.unpack('<I', b'abcd'))"),
    plain("sqlite3 in memory", "import sqlite3; d = sqlite3.connect(':memory:'); d.execute('create table a (b)'); d.execute('insert into a values (?)', (5,)); print(d.execute('select * from a').fetchall(), [n for n in d.iterdump()])"),
    plain("sqlite3, two in memory", "import sqlite3; d = sqlite3.connect('file:x?mode=memory&cache=shared', uri=True); d.execute(\"attach ':memory:' as y\"); d.execute('create table y.a (b)'); d.backup(sqlite3.connect(':memory:')); print('ok')", since=(3, 7)),
    plain("dataclasses and enum", "import dataclasses, enum, typing\nE = enum.Enum('E', 'A B')\n@dataclasses.dataclass\nclass D:\n    a: typing.Optional[int] = 1\nprint(D(), list(E))", since=(3, 7)),
    plain("templates and differences", "import difflib, string, textwrap, re; print(''.join(difflib.ndiff(['a\\n'], ['b\\n'])), string.Template('$a').substitute(a=1), re.sub('(a)', r'\\1b', 'a'))"),
]  # fmt: skip

SYSTEM = [
    plain("the null device", "print(open(os.devnull).read() == '', open('/dev/null', 'w').write('x'), os.write(os.open(os.devnull, os.O_RDWR), b'xy'))"),
    plain("the devices of chance", "print(len(open('/dev/urandom', 'rb').read(5)), len(open('/dev/zero', 'rb').read(5)))"),
    plain("a pipe", "r, w = os.pipe(); os.write(w, b'x'); os.close(w); print(os.fdopen(r).read())"),
    plain("a descriptor's duplicate", "fd = os.dup(1); os.write(fd, b'a\\n'); os.dup2(1, fd); print(open(fd, 'w', closefd=False).write('b\\n'))"),
    plain("stdin at its end", "print(repr(sys.stdin.read()), sys.stdin.isatty())"),
    plain("stdout, opened again", "print('a', flush=True); open('/dev/stdout', 'w').write('b\\n')"),
    plain("polls", "import select; r, w = os.pipe(); p = select.poll(); p.register(r, select.POLLIN); e = select.epoll(); e.register(w, select.EPOLLOUT); os.write(w, b'x'); print(len(p.poll(9)), len(e.poll(9)), select.select([r], [], [], 9)[0] == [r])"),
    plain("a pseudo-terminal", "import tty; m, s = os.openpty(); tty.setraw(s); os.write(s, b'x'); print(os.read(m, 1), os.isatty(s))"),
    plain("a password", "import getpass, threading, time\nm, s = os.openpty()\ndef types():\n    while True: time.sleep(.05); os.write(m, b'pw\\n')\nthreading.Thread(target=types, daemon=True).start()\nsys.stdin = os.fdopen(s); print(getpass.getpass(stream=sys.stderr))"),
    plain("curses", "import curses; curses.setupterm('xterm', 1); print(curses.tigetnum('colors'))", cpython=True),
    plain("readline", "import readline; readline.set_completer(len); readline.add_history('a'); print(readline.get_history_item(1))", cpython=True),
    plain("signals", "import signal; signal.signal(signal.SIGALRM, lambda *_: print('rang')); signal.setitimer(signal.ITIMER_REAL, .01); signal.pause()"),
    plain("limits and usage", "import resource; print(resource.getrlimit(resource.RLIMIT_STACK)[0] != 0, resource.getrusage(0).ru_maxrss > 0, os.cpu_count() > 0)"),
    plain("users", "import grp, pwd; print(pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(0).gr_name, os.path.expanduser('~') == os.environ['HOME'])"),
    plain("the platform", "import platform; print(platform.platform(), platform.python_version(), platform.machine())"),
    plain("its configuration", "import sysconfig, site; print(sysconfig.get_platform(), sysconfig.get_path('purelib') in site.getsitepackages())"),
    plain("its standard library, walked", "print(sum(len(files) for _, _, files in os.walk(os.path.dirname(os.__file__))) > 100)"),
    plain("its working directory, walked", "import pathlib; print(sorted(os.listdir()), [files for _, _, files, _ in os.fwalk()], list(pathlib.Path().iterdir()), os.path.exists('no'))"),
    plain("what is not there", "for path in ('no/file', '../inside/no'):\n    try: open(path)\n    except FileNotFoundError as e: print(e.errno, e.filename)"),
    plain("memory maps", "import mmap; m = mmap.mmap(-1, 4096); m[:2] = b'ab'; print(m[:3])"),
    plain("a file in memory", "fd = os.memfd_create('x'); os.write(fd, b'ab'); print(os.pread(fd, 5, 0), os.fstat(fd).st_size)", since=(3, 8), cpython=True),
    plain("faulthandler", "import faulthandler; faulthandler.enable(); print(faulthandler.is_enabled())"),
    plain("terminal's size, and PATH", "import shutil; print(shutil.get_terminal_size(), bool(shutil.which('sh')), shutil.disk_usage('.').total > 0)"),
]  # fmt: skip

THREADS = [
    plain("threads", "import threading; l = []; t = [threading.Thread(target=l.append, args=(n,)) for n in range(9)]; [x.start() for x in t]; [x.join() for x in t]; print(sorted(l))"),
    plain("a pool of threads", "from concurrent.futures import ThreadPoolExecutor as P; print(list(P(3).map(pow, range(5), range(5))))"),
    plain("multiprocessing's pool of threads", "from multiprocessing.dummy import Pool; print(Pool(2).map(abs, [-1, -2]))", until=(3, 14)),
    # From then on it starts a process, which the Python layer alone can spare it.
    programs("network", "filesystem", "native")("multiprocessing's pool of threads, and a process", "from multiprocessing.dummy import Pool; print(Pool(2).map(abs, [-1, -2]))", since=(3, 14)),
    plain("locks and timers", "import threading; e = threading.Event(); threading.Timer(.01, e.set).start(); print(e.wait(9), threading.Barrier(1).wait(), threading.local() is not None)"),
    plain("queues", "import queue, threading; q = queue.Queue(); threading.Thread(target=q.put, args=(5,)).start(); print(q.get(timeout=9))"),
    plain("multiprocessing's locks", "import multiprocessing as m; l = m.get_context('fork').Lock(); print(l.acquire(), m.get_context('fork').Value('i', 5).value)", guards=("network", "subprocess", "filesystem")),
    plain("asyncio", "import asyncio\nasync def f(n): await asyncio.sleep(.001 * n); return n\nasync def main(): return await asyncio.gather(*map(f, range(4)))\nprint(asyncio.new_event_loop().run_until_complete(main()))"),
    plain("asyncio and threads", "import asyncio; print(asyncio.run(asyncio.to_thread(sum, [1, 2])))", since=(3, 9)),
    plain("asyncio and signals", "import asyncio, signal\nloop = asyncio.new_event_loop(); loop.add_signal_handler(signal.SIGUSR1, loop.stop); loop.call_later(.01, os.kill, os.getpid(), signal.SIGUSR1); loop.run_forever(); print('stopped')"),
    plain("a socket pair", "import socket; a, b = socket.socketpair(); a.sendall(b'x'); print(b.recv(1), a.getsockname())"),
    plain("a socket pair's descriptors", "import array, socket; a, b = socket.socketpair(); a.sendmsg([b'x'], [(1, 1, array.array('i', [1]))]); print(len(b.recvmsg(1, 99)[1]))"),
    plain("selectors", "import selectors, socket; a, b = socket.socketpair(); s = selectors.DefaultSelector(); s.register(b, selectors.EVENT_READ); a.send(b'x'); print(len(s.select(9)))"),
    plain("without a network", "import socket\ntry: socket.create_connection((HOST, 81), 3)\nexcept OSError: print('offline')"),
    plain("without a name", "import socket\ntry: socket.getaddrinfo('x.invalid', 80)\nexcept socket.gaierror: print('offline')"),
    plain("without a network, urllib", "import urllib.request, urllib.error\ntry: urllib.request.urlopen('http://%s:81/' % HOST)\nexcept urllib.error.URLError: print('offline')"),
    plain("TLS without a connection", "import ssl; c = ssl.create_default_context(); print(c.verify_mode, len(c.get_ca_certs()) > 5, c.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname='a').version())", probe="import ssl; assert len(ssl.create_default_context().get_ca_certs()) > 5"),
    plain("WSGI", "import io, wsgiref.util, wsgiref.simple_server as s; e = {}; wsgiref.util.setup_testing_defaults(e); print(s.demo_app(e, print)[0][:12])"),
]  # fmt: skip

SCRATCH = [
    plain("temporary files", "import tempfile\nwith tempfile.TemporaryFile('w+') as f: f.write('x'); f.seek(0); print(f.read())\nwith tempfile.NamedTemporaryFile() as f: print(os.path.exists(f.name))"),
    plain("a temporary directory", "import tempfile\nwith tempfile.TemporaryDirectory() as d: open(d + '/a', 'w').close(); print(os.listdir(d))\nprint(os.path.exists(d))"),
    plain("a file that is spooled", "import tempfile; f = tempfile.SpooledTemporaryFile(1); f.write(b'xyz'); f.seek(0); print(f.read())"),
    *[plain(name, f"import tempfile; os.chdir(tempfile.mkdtemp())\n{code}", **more) for name, code, more in (
        ("files in a temporary directory", "put('a', 'x'); os.rename('a', 'b'); os.replace('b', 'c'); print(os.listdir(), open('c').read())", {}),
        ("directories in it", "import shutil; os.makedirs('a/b'); open('a/b/c', 'w').close(); shutil.copytree('a', 'd'); shutil.rmtree('a'); print(list(os.walk('.')))", {}),
        ("links in it", "open('a', 'w').close(); os.symlink('a', 'b'); os.link('a', 'c'); print(os.readlink('b'), os.stat('a').st_nlink, os.path.samefile('b', 'c'))", {}),
        ("modes and times in it", "open('a', 'w').close(); os.chmod('a', 0o600); os.utime('a', (5, 5)); s = os.stat('a'); print(oct(s.st_mode), s.st_mtime)", {}),
        ("a directory's descriptor in it", "os.mkdir('a'); fd = os.open('a', os.O_RDONLY); os.close(os.open('b', os.O_CREAT, dir_fd=fd)); os.mkdir('c', dir_fd=fd); print(sorted(os.listdir(fd))); os.unlink('b', dir_fd=fd)", {}),
        ("locks in it", "import fcntl; f = open('a', 'w'); fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB); print('ok')", {}),
        ("a FIFO in it", "os.mkfifo('a'); r = os.open('a', os.O_RDONLY | os.O_NONBLOCK); w = os.open('a', os.O_WRONLY); os.write(w, b'x'); print(os.read(r, 1))", {}),
        ("a log in it", "import logging, logging.handlers as h; x = logging.getLogger(); x.addHandler(h.RotatingFileHandler('log', maxBytes=20, backupCount=1)); [x.error('x' * 9) for _ in range(5)]; print(sorted(os.listdir()))", {}),
        ("sqlite3 in it", "import sqlite3; d = sqlite3.connect('a'); d.execute('pragma journal_mode = wal').fetchall(); d.execute('create table a (b)'); d.commit(); d.execute(\"vacuum into 'b'\") if sqlite3.sqlite_version_info > (3, 27) else open('b', 'w'); print(sorted(os.listdir()))", {}),
        ("shelve in it", "import shelve\nwith shelve.open('a') as s: s['k'] = [1]\nprint(shelve.open('a')['k'])", {}),
        ("archives in it", "import zipfile, tarfile, shutil; put('a', 'x'); shutil.make_archive('../' + os.path.basename(os.getcwd()) + '/z', 'zip'); print(zipfile.ZipFile('z.zip').namelist()); tarfile.open('t', 'w:gz').add('a'); shutil.unpack_archive('z.zip', 'to'); print(os.listdir('to'))", {}),
        ("a memory map in it", "import mmap; f = open('a', 'w+b'); f.write(b'abc'); f.flush(); m = mmap.mmap(f.fileno(), 3); m[0:1] = b'x'; m.flush(); print(open('a').read())", {}),
        ("a module in it", "put('fresh.py', 'value = 8\\n'); sys.path.insert(0, '.'); import fresh; print(fresh.value)", {}),
        ("an archive of modules in it", "import zipfile; z = zipfile.ZipFile('z.zip', 'w'); z.writestr('zipped.py', 'value = 9'); z.close(); sys.path.insert(0, 'z.zip'); import zipped; print(zipped.value)", {}),
        ("compiled modules in it", "import py_compile; put('a.py', 'pass'); print(py_compile.compile('a.py', cfile='a.pyc'))", {}),
        ("a mailbox in it", "import mailbox; m = mailbox.mbox('box'); m.add('From: a\\n\\nx'); m.flush(); print(len(m))", {}),
        ("a profile in it", "import cProfile; cProfile.run('1', 'out'); print(os.path.getsize('out') > 0)", {}),
    )],
]  # fmt: skip

PROGRAMS = [*LANGUAGE, *DATA, *SYSTEM, *THREADS, *SCRATCH]
