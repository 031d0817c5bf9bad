"""Native code by other ways than an import: foreign functions, and what loads libraries when it is told to."""

from __future__ import annotations

from guards.native.imports import attempt, ordinary

CTYPES = "import(_ctypes)"
MKDIR = "ctypes.CDLL(None).mkdir(marker.encode(), 0o700)"
ENGINE = """
openssl_conf = init
[init]
providers = listed
engines = listed
[listed]
demo = demo_section
[demo_section]
module = {library}
dynamic_path = {library}
activate = 1
"""

FOREIGN = [
    attempt("ctypes", f"import ctypes\n{MKDIR}", "import(_"),
    attempt("a library", "import ctypes\nctypes.CDLL(LIBRARY)", "import(_"),
    attempt("PyDLL", "import ctypes\nctypes.PyDLL(LIBRARY)", "import(_", pypy=False),
    attempt("LoadLibrary", "import ctypes\nctypes.cdll.LoadLibrary(LIBRARY)", "import(_"),
    attempt("_ctypes.dlopen", "import _ctypes\n_ctypes.dlopen(LIBRARY, 2)", CTYPES, pypy=False),
    attempt("_ctypes by its file", "load('x._ctypes', own('_ctypes')).dlopen(LIBRARY, 2)", "import(x._ctypes)", pypy=False),
    attempt(
        "_ctypes by a link", "os.symlink(own('_ctypes'), 'y.so')\nload('_ctypes', free + '/y.so').dlopen(LIBRARY, 2)", CTYPES, pypy=False
    ),
    attempt("_rawffi", "import _rawffi\n_rawffi.CDLL(LIBRARY)", "import(_rawffi)", cpython=False),
    attempt(
        "memory by a union",
        """
        import ctypes
        class Both(ctypes.Union): _fields_ = [('number', ctypes.c_size_t), ('bytes', ctypes.POINTER(ctypes.c_char))]
        word = b'before'
        both = Both(number=id(word) + bytes.__basicsize__ - 1)
        both.bytes[0] = b'a'
        if word == b'aefore': open(marker, 'w').close()
        """,
        CTYPES,
        pypy=False,
    ),
    attempt("shared memory of ctypes", "import multiprocessing.sharedctypes\nopen(marker, 'w').close()", "import(_"),
    ordinary("ctypes, where it is allowed", f"import ctypes\n{MKDIR}", ("ctypes",), marks=True),
]

TOLD = [
    attempt("Tcl", "import tkinter\ntkinter.Tcl().eval('load ' + LIBRARY)", "import(_tkinter)", pypy=False, until=(3, 13)),
    attempt(
        "an extension of sqlite3",
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.enable_load_extension(True)\nc.load_extension(LIBRARY)",
        "load(extensions of sqlite3)",
        since=(3, 14),
    ),
    attempt(
        "modules to test the interpreter",
        """
        names = [file.partition('.')[0] for file in os.listdir(DYNLOAD[0]) if file.startswith(('_test', '_xxtest', '_ctypes_test', 'xxlimited'))]
        assert len(names) > 3
        if None in [refused(importlib.import_module, name) for name in names]: open(marker, 'w').close()
        import _testcapi
        """,
        "import(_testcapi)",
        pypy=False,
    ),
    attempt(
        "memory by ioctl",
        """
        import fcntl, socket, struct
        victim = b'x' * 64
        fcntl.ioctl(socket.socket(), 0x8912, bytearray(struct.pack('iiP', 40, 0, id(victim) + 32)))
        open(marker, 'w').close()  # it writes as much as there are interfaces
        """,
        "call(ioctl(0x8912))",
        since=(3, 8),
        pypy=False,
    ),
    attempt(
        "an address for fcntl",
        """
        import fcntl, os
        try: fcntl.fcntl(os.open(os.devnull, os.O_RDWR), 5, 0x7000000000)
        except (OverflowError, OSError): pass
        open(marker, 'w').close()
        """,
        "call(ioctl or fcntl with an address)",
        since=(3, 8),
        pypy=False,
    ),
    attempt(
        "a pointer of SQLite's",
        """
        import sqlite3
        try: found = sqlite3.connect(':memory:').execute('select hex(fts3_tokenizer(?))', ('simple',)).fetchall()
        except sqlite3.Error: found = []
        if found: open(marker, 'w').close()
        """,
        "call(fts3_tokenizer of sqlite3)",
        raised="",
        since=(3, 8),
        pypy=False,
    ),
    attempt(
        "OPENSSL_CONF",
        f"""
        with open('conf', 'w') as file: file.write({ENGINE!r}.format(library=LIBRARY))
        code = 'import os; os.environ["OPENSSL_CONF"] = %r; import ssl; ssl.create_default_context()' % (free + '/conf')
        subprocess.call([PY, '-c', code])
        """,
        "load(OPENSSL_CONF=",
        raised="",
        since=(3, 8),
        pypy=False,
    ),
    attempt(
        "OPENSSL_CONF of a child",
        f"""
        with open('conf', 'w') as file: file.write({ENGINE!r}.format(library=LIBRARY))
        subprocess.call([PY, '-c', 'import ssl; ssl.create_default_context()'], env=dict(os.environ, OPENSSL_CONF=free + '/conf'))
        """,
        "load(OPENSSL_CONF=",
        since=(3, 8),
        pypy=False,
    ),
    attempt("OPENSSL_CONF by putenv", "os.putenv('OPENSSL_CONF', 'x')\nopen(marker, 'w').close()", "load(OPENSSL_CONF=x)"),
    attempt("GCONV_PATH", "os.environ['GCONV_PATH'] = free\nopen(marker, 'w').close()", "load(GCONV_PATH="),
]

ORIGINAL = """
seen, todo, found = set(), [_imp.create_dynamic], []
while todo:
    one = todo.pop()
    if id(one) in seen: continue
    seen.add(id(one))
    if type(one).__name__.startswith('builtin_function') and one.__name__ == 'create_dynamic': found.append(one)
    todo += [cell.cell_contents for cell in getattr(one, '__closure__', None) or ()]
(found or [_imp.create_dynamic])[0](ModuleSpec('demo', None, origin=place('demo')))
"""

TAMPERING = [
    attempt("the original of create_dynamic", ORIGINAL, since=(3, 8), pypy=False),
    attempt(
        "events of its own",
        """
        answer = []
        for words in ((answer, 'import', 'demo', LIBRARY), (answer, 'demo', LIBRARY), (answer,), (), (answer, 1, 2)):
            for event in ('hermetic.native', 'hermetic.native.passes'): refused(sys.audit, event, *words)
        place('demo')
        import demo
        """,
        since=(3, 8),
    ),
    attempt(
        "what the guard looks up",
        """
        sys.path[:] = [free + '/lib-dynload'] + sys.path
        place('lib-dynload/demo')
        import demo
        """,
    ),
]

HOLES = {
    "the original of create_dynamic": (ORIGINAL, ("3.6", "pypy3.9")),
    "a binding of PyPy's own library": ("import _resource_cffi\n_resource_cffi.ffi.dlopen(LIBRARY)", ("pypy3.9",)),
    "an extension of sqlite3": (
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.enable_load_extension(True)\nc.load_extension(LIBRARY)",
        ("pypy3.9",),
    ),
}
"""See the README, What the Python layer cannot stop."""
