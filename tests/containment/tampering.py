"""Taking the guard itself apart, going round it, or acting when it does not look."""

from __future__ import annotations

from containment.attempt import Admitted, attempts
from containment.beneath import CLASSES, FRAMES
from containment.snippets import WALK

NATIVE = (Admitted("Native code, where `--block-native` does not stand"),)
ORIGINAL = (Admitted("*An original function taken out of its replacement*"),)
LAST = (Admitted("an object that is released last"),)

net = attempts("tcp", "--no-network")
dns = attempts("dns", "--no-network")
write = attempts("changed", "--fs-readonly")
start = attempts("marker", "--no-subprocess")

HANGS = """
        import signal; signal.alarm(6)"""
"""For what goes on for ever with a guard in its way; its control takes a moment."""

LOADED_AGAIN = [
    net("socket, loaded again", "import socket; del sys.modules['socket'], sys.modules['_socket']; import socket; socket.socket().connect(OUT)"),
    net("_socket, reloaded", "import importlib, _socket; importlib.reload(_socket); _socket.socket().connect(OUT)"),
    dns("_socket, loaded again", "import _socket; del sys.modules['_socket']; import _socket; _socket.getaddrinfo(NAME, 80)"),
    write("posix, made again", "import _imp, importlib.machinery as m; p = _imp.create_builtin(m.ModuleSpec('posix', None)); _imp.exec_builtin(p); p.mkfifo(OUTSIDE + '/new')", cpython=True),
    write("posix, loaded again", "import posix; del sys.modules['posix']; import posix; posix.mkfifo(OUTSIDE + '/new')"),
    write("os, loaded again", "del sys.modules['os'], sys.modules['posix']; import os; os.mkfifo(OUTSIDE + '/new')"),
    write("_io, loaded again", "import _io; del sys.modules['_io']; import _io; _io.open(CANARY, 'w').close()"),
    start("posix, made again, to start", "import _imp, importlib.machinery as m; p = _imp.create_builtin(m.ModuleSpec('posix', None)); _imp.exec_builtin(p); p.system('touch ' + MARKER)", cpython=True),
    start("_posixsubprocess, loaded again", """
        import sys; sys.modules.pop('_posixsubprocess', None); sys.modules.pop('subprocess', None)
        import subprocess; subprocess.call(['touch', MARKER])"""),
]  # fmt: skip

ORIGINALS = [
    net("what the replacements hold, connect", WALK + """
import _socket, socket
for one in walk(socket.socket.connect, socket.socket.__init__, _socket.getaddrinfo):
    if getattr(one, '__name__', '') == 'connect':
        try: one(socket.socket(), OUT)
        except Exception: pass"""),
    dns("what the replacements hold, getaddrinfo", WALK + """
import _socket
for one in walk(_socket.getaddrinfo, _socket.gethostbyname):
    if getattr(one, '__name__', '') == 'getaddrinfo':
        try: one(NAME, 80)
        except Exception: pass
"""),
    write("what the replacements hold, mkfifo", WALK + """
for number, one in enumerate(walk(os.mkfifo)):
    if getattr(one, '__name__', '') == 'mkfifo':
        try: one(OUTSIDE + '/new%d' % number)
        except Exception: pass""", admitted=ORIGINAL),
    start("what the replacements hold, fork_exec", WALK + """
import _posixsubprocess, subprocess
found = [one for one in walk(_posixsubprocess.fork_exec, subprocess.Popen) if getattr(one, '__name__', '') == 'fork_exec']
for one in found:
    _posixsubprocess.fork_exec = subprocess._fork_exec = one
    try: subprocess.call(['touch', MARKER])
    except Exception: pass"""),
    net("the garbage collector, connect", """
        import gc, socket
        for one in gc.get_objects():
            if type(one).__name__ == 'method_descriptor' and one.__name__ == 'connect':
                try: one(socket.socket(), OUT)
                except Exception: pass
        socket.socket().connect(OUT)""", cpython=True),
    write("the garbage collector, mkfifo", """
        import gc
        for one in gc.get_referents(*gc.get_objects()):
            if type(one).__name__ == 'builtin_function_or_method' and one.__name__ == 'mkfifo': one(OUTSIDE + '/new')""", cpython=True),
    net("the garbage collector, tables", """
        import gc, socket
        for one in gc.get_objects():
            if type(one) is dict and 'socket.connect' in one: one.clear()
        socket.socket().connect(OUT)""", cpython=True),
    net("the garbage collector, policies", """
        import gc, socket
        for one in gc.get_objects():
            if type(one).__name__ in ('Scopes', 'Policy', 'Enforcer'):
                for name in dir(one):
                    for value in (None, []):
                        try: object.__setattr__(one, name, value)
                        except Exception: pass
        socket.socket().connect(OUT)"""),
    write("the garbage collector, cells", """
        import gc
        for one in gc.get_objects():
            if type(one).__name__ == 'function' and '<hermetic>' in getattr(one.__code__, 'co_filename', ''):
                for cell in one.__closure__ or ():
                    try: cell.cell_contents = lambda *a, **k: None
                    except Exception: pass
        open(CANARY, 'w').close()"""),
    net("the replacements' code", """
        import socket
        def nothing(*_, **__): pass
        for name in ('connect', 'connect_ex'):
            try: getattr(socket.socket, name).__code__ = nothing.__code__
            except Exception: pass
        socket.socket().connect(OUT)"""),
    net("the replacements' globals", """
        import socket
        names = getattr(socket.socket.connect, '__globals__', None) or {}
        for name in list(names):
            if callable(names[name]): names[name] = lambda *_, **__: True
        socket.socket().connect(OUT)"""),
    dns("the class below", "import socket\nfor base in socket.socket.__mro__:\n    try: vars(base)['connect'](socket.socket(), (NAME, 80))\n    except Exception: pass"),
]  # fmt: skip

INSIDE = [
    net("the guard's modules", """
        import socket
        for name, module in list(sys.modules.items()):
            if 'hermetic' in name:
                for key, value in list(vars(module).items()):
                    if callable(value) and not key.startswith('__'):
                        try: setattr(module, key, lambda *_, **__: None)
                        except Exception: pass
        socket.socket().connect(OUT)"""),
    write("the guard's errors", """
        for name, module in list(sys.modules.items()):
            if name.endswith('hermetic_guard.errors'):
                for value in vars(module).values():
                    if isinstance(value, type):
                        try: value.__new__ = lambda *_, **__: None; value.__init__ = lambda *_: None
                        except Exception: pass
        open(CANARY, 'w').close()"""),
    write("builtins", """
        import builtins
        for name in 'any all isinstance issubclass len type getattr hasattr str bytes max min sorted tuple frozenset callable'.split():
            setattr(builtins, name, lambda *_, **__: True)
        os.truncate(CANARY, 0)"""),
    write("os.path", """
        import posixpath, stat
        for module in (posixpath, os, stat):
            for name in 'realpath abspath normpath join dirname basename commonpath islink fspath fsencode fsdecode getcwd readlink lstat stat S_ISLNK fstat'.split():
                if hasattr(module, name): setattr(module, name, lambda *_, **__: '/dev/null')
        import _io; _io.FileIO(CANARY, 'w').close()"""),
    net("a hook of one's own", "sys.addaudithook(lambda event, arguments: [a.clear() for a in arguments if event.startswith('hermetic') and hasattr(a, 'clear')]); import socket; socket.socket().connect(OUT)", since=(3, 8), cpython=True),
    net("a hook of one's own that looks at frames", """
        looking = []
        def look(event, arguments):
            if looking: return
            looking.append(event)
            try:
                for frame in [one for one in arguments if hasattr(one, 'f_back')] + [sys._getframe()]:
                    while frame:
                        for value in list(frame.f_locals.values()):
                            if hasattr(value, 'current'): value.current = type(value.current)()
                        frame = frame.f_back
            except Exception: pass
            finally: looking.pop()
        sys.addaudithook(look)
        import socket
        for _ in range(3):
            try: socket.socket().connect(OUT)
            except Exception: pass""", since=(3, 8), cpython=True),
    net("events of the guard's", """
        import socket
        for event in ('hermetic.tighten', 'hermetic.narrowed', 'hermetic.refuse', 'hermetic.change', 'hermetic.permit', 'cpython._PySys_ClearAuditHooks', 'cpython.PyInterpreterState_Clear'):
            for words in ((), ([],), ([], b'hermetic-policy 2'), ([], 'a', 'b')):
                try: sys.audit(event, *words)
                except Exception: pass
        socket.socket().connect(OUT)""", since=(3, 8)),
    write("the event of the end", "sys.audit('cpython.PyInterpreterState_Clear'); open(CANARY, 'w').close()", since=(3, 8)),
    net("frames that an exception has passed", """
        import socket
        def spoil(value, depth=0):
            if depth > 5: return
            owner = getattr(value, '__self__', None)
            for one in (value, owner):
                if isinstance(one, dict) and '__name__' not in one: one.clear()
                if isinstance(one, list): del one[:]
            for cell in getattr(value, '__closure__', None) or ():
                try: spoil(cell.cell_contents, depth + 1)
                except ValueError: pass
        try: socket.socket().connect(OUT)
        except Exception as error:
            at = error.__traceback__
            while at:
                if '<hermetic>' in at.tb_frame.f_code.co_filename:
                    for value in [*at.tb_frame.f_locals.values(), *at.tb_frame.f_globals.values()]: spoil(value)
                at = at.tb_next
        socket.socket().connect(OUT)"""),
    write("frames below a path", """
        class Spy:
            def __fspath__(self):
                frame = sys._getframe()
                while frame:
                    if '<hermetic>' in frame.f_code.co_filename:
                        for value in list(frame.f_locals.values()):
                            for one in (value, getattr(value, '__self__', None)):
                                if isinstance(one, dict) and '__name__' not in one: one.clear()
                                if isinstance(one, list): del one[:]
                    frame = frame.f_back
                return CANARY
        for _ in range(2):
            try: open(Spy(), 'w').close()
            except OSError: pass
            try: os.mkfifo(Spy())
            except OSError: pass"""),
    write("a path that acts when it is asked", """
        class Path:
            def __fspath__(self):
                try: open(CANARY, 'w').close()
                except OSError: pass
                return '/dev/null'
        os.stat(Path()); open(Path(), 'w').close()"""),
    net("a tracer", HANGS + """
        import socket
        def trace(frame, event, argument):
            if '<hermetic>' in frame.f_code.co_filename:
                for name in frame.f_locals:
                    try: frame.f_locals[name] = None
                    except Exception: pass
                try: frame.f_lineno = frame.f_code.co_firstlineno + 1
                except Exception: pass
            return trace
        sys.settrace(trace)
        for _ in range(3):
            try: socket.socket().connect(OUT)
            except Exception: pass"""),
    write("a profiler", """
        def profile(frame, event, argument):
            if '<hermetic>' in frame.f_code.co_filename:
                for value in list(frame.f_locals.values()):
                    if isinstance(value, dict) and '__name__' not in value: value.clear()
        sys.setprofile(profile)
        for _ in range(3):
            try: open(CANARY, 'w').close()
            except Exception: pass"""),
    net("a monitor", """
        import socket
        def started(code, offset):
            if '<hermetic>' in code.co_filename: raise KeyError
        m = sys.monitoring; m.use_tool_id(4, 'x'); m.register_callback(4, m.events.PY_START, started); m.set_events(4, m.events.PY_START)
        for _ in range(3):
            try: socket.socket().connect(OUT)
            except BaseException: pass""", since=(3, 12), cpython=True),
    net("no stack left", HANGS + """
        import socket, _socket
        callers = [_socket.socket() for _ in range(400)]
        def deeper():
            try: deeper()
            except RecursionError: pass
            if callers:
                try: callers.pop().connect(OUT)
                except (OSError, RecursionError): pass
        sys.setrecursionlimit(150); deeper()"""),
    net("no memory left", """
        import resource, _socket
        caller = _socket.socket()
        kept = []
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, resource.RLIM_INFINITY))
        try:
            while True: kept.append(bytearray(1 << 16))
        except MemoryError: pass
        for _ in range(9):
            try: caller.connect(OUT)
            except (MemoryError, OSError): pass
            del kept[-1:]""", cpython=True),
    net("no descriptors left", "import resource, socket; s = socket.socket(); resource.setrlimit(resource.RLIMIT_NOFILE, (s.fileno() + 1,) * 2); s.connect(OUT)"),
    net("signals that raise", """
        import signal, socket, time
        class Out(Exception): pass
        def out(number, frame):
            while frame and frame.f_code is not go.__code__: frame = frame.f_back
            if frame: raise Out  # again() is waiting for it
        def go():
            while time.time() < until:
                try: s.connect_ex(OUT)
                except (Out, OSError): pass
        def again():
            while time.time() < until:
                try: go()
                except (Out, OSError): pass
        s = socket.socket()
        until = time.time() + 1
        signal.signal(signal.SIGALRM, out)
        signal.setitimer(signal.ITIMER_REAL, .00005, .00005)
        again()
        signal.setitimer(signal.ITIMER_REAL, 0)"""),
    net("signals that look at frames", """
        import signal, socket, time
        def look(number, frame):
            while frame:
                if '<hermetic>' in frame.f_code.co_filename:
                    for value in list(frame.f_locals.values()):
                        if isinstance(value, dict) and '__name__' not in value: value.clear()
                        if isinstance(value, list): del value[:]
                frame = frame.f_back
        signal.signal(signal.SIGALRM, look)
        s = socket.socket()
        signal.setitimer(signal.ITIMER_REAL, .00005, .00005)
        until = time.time() + 1
        while time.time() < until:
            try: s.connect(OUT)
            except Exception: pass"""),
    write("another thread's look at frames", """
        import threading, time
        def look():
            while True:
                for frame in sys._current_frames().values():
                    while frame:
                        if '<hermetic>' in frame.f_code.co_filename:
                            for value in list(frame.f_locals.values()):
                                if isinstance(value, dict) and '__name__' not in value: value.clear()
                        frame = frame.f_back
        sys.setswitchinterval(1e-6)
        threading.Thread(target=look, daemon=True).start()
        until = time.time() + 1
        while time.time() < until:
            try: open(CANARY, 'w').close(); break
            except Exception: pass""", cpython=True),
    write("a handler of what cannot be decoded", """
        import codecs
        codecs.register_error('surrogateescape', lambda error: ('/dev/null', error.end))
        codecs.register_error('strict', lambda error: ('', error.end))
        open(CANARY.encode() + b'\\xff', 'w').close(); os.mkfifo(OUTSIDE.encode() + b'/\\xfe')"""),
]  # fmt: skip

LATE = """
        import codecs, _socket
        def act(s=_socket.socket(), connect=_socket.socket.connect, open=open, system=os.system, remove=os.remove, out=OUT, canary=CANARY, marker=MARKER):
            {act}
        class Late:
            act = staticmethod(act)
            def __del__(self): self.act()
            def __call__(self, *_): raise LookupError
        late = Late(); late.self = {cycle}
        {keep}
        del late"""
KEPT = {
    "codecs.register_error": "codecs.register_error('late', late)",
    "codecs.register": "codecs.register(late)",
    "os.register_at_fork": "os.register_at_fork(before=late)",
    "sys.modules": "sys.modules['late'] = late",
    "a builtin": "import builtins; builtins.late = late",
    "a thread": "import threading; threading.current_thread().late = late",
}
SHUTDOWN = [
    *[net(f"at shutdown, {what}", LATE.format(act="connect(s, out)", cycle="None", keep=keep), cpython=True) for what, keep in KEPT.items()],
    *[write(f"at shutdown, to write, {what}", LATE.format(act="open(canary, 'w').close()", cycle="None", keep=KEPT[what]), cpython=True) for what in ("codecs.register", "sys.modules")],
    write("at shutdown, to remove", LATE.format(act="remove(canary)", cycle="None", keep=KEPT["codecs.register_error"]), cpython=True, admitted=LAST),
    start("at shutdown, system", LATE.format(act="system('touch ' + marker)", cycle="None", keep=KEPT["codecs.register_error"]), cpython=True),
    start("at shutdown, a process", "import os, codecs\nclass Late:\n    fork, open, path, exit = os.fork, open, MARKER, os._exit\n    def __call__(self, e): raise e\n"
          "    def __del__(self):\n        if not Late.fork(): Late.open(Late.path, 'w').close(); Late.exit(0)\ncodecs.register_error('late', Late())", cpython=True, until=(3, 12)),
    net("a cycle, collected at the end", LATE.format(act="connect(s, out)", cycle="late", keep=""), cpython=True),
    net("a daemon's thread", """
        import socket, threading, time
        def go():
            while True:
                try: socket.socket().connect(OUT)
                except Exception: pass
        threading.Thread(target=go, daemon=True).start(); time.sleep(.05)"""),
    net("at exit, in a thread", "import threading, socket, time; threading.Thread(target=lambda: (time.sleep(.1), socket.socket().connect(OUT))).start()"),
    net("weakref.finalize", "import weakref, socket; weakref.finalize(lambda: 0 if socket else 1, socket.create_connection, OUT); x = type('x', (), {})(); weakref.finalize(x, socket.create_connection, OUT)"),
    net("a generator left open", "import socket\ndef left():\n    try: yield\n    finally: socket.socket().connect(OUT)\ng = left(); next(g)", cpython=True),
    net("excepthook", "import socket; sys.excepthook = lambda *_: socket.create_connection(OUT); 1 / 0"),
    net("a stream's end", "import socket\nclass Out:\n    def write(self, *_): pass\n    def flush(self): socket.create_connection(OUT)\nsys.stdout = Out()"),
]  # fmt: skip

INTERPRETERS = [
    net("a second interpreter", "import _xxsubinterpreters as i; i.run_string(i.create(), 'import socket; socket.create_connection(%r)' % (OUT,))", since=(3, 8), until=(3, 13), cpython=True,
        probe="import _xxsubinterpreters as i; i.run_string(i.create(), 'import socket')"),
    net("a second interpreter, _interpreters", "import _interpreters as i; i.run_string(i.create(), 'import socket; socket.create_connection(%r)' % (OUT,))", since=(3, 13)),
    net("a second interpreter, concurrent", "from concurrent import interpreters as i; i.create().exec('import socket; socket.create_connection(%r)' % (OUT,))", since=(3, 14)),
    net("a pool of interpreters", HANGS.strip() + "; from concurrent.futures import InterpreterPoolExecutor as P; P(1).submit(exec, 'import socket; socket.create_connection(%r)' % (OUT,)).result()", since=(3, 14)),
    net("a second interpreter, _testcapi", "import _testcapi; _testcapi.run_in_subinterp('import socket; socket.create_connection(%r)' % (OUT,))", probe="import _testcapi", cpython=True),
    write("a second interpreter, to write", "import _testcapi; _testcapi.run_in_subinterp('open(%r, \"w\").close()' % CANARY)", probe="import _testcapi", cpython=True),
    start("a second interpreter, to start", "import _testcapi; _testcapi.run_in_subinterp('import os; os.system(\"touch %s\")' % MARKER)", probe="import _testcapi", cpython=True),
    write("a second interpreter, _interpreters, to write", "import _interpreters as i; i.run_string(i.create(), 'open(%r, \"w\").close()' % CANARY)", since=(3, 13)),
    net("a child's interpreter", """
        import subprocess, time
        open('run.py', 'w').write('import socket; socket.create_connection(%r)' % (OUT,))
        child = subprocess.Popen([PY, '-c', 'import time\\nfor _ in range(40): time.sleep(.05)'])
        time.sleep(.5); sys.remote_exec(child.pid, os.path.abspath('run.py')); child.wait()""", since=(3, 14)),
    net("its own interpreter", """
        import time
        open('run.py', 'w').write('import socket; socket.create_connection(%r)' % (OUT,))
        sys.remote_exec(os.getpid(), os.path.abspath('run.py'))
        for _ in range(9): time.sleep(.01)""", since=(3, 14)),
    net("a child that outlives its launcher", """
        import signal, socket, time
        launcher = os.getppid()
        if not os.fork():
            os.setsid(); time.sleep(.2); socket.create_connection(OUT)
        else: os.kill(launcher, signal.SIGKILL); os._exit(0)""", late=0.6),
]  # fmt: skip

ATTEMPTS = [*LOADED_AGAIN, *ORIGINALS, *INSIDE, *FRAMES, *CLASSES, *SHUTDOWN, *INTERPRETERS]
