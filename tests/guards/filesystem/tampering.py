"""Ways around the guard itself: originals taken out of what replaces them, and what stays possible in the Python layer alone."""

from guards.filesystem.row import READONLY, Row, changes, leaks

ORIGINAL = "original = {0} if type({0}) is type(len) else [c.cell_contents for c in {0}.__call__.__closure__ if type(c.cell_contents) is type(len)][0]\n"
SPAWN = "import subprocess; subprocess.call(['/bin/sh', '-c', 'echo x > \"$0\"', place + '/new'])"
BASE = "import sqlite3; base = sqlite3.Connection.__mro__[-2]; c = base(':memory:'); c.execute(\"attach '%s/new' as n\" % place).execute('create table n.t (a)')"

TAMPERING = [
    changes("the original of os.open", ORIGINAL.format("os.open") + "original(place + '/new', os.O_CREAT | os.O_WRONLY)", "write({place}/new)", events=True),
    changes("the original of os.open, with dir_fd", ORIGINAL.format("os.open") + "original('new', os.O_CREAT | os.O_WRONLY, dir_fd=os.open(place, os.O_RDONLY))", "write(", events=True),
    leaks("the original of os.open, reading with dir_fd", "os.chdir(free)\n" + ORIGINAL.format("os.open") + "result = os.read(original('file', os.O_RDONLY, dir_fd=os.open(place, 0o10000000)), 99)", "", events=True),
    changes("another standing for the class of paths", "import pathlib; pathlib.PurePath.__fspath__ = lambda self: free + '/harmless'; open(pathlib.Path(place, 'new'), 'w'); open(place + '/new', 'w')", "write({place}/new)"),
    changes("functions of os.path replaced", "import posixpath, genericpath; posixpath.realpath = posixpath.abspath = lambda p, **k: free; os.fspath = lambda p: free; os.readlink = lambda p: free; open(place + '/new', 'w')", "write({place}/new)"),
    changes("builtins replaced", "import builtins; before = builtins.isinstance, builtins.len\nbuiltins.isinstance, builtins.len = (lambda *a: True), (lambda a: 0)\ntry: open(place + '/new', 'w')\nfinally: builtins.isinstance, builtins.len = before", "write({place}/new)"),
]  # fmt: skip

METHODS = """
class Taker:
    __hash__ = None
    def __eq__(self, other): self.taken = other; return True
taker = Taker()
str.__dict__ == taker
table, before = taker.taken, str.startswith
clear = getattr(sys, '_clear_internal_caches', None) or sys._clear_type_cache
def restore(): table['startswith'] = before; clear()
def agree(*_): restore(); return True
def replace(*_): table['startswith'] = agree; clear()
import gc
gc.callbacks.append(replace)
for count in range(1, 60):
    gc.set_threshold(count, 1, 1)
    try: open(place + '/file', 'w').close()
    except Exception: restore()
gc.callbacks.clear()"""
"""A method that puts itself back as soon as it is called."""

TEMPORARY = """
import os
os.environ['SQLITE_TMPDIR'] = place
import sqlite3
base = sqlite3.connect(':memory:')
for words in ('pragma temp_store = 1', 'pragma cache_size = 10', 'create temp table t (x)'): base.execute(words)
base.executemany('insert into t values (?)', [('x' * 2000,)] * 5000)
opened = [os.readlink('/proc/self/fd/' + name) for name in os.listdir('/proc/self/fd') if os.path.islink('/proc/self/fd/' + name)]
result = 'needle' if any(path.startswith(place) for path in opened) else ''"""

OPEN = {
    "methods of built-in types": [("3.8", changes("methods, in the collector's callback", METHODS, ""))],
    "SQLite makes temporary files": [("3.8", Row("SQLITE_TMPDIR", READONLY, TEMPORARY, "leaks"))],
    "an original function taken out of its replacement": [
        ("3.13", changes("mkfifo", ORIGINAL.format("os.mkfifo") + "original(place + '/new')", "")),
        ("3.6", changes("mkdir", ORIGINAL.format("os.mkdir") + "original(place + '/new')", "")),
        ("3.13", changes("the base of sqlite3's Connection", BASE, "", module="sqlite3")),
    ],
    "native code": [("3.13", changes("ctypes", "import ctypes; ctypes.CDLL(None).creat(os.fsencode(place + '/new'), 0o600)", ""))],
    "programs that are not Python": [("3.13", changes("a shell", SPAWN, ""))],
    "a second name that was there before": [("3.13", changes("a hard link", "open(free + '/second-name', 'w').close()", ""))],
    "names in directories that are listed, and whether a file is there, and how large": [
        ("3.13", Row("listing", "hide", "result = 'needle' if 'place' in os.listdir(os.path.dirname(os.path.dirname(place))) else ''", "leaks")),
        ("3.13", Row("stat", "hide", "result = 'needle' if os.path.exists(place + '/file') else ''", "leaks")),
    ],
}  # fmt: skip
"""Holes, by the words of the README that admit them."""
