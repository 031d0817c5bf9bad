"""Reading outside the one directory that may be read: a secret that comes out is printed, as a line, a name, or a message."""

from __future__ import annotations

from containment.attempt import BEYOND, Admitted, attempts

NATIVE = (Admitted("Native code, where `--block-native` does not stand"),)
FOREIGN = (Admitted("*Programs that are not Python*"),)
SHOWN = (Admitted("With a ROOT the kernel shows the extended attributes of files elsewhere and where links lead", layers=("kernel",)),)

read = attempts("secret", "--fs-readonly=.")
hidden = attempts("secret", "--fs-readonly", "--hide=../outside")
ATTRIBUTES = "import tempfile; file = tempfile.NamedTemporaryFile(); os.setxattr(file.name, 'user.a', b'b')"

OPENED = [
    read("open", "print(open(SECRET).read())"),
    read("open, by keyword", "print(open(file=SECRET, mode='rb', buffering=0).read())"),
    read("open, bytes", "print(open(os.fsencode(SECRET)).read())"),
    read("open, an object's path", "import pathlib; print(pathlib.Path(SECRET).read_text())"),
    read("open, an opener", "print(open('x', opener=lambda name, flags: os.open(SECRET, os.O_RDONLY)).read())"),
    read("open, to read and write", "print(open(SECRET, 'r+').read())"),
    read("_io.open", "import _io; print(_io.open(SECRET).read())"),
    read("io.FileIO", "import io; print(io.FileIO(SECRET).readall())"),
    read("io.open_code", "import io; print(io.open_code(SECRET).read())", since=(3, 8)),
    read("os.open", "print(os.read(os.open(SECRET, os.O_RDONLY), 999))"),
    read("posix.open", "import posix; print(os.read(posix.open(SECRET, 0), 999))"),
    read("a relative path", "print(open('../outside/secret').read()); SECRET"),
    read("a path through the working directory", "print(open('/proc/self/cwd/../outside/secret').read()); SECRET"),
    read("a path through the root", "print(open('/proc/self/root' + SECRET).read())"),
    read("a path through the parent's root", "print(open('/proc/%d/root%s' % (os.getppid(), SECRET)).read())"),
    read("a path through a thread", "import threading; print(open('/proc/thread-self/root' + SECRET).read())"),
    read("a path with many slashes", "print(open('//' + SECRET.replace('/', '//./')).read())"),
    read("a planted link", "print(open(TO_SECRET).read())"),
    read("a planted link to a directory", "print(open(TO_OUTSIDE + '/secret').read()); SECRET"),
    read("a link of one's own", "import tempfile; link = tempfile.mkdtemp() + '/link'; os.symlink(SECRET, link); print(open(link).read())"),
    read("a hard link of one's own", "import tempfile; link = tempfile.mkdtemp() + '/link'; os.link(SECRET, link); print(open(link).read())"),
    read("a directory's descriptor", "fd = os.open(OUTSIDE, os.O_RDONLY); print(os.read(os.open('secret', 0, dir_fd=fd), 999)); SECRET"),
    read("a directory's descriptor, by its name", "fd = os.open(OUTSIDE, os.O_PATH); print(open('/proc/self/fd/%d/secret' % fd).read()); SECRET", cpython=True),
    read("a file's descriptor that cannot be read", "fd = os.open(SECRET, os.O_PATH); print(open('/proc/self/fd/%d' % fd).read())", cpython=True),
    read("a directory that was open before", "print(os.read(os.open('secret', 0, dir_fd=FD), 999)); SECRET", inherits="directory"),
    read("another working directory", "os.chdir(OUTSIDE); print(open('secret').read()); SECRET"),
    read("another working directory, by descriptor", "os.fchdir(os.open(OUTSIDE, os.O_RDONLY)); print(open('secret').read()); SECRET"),
    read("another root", "os.chroot(OUTSIDE); print(open('/secret').read()); SECRET", root=True),
    read("a path that changes", """
        class Path:
            asked = 0
            def __fspath__(self):
                self.asked += 1
                return SECRET if self.asked > COUNT else 'here'
        for COUNT in range(6):
            try: print(open(Path()).read())
            except OSError: pass"""),
    read("a string that lies", """
        class Liar(str):
            def startswith(self, *_): return True
            def __eq__(self, other): return True
            def __contains__(self, other): return False
            def __str__(self): return './here'
            def encode(self, *_): return b'./here'
            __hash__ = str.__hash__
        print(open(Liar(SECRET)).read())""", cpython=True),
    read("a link that is turned meanwhile", """
        import tempfile, threading, time
        base = tempfile.mkdtemp()
        open(base + '/good', 'w').close()
        def turn():
            while True:
                for target in (base + '/good', SECRET):
                    try: os.symlink(target, base + '/new'); os.rename(base + '/new', base + '/link')
                    except OSError: pass
        threading.Thread(target=turn, daemon=True).start()
        until = time.time() + 1.5
        while time.time() < until:
            try: text = open(base + '/link').read()
            except OSError: continue
            if text: print(text); break""", admitted=(Admitted("a thread that swaps a link between the question and the call"),)),
]  # fmt: skip

LIBRARY = [
    read("credentials", "import netrc; print(netrc.netrc(CREDENTIALS).hosts)"),
    read("a configuration", "import configparser; configparser.ConfigParser().read(SECRET)"),
    read("shutil.copy", "import shutil, tempfile; copy = tempfile.mkdtemp() + '/copy'; shutil.copy(SECRET, copy); print(open(copy).read())"),
    read("an archive", """
        import io, tarfile
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode='w') as archive: archive.add(SECRET)
        print(file.getvalue())"""),
    read("zipfile", "import io, zipfile; f = io.BytesIO(); z = zipfile.ZipFile(f, 'w'); z.write(SECRET); print(f.getvalue())"),
    read("linecache", "import linecache; print(linecache.getlines(SECRET))"),
    read("fileinput", "import fileinput; print(list(fileinput.input([SECRET])))"),
    read("tokenize", "import tokenize; print(tokenize.open(SECRET).read())"),
    read("importlib's loader", "from importlib.machinery import SourceFileLoader as L; print(L('x', SECRET).get_data(SECRET))"),
    read("an import", "sys.path.insert(0, OUTSIDE); import spilling; MODULE"),
    read("runpy", "import runpy; runpy.run_path(MODULE)"),
    read("a syntax error's line", "import py_compile; py_compile.compile(SECRET, cfile='/dev/null/x', doraise=False)"),
    read("a traceback's line", "exec(compile('1/0', SECRET, 'exec'))"),
    read("a warning's line", "import warnings; warnings.showwarning('x', UserWarning, SECRET, 1)"),
    read("mmap", "import mmap; print(mmap.mmap(os.open(SECRET, os.O_RDONLY), 0, prot=mmap.PROT_READ)[:])"),
    read("sendfile", "os.sendfile(1, os.open(SECRET, os.O_RDONLY), 0, 99)"),
    read("readline's history", "import readline; readline.read_history_file(SECRET); print(readline.get_history_item(1))", cpython=True),
    read("a certificate", "import ssl; c = ssl.SSLContext(ssl.PROTOCOL_TLS); c.load_verify_locations(CERTIFICATE); print(c.get_ca_certs())"),
    read("readline's init file, by its variable", "os.environ['INPUT' + 'RC'] = INPUTRC; os.dup2(1, 2); import readline", cpython=True),
    read("readline's init file, from another", "os.dup2(1, 2); import readline; readline.parse_and_bind('$include ' + INPUTRC)", cpython=True),
    read("readline's init file, from one of one's own", "put('rc', '$INCLUDE ' + INPUTRC); os.dup2(1, 2); import readline; readline.read_init_file('rc')", cpython=True,
         flags=("--fs-readonly=.", "--allow-write=."), spared=("inside",)),
    read("a certificate, by its variable", "import ssl; os.environ['SSL_CERT_FILE'] = CERTIFICATE; c = ssl.SSLContext(ssl.PROTOCOL_TLS); c.set_default_verify_paths(); print(c.get_ca_certs())"),
    read("a certificate that verifies", "import ssl; print(ssl._ssl._test_decode_cert(CERTIFICATE))"),
    read("sqlite3", "import sqlite3; print(sqlite3.connect(DATABASE).execute('select * from secrets').fetchall())"),
    read("sqlite3, by URI", "import sqlite3; print(sqlite3.connect('file:%s?mode=ro' % DATABASE, uri=True).execute('select * from secrets').fetchall())"),
    read("sqlite3, a URI in disguise", "import sqlite3; print(sqlite3.connect('file:%s?immutable=1' % DATABASE.replace('o', '%6f'), uri=True).execute('select * from secrets').fetchall())"),
    read("sqlite3, attached", "import sqlite3; d = sqlite3.connect(':memory:'); d.execute('attach ? as a', (DATABASE,)); print(d.execute('select * from a.secrets').fetchall())"),
    read("sqlite3, attached by URI", "import sqlite3; d = sqlite3.connect('file::memory:', uri=True); d.execute('attach ? as a', ('file:' + DATABASE,)); print(d.execute('select * from a.secrets').fetchall())"),
    read("sqlite3, by a link", "import sqlite3, tempfile; link = tempfile.mkdtemp() + '/l'; os.symlink(DATABASE, link); print(sqlite3.connect(link).execute('select * from secrets').fetchall())"),
]  # fmt: skip

SEEN = [
    read("listdir", "print(os.listdir(LISTED))"),
    read("listdir, bytes", "print(os.listdir(os.fsencode(LISTED)))"),
    read("listdir, a descriptor", "print(os.listdir(os.open(LISTED, os.O_RDONLY)))"),
    read("scandir", "print([entry.name for entry in os.scandir(LISTED)])"),
    read("os.walk", "print(list(os.walk(LISTED)))"),
    read("glob", "import glob; print(glob.glob(LISTED + '/*'))"),
    read("pathlib", "import pathlib; print(list(pathlib.Path(LISTED).iterdir()))"),
    read("fwalk", "print([files for _, _, files, _ in os.fwalk(LISTED)])"),
    read("listdir, by a planted link", "print(os.listdir(TO_OUTSIDE + '/' + os.path.basename(LISTED)))"),
    read("an attribute", "print(os.getxattr(ATTRIBUTE, 'user.secret'))", probe=ATTRIBUTES, admitted=SHOWN),
    read("where a link leads", "print(os.readlink(POINTER))", admitted=SHOWN),
    read("where a link leads, by realpath", "print(os.path.realpath(POINTER))", admitted=SHOWN),
]  # fmt: skip

CHILDREN = [
    read("a forked child", "if os.fork(): os.wait()\nelse: print(open(SECRET).read(), flush=True)"),
    read("a Python child", "import subprocess; subprocess.call([PY, '-c', 'print(open(%r).read())' % SECRET])"),
    read("an isolated Python child", "import subprocess; subprocess.call([PY, '-IS', '-c', 'print(open(%r).read())' % SECRET], env={})"),
    read("a child that is the secret", "import subprocess; subprocess.call([PY, SECRET])"),
    read("a child that is the secret, isolated", "import subprocess; subprocess.call([PY, '-I', SECRET])"),
    read("exec of the secret", "os.execv(PY, [PY, SECRET])"),
    read("the secret on a child's stdin", "import subprocess; subprocess.call([PY], stdin=open(SECRET))"),
    read("a child's startup file", "import subprocess; subprocess.call([PY, '-i'], env={'PYTHONSTARTUP': SECRET}, stdin=subprocess.DEVNULL)"),
    read("a child in the other directory", "import subprocess; subprocess.call([PY, '-m', 'spilling'], cwd=OUTSIDE); MODULE"),
    read("multiprocessing", """
        import multiprocessing
        if __name__ == '__main__':
            with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.apply(eval, ('open(%r).read()' % SECRET,)))"""),
    read("cat", "import subprocess; subprocess.call(['cat', SECRET])", admitted=FOREIGN),
    read("a shell", "os.system('read line < %s; echo $line' % SECRET)", layers=BEYOND),
    read("cat, where no process may be started", "import subprocess; subprocess.call(['cat', SECRET])", flags=("--fs-readonly=.", "--no-subprocess")),
    read("a shell, where no process may be started", "os.system('cat ' + SECRET)", flags=("--fs-readonly=.", "--no-subprocess")),
    read("ctypes", """
        import ctypes
        buffer = ctypes.create_string_buffer(99)
        c = ctypes.CDLL(None); c.read(c.open(os.fsencode(SECRET), 0), buffer, 99); print(buffer.raw)""", admitted=NATIVE),
]  # fmt: skip

HIDDEN = [
    hidden("what is hidden", "print(open(SECRET).read())"),
    hidden("what is hidden, by a planted link", "print(open(TO_SECRET).read())"),
    hidden("what is hidden, by a directory's descriptor", "fd = os.open('..', os.O_RDONLY); print(os.read(os.open('outside/secret', 0, dir_fd=fd), 999)); SECRET"),
    hidden("what is hidden, listed", "print(os.listdir(LISTED))"),
]  # fmt: skip

ATTEMPTS = [*OPENED, *LIBRARY, *SEEN, *CHILDREN, *HIDDEN]
