"""Every way to start a program, refused where none may be started, and where another one may."""

from __future__ import annotations

from guards.attempts import Row, refused, works

NONE = ("none", "true")
"""Policies under which `touch` may not be started."""
ONE = ("true",)
"""A policy under which one other program may, and this process may fork."""
SHELL = "start({SHELL})"
TOUCH = "start({TOUCH})"
PYTHON = "start("


def start(name: str, code: str, what: str = TOUCH, **more) -> Row:
    return refused(name, code, what, NONE, **more)


SUBPROCESS = [
    start("call", "subprocess.call(touch)"),
    start("run", "subprocess.run(touch)"),
    start("Popen", "subprocess.Popen(touch).wait()"),
    start("check_output", "subprocess.check_output(touch)"),
    start("getoutput", "subprocess.getoutput(' '.join(touch))", SHELL),
    start("a class of one's own", "class P(subprocess.Popen): pass\nP(touch).wait()"),
    start("looked up on PATH", "subprocess.call(['touch', marker])"),
    start("looked up on a PATH of its own", "subprocess.call(['touch', marker], env={'PATH': os.path.dirname(TOUCH)})"),
    start("through a shell", "subprocess.call(' '.join(touch), shell=True)", SHELL),
    start("through posix_spawn", "subprocess.call(touch, close_fds=False)"),
    start("executable is not argv[0]", "subprocess.call(['true', marker], executable=TOUCH)"),
    start("relative", "os.symlink(TOUCH, 'mine')\nsubprocess.call(['./mine', marker])"),
    start("relative, with cwd", "os.mkdir('in')\nos.symlink(TOUCH, 'in/mine')\nsubprocess.call(['./mine', marker], cwd='in')"),
    start("with dots", "subprocess.call([os.path.dirname(TOUCH) + '/../bin/../bin/touch', marker])"),
    start("bytes", "subprocess.call([TOUCH.encode(), marker.encode()])"),
    start("env", "subprocess.call(['env'] + touch)", "start({ENV})"),
    start("a script", "subprocess.call([TOOL, marker])", "start({TOOL})"),
    start("a Python", "subprocess.call([PY, '-c', 'open(%r, \"w\")' % marker])", PYTHON),
    start("in the session's background", "subprocess.Popen(touch, start_new_session=True, stdin=subprocess.DEVNULL).wait()"),
]

PARTS = [
    start("_posixsubprocess", "fork_exec(touch, [TOUCH.encode()])"),
    start("_posixsubprocess, a list of programs", "fork_exec(touch, [b'/nowhere/touch', TOUCH.encode(), b'/bin/true'])", until=(3, 99)),
    start("subprocess._fork_exec", "fork_exec(touch, [TOUCH.encode()], function=subprocess._fork_exec)", since=(3, 11), pypy=False),
    start("spawnv_passfds", "import multiprocessing.util as m\nos.waitpid(m.spawnv_passfds(TOUCH.encode(), touch, []), 0)"),
    start(
        "asyncio",
        """
        import asyncio
        async def main(): await (await asyncio.create_subprocess_exec(*touch)).wait()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        if sys.version_info < (3, 8): asyncio.get_child_watcher().attach_loop(loop)
        loop.run_until_complete(main())
        """,
    ),
    start(
        "asyncio, a shell",
        """
        import asyncio
        async def main(): await (await asyncio.create_subprocess_shell(' '.join(touch))).wait()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        if sys.version_info < (3, 8): asyncio.get_child_watcher().attach_loop(loop)
        loop.run_until_complete(main())
        """,
        SHELL,
    ),
]

OS = [
    start("os.system", "os.system(' '.join(touch))", SHELL),
    start("posix.system", "import posix\nposix.system(' '.join(touch))", SHELL),
    start("os.popen", "os.popen(' '.join(touch)).read()", SHELL),
    start("os.execv", "os.execv(TOUCH, touch)"),
    start("os.execve", "os.execve(TOUCH, touch, {})"),
    start("posix.execve", "import posix\nposix.execve(TOUCH.encode(), touch, {})"),
    start("os.execvp", "os.execvp('touch', touch)"),
    start("os.execvpe", "os.execvpe('touch', touch, {'PATH': os.path.dirname(TOUCH)})"),
    start("os.execl", "os.execl(TOUCH, *touch)"),
    start("os.execlp", "os.execlp('touch', *touch)"),
    start("os.execve of a descriptor", "os.execve(os.open(TOUCH, os.O_RDONLY), touch, {})"),
    start(
        "os.execve of a file in memory",
        "fd = os.memfd_create('true')\nos.sendfile(fd, os.open(TOUCH, os.O_RDONLY), 0, os.stat(TOUCH).st_size)\nos.execve(fd, touch, {})",
        "start(",
        since=(3, 8),
        pypy=False,
    ),
    start("os.posix_spawn", "os.waitpid(os.posix_spawn(TOUCH, touch, {}), 0)", since=(3, 8), pypy=False),
    start("os.posix_spawnp", "os.waitpid(os.posix_spawnp('touch', touch, os.environ), 0)", since=(3, 8), pypy=False),
    start("posix.posix_spawn", "import posix\nos.waitpid(posix.posix_spawn(TOUCH, touch, {}), 0)", since=(3, 8), pypy=False),
    start("Popen, the module's function taken before", "from subprocess import Popen as p\np(touch).wait()"),
    start("webbrowser", "import webbrowser\nwebbrowser.BackgroundBrowser([TOUCH, '%s']).open(marker)\nrefused(os.wait)"),
]

FORKS = [
    # A fork is refused where no program may be started at all; what it becomes is judged as it becomes it.
    refused(name, code, what, ("none",), **more)
    for name, code, what, more in (
        ("os.fork", "if not os.fork():\n    open(marker, 'w').close()\n    os._exit(0)\nos.wait()", "fork(os.fork)", {}),
        (
            "posix.fork",
            "import posix\nif not posix.fork():\n    open(marker, 'w').close()\n    os._exit(0)\nos.wait()",
            "fork(os.fork)",
            {},
        ),
        (
            "os.forkpty",
            "if not os.forkpty()[0]:\n    open(marker, 'w').close()\n    os._exit(0)\nos.wait()",
            "fork(os.forkpty)",
            {},
        ),
        (
            "pty.fork",
            "import pty\nif not pty.fork()[0]:\n    open(marker, 'w').close()\n    os._exit(0)\nos.wait()",
            "fork(os.forkpty)",
            {},
        ),
        ("pty.spawn", "import pty\npty.spawn(touch)", "fork(os.forkpty)", {}),
        ("os.spawnv", "os.spawnv(os.P_WAIT, TOUCH, touch)", "fork(os.fork)", {}),
        ("os.spawnve", "os.spawnve(os.P_WAIT, TOUCH, touch, {})", "fork(os.fork)", {}),
        ("os.spawnlp", "os.spawnlp(os.P_WAIT, 'touch', *touch)", "fork(os.fork)", {}),
        ("os.spawnvpe", "os.spawnvpe(os.P_WAIT, 'touch', touch, os.environ)", "fork(os.fork)", {}),
        (
            "multiprocessing, fork",
            "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=open, args=(marker, 'w'))\np.start()\np.join()",
            "fork(os.fork)",
            {},
        ),
        (
            "multiprocessing, a pool",
            "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(1) as pool:\n    pool.apply(os.mkdir, (marker,))",
            "fork(os.fork)",
            {},
        ),
        ("preexec_fn", "fork_exec(['x'], [b'/nowhere/x'], preexec_fn=lambda: open(marker, 'w').close())", None, {}),
        ("preexec_fn, Popen", "refused(subprocess.call, ['x'], executable='/x', preexec_fn=lambda: open(marker, 'w').close())", None, {}),
    )
] + [
    refused("os.spawnv of another program", "os.spawnv(os.P_WAIT, TOUCH, touch)", TOUCH, ONE),
    refused("pty.spawn of another program", "import pty\npty.spawn(touch)", TOUCH, ONE),
    works("a fork", "if not os.fork():\n    open(marker, 'w').close()\n    os._exit(0)\nos.wait()", ONE, marks=True),
    works(
        "multiprocessing",
        "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=open, args=(marker, 'w'))\np.start()\np.join()",
        ONE,
        marks=True,
    ),
]

MULTIPROCESSING = [
    start(
        f"multiprocessing, {way}",
        f"import multiprocessing\np = multiprocessing.get_context({way!r}).Process(target=open, args=(marker, 'w'))\np.start()\np.join()",
        PYTHON,
    )
    for way in ("spawn", "forkserver")
] + [
    start(
        "the resource tracker",
        """
        try: from multiprocessing.resource_tracker import _resource_tracker as tracker
        except ImportError: from multiprocessing.semaphore_tracker import _semaphore_tracker as tracker
        tracker.ensure_running()
        open(marker, 'w').close()
        """,
        PYTHON,
    ),
    refused(
        "a pool of executors",
        """
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(1) as pool: pool.submit(os.mkdir, marker).result()
        """,
        None,
        ("none",),
        raised="NotImplementedError",
    ),
]

TCL = [
    start(name, f"import tkinter\nt = tkinter.Tcl()\nt.eval({code!r} % tuple(touch))", "start(Tcl)", pypy=False, until=(3, 13))
    for name, code in (("exec in Tcl", "exec %s %s"), ("a pipe in Tcl", 'close [open "|%s %s"]'))
] + [
    start(
        "_tkinter, loaded again",
        """
        import importlib, _tkinter
        importlib.reload(_tkinter)
        del sys.modules['_tkinter']
        import _tkinter
        _tkinter.create(None, 'x', 'X', 0, 0, 0, 0, None).call('exec', *touch)
        """,
        "start(Tcl)",
        pypy=False,
        until=(3, 13),
    )
]

LIARS = [
    refused("a str that lies", "Liar.told = TRUE\nos.execv(Liar(TOUCH), touch)", TOUCH, ONE),
    refused("a str that lies, to Popen", "Liar.told = TRUE\nsubprocess.call([Liar(TOUCH), marker])", TOUCH, ONE),
    refused("a path that leads elsewhere when it is asked again", "os.execv(Path(TOUCH, TRUE), touch)\n", TOUCH, ONE),
    refused("a copy of its name", "import shutil\nshutil.copy(TOUCH, 'true')\nsubprocess.call(['./true', marker])", "start(", ONE),
    refused(
        "a copy of its name on PATH",
        "import shutil\nshutil.copy(TOUCH, 'true')\nos.environ['PATH'] = free\nsubprocess.call(['true', marker])",
        "start(",
        ONE,
    ),
    refused("a link of its name", "os.symlink(TOUCH, 'true')\nsubprocess.call(['./true', marker])", TOUCH, ONE),
    refused(
        "preexec_fn changes the directory",
        "os.mkdir('in')\nos.symlink(TRUE, 'x')\nos.symlink(TOUCH, 'in/x')\nsubprocess.call(['./x', marker], preexec_fn=lambda: os.chdir('in'))",
        TOUCH,
        ONE,
    ),
    refused(
        "preexec_fn changes a link",
        """
        os.symlink(TRUE, 'x')
        def change():
            os.remove('x')
            os.symlink(TOUCH, 'x')
        subprocess.call(['./x', marker], preexec_fn=change)
        """,
        TOUCH,
        ONE,
    ),
    refused(
        "behind a program that cannot be read", "fork_exec(touch, [STRANGE.encode(), TRUE.encode()])", "start({STRANGE})", ONE, marks=False
    ),
    refused("env, where it may be started", "subprocess.call(['env'] + touch)", TOUCH, ("env",)),
    refused("what a program that is allowed starts by itself, by the kernel", "subprocess.call([GIT, marker])", None, ("git",)),
    refused("a script's interpreter", "subprocess.call([PY, '-c', 'open(%r, \"w\")' % marker])", PYTHON, ("tool",)),
    refused("a shell script's interpreter", "subprocess.call(' '.join(touch), shell=True)", SHELL, ("git",)),
]

ALLOWED = [
    works(name, code, ("touch",), marks=True, **more)
    for name, code, more in (
        ("Popen", "result = subprocess.call(touch)", {}),
        ("on PATH", "result = subprocess.call(['touch', marker])", {}),
        ("by a link", "os.symlink(TOUCH, 'x')\nresult = subprocess.call(['./x', marker])", {}),
        ("with an environment", "result = subprocess.call(touch, env={})", {}),
        ("with preexec_fn", "result = subprocess.call(touch, preexec_fn=lambda: os.chdir('/'))", {}),
        ("through posix_spawn", "result = subprocess.call(touch, close_fds=False)", {}),
        ("os.posix_spawnp", "os.waitpid(os.posix_spawnp('touch', touch, {}), 0)", {"since": (3, 8), "pypy": False}),
        ("os.spawnlp", "result = os.spawnlp(os.P_WAIT, 'touch', *touch)", {}),
        ("pty.spawn", "import pty\npty.spawn(touch)", {}),
        ("os.execve of a descriptor", "if not os.fork(): os.execve(os.open(TOUCH, os.O_RDONLY), touch, {})\nos.wait()", {}),
    )
] + [
    works("a Python script, by its name", "result = subprocess.call([TOOL, marker])", ("tool",), marks=True),
    works("a Python", "result = subprocess.call([PY, '-c', 'open(%r, \"w\")' % marker])", ("python",), marks=True),
    works(
        "multiprocessing, spawn",
        "import multiprocessing\np = multiprocessing.get_context('spawn').Process(target=os.mkdir, args=(marker,))\np.start()\np.join()",
        ("python",),
        marks=True,
    ),
]
