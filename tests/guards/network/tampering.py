"""Code that means the guard itself, or that acts when nobody looks any more."""

from __future__ import annotations

from guards.network.row import CLOSED, OPEN, TCP, refused

SHUTDOWN = [
    refused(
        what,
        f"""
        import codecs
        class Late:
            def __init__(self):
                self.s, self.gai = socket.socket({kind}), _socket.getaddrinfo
            def __call__(self, error): raise error
            def __del__(self):
                {call}
        codecs.register_error('late', Late())
        """,
        None,
        reaches,
        under,
        alone=True,
        cpython=True,
        safer=True,
    )
    for what, call, reaches, kind, under in (
        ("connect", "self.s.connect(('192.0.2.1', 80))", "tcp", "2, 1", CLOSED),
        ("sendto", "self.s.sendto(b'x', ('192.0.2.1', 9))", "udp", "2, 2", OPEN),
        ("connect and send", "self.s.connect(('192.0.2.1', 9)); self.s.send(b'x')", "udp", "2, 2", CLOSED),
        ("a name", "self.gai(b'leak.test', 80)", "dns", "2, 1", CLOSED),
        ("connect by name", "self.s.connect(('leak.test', 80))", "dns", "2, 1", CLOSED),
    )
]

TAMPERING = [
    refused(
        "originals, by number",
        """
        def tried(function, depth):
            for cell in function.__closure__ or ():
                one = cell.cell_contents
                if type(one).__name__ == 'method_descriptor' and one.__name__ == 'connect':
                    one(socket.socket(), ('192.0.2.1', 80))
                elif type(one) is type(tried) and depth:
                    tried(one, depth - 1)
        tried(socket.socket.connect, 3)
        """,
        TCP,
        events=True,
    ),
    refused(
        "originals, of datagrams",
        """
        def original(function, name, depth=3):
            for cell in function.__closure__ or ():
                one = cell.cell_contents
                if getattr(one, '__objclass__', None) and one.__name__ == name: return one
                found = depth and type(one) is type(original) and original(one, name, depth - 1)
                if found: return found
        s = socket.socket(2, 2)
        original(socket.socket.connect, 'connect')(s, ('192.0.2.1', 9))
        original(socket.socket.send, 'send')(s, b'x')
        """,
        None,
        "udp",
        events=True,
    ),
    refused(
        "everything the replacements lead to",
        """
        seen, todo, found = set(), [socket.socket.connect, socket.socket.__init__, _socket.getaddrinfo, _socket.getnameinfo], []
        while todo:
            one = todo.pop()
            if id(one) in seen: continue
            seen.add(id(one))
            if type(one).__name__ in ('Enforcer', 'Scopes', 'Policy', 'Request', 'Ledger') or getattr(one, '__name__', '') == 'Request':
                found.append(one)
            if isinstance(one, dict): todo += list(one.values())
            elif isinstance(one, (list, tuple, set, frozenset)): todo += list(one)
            elif type(one).__name__ == 'function':
                todo += [one.__globals__, one.__closure__ or (), one.__defaults__ or (), one.__kwdefaults__ or ()]
            elif type(one).__name__ == 'cell': todo.append(one.cell_contents)
            elif type(one) is type and one.__module__.startswith('hermetic'): todo.append(dict(vars(one)))
        assert not found, found
        """,
        None,
        events=True,
        alone=True,
    ),
    refused(
        "frames of a refusal",
        """
        def climb(call):
            try: call()
            except OSError as error: caught = error
            seen, todo, found = set(), [], []
            while caught is not None:
                traceback = caught.__traceback__
                while traceback is not None:
                    frame, traceback = traceback.tb_frame, traceback.tb_next
                    if frame.f_code.co_filename != '<snippet>': todo += [frame.f_globals, dict(frame.f_locals)]
                caught = caught.__context__
            while todo:
                one = todo.pop()
                if id(one) in seen: continue
                seen.add(id(one))
                if type(one).__name__ in ('Enforcer', 'Scopes', 'Policy'): found.append(one)
                if isinstance(one, dict): todo += list(one.values())
                elif isinstance(one, (list, tuple)): todo += list(one)
                elif type(one).__name__ == 'function': todo += [one.__globals__, one.__closure__ or (), one.__defaults__ or ()]
                elif type(one).__name__ == 'cell': todo.append(one.cell_contents)
                elif type(one).__name__ == 'builtin_function_or_method': todo.append(one.__self__)
            assert not found, found
        climb(lambda: socket.socket().connect(('192.0.2.1', 80)))
        climb(lambda: socket.getaddrinfo('leak.test', 80))
        climb(lambda: sys.audit('socket.connect', socket.socket(), ('192.0.2.1', 80)))
        climb(lambda: sys.audit('hermetic.network.permit', [], 'connect', 2, ('192.0.2.1', 80)))
        """,
        TCP,
        events=True,
        alone=True,
    ),
    refused(
        "builtins and modules replaced",
        """
        s = socket.socket()
        import builtins, posix, time
        address = ('192.0.2.1', 80)
        for module in (_socket, posix, time):
            for name in ('inet_aton', 'inet_pton', 'inet_ntop', 'stat', 'lstat', 'time', 'AF_UNIX'):
                if name in vars(module): setattr(module, name, lambda *_: None)
        sys.audit = lambda *_: None
        builtins.isinstance = builtins.issubclass = builtins.len = builtins.any = builtins.all = builtins.type = lambda *_: True
        _socket.socket.connect(s, address)
        """,
        None,
        "maybe",
        alone=True,
    ),
    refused(
        "namespaces of the replacements overwritten",
        """
        names = socket.socket.connect.__globals__
        s = socket.socket()
        for name in list(names):
            if name != '__builtins__': names[name] = lambda *_: True
        s.connect(('192.0.2.1', 80))
        """,
        None,
        alone=True,
        events=True,
    ),
    refused(
        "forged answer",
        """
        class L(list):
            def __bool__(self): return True
        sys.audit('hermetic.network', L(), 'connect', 'x')
        socket.socket().connect(('192.0.2.1', 80))
        """,
        TCP,
        events=True,
    ),
    refused(
        "code run by what judges",
        """
        frames = []
        class Spy(str):
            def __getitem__(self, at): frames.append(sys._getframe(1))
            __hash__ = __eq__ = __len__ = __iter__ = startswith = partition = __getitem__
        class Meta(type):
            def __eq__(self, other): frames.append(sys._getframe(1))
            def __hash__(self): frames.append(sys._getframe(1))
            __subclasscheck__ = __instancecheck__ = __eq__
        class Claim(metaclass=Meta):
            @property
            def __class__(self): frames.append(sys._getframe(1)); return str
            def __index__(self): frames.append(sys._getframe(1)); return 5
        s = socket.socket()
        for spy in (Spy('x'), Claim(), (Spy('127.0.0.1'), 80), ('127.0.0.1', Claim()), [Claim()]):
            for event, arguments in (
                ('hermetic.network', ([], spy, 'x')),
                ('hermetic.network', ([], 'bind', 'x', None, None, None, spy)),
                ('hermetic.network', ([], 'connect', 'x', spy, spy, spy)),
                ('hermetic.network', (spy, 'bind', 'x')),
                ('hermetic.network.permit', ([], 'connect', 2, spy)),
                ('hermetic.network.permit', ([], spy, 2, ('127.0.0.1', 80))),
                ('hermetic.network.permit', ([], 'connect', spy, ('127.0.0.1', 80))),
                ('hermetic.network.resolve', ([], spy, 80, 0, 0, 0, 0)),
                ('hermetic.network.resolve', ([], 'localhost', spy, spy, spy, spy, spy)),
                ('hermetic.network.bound', ([], spy)),
                ('hermetic.network.bound', (spy, s)),
                ('socket.connect', (s, spy)),
                ('socket.connect', (spy, ('127.0.0.1', 80))),
                ('socket.sendmsg', (s, spy)),
                ('socket.__new__', (s, spy, spy, spy)),
                ('socket.getaddrinfo', (spy, 80, 0, 0, 0)),
                ('socket.gethostbyname', (spy,)),
                ('socket.gethostbyaddr', (spy,)),
                ('socket.getnameinfo', (spy,)),
                ('socket.getnameinfo', ((spy, 80),)),
            ):
                before = len(frames)
                try: sys.audit(event, *arguments)
                except Exception: pass
                assert len(frames) == before, (event, type(spy))
        """,
        None,
        events=True,
        alone=True,
    ),
]

MANNERS = [
    refused("raised, connect", "socket.socket().connect(('192.0.2.1', 80))", TCP, "tcp", ("raise",)),
    refused("raised, connect_ex", "socket.socket().connect_ex(('192.0.2.1', 80))", TCP, "tcp", ("raise",)),
    refused("raised, name", "socket.getaddrinfo('leak.test', 80)", "DNS(leak.test)", "dns", ("raise",)),
]

SYSLOG = [refused("syslog", "import syslog\nsyslog.syslog('x')", "connect(unix:/dev/log)", "maybe", events=True)]
