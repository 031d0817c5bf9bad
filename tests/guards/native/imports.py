"""Every way to load an extension module, refused; and what is used in its place."""

from __future__ import annotations

from guards.attempts import Row, refused, works

NONE = ("none", "demo")
PRELUDE = """
import importlib, importlib.util, shutil, _imp
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
os.environ['NATIVE_MARKER'] = marker
SUFFIX = EXTENSION_SUFFIXES[-1]
DYNLOAD = [entry for entry in sys.path if entry.endswith('lib-dynload')]
def place(name):
    path = os.path.join(free, name + SUFFIX)
    if not os.path.isdir(os.path.dirname(path)): os.makedirs(os.path.dirname(path))
    return shutil.copy(LIBRARY, path)
def write(name, text):
    with open(os.path.join(free, name), 'w') as file: file.write(text)
def load(name, path):
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path)))
    module.__loader__.exec_module(module)
    return module
def own(name):
    return [os.path.join(folder, file) for folder in DYNLOAD for file in os.listdir(folder) if file.startswith(name + '.')][0]
sys.path[:0] = [free]
"""


def attempt(name: str, code: str, what: str = "import(demo)", under: tuple[str, ...] = NONE, **more) -> Row:
    row = refused(name, code, what, under, **{"raised": "NativeRefused", **more})
    return Row(**{**vars(row), "code": PRELUDE + row.code})


def falls_back(name: str, code: str, **more) -> Row:
    """Without hermetic the compiled form is loaded, with it the other one, and nobody is told."""
    row = refused(name, code, None, ("none",), **{"result": "pure", **more})
    return Row(**{**vars(row), "code": PRELUDE + row.code})


def ordinary(name: str, code: str, under: tuple[str, ...] = ("none",), **more) -> Row:
    row = works(name, code, under, **more)
    return Row(**{**vars(row), "code": PRELUDE + row.code})


IMPORTS = [
    attempt("import", "place('demo')\nimport demo"),
    attempt("import_module", "place('demo')\nimportlib.import_module('demo')"),
    attempt("the interpreter's own suffix", "SUFFIX = EXTENSION_SUFFIXES[0]\nplace('demo')\nimport demo"),
    attempt("in a package", "place('pack/demo')\nwrite('pack/__init__.py', '')\nimport pack.demo", "import(pack.demo)"),
    attempt("as a package", "place('demo/__init__')\nimport demo"),
    attempt("in a namespace", "place('space/demo')\nimport space.demo", "import(space.demo)"),
    attempt("beside a directory of its name", "place('demo')\nos.mkdir('demo')\nimport demo"),
    attempt("from the working directory", "place('demo')\nsys.path[0] = ''\nimport demo"),
    attempt("by a relative path", "place('demo')\nload('demo', 'demo' + SUFFIX)"),
    attempt("by a link", "os.symlink(LIBRARY, 'demo' + SUFFIX)\nimport demo"),
    attempt("spec_from_file_location", "load('demo', place('demo'))"),
    attempt("of any name of file", "load('demo', shutil.copy(LIBRARY, free + '/x.txt'))"),
    attempt("load_module", "path = place('demo')\nExtensionFileLoader('demo', path).load_module('demo')", until=(3, 14)),
    attempt("imp.load_dynamic", "import imp\nimp.load_dynamic('demo', place('demo'))", until=(3, 11), pypy=False),
    attempt("create_dynamic", "_imp.create_dynamic(ModuleSpec('demo', None, origin=place('demo')))"),
    attempt("a spec of one's own", "class Spec: name, origin = 'demo', place('demo')\n_imp.create_dynamic(Spec())"),
    attempt(
        "a spec that changes its mind",
        """
        class Spec:
            name, origins = 'demo', [own('_lzma'), LIBRARY]
            @property
            def origin(self): return self.origins.pop(0) if len(self.origins) > 1 else self.origins[0]
        _imp.create_dynamic(Spec())
        """,
        None,
        raised="ImportError",
        until=(3, 12),
        pypy=False,
        safer=True,
    ),
    attempt(
        "a path that says it is another",
        "Liar.told = own('_lzma')\n_imp.create_dynamic(ModuleSpec('demo', None, origin=Liar(place('demo'))))",
        pypy=False,
    ),
    attempt(
        "a path out of the standard library",
        "_imp.create_dynamic(ModuleSpec('demo', None, origin=DYNLOAD[0] + '/../' * 20 + LIBRARY))",
        pypy=False,
    ),
    attempt(
        "named like the standard library's", "place('_lzma')\nsys.modules.pop('_lzma', None)\nimport _lzma", "import(_lzma)", pypy=False
    ),
    attempt(
        "a copy of the standard library's",
        "shutil.copy(own('_lzma'), free)\nsys.modules.pop('_lzma', None)\nimport _lzma\nopen(marker, 'w').close()",
        "import(_lzma)",
        pypy=False,
    ),
    attempt(
        "a finder of one's own", "place('demo')\nload('demo', FileFinder(free, (ExtensionFileLoader, [SUFFIX])).find_spec('demo').origin)"
    ),
    attempt("a child", "place('demo')\nsubprocess.call([PY, '-c', 'import demo'], env=dict(os.environ, PYTHONPATH=free))", raised=""),
    attempt(
        "a child, -I",
        "place('demo')\nsubprocess.call([PY, '-I', '-c', 'import sys; sys.path.insert(0, %r); import demo' % free])",
        raised="",
    ),
]

CLAIMED = [
    attempt(
        "with metadata of its own",
        """
        place('demo')
        os.mkdir('demo_dist-1.0.dist-info')
        write('demo_dist-1.0.dist-info/RECORD', 'demo%s,,\\n' % SUFFIX)
        import demo
        """,
        under=("demo",),
    ),
    attempt("beside one that is listed", "import unlisted", "import(unlisted)", ("demo",)),
    attempt("one that nobody allows", "import demo", under=("none",)),
    ordinary("one that is listed", "import demo", ("demo",), marks=True),
    ordinary("one of a project that is installed as it lies there", "import edited", ("demo",), marks=True),
    ordinary("one of a distribution that lists its packages only", "import older.demo", ("demo",), marks=True),
]

FALLS_BACK = [
    falls_back("a module", "place('demo')\nwrite('demo.py', 'kind = \"pure\"')\nimport demo\nresult = demo.kind"),
    falls_back("a package", "place('demo/__init__')\nwrite('demo/__init__.py', 'kind = \"pure\"')\nimport demo\nresult = demo.kind"),
    falls_back(
        "a module of a package",
        """
        place('pack/demo')
        write('pack/__init__.py', 'from .demo import kind')
        write('pack/demo.py', 'kind = "pure"')
        import pack
        result = pack.kind
        """,
    ),
    falls_back(
        "bytecode alone",
        """
        import py_compile
        place('demo')
        write('source.py', 'kind = "pure"')
        py_compile.compile('source.py', 'demo.pyc')
        import demo
        result = demo.kind
        """,
    ),
    falls_back(
        "where a finder has looked before",
        "write('other.py', '')\nimport other\nplace('demo')\nwrite('demo.py', 'kind = \"pure\"')\nimportlib.invalidate_caches()\nimport demo\nresult = demo.kind",
    ),
    falls_back(
        "a finder of one's own",
        """
        place('demo')
        write('demo.py', 'kind = "pure"')
        spec = FileFinder(free, (ExtensionFileLoader, [SUFFIX]), (SourceFileLoader, ['.py'])).find_spec('demo')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        result = module.kind
        """,
    ),
    falls_back(
        "a try of the compiled one",
        """
        place('pack/_fast')
        write('pack/__init__.py', 'try: from ._fast import kind\\nexcept ImportError: kind = "pure"')
        try:
            import pack
            result = pack.kind
        except SystemError: pass
        """,
    ),
    falls_back(
        "find_spec",
        "place('demo')\nwrite('demo.py', '')\nresult = os.path.basename(importlib.util.find_spec('demo').origin)",
        result="demo.py",
        marks=False,
    ),
]
