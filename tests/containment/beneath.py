"""Code of the target's that is called by what judges, or is in the place of what it calls: as methods of classes that both know."""

from __future__ import annotations

from containment.attempt import attempts
from containment.snippets import WALK

net = attempts("tcp", "--no-network")
write = attempts("changed", "--fs-readonly")

SPOIL = """
def spoil(value, depth=0):
    if depth > 6: return
    if hasattr(value, 'current') and hasattr(value, 'base'): value.current = type(value.current)()
    for cell in getattr(value, '__closure__', None) or ():
        try: spoil(cell.cell_contents, depth + 1)
        except ValueError: pass
def beneath(*_, **__):
    frame = sys._getframe(1)
    while frame:
        if 'hermetic' in frame.f_code.co_filename:
            for value in list(frame.f_locals.values()): spoil(value)
        frame = frame.f_back
def insist():
    for _ in range(3):
        try: socket.socket().connect(OUT)
        except Exception: pass
import _socket, socket
"""
"""Turns off the policy in force, if it is in reach of code that is called by what judges; then tries."""

LOOK = (
    SPOIL
    + """
def look(frame):
    while frame:
        for value in list(frame.f_locals.values()): spoil(value)
        frame = frame.f_back
def generator():
    while True: look(had); yield
generated = generator(); had = generated.gi_frame; next(generated)
def quietly(function, *given):
    try: function(*given)
    except Exception: pass
"""
)
"""The same by frames. That of a generator, which is had before, leads to those that it is called from, each time anew."""

FRAMES = [
    net("a frame that was had before, in a hook", LOOK + """
looking = []
def hook(*_):
    if not looking: looking.append(1); quietly(next, generated); looking.pop()
sys.addaudithook(hook)
insist()""", since=(3, 8), cpython=True),
    net("a frame that was had before, in the collector's callback", LOOK + """
import gc
gc.callbacks.append(lambda *_: quietly(next, generated)); gc.set_threshold(5, 1, 1)
for _ in range(5): insist()
gc.callbacks.clear()""", cpython=True),
    net("frames, in the collector's callback", LOOK + """
import gc
gc.callbacks.append(lambda *_: quietly(lambda: look(sys._getframe()))); gc.set_threshold(5, 1, 1)
for _ in range(5): insist()
gc.callbacks.clear()""", cpython=True),
    net("the frames that signal handlers are handed", LOOK + """
import signal, time
signal.signal(signal.SIGALRM, lambda _, frame: (quietly(look, frame), signal.setitimer(signal.ITIMER_REAL, .0001)))
signal.setitimer(signal.ITIMER_REAL, .0001)
until = time.time() + 1
while time.time() < until: insist()
signal.signal(signal.SIGALRM, signal.SIG_IGN)"""),
    net("frames that an exception of a signal handler's has passed", LOOK + """
import signal, time
class Out(Exception): pass
def out(*_): raise Out
signal.signal(signal.SIGALRM, out)
until = time.time() + 1
while time.time() < until:
    try:
        signal.setitimer(signal.ITIMER_REAL, .0002)
        while time.time() < until: quietly(socket.socket().connect_ex, OUT)
    except Out as error:
        at = error.__traceback__
        while at: quietly(lambda: look(at.tb_frame)); at = at.tb_next
signal.signal(signal.SIGALRM, signal.SIG_IGN)
insist()"""),
]  # fmt: skip

CLASSES = [
    net("the violations' classes", SPOIL + """
import hermetic_guard.errors as errors
def make(kind, *_): beneath(); return BaseException.__new__(kind)
for kind in [one for one in vars(errors).values() if isinstance(one, type)]:
    kind.__new__ = make; kind.__init__ = kind.__setattr__ = beneath
    kind.filename = kind.errno = property(beneath, beneath)
insist()""", files={"script/hermetic_guard/__init__.py": "", "script/hermetic_guard/errors.py": ""}),
    net("the library's class for names that nobody knows", SPOIL + """
socket.gaierror.__init__ = beneath
for name in ('localhost', os.uname()[1]):
    try: socket.getaddrinfo(name, 'no-such-service')
    except Exception: pass
insist()"""),
    net("classes that object lists", SPOIL + """
for kind in object.__subclasses__():
    if 'hermetic' in (kind.__module__ or ''):
        for name in [name for name in vars(kind) if not name.startswith('__')]:
            try: setattr(kind, name, property(lambda _: None))
            except Exception: pass
        for name in ('__init__', '__getattribute__', '__eq__'):
            def called(self, *given, original=getattr(kind, name), **named):
                beneath(); return original(self, *given, **named)
            try: setattr(kind, name, called)
            except Exception: pass
insist()"""),
    net("classes that the replacements' modules hold", SPOIL + WALK + """
def shadow(kind):
    def called(self, *given, original=kind.__init__, **named):
        beneath(); return original(self, *given, **named)
    kind.__init__ = called
found = [os.sysconf, os.system, socket.socket.connect]
for one in walk(*found, *[vars(sys.modules.get(name, os)) for name in ('hermetic_guard', 'hermetic_guard.errors')]):
    if isinstance(one, type) and 'hermetic' in (one.__module__ or ''):
        try: shadow(one)
        except Exception: pass
insist()"""),
    net("namespaces that the replacements hold", WALK + """
import _socket, socket
for one in list(walk(os.system, os.sysconf, _socket.socket.connect)):
    if isinstance(one, dict) and {'read_address', 'locate', 'make_hook', 'decide'} & set(map(str, one)):
        for name, value in list(one.items()):
            if isinstance(value, types.FunctionType) and value is not walk: one[name] = lambda *_, **__: None
for caller in (_socket.socket(), socket.socket()):
    try: caller.connect(OUT)
    except Exception: pass"""),
    net("what is done with modules once they are loaded", SPOIL + """
import _imp
from importlib.machinery import ModuleSpec
names = getattr(getattr(_imp.create_dynamic, '__code__', None), 'co_freevars', ())
for cell in [cell for name, cell in zip(names, getattr(_imp.create_dynamic, '__closure__', None) or ()) if name == 'acts']:
    cell.cell_contents['faulthandler'] = [beneath]
_imp.create_builtin(ModuleSpec('faulthandler', None))
insist()""", cpython=True),
    write("another thread's frames, while it is judged", SPOIL + """
import threading, time
def look():
    while True:
        for frame in sys._current_frames().values():
            while frame:
                if 'hermetic' in frame.f_code.co_filename:
                    for value in list(frame.f_locals.values()): spoil(value)
                frame = frame.f_back
sys.setswitchinterval(1e-6)
threading.Thread(target=look, daemon=True).start()
until = time.time() + 1
while time.time() < until:
    try: open(CANARY, 'w').close(); break
    except Exception: pass""", cpython=True),
    write("a path that is another by now", """
        import warnings; warnings.simplefilter('ignore')
        class Later:
            def __index__(self): path[:] = b'/dev/null'; return 0
        path = bytearray(os.fsencode(CANARY))
        os.truncate(path, Later())""", until=(3, 12), cpython=True),
    write("methods of built-in types", """
        class Taker:
            __hash__ = None
            def __eq__(self, other): self.taken = other; return True
        taker = Taker()
        str.__dict__ == taker
        taker.taken['startswith'] = lambda *_: True
        (getattr(sys, '_clear_internal_caches', None) or sys._clear_type_cache)()
        open(CANARY, 'w').close()""", cpython=True),
    net("methods of built-in types, by which addresses are judged", """
        import socket
        class Taker:
            __hash__ = None
            def __eq__(self, other): self.taken = other; return True
        taker, calling = Taker(), socket.socket()
        try: socket.socket().connect(OUT)
        except OSError: pass
        for kind, names in ((str, ('partition', 'strip', 'startswith')), (dict, ('get', 'items'))):
            kind.__dict__ == taker
            for name in names: taker.taken[name] = lambda *_: True
        for clear in ('_clear_type_cache', '_clear_internal_caches'):
            if hasattr(sys, clear): getattr(sys, clear)()
        calling.connect(OUT)""", cpython=True),
]  # fmt: skip
