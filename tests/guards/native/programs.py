"""What programs do, and must go on doing."""

from __future__ import annotations

from guards.native.imports import ordinary

LIBRARY = """
array asyncio bz2 csv curses datetime decimal email fractions hashlib html json locale logging lzma math mmap multiprocessing.pool pickle
platform queue random re readline select socket sqlite3 ssl statistics struct subprocess termios threading time unicodedata urllib.request
uuid xml.etree.ElementTree zipfile zlib
"""

PROGRAMS = [
    ordinary("the standard library", f"for name in {LIBRARY!r}.split(): importlib.import_module(name)", ("none", "demo")),
    ordinary(
        "all extension modules of its own",
        """
        names = sorted({file.partition('.')[0] for folder in DYNLOAD for file in os.listdir(folder) if file.endswith('.so')})
        names = [name for name in names if not name.startswith(('_ctypes', '_tkinter', '_test', '_xxtest', 'xx'))]
        result = [(name, refused(importlib.import_module, name)) for name in names]
        """,
    ),
    ordinary("uuid", "import uuid\nresult = uuid.uuid1().version, uuid.uuid4().version, bool(uuid.getnode())"),
    ordinary("platform", "import platform\nresult = platform.platform(), platform.libc_ver(), platform.processor()"),
    ordinary("decimal", "import decimal\nresult = decimal.Decimal('0.1') * 3, decimal.Context.__module__"),
    ordinary("digests", "import hashlib\nresult = hashlib.sha256(b'x').hexdigest(), hashlib.md5(b'x').hexdigest()"),
    ordinary("a database", "import sqlite3\nresult = sqlite3.connect(':memory:').execute('select sqlite_version()').fetchall()"),
    ordinary("TLS", "import ssl\nresult = ssl.OPENSSL_VERSION, type(ssl.create_default_context()).__name__"),
    ordinary("compression", "import bz2, lzma, zlib\nresult = [m.decompress(m.compress(b'x' * 100)) for m in (bz2, lzma, zlib)]"),
    ordinary("processes", "result = subprocess.check_output([PY, '-c', 'import json, zlib; print(zlib.__name__)'])"),
    ordinary(
        "multiprocessing",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool: result = pool.map(abs, [-1, 2])",
    ),
    ordinary(
        "extensions of sqlite3, switched off", "import sqlite3\nsqlite3.connect(':memory:').enable_load_extension(False)", since=(3, 14)
    ),
    ordinary("the environment", "os.environ['OPENSSL'] = 'x'\nos.environ.pop('OPENSSL')\nos.environ.pop('OPENSSL_CONF', None)"),
    ordinary("flags", "sys.setdlopenflags(sys.getdlopenflags())"),
    ordinary(
        "how the import system looks",
        """
        import inspect
        result = [repr(one) for one in sys.meta_path], [getattr(one, '__qualname__', one) for one in sys.path_hooks]
        result += str(inspect.signature(FileFinder.find_spec)), FileFinder.find_spec.__qualname__
        result += sorted(vars(FileFinder)), _imp.create_dynamic.__name__, FileFinder.find_spec.__doc__
        """,
    ),
    ordinary(
        "tracebacks of imports",
        """
        import traceback
        write('broken.py', 'import nothing_like_this')
        result = []
        for name in ('broken', 'nothing_like_that'):
            try: __import__(name)
            except ImportError: result.append(traceback.format_exc().replace(free, ''))
        """,
    ),
    ordinary("reload", "import json\nresult = importlib.reload(json).dumps([1])"),
    ordinary(
        "what can be imported",
        "import pkgutil\nplace('demo')\nwrite('two.py', '')\nresult = sorted(m.name for m in pkgutil.iter_modules([free]))",
    ),
]
