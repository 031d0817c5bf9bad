"""What a target may try to write where it must not. `place` is a directory that is guarded, `free` one beside it that is not; in `place` there
are `file` and the directory `inner`."""

OPENED = {
    "open": "open(place + '/new', 'w')",
    "open for appending": "open(place + '/file', 'a')",
    "open for update": "open(place + '/file', 'r+b')",
    "open exclusively": "open(place + '/new', 'x')",
    "FileIO": "import _io; _io.FileIO(place + '/file', 'w')",
    "os.open, making": "os.open(place + '/new', os.O_CREAT | os.O_WRONLY)",
    "os.open, there": "os.open(place + '/file', os.O_RDWR)",
    "os.open, truncating": "os.open(place + '/file', os.O_RDONLY | os.O_TRUNC)",
    "posix.open": "import posix; posix.open(place + '/file', os.O_WRONLY)",
    "nameless file": "os.open(place, 0o20200000 | os.O_RDWR)",
    "bytes": "open(os.fsencode(place) + b'/new', 'w')",
    "pathlib": "import pathlib; pathlib.Path(place, 'new').write_text('x')",
    "path-like": "os.open(Path(place + '/new'), os.O_CREAT | os.O_WRONLY)",
    "path-like bytes": "os.open(Path(os.fsencode(place + '/new')), os.O_CREAT | os.O_WRONLY)",
    "str that lies": "os.open(Liar(place + '/new'), os.O_CREAT | os.O_WRONLY)",
    "str that lies, to open": "open(Liar(place + '/new'), 'w')",
    "bytes that lie": "os.open(BytesLiar(os.fsencode(place + '/new')), os.O_CREAT | os.O_WRONLY)",
    "dot dot": "open(place + '/inner/../new', 'w')",
    "relative": "os.chdir(place); open('new', 'w')",
    "relative, from inside": "os.chdir(place + '/inner'); open('../new', 'w')",
    "working directory by its link": "os.chdir(place); open('/proc/self/cwd/new', 'w')",
    "root by its link": "open('/proc/self/root' + place + '/new', 'w')",
    "descriptor of the directory": "os.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(place, os.O_RDONLY))",
    "descriptor of an inner one": "os.open('../new', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(place + '/inner', os.O_RDONLY))",
    "descriptor of the root": "os.open(place[1:] + '/new', os.O_CREAT | os.O_WRONLY, dir_fd=os.open('/', os.O_RDONLY))",
    "descriptor by its link": "open('/proc/self/fd/%d/new' % os.open(place, os.O_RDONLY), 'w')",
    "read-only descriptor reopened": "open('/proc/self/fd/%d' % os.open(place + '/file', os.O_RDONLY), 'w')",
    "path descriptor reopened": "open('/proc/self/fd/%d' % os.open(place + '/file', 0o10000000), 'w')",
    "opener": "open('new', 'w', opener=lambda name, flags: os.open(name, flags, dir_fd=os.open(place, os.O_RDONLY)))",
    "link to the directory": "os.symlink(place, free + '/link'); open(free + '/link/new', 'w')",
    "link to a file": "os.symlink(place + '/file', free + '/link'); open(free + '/link', 'w')",
    "link to what is not there": "os.symlink(place + '/new', free + '/link'); open(free + '/link', 'w')",
    "link to a link": "os.symlink(place, free + '/one'); os.symlink('one/new', free + '/two'); open(free + '/two', 'w')",
    "shutil.copy": "import shutil; shutil.copy('/etc/passwd', place + '/new')",
}

CHANGED = {
    "os.rename into": "open(free + '/f', 'w').close(); os.rename(free + '/f', place + '/new')",
    "os.replace": "open(free + '/f', 'w').close(); os.replace(free + '/f', place + '/file')",
    "os.rename out": "os.rename(place + '/file', free + '/f')",
    "os.rename with descriptors": "d = os.open(place, os.O_RDONLY); os.rename('file', 'other', src_dir_fd=d, dst_dir_fd=d)",
    "os.rename of the directory": "os.rename(place, free + '/moved')",
    "os.rename of the one above": "os.rename(os.path.dirname(place), os.path.dirname(place) + '-moved')",
    "os.renames": "os.renames(place + '/file', free + '/f')",
    "os.link into": "open(free + '/f', 'w').close(); os.link(free + '/f', place + '/new')",
    "os.link out": "os.link(place + '/file', free + '/f')",
    "os.symlink": "os.symlink('/etc/passwd', place + '/new')",
    "os.symlink with a descriptor": "os.symlink('/etc/passwd', 'new', dir_fd=os.open(place, os.O_RDONLY))",
    "os.chmod": "os.chmod(place + '/file', 0o666)",
    "os.chmod by link": "os.symlink(place + '/file', free + '/link'); os.chmod(free + '/link', 0o666)",
    "os.chmod of the directory": "os.chmod(place, 0o777)",
    "os.chmod of a descriptor": "os.chmod(os.open(place + '/file', os.O_RDONLY), 0o666)",
    "os.fchmod": "os.fchmod(os.open(place + '/file', os.O_RDONLY), 0o666)",
    "os.chmod with a descriptor": "os.chmod('file', 0o666, dir_fd=os.open(place, os.O_RDONLY))",
    "os.chown": "os.chown(place + '/file', -1, -1)",
    "os.fchown": "os.fchown(os.open(place + '/file', os.O_RDONLY), -1, -1)",
    "os.utime": "os.utime(place + '/file')",
    "os.utime of a descriptor": "os.utime(os.open(place + '/file', os.O_RDONLY))",
    "os.truncate": "os.truncate(place + '/file', 0)",
    "os.mkdir": "os.mkdir(place + '/new')",
    "os.mkdir, a str that lies": "os.mkdir(Liar(place + '/new'))",
    "path-like that lies": """
class Fickle:
    asked = 0
    def __fspath__(self):
        self.asked += 1
        return place + '/new' if self.asked == 1 else free + '/harmless'
os.mkdir(Fickle())
""",
    "os.mkdir with a descriptor": "os.mkdir('new', dir_fd=os.open(place, os.O_RDONLY))",
    "os.makedirs": "os.makedirs(place + '/a/b')",
    "pathlib's mkdir": "import pathlib; pathlib.Path(place, 'new').mkdir()",
    "os.remove": "os.remove(place + '/file')",
    "os.unlink": "os.unlink(Path(place + '/file'))",
    "os.unlink with a descriptor": "os.unlink('file', dir_fd=os.open(place, os.O_RDONLY))",
    "os.rmdir": "os.rmdir(place + '/inner')",
    "os.rmdir with a descriptor": "os.rmdir('inner', dir_fd=os.open(place, os.O_RDONLY))",
    "shutil.rmtree": "import shutil; shutil.rmtree(place)",
    "shutil.move": "import shutil; shutil.move(place + '/file', free)",
}

SILENT = {
    "os.mkfifo": "os.mkfifo(place + '/new')",
    "os.mkfifo, a str that lies": "os.mkfifo(Liar(place + '/new'))",
    "os.mkfifo, path-like": "os.mkfifo(path=Path(place + '/new'), mode=0o600)",
    "os.mkfifo with a descriptor": "os.mkfifo('new', dir_fd=os.open(place, os.O_RDONLY))",
    "posix.mkfifo": "import posix; posix.mkfifo(place + '/new')",
    "os.mknod": "os.mknod(place + '/new')",
}
"""What raises no audit event anywhere, and is replaced on every interpreter."""

MEMORY = {
    "open": "open('/proc/self/mem', 'r+b', 0)",
    "another process's": "open('/proc/%d/mem' % os.getppid(), 'r+b', 0)",
    "of a thread": "open('/proc/thread-self/mem', 'r+b', 0)",
    "os.open": "os.open('/proc/self/mem', os.O_RDWR)",
    "descriptor": "os.open('mem', os.O_RDWR, dir_fd=os.open('/proc/self', os.O_RDONLY))",
    "descriptor of /proc": "os.open('self/mem', os.O_RDWR, dir_fd=os.open('/proc', os.O_RDONLY))",
    "link": "os.symlink('/proc/self/mem', free + '/link'); open(free + '/link', 'r+b', 0)",
    "relative": "os.chdir('/proc/self'); open('mem', 'r+b', 0)",
}

ALLOWED = {
    "read": "open(place + '/file').read()",
    "os.open to read": "os.read(os.open(place + '/file', os.O_RDONLY), 10)",
    "list": "os.listdir(place)",
    "link to it": "os.symlink(place, free + '/link')",
    "write beside": "open(free + '/f', 'w').close(); os.chmod(free + '/f', 0o600); os.rename(free + '/f', free + '/g'); os.remove(free + '/g')",
    "write beside, with a descriptor": "os.open('f', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(free, os.O_RDONLY))",
    "remove a link to it": "os.symlink(place + '/file', free + '/link'); os.remove(free + '/link')",
    "memory, to read": "open('/proc/self/mem', 'rb')",
    "fifo beside": "os.mkfifo(free + '/f'); os.remove(free + '/f')",
}

OPEN_HOLES = {"native code": "import ctypes; ctypes.CDLL(None).creat(os.fsencode(place + '/new'), 0o600)"}
"""See the README, What the Python layer cannot stop."""
