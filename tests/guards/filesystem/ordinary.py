"""What programs do all day, which must go on under the guard as without it."""

from guards.filesystem.row import HIDE, READONLY, ROOT, works

ANYWHERE = [
    ("/dev/null", "open(os.devnull, 'w').write('x'); result = open(os.devnull).read()"),
    ("/dev/zero and /dev/urandom", "result = open('/dev/zero', 'rb').read(3), len(open('/dev/urandom', 'rb').read(3))"),
    ("DEVNULL", "import subprocess; result = subprocess.call(['/bin/true'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)"),
    ("a pipe to a program", "import subprocess; result = subprocess.check_output(['/bin/echo', 'x'])"),
    ("a pipe reopened", "r, w = os.pipe(); f = open('/proc/self/fd/%d' % w, 'w'); f.write('x'); f.close(); result = os.read(r, 1)"),
    ("files in the scratch directory", "import tempfile; f = tempfile.NamedTemporaryFile('w+'); f.write('x'); f.seek(0); result = f.read(), os.path.exists(f.name); f.close()"),
    ("a temporary file", "import tempfile; f = tempfile.TemporaryFile(); f.write(b'x'); f.seek(0); result = f.read()"),
    ("a temporary directory", "import tempfile\nwith tempfile.TemporaryDirectory() as d:\n    os.mkdir(d + '/a'); open(d + '/a/f', 'w').close()\nresult = os.path.exists(d)"),
    ("a spooled file", "import tempfile; f = tempfile.SpooledTemporaryFile(1); f.write(b'xyz'); f.seek(0); result = f.read()"),
    ("a file and its life", "p = free + '/new'; f = open(p, 'w'); f.write('x'); f.close(); os.chmod(p, 0o600); os.utime(p, (1, 1)); os.rename(p, p + '2'); os.truncate(p + '2', 0); os.link(p + '2', p); os.remove(p); os.remove(p + '2'); result = os.listdir(free) == sorted(os.listdir(free)) or True"),
    ("directories", "os.makedirs(free + '/a/b/c', exist_ok=True); os.makedirs(free + '/a/b/c', exist_ok=True); os.removedirs(free + '/a/b/c'); result = 'a' in os.listdir(free)"),
    ("a directory that is there", "try: os.mkdir('/')\nexcept FileExistsError as e: result = str(e)"),
    ("what is not there", "try: os.remove('/not/there')\nexcept FileNotFoundError as e: result = str(e)"),
    ("what is not there to write", "try: open('/not/there', 'w')\nexcept FileNotFoundError as e: result = str(e)"),
    ("relative paths", "os.chdir(free); os.close(os.open('new', os.O_CREAT | os.O_WRONLY)); result = sorted(os.listdir())"),
    ("relative paths beside other directories", "os.chdir(free); d = os.open(root, os.O_RDONLY); os.close(os.open('new', os.O_CREAT | os.O_WRONLY)); result = 'new' in os.listdir('.')"),
    ("an error of a relative path", "os.chdir(free)\ntry: os.open('not-there', os.O_RDONLY)\nexcept OSError as e: result = repr(e), e.filename"),
    ("an error of a bad dir_fd", "try: os.open('x', os.O_RDONLY, dir_fd=999)\nexcept OSError as e: result = repr(e), e.filename"),
    ("a wrong argument", "try: os.open(1.5, os.O_RDONLY)\nexcept TypeError as e: result = 'TypeError'"),
    ("dir_fd", "d = os.open(free, os.O_RDONLY); os.mkdir('a', dir_fd=d); os.close(os.open('a/f', os.O_CREAT | os.O_WRONLY, dir_fd=d)); os.remove('a/f', dir_fd=d); os.rmdir('a', dir_fd=d); result = sorted(os.listdir(d))"),
    ("fwalk", "result = [(os.path.relpath(a, root), b, sorted(c)) for a, b, c, d in os.fwalk(root)]"),
    ("walk", "result = [(os.path.relpath(a, root), b, sorted(c)) for a, b, c in os.walk(root)]"),
    ("rmtree", "import shutil; os.makedirs(free + '/t/u/v'); shutil.rmtree(free + '/t'); result = os.path.exists(free + '/t')"),
    ("copytree", "import shutil; shutil.copytree(root, free + '/copied', symlinks=True); result = sorted(os.listdir(free + '/copied'))"),
    ("access", "os.chdir(free); d = os.open(free, os.O_RDONLY); result = [os.access(p, m) for p in (free, 'file', b'file', root + '/file', '/not/there') for m in (os.F_OK, os.R_OK, os.X_OK)], [os.access(p, os.W_OK) for p in (free, 'file', 'link', 'not-there', '/dev/null', '/dev/tty')], os.access('file', os.R_OK | os.W_OK, dir_fd=d)"),
    ("access, wrongly", "try: os.access(1.5, os.W_OK)\nexcept TypeError: result = 1"),
    ("links", "os.symlink('/nowhere', free + '/l'); result = os.readlink(free + '/l'), os.path.islink(free + '/l'); os.remove(free + '/l')"),
    ("what stands in os.supports_*", "result = [n for n in sorted(dir(os)) for s in ('supports_dir_fd', 'supports_fd', 'supports_follow_symlinks') if getattr(os, n, 0) and not isinstance(getattr(os, n), (set, dict, list)) and getattr(os, n).__hash__ and getattr(os, n) in getattr(os, s)]"),
    ("functions by their names", "import pickle; result = [pickle.loads(pickle.dumps(f)) is f for f in (os.open, os.readlink, os.mkfifo, os.mkdir, open)], os.open.__name__, os.open.__module__"),
    ("functions in classes", "k = type('K', (), {'open': os.open, 'readlink': os.readlink, 'io': open}); os.close(k().open(root + '/file', os.O_RDONLY)); result = k().io(root + '/file').read()"),
    ("FileIO", "import io; f = io.FileIO(root + '/file'); g = open(root + '/file', 'rb', 0); result = isinstance(f, io.FileIO), isinstance(g, io.FileIO), issubclass(type(f), io.FileIO), f.read(), repr(f).replace(root, ''), isinstance(1, io.FileIO)"),
    ("FileIO of a path", "import io, pathlib; result = io.FileIO(pathlib.Path(root, 'file')).read()"),
    ("FileIO's subclasses", "import io\nclass F(io.FileIO): pass\nclass G(io.FileIO, io.RawIOBase): pass\nresult = F(root + '/file').read(), isinstance(F(root + '/file'), io.FileIO), isinstance(io.FileIO(root + '/file'), F), G(root + '/file').read()"),
    ("descriptors", "r, w = os.pipe(); f = os.fdopen(w, 'w'); f.write('x'); f.close(); result = os.read(r, 9)"),
    ("locks of multiprocessing", "import multiprocessing as m; l = m.Lock(); l.acquire(); l.release(); result = m.Semaphore(2).acquire()"),
    ("a queue", "import multiprocessing as m\nq = m.get_context('fork').Queue(); q.put(1); result = q.get(); q.close(); q.join_thread()"),
    ("shared values", "import multiprocessing as m; v = m.get_context('fork').Value('i', 1); v.value += 1; result = v.value"),
    ("a pool", "import multiprocessing as m\nwith m.get_context('fork').Pool(2) as p: result = p.map(abs, [-1, -2])"),
    ("asyncio", "import asyncio\nasync def main():\n    await asyncio.sleep(0); return 1\nresult = asyncio.new_event_loop().run_until_complete(main())"),
    ("a pseudo-terminal", "import pty; a, b = pty.openpty(); os.write(b, b'x'); result = os.read(a, 1), open(os.ttyname(b), 'w').write('y')"),
    ("logging to stderr", "import logging; logging.getLogger('x').warning('y'); result = 1"),
    ("local sockets", "import socket; a = socket.socket(socket.AF_UNIX); os.chdir(free); a.bind('s'); a.listen(1); b = socket.socket(socket.AF_UNIX); b.connect('s'); b.send(b'x'); result = a.accept()[0].recv(1)"),
    ("socket pairs and abstract names", "import socket; a, b = socket.socketpair(); a.send(b'x'); socket.socket(socket.AF_UNIX).bind('\\0' + free); result = b.recv(1)"),
    ("import in place", "f = open(free + '/mod.py', 'w'); f.write('X = 1'); f.close(); sys.path.insert(0, free); import mod; result = mod.X"),
    ("a time zone", "import datetime, zoneinfo; result = str(datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset())", "zoneinfo"),
    ("locale and text", "import locale, gettext; locale.setlocale(locale.LC_ALL, 'C'); gettext.find('x'); result = 1"),
    ("many modules", "import argparse, ast, csv, decimal, difflib, email.message, hashlib, html, http.client, inspect, json, random, statistics, unittest, uuid, xml.etree.ElementTree, zipfile; result = json.dumps([1])"),
    ("source of a function", "import inspect, json; result = len(inspect.getsource(json.dumps)) > 100"),
    ("a traceback", "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: result = traceback.format_exc()[-30:]"),
    ("users and groups", "import pwd, grp; result = pwd.getpwuid(0).pw_name, grp.getgrgid(0).gr_name"),
    ("own process", "result = 'Name' in open('/proc/self/status').read(), len(os.listdir('/proc/self/fd')) > 2, bool(os.readlink('/proc/self/exe'))"),
    ("real paths", "import pathlib; result = [os.path.realpath(p) for p in ('/bin', '/proc/self/cwd/..', '.', sys.executable)], str(pathlib.Path('/lib').resolve())"),
    ("hash of a file", "import hashlib; result = hashlib.sha256(open(root + '/file', 'rb').read()).hexdigest()"),
    ("a virtual environment", "import venv; venv.EnvBuilder(with_pip=False, symlinks=True).create(free + '/venv'); result = os.path.exists(free + '/venv/bin/python')"),
    ("compiling in place", "import py_compile; f = open(free + '/c.py', 'w'); f.write('X = 1'); f.close(); py_compile.compile(free + '/c.py', doraise=True); result = os.listdir(free + '/__pycache__') != []"),
    ("fcntl", "import fcntl; f = open(free + '/lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX); fcntl.fcntl(f, fcntl.F_GETFL); result = 1"),
    ("mmap", "import mmap; f = open(free + '/m', 'w+b'); f.truncate(8); m = mmap.mmap(f.fileno(), 8); m[:1] = b'x'; m.flush(); f.seek(0); result = f.read(1)"),
    ("anonymous memory", "import mmap; m = mmap.mmap(-1, 8); m[:1] = b'x'; result = m[:1]"),
    ("shelve and dbm", "import dbm.dumb, shelve; s = shelve.Shelf(dbm.dumb.open(free + '/s', 'c')); s['a'] = 1; s.close(); result = shelve.Shelf(dbm.dumb.open(free + '/s'))['a']"),
]  # fmt: skip
SINCE_38 = [
    ("shared memory", "from multiprocessing import shared_memory as s; m = s.SharedMemory(create=True, size=8); m.buf[0] = 7; n = s.SharedMemory(m.name); result = n.buf[0]; n.close(); m.close(); m.unlink()"),
    ("memfd", "f = os.memfd_create('x'); os.write(f, b'x'); result = open('/proc/self/fd/%d' % f).read(), open('/proc/self/fd/%d' % f, 'w').write('y')"),
]  # fmt: skip
BYTECODE = "import importlib.util; sys.path.insert(0, place); import module_with_needle; result = module_with_needle.VALUE"
ABSENT = """
result = []
for do in (os.remove, os.unlink, os.rmdir, lambda p: os.rename(p, place + '/new'), lambda p: os.replace(p, free + '/new'), lambda p: os.link(p, place + '/new')):
    for gone in (place + '/gone', place + '/gone/', place + '/gone/below', os.fsencode(free + '/gone'), place + '/file/below'):
        try: do(gone)
        except OSError as e: result.append((type(e), e.errno, str(e), e.filename, e.filename2))
"""
ABSENT_AT = """
result, d = [], os.open(place, os.O_RDONLY)
for do in (lambda: os.unlink('gone', dir_fd=d), lambda: os.rmdir('gone', dir_fd=d), lambda: os.rename('gone', 'new', src_dir_fd=d, dst_dir_fd=d)):
    try: do()
    except OSError as e: result.append((type(e), e.errno, str(e), e.filename, e.filename2))
"""

ORDINARY = (
    [works(name, code, policy, module="".join(module)) for policy in (READONLY, ROOT) for name, code, *module in ANYWHERE]
    + [works(name, code, policy, since=(3, 8), pypy=False) for policy in (READONLY, ROOT) for name, code in SINCE_38]
    + [
        works("reading", "result = open(place + '/file').read(), sorted(os.listdir(place)), os.readlink(place + '/link')"),
        works("reading to update nothing", "result = open(place + '/file', 'rb').read()"),
        works("what is not there to be taken away", ABSENT),
        works("what is not there to be taken away, by descriptors", ABSENT_AT),
        works("a link that leads nowhere, linked", "os.symlink('/nowhere', free + '/l'); os.link(free + '/l', free + '/m', follow_symlinks=False); result = os.readlink(free + '/m')", pypy=False),
        works("bytecode that cannot be cached", BYTECODE),
        works("existence", "result = os.path.exists(place + '/file'), os.stat(place + '/file').st_size, os.access(place, os.R_OK)", ROOT),
        works("reading in ROOT", "result = open(root + '/file').read(), sorted(os.listdir(root)), os.readlink(root + '/link')", ROOT),
        works("a link in ROOT", "result = open(root + '/link').read()", ROOT),
        works("other files than the hidden", "result = open(root + '/file').read()", HIDE),
    ]
)  # fmt: skip
