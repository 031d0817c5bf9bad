"""Ways in which a target may try to take the guards apart. Each ends by calling the port `port` of the loopback interface, with `call`."""

from typing import NamedTuple

PRELUDE = """
import os, sys
def call(kind=None):
    if kind is None:
        import socket
        kind = socket.socket
    caller = kind()
    try:
        caller.connect(("127.0.0.1", port))
    finally:
        caller.close()
CALL = "import socket; socket.create_connection(('127.0.0.1', %d)).close()" % port
"""


LOOKING = """
def by_exception():
    try: 1 / 0
    except Exception as error: return error.__traceback__.tb_frame
def generator():
    while True: yield by_generator.gi_frame
by_generator = generator()
looking = []
def look(event, arguments):
    if looking: return
    looking.append(event)
    try:
        for frame in <LOOK>:
            while frame is not None:
                for value in list(frame.f_locals.values()) + [frame.f_globals]:
                    if hasattr(value, 'outside'): value.current = type(value.current)()
                    if isinstance(value, set): value.clear()
                    if isinstance(value, dict) and 'make_hook' in value: value.clear()
                frame = frame.f_back
    except Exception: pass
    finally: looking.pop()
sys.addaudithook(look)
for _ in range(3):
    try: call()
    except Exception: pass
call()"""


class Row(NamedTuple):
    """since, until: the versions that have what it needs; pypy: whether PyPy does."""

    code: str
    since: tuple[int, int] = (3, 6)
    until: tuple[int, int] = (9, 9)
    pypy: bool = True


SUBINTERPRETERS = {
    "_xxsubinterpreters": Row("import _xxsubinterpreters as i; i.run_string(i.create(), CALL)", (3, 8), (3, 12), False),
    "_testcapi.run_in_subinterp": Row("import _testcapi as t; assert t.run_in_subinterp(CALL) == 0", pypy=False),
    "_testcapi.run_in_subinterp_with_config": Row(
        """
import _testcapi
names = "use_main_obmalloc allow_fork allow_exec allow_threads allow_daemon_threads".split()
given = dict(dict.fromkeys(names, True), check_multi_interp_extensions=False, gil=1)
assert _testcapi.run_in_subinterp_with_config(CALL, **given) == 0
""",
        (3, 12),
        (3, 12),
    ),
    "_testinternalcapi.run_in_subinterp_with_config": Row(
        """
import _testinternalcapi, _interpreters
assert _testinternalcapi.run_in_subinterp_with_config(CALL, _interpreters.new_config('legacy')) == 0
""",
        (3, 13),
    ),
    "_testinternalcapi.create_interpreter": Row(
        "import _testinternalcapi as t; t.exec_interpreter(t.create_interpreter(), CALL)",
        (3, 13),
    ),
    "_interpreters": Row("import _interpreters as i; assert i.run_string(i.create(), CALL) is None", (3, 13)),
    "_interpreters, loaded again": Row(
        """
import _interpreters, _imp
from importlib.machinery import ModuleSpec
spec = ModuleSpec('_interpreters', None, origin=getattr(_interpreters, '__file__', None))
again = _imp.create_dynamic(spec) if spec.origin else _imp.create_builtin(spec)
_imp.exec_dynamic(again)
assert again.run_string(again.create(), CALL) is None
""",
        (3, 13),
    ),
    "concurrent.interpreters": Row("from concurrent import interpreters; interpreters.create().exec(CALL)", (3, 14)),
    "InterpreterPoolExecutor": Row(
        """
from concurrent.futures import InterpreterPoolExecutor
with InterpreterPoolExecutor(1) as pool: pool.submit(exec, CALL).result()
""",
        (3, 14),
    ),
}

FILE = """
import _imp, _socket
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
path = _socket.__file__
def load(name, path):
    module = module_from_spec(spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path)))
    module.__loader__.exec_module(module)
    return module
def create(spec):
    module = _imp.create_dynamic(spec)
    _imp.exec_dynamic(module)
    return module
"""

SECOND_LOADS = {
    "its file": FILE + "call(load('_socket', path).socket)",
    "its file, in a package": FILE + "call(load('x._socket', path).socket)",
    "a copy": FILE + "import shutil; call(load('_socket', shutil.copy(path, free)).socket)",
    "a copy, in a package": FILE + "import shutil; call(load('x.y._socket', shutil.copy(path, free + '/other.so')).socket)",
    "create_dynamic": FILE + "call(create(ModuleSpec('_socket', None, origin=path)).socket)",
    "create_dynamic, a copy": FILE
    + """
import shutil
call(create(ModuleSpec('_socket', None, origin=shutil.copy(path, free))).socket)""",
    "a spec of one's own": FILE
    + """
class Spec: name, origin = '_socket', path
call(create(Spec()).socket)""",
    "a spec that changes its mind": FILE
    + """
class Spec:
    asked, origin = 0, path
    @property
    def name(self):
        self.asked += 1
        return 'harmless' if self.asked % 2 else '_socket'
call(create(Spec()).socket)""",
    "forgotten and imported": "import _socket; del sys.modules['_socket']; import _socket; call(_socket.socket)",
    "reloaded": "import importlib, _socket; call(importlib.reload(_socket).socket)",
    "all forgotten": "import socket; del sys.modules['_socket'], sys.modules['socket']; import socket; call(socket.socket)",
}
"""Without a guard all of them reach the listener."""

ASKED_ONCE = "a spec that changes its mind"
"""3.13 and later ask a spec for its name once only."""

COLLECTED = """
tables = [found for found in gc.get_objects() if type(found) is dict and 'socket.connect' in found and 'open' in found]
for table in tables: table.clear()
import _socket
plain = [item for item in gc.get_objects() if type(item).__name__ == 'method_descriptor' and item.__name__ == 'connect']
caller = _socket.socket()
(plain or [_socket.socket.connect])[0](caller, ('127.0.0.1', port))"""

REACHING = {
    "plain": Row("call()"),
    "builtins replaced": Row("""
import builtins, socket
for name in "any all isinstance issubclass len max min sorted frozenset getattr hasattr".split():
    setattr(builtins, name, lambda *_, **__: True)
call(socket.socket)"""),
    "the package": Row("""
import hermetic_guard as guard
for name, value in list(vars(guard).items()):
    if hasattr(value, 'check'): value.check = print
    if hasattr(value, 'decide'): value.decide = print
    if hasattr(value, 'DECIDERS'): value.DECIDERS.clear()
call()"""),
    "the violations": Row("""
import hermetic_guard.errors as errors
class Harmless(Exception): pass
def __new__(cls, *_): return None
for value in list(vars(errors).values()):
    if isinstance(value, type): value.__new__ = __new__
call()"""),
    "frames an exception has passed": Row("""
def spoil(value):
    owner = getattr(value, '__self__', None)
    if isinstance(owner, dict): owner.clear()
    if hasattr(value, 'current'): value.current = None
    for cell in getattr(value, '__closure__', None) or ():
        try: spoil(cell.cell_contents)
        except ValueError: pass
try: call()
except Exception as error:
    traceback = error.__traceback__
    while traceback:
        if '<hermetic>' in traceback.tb_frame.f_code.co_filename:
            for value in list(traceback.tb_frame.f_locals.values()): spoil(value)
        traceback = traceback.tb_next
call()"""),
    "frames below its own code": Row(
        """
class Spy:
    def __fspath__(self):
        frame = sys._getframe()
        while frame:
            if '<hermetic>' in frame.f_code.co_filename:
                for value in list(frame.f_locals.values()):
                    if isinstance(getattr(value, '__self__', None), dict): value.__self__.clear()
            frame = frame.f_back
        return '/nonexistent/name'
for event in ('os.mkdir', 'open', 'os.remove'):
    try: sys.audit(event, Spy(), 'w', 1)
    except Exception: pass
call()""",
        (3, 8),
    ),
    "events of its own": Row(
        """
answer = []
for event in ('hermetic.tighten', 'hermetic.narrowed', 'hermetic.refuse', 'hermetic.change', 'hermetic.network'):
    for words in (answer, b'hermetic-policy 2\\\\non_violation refuse\\\\n'), (answer,), (answer, 'a', 'b'), (), (1, 2):
        try: sys.audit(event, *words)
        except Exception: pass
call()""",
        (3, 8),
    ),
    "another hook": Row(
        """
sys.addaudithook(lambda event, arguments: [item.append(True) for item in arguments if isinstance(item, list)])
call()""",
        (3, 8),
    ),
    "another hook that looks at frames": Row(LOOKING.replace("<LOOK>", "[sys._getframe()]"), (3, 8)),
    "another hook that has frames by exceptions": Row(LOOKING.replace("<LOOK>", "[by_exception()]"), (3, 8)),
    "another hook that has frames by generators": Row(LOOKING.replace("<LOOK>", "[next(by_generator)]"), (3, 8)),
    "another hook that has frames of all threads": Row(LOOKING.replace("<LOOK>", "list(sys._current_frames().values())"), (3, 8)),
    "another hook that is given frames": Row(LOOKING.replace("<LOOK>", "[one for one in arguments if hasattr(one, 'f_back')]"), (3, 8)),
    "another policy for a child": Row("""
import subprocess
os.environ['_HERMETIC_POLICY'] = 'hermetic-policy 2\\\\non_violation refuse\\\\n'
assert subprocess.call([sys.executable, '-c', CALL]) == 0"""),
    "no stack left": Row("""
import _socket
reached = []
def deeper():
    try: deeper()
    except RecursionError: pass
    if not reached:
        try: call(_socket.socket)
        except (OSError, RecursionError): pass
        else: reached.append(True)
sys.setrecursionlimit(150)
deeper()
sys.setrecursionlimit(1000)
assert reached"""),
    "the garbage collector": Row("import gc" + COLLECTED, (3, 8), pypy=False),
    "the garbage collector, what it has put aside": Row("import gc\ngc.unfreeze()" + COLLECTED, (3, 8), pypy=False),
    "the garbage collector, by what it is told at the end": Row("import gc\nsys.audit('hermetic.ending')" + COLLECTED, (3, 8), pypy=False),
    "the garbage collector, by an early end": Row("import atexit, gc\natexit._run_exitfuncs()" + COLLECTED, (3, 8), pypy=False),
    "the garbage collector, loaded again": Row(
        """
from importlib import util
gc = util.module_from_spec(util.find_spec('gc'))
gc.unfreeze()"""
        + COLLECTED,
        (3, 8),
        pypy=False,
    ),
    "the garbage collector, what was remembered": Row(
        """
import gc
try: call()
except Exception: pass
for one in gc.get_objects():
    held = list(one) if type(one) in (tuple, list, set) else list(one.values()) if type(one) is dict else []
    for value in [one] + held:
        if type(value).__name__ == 'Policy': object.__setattr__(value, 'network', None)
call()""",
        (3, 8),
        pypy=False,
    ),
    "the garbage collector, cells, once there is another hook": Row(
        """
import gc, _socket
def agree(*given):
    if given and type(given[0]) is list: given[0].append(True)
sys.addaudithook(lambda *_: None)
for one in gc.get_objects():
    if type(one).__name__ == 'function' and getattr(one.__code__, 'co_filename', '').startswith(('<hermetic>/hook', '<hermetic>/obs')):
        for cell in one.__closure__ or ():
            if type(cell.cell_contents).__name__ == 'function': cell.cell_contents = agree
_socket.socket().connect(('127.0.0.1', port))""",
        (3, 8),
        pypy=False,
    ),
    "the garbage collector, cells": Row(
        """
import gc, _socket
gc.unfreeze()
for one in gc.get_objects():
    if type(one).__name__ == 'function' and '<hermetic>' in getattr(one.__code__, 'co_filename', ''):
        for cell in one.__closure__ or ():
            try: cell.cell_contents = lambda *_, **__: None
            except Exception: pass
_socket.socket().connect(('127.0.0.1', port))""",
        (3, 8),
        pypy=False,
    ),
}

START = """
assert subprocess.call([sys.executable, '-I', '-c', CALL]) == 0"""
LOOK = """
def look(*_):
    frame = sys._getframe(1)
    while frame:
        if '<hermetic>' in frame.f_code.co_filename:
            for value in list(frame.f_locals.values()):
                if isinstance(value, dict): value.clear()
                if isinstance(value, list): del value[:]
        frame = frame.f_back
    return look
"""
FIRST_START = {
    "plain": Row("import subprocess" + START),
    "builtins": Row(
        """
import builtins, subprocess
class Fake:
    def __getattr__(self, name): return lambda start, *_, **__: start
original = builtins.__import__
builtins.__import__ = lambda name, *rest, **more: Fake() if name.startswith('hermetic_guard') else original(name, *rest, **more)
builtins.exec = builtins.compile = builtins.vars = lambda *_: None
builtins.any = builtins.all = lambda *_: False"""
        + START
    ),
    "modules": Row(
        """
import subprocess
class Fake:
    def __getattr__(self, name): return lambda start, *_, **__: start
fakes = dict.fromkeys(['hermetic_guard.' + name for name in 'starts programs injection start files guards'.split()], Fake())
sys.modules.update(fakes, os=Fake(), posix=Fake(), marshal=Fake(), builtins=Fake())"""
        + START
    ),
    "functions of os": Row(
        """
import posixpath, stat, subprocess
for module in (os, posixpath, stat, sys.modules['posix']):
    for name in 'stat lstat fstat access realpath abspath normpath isfile isdir islink basename S_ISREG'.split():
        if hasattr(module, name): setattr(module, name, lambda *_, **__: '/bin/true')"""
        + START
    ),
    "no descriptors left": Row(
        """
import resource, subprocess
free = os.open('/', os.O_RDONLY)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + 4, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"""
        + START
    ),
    "no stack left": Row(
        """
import subprocess
codes = []
def deeper():
    try: deeper()
    except RecursionError: pass
    if not codes:
        try: codes.append(subprocess.call([sys.executable, '-I', '-c', CALL]))
        except (OSError, RecursionError): pass
sys.setrecursionlimit(150)
deeper()
sys.setrecursionlimit(1000)
assert codes == [0]"""
    ),
    "threads": Row(
        """
import subprocess, threading
codes = []
def start(): codes.append(subprocess.call([sys.executable, '-I', '-c', CALL]))
threads = [threading.Thread(target=start) for _ in range(4)]
sys.setswitchinterval(1e-6)
for thread in threads: thread.start()
for thread in threads: thread.join()
assert codes == [0] * 4"""
    ),
    "the collector's callbacks": Row(
        LOOK
        + """
import gc, subprocess
gc.callbacks.append(look)
gc.set_threshold(1)
try: code = subprocess.call([sys.executable, '-I', '-c', CALL])
finally: gc.callbacks.remove(look)
assert code == 0""",
        pypy=False,
    ),
    "signals": Row(
        LOOK
        + """
import signal, subprocess
going = [True]
def look_again(*arguments):
    look(*arguments)
    if going: signal.setitimer(signal.ITIMER_REAL, .0002)  # not at intervals: to look may take longer
signal.signal(signal.SIGALRM, look_again)
signal.setitimer(signal.ITIMER_REAL, .0002)
try: code = subprocess.call([sys.executable, '-I', '-c', CALL])
finally: going.clear()
signal.setitimer(signal.ITIMER_REAL, 0)
assert code == 0"""
    ),
    "a tracer": Row(
        LOOK
        + """
import subprocess
sys.settrace(look)
try: code = subprocess.call([sys.executable, '-I', '-c', CALL])
finally: sys.settrace(None)
assert code == 0"""
    ),
}
"""What a program may have done before the first start, for which the guard is not all loaded yet (late.py). The child has the guards, or there is none."""

LATE = """
import os, sys, codecs, _socket
port = {port}
class Late(object):
    ready = _socket.socket()
    calls = _socket.socket, _socket.socket.connect
    def __del__(self):
        for caller in (self.ready, None):
            try: self.calls[1](self.calls[0]() if caller is None else caller, ("127.0.0.1", {port}))
            except BaseException: pass
late = Late()
def keeper(*_, late=late): pass
{keep}
del late, keeper
"""
KEPT = {
    "a module": "os.kept = late",
    "codecs.register_error": "codecs.register_error('late', keeper)",
    "codecs.register": "codecs.register(keeper)",
    "os.register_at_fork": "os.register_at_fork(before=keeper)",
    "sys.modules": "sys.modules['late'] = late",
    "atexit": "import atexit; atexit.register(keeper)",
    "a cycle": "late.self = late",
}
"""What keeps an object until the interpreter shuts down."""

FINALIZED = """
import gc, os, _socket
class Late(object):
    def __del__(self, gc=gc, socket=_socket.socket, write=os.write):
        try: found = gc.get_objects()
        except OSError: found = []
        for one in found:
            if type(one).__name__ == 'function' and '<hermetic>' in getattr(one.__code__, 'co_filename', ''):
                for cell in one.__closure__ or ():
                    try: cell.cell_contents = lambda *_, **__: None
                    except Exception: pass
        try: socket().connect(("127.0.0.1", {port}))
        except OSError: pass
        write(1, b'finalized')
late = Late()
def keeps(): return late
"""
"""An object that is released with the namespace of __main__, which a function in it keeps in a cycle; it looks for the guards then."""

DAEMON = """
import codecs, threading, time
def work(sleep=time.sleep):
    while True: sleep(0.1)
class Late(object):
    def __del__(self, sleep=time.sleep): sleep(0.3)
late = Late()
def keeper(*_, late=late): pass
codecs.register_error("late", keeper)
del late, keeper
threading.Thread(target=work, daemon=True).start()
"""
"""A daemon thread that asks for the interpreter's lock after the last event, which is when codecs' handlers are released."""
