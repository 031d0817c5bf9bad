"""Native code where none but the interpreter's own may run: it touches a file when it is loaded or called."""

from __future__ import annotations

from containment.attempt import Admitted, attempts

PYPY = (Admitted("extensions of sqlite3", ("both", "python"), ("pypy3.9",)),)

native = attempts("marker", "--block-native")
CREATE = "creat(MARKER.encode(), 0o600)"
EXTENSION = "import importlib.machinery as m, shutil; shutil.copy(LIBRARY, 'native' + m.EXTENSION_SUFFIXES[0]); "
LOADER = (
    "from importlib.machinery import ExtensionFileLoader as L; from importlib.util import module_from_spec, spec_from_file_location as s; "
)
X86 = "assert os.uname().machine == 'x86_64'"

CTYPES = [
    native("ctypes", f"import ctypes; ctypes.CDLL(None).{CREATE}"),
    native("ctypes, by name", f"import ctypes; ctypes.CDLL('libc.so.6').{CREATE}"),
    native("ctypes, PyDLL", f"import ctypes; ctypes.PyDLL(None).{CREATE}", cpython=True),
    native("ctypes, cdll", f"import ctypes; ctypes.cdll['libc.so.6'].{CREATE}"),
    native("ctypes, LoadLibrary", "import ctypes; ctypes.cdll.LoadLibrary(LIBRARY)"),
    native("ctypes, pythonapi", "import ctypes; ctypes.pythonapi.PyRun_SimpleString(b'import ctypes; ctypes.CDLL(None).' + ('creat(%r, 384)' % MARKER.encode()).encode())", cpython=True),
    native("ctypes, imported by its name", f"__import__('ctypes').CDLL(None).{CREATE}"),
    native("ctypes, imported by importlib", f"import importlib; importlib.import_module('ctypes').CDLL(None).{CREATE}"),
    native("ctypes, by another module", f"from multiprocessing import sharedctypes; sharedctypes.ctypes.CDLL(None).{CREATE}"),
    native("ctypes, from a pickle", "import pickle; pickle.loads(b'cctypes\\nCDLL\\n(N\\x74\\x52.').creat(MARKER.encode(), 0o600)"),
    native("ctypes, by runpy", f"import runpy, importlib.util as u; runpy.run_path(u.find_spec('ctypes').origin)['CDLL'](None).{CREATE}"),
    native("_ctypes, dlopen", "import _ctypes; _ctypes.dlopen(LIBRARY, 2)"),
    native("_ctypes, call_function", """
        import _ctypes
        address = _ctypes.dlsym(_ctypes.dlopen(None, 2), 'creat')
        _ctypes.call_function(address, (MARKER.encode(), 0o600))""", cpython=True),
    native("_ctypes, its file under another name", """
        import importlib.util
        from importlib.machinery import ExtensionFileLoader
        path = importlib.util.find_spec('_ctypes').origin
        spec = importlib.util.spec_from_file_location('x._ctypes', path, loader=ExtensionFileLoader('x._ctypes', path))
        importlib.util.module_from_spec(spec).dlopen(LIBRARY, 2)""", cpython=True),
    native("_ctypes, a copy of its file", """
        import importlib.util, shutil
        shutil.copy(importlib.util.find_spec('_ctypes').origin, 'x.so')
        spec = importlib.util.spec_from_file_location('_ctypes', 'x.so')
        importlib.util.module_from_spec(spec).dlopen(LIBRARY, 2)""", cpython=True),
    native("ctypes, when its finders are gone", f"""
        sys.meta_path[:] = [finder for finder in sys.meta_path if 'hermetic' not in type(finder).__module__]
        sys.path_hooks[:] = [hook for hook in sys.path_hooks if 'hermetic' not in getattr(hook, '__module__', '')]
        sys.path_importer_cache.clear()
        import ctypes; ctypes.CDLL(None).{CREATE}"""),
    native("ctypes, by finders of one's own", f"""
        from importlib.machinery import BuiltinImporter, FileFinder, FrozenImporter, PathFinder, ExtensionFileLoader, SourceFileLoader, EXTENSION_SUFFIXES
        sys.meta_path[:] = [BuiltinImporter, FrozenImporter, PathFinder]
        sys.path_hooks[:] = [FileFinder.path_hook((ExtensionFileLoader, EXTENSION_SUFFIXES), (SourceFileLoader, ['.py']))]
        sys.path_importer_cache.clear()
        import ctypes; ctypes.CDLL(None).{CREATE}"""),
    native("ctypes, by an import of one's own", f"""
        import importlib._bootstrap as b, builtins
        builtins.__import__ = b.__import__
        import ctypes; ctypes.CDLL(None).{CREATE}"""),
]  # fmt: skip

EXTENSIONS = [
    native("an extension module", EXTENSION + "shutil.move('native' + m.EXTENSION_SUFFIXES[0], SCRIPTS); import native"),
    native("an extension module of another's", EXTENSION + "sys.path.insert(0, '.'); import native"),
    native("an extension module in a package", EXTENSION + "os.mkdir('pack'); shutil.move('native' + m.EXTENSION_SUFFIXES[0], 'pack'); sys.path.insert(0, '.'); import pack.native"),
    native("a loader", LOADER + "module_from_spec(s('native', LIBRARY, loader=L('native', LIBRARY)))"),
    native("a loader, of a file called otherwise", LOADER + "import shutil; shutil.copy(LIBRARY, 'data.txt'); module_from_spec(s('native', 'data.txt', loader=L('native', 'data.txt')))"),
    native("a loader, by the name of a standard module", LOADER + "module_from_spec(s('_json', LIBRARY, loader=L('_json', LIBRARY)))"),
    native("create_dynamic", "import _imp, types; _imp.create_dynamic(types.SimpleNamespace(name='native', origin=LIBRARY))"),
    native("create_dynamic, by the name of a standard module", "import _imp, types; _imp.create_dynamic(types.SimpleNamespace(name='_bisect', origin=LIBRARY))"),
    native("create_dynamic, a spec that changes", """
        import _imp, _struct, types
        class Spec:
            asked, name = 0, '_struct'
            @property
            def origin(self):
                self.asked += 1
                return LIBRARY if self.asked > COUNT else getattr(_struct, '__file__', '/nowhere')
        for COUNT in range(3):
            try: _imp.create_dynamic(Spec())
            except Exception: pass"""),
    native("load_dynamic", "import warnings; warnings.simplefilter('ignore'); import imp; imp.load_dynamic('native', LIBRARY)", until=(3, 12), cpython=True),
    native("a standard module's place", """
        import importlib.machinery as m, importlib.util as u, shutil
        name = next(n for n in ('_json', '_lzma', '_sqlite3', '_curses') if '/' in str(u.find_spec(n).origin))
        shutil.copy(LIBRARY, name + m.EXTENSION_SUFFIXES[0])
        sys.modules.pop(name, None); sys.path.insert(0, '.')
        __import__(name)""", cpython=True),
    native("a library of sqlite3's", "import sqlite3; d = sqlite3.connect(':memory:'); d.enable_load_extension(True); d.execute('select load_extension(?)', (LIBRARY,))",
           probe="import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)", admitted=PYPY),
    native("a library of OpenSSL's", """
        with open('conf', 'w') as file:
            file.write('openssl_conf = a\\n[a]\\nproviders = b\\nengines = e\\n[b]\\nnative = c\\n[c]\\nmodule = %s\\nactivate = 1\\n'
                       '[e]\\nnative = f\\n[f]\\ndynamic_path = %s\\ninit = 0\\n' % (LIBRARY, LIBRARY))
        os.environ['OPENSSL_CONF'] = os.path.abspath('conf')
        import ssl; ssl.create_default_context()""", cpython=True),
    native("a library of Tcl's", "import tkinter; tkinter.Tcl().eval('load ' + LIBRARY)", probe="import tkinter"),
]  # fmt: skip

MEMORY = [
    native("its own memory", """
        import struct
        maps = [line.split() for line in open('/proc/self/maps')]
        path = next(line[5] for line in maps if len(line) > 5 and 'libc.so' in line[5] or len(line) > 5 and '/libc-' in line[5])
        base = int(next(line[0] for line in maps if line[5:6] == [path]).partition('-')[0], 16)
        data = open(path, 'rb').read()
        sections, size, count = struct.unpack_from('<Q', data, 40)[0], *struct.unpack_from('<HH', data, 58)
        table = [struct.unpack_from('<IIQQQQIIQQ', data, sections + size * i) for i in range(count)]
        symbols = next(s for s in table if s[1] == 11); names = table[symbols[6]]
        for at in range(symbols[4], symbols[4] + symbols[5], 24):
            name, info, other, section, value, length = struct.unpack_from('<IBBHQQ', data, at)
            start = names[4] + name
            if data[start:data.index(0, start)] == b'getppid': break
        code = bytes.fromhex('bf00000000' '48b8') + b'%s' + bytes.fromhex('4889c7bea0010000b8550000000f05c3')
        import array
        text = array.array('b', MARKER.encode() + b'\\0')
        code = code[5:].replace(b'%s', struct.pack('<Q', text.buffer_info()[0]))
        with open('/proc/self/mem', 'r+b', 0) as memory:
            memory.seek(base + value); memory.write(code)
        os.getppid()""", probe=X86),
    native("a function made of bytes", f"""
        import ctypes, mmap
        memory = mmap.mmap(-1, 4096, prot=7)
        memory.write(b'\\xc3')
        ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
        ctypes.CDLL(None).{CREATE}""", probe=X86),
]  # fmt: skip

CHILDREN = [
    native("a Python child", f"import subprocess; subprocess.call([PY, '-c', 'MARKER = %r; import ctypes; ctypes.CDLL(None).{CREATE}' % MARKER])"),
    native("an isolated Python child", f"import subprocess; subprocess.call([PY, '-IS', '-c', 'MARKER = %r; import ctypes; ctypes.CDLL(None).{CREATE}' % MARKER], env={{}})"),
    native("a Python child's preloaded library", "import subprocess; subprocess.call([PY, '-c', ''], env={'LD_PRELOAD': LIBRARY, 'MARKER': MARKER})"),
    native("a Python child's library that audits", "import subprocess; subprocess.call([PY, '-c', ''], env={'LD_AUDIT': LIBRARY, 'MARKER': MARKER})"),
    native("the interpreter again", "os.environ['LD_PRELOAD'] = LIBRARY; os.execv(PY, [PY, '-c', ''])"),
    native("a program", "import subprocess; subprocess.call([PROGRAM])", flags=("--block-native", "--no-subprocess")),
    native("a program's preloaded library", "os.environ['LD_PRELOAD'] = LIBRARY; os.system('true')"),
]  # fmt: skip

ATTEMPTS = [*CTYPES, *EXTENSIONS, *MEMORY, *CHILDREN]
