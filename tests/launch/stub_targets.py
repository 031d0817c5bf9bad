"""What is run in the tests of the stub: files by name, as they are laid into the working directory."""

import zipfile

STATE = r"""import sys
def state():
    main = sys.modules["__main__"]
    names = [name for name in vars(main) if name != "state"]
    print(main, names, [getattr(main, name) for name in names if name not in ("__builtins__", "sys")])
    print(type(main.__builtins__), vars(main) is globals(), sys.exc_info(), sys.excepthook, sys.warnoptions, sys._xoptions)
    print(sys.argv, getattr(sys, "orig_argv", None), sys.flags, sys.flags.no_site, sys.flags[:3])
    print(sys.path, sorted(sys.path_importer_cache), sys.meta_path, sys.path_hooks)
    print(sys.prefix, sys.base_prefix, sys.executable, hasattr(sys, "__interactivehook__"), hasattr(sys, "last_traceback"))
    if not sys.flags.no_site:
        print(sorted(sys.modules), sorted(sys.modules["os"].environ.items()))
state()
"""

ENDS = """import atexit, sys, threading, time
def at_exit(): print("at exit", "__file__" in globals(), sys.excepthook is sys.__excepthook__, hasattr(sys, "last_traceback"))
atexit.register(at_exit)
def late():
    time.sleep(0.1)
    print("late", "__file__" in globals())
class Finalized:
    def __init__(self, name): self.name = name
    def __del__(self): print("finalized", self.name, __name__)
first, _second = Finalized("first"), Finalized("second")
sys.third = Finalized("third")
"""

MULTIPROCESSING = """import multiprocessing, sys
class Kept: pass
def work(x): return x * 2, __name__, sys.argv[1:], type(x).__module__, sys.flags.no_site
if __name__ == "__main__":
    for method in "spawn", "fork":
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(work, [1, 2]))
"""

SOURCES = {
    "state.py": STATE,
    "package/__init__.py": "",
    "package/__main__.py": STATE,
    "package/module.py": STATE,
    "package/fails.py": "raise ValueError('in a package')",
    "bare/__init__.py": "",
    "directory/__main__.py": STATE,
    "directory/helper.py": "",
    "broken_directory/__main__.py": "import raises",
    "sub/.keep": "",
    "raises.py": "def f():\n    g()\ndef g():\n    raise ValueError('\xfc')  # \xfc\nf()\n",
    "chained.py": "try:\n    1/0\nexcept ZeroDivisionError as error:\n    try:\n        raise KeyError('b') from error\n"
    "    except KeyError:\n        raise OSError\n",
    "imports.py": "import does_not_exist",
    "syntax.py": "x = 1\nif x\n    y\n",
    "syntax_text.py": "x = '\xe9\xe9' y\n",
    "latin.py": b"# coding: latin-1\nx = '\xe9'\nprint(ascii(x))\nraise ValueError(ascii(x))  # \xe9\n",
    "bom.py": b"\xef\xbb\xbfprint(__file__)\nraise ValueError\n",
    "empty.py": "",
    "children.py": "import subprocess; print(subprocess._args_from_interpreter_flags())",
    "skip.py": "@echo off & junk\nprint(__file__)\nraise ValueError\n",
    "warns.py": "import warnings\nwarnings.warn('here')\nx = '\\d'\nassert (1, 'always')\nx is 1\n",
    "warns_past.py": "import warnings\nwarnings.warn('past the bottom', stacklevel=2)\n",
    "exit_code.py": "import sys; sys.exit(3)",
    "exit_text.py": "import sys; sys.exit('why')",
    "interrupted.py": "def f(): raise KeyboardInterrupt\nf()\n",
    "killed.py": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "hook.py": "import sys, traceback\ndef hook(*what):\n    print(sys.excepthook is hook, sys.last_traceback is what[2], what[1].__traceback__ is what[2])\n"
    "    traceback.print_exception(*what)\nsys.excepthook = hook\nraise ValueError\n",
    "hook_named.py": "import sys\ndef hook(*what): print(__file__)\nsys.excepthook = hook\nraise ValueError\n",
    "hook_raises.py": "import sys\ndef hook(*what):\n    1/0\nsys.excepthook = hook\nraise ValueError\n",
    "ends.py": ENDS + "threading.Thread(target=late).start()",
    "ends_raising.py": ENDS + "threading.Thread(target=late).start()\nraise ValueError",
    "ends_exiting.py": ENDS + "sys.exit(2)",
    "unraisable.py": "class A:\n    def __del__(self): raise ValueError\nA()\n",
    "pickles.py": "'doc'\nfrom __future__ import division\nimport __main__, pickle\nclass A: pass\nx: int = 1\n"
    "print(type(pickle.loads(pickle.dumps(A()))) is A is __main__.A, A, __doc__, __annotations__, compile('', '', 'exec').co_flags)\n",
    "overwrites.py": "__file__ = 'other'\nimport atexit\natexit.register(lambda: print(globals().get('__file__')))\n",
    "asks.py": "import sys\nprint(input('typed: '), sys.stdin.isatty() or sys.stdin.read())",
    "inspects.py": "import os\nos.environ['PYTHONINSPECT'] = '1'\nvalue = 1\n",
    "multi.py": MULTIPROCESSING,
    "audited/sitecustomize.py": "import sys\nhasattr(sys, 'audit') and sys.addaudithook(\n"
    "    lambda event, what: event.startswith('cpython.') and print(event, what))\nprint(sys.version_info >= (3, 7) and sys.argv, list(vars(sys.modules['__main__'])))\n",
    "startup.py": "import sys\nprint('startup', __file__, sys.argv, __name__)\nstarted = 1\n",
    "startup_fails.py": "started = 1\ndef f(): 1/0\nf()\n",
    "nul.py": b"x = 1\0\n",
    "undecodable.py": b"x = 1\nprint('\xe9')\n",
}


def lay(directory):
    """Write everything into a directory."""
    for name, content in SOURCES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for name, members in {"app.pyz": {"__main__.py": STATE}, "no_main.pyz": {"x.py": ""}}.items():
        with zipfile.ZipFile(directory / name, "w") as archive:
            for member, source in members.items():
                archive.writestr(member, source)
    (directory / "app_with_shebang").write_bytes(b"#!/usr/bin/env python3\n" + (directory / "app.pyz").read_bytes())
    (directory / "not_an_archive.zip").write_text("print(__file__)")
    for link, target in {"sub/link.py": "../state.py", "link.py": "state.py", "sub/linked": "../directory"}.items():
        (directory / link).symlink_to(target)
