"""What programs do, and must go on doing where no process may be made."""

from __future__ import annotations

from guards.attempts import works

COPES = ("none", "true")
"""Not under *raise*: what copes with an OSError does not cope with what is none."""

PROGRAMS = [
    works("a class of Popen", "class P(subprocess.Popen): pass\nresult = issubclass(P, subprocess.Popen), P.__name__", COPES),
    works("Popen[str]", "result = str(subprocess.Popen[str])", COPES, since=(3, 9)),
    works("platform", "import platform\nresult = platform.platform(), platform.system(), platform.machine()", COPES),
    works("platform.uname", "import platform\nresult = type(platform.uname().processor)", COPES),
    works("platform.architecture", "import platform\nresult = type(platform.architecture()[0])", COPES),
    works("uuid", "import uuid\nresult = uuid.uuid1().version, uuid.uuid4().version, bool(uuid.getnode())", COPES),
    works("find_library", "import ctypes.util\nctypes.util.find_library('nothing-like-this')", COPES),
    works(
        "threads",
        "import threading\nt = threading.Thread(target=os.mkdir, args=('made',))\nt.start()\nt.join()\nresult = os.listdir()",
        COPES,
    ),
    works(
        "ThreadPoolExecutor",
        "import concurrent.futures\nwith concurrent.futures.ThreadPoolExecutor(2) as pool: result = list(pool.map(abs, [-1, 2]))",
        COPES,
    ),
    works("ThreadPool", "from multiprocessing.pool import ThreadPool\nwith ThreadPool(2) as pool: result = pool.map(abs, [-1, 2])", COPES),
    works(
        "asyncio",
        """
        import asyncio
        async def main():
            loop = asyncio.get_event_loop()
            return await asyncio.sleep(0, 'slept'), await loop.run_in_executor(None, abs, -1)
        result = asyncio.new_event_loop().run_until_complete(main())
        """,
        COPES,
    ),
    works(
        "queues and locks of multiprocessing",
        """
        import multiprocessing
        context = multiprocessing.get_context('fork')
        queue = context.Queue()
        queue.put(1)
        with context.Lock(): result = queue.get()
        """,
        COPES,
    ),
    works(
        "a program that is not there",
        "try: subprocess.call(['nothing-there'])\nexcept OSError as e: result = type(e), e.errno, e.filename",
        COPES,
    ),
    works(
        "a program that is not there, by its path",
        "try: subprocess.call(['/nowhere/x', 'y'])\nexcept OSError as e: result = type(e), e.errno, e.filename",
        COPES,
    ),
    works("os.execvp of nothing", "try: os.execvp('nothing-there', ['x'])\nexcept OSError as e: result = type(e), e.errno", COPES),
    works(
        "os.posix_spawn of nothing",
        "try: os.posix_spawn('/nowhere', ['x'], {})\nexcept OSError as e: result = type(e), e.errno, e.filename",
        COPES,
        since=(3, 8),
        pypy=False,
    ),
    works("shutil.which", "import shutil\nresult = shutil.which('touch')", COPES),
    works("sysconf", "result = os.sysconf('SC_PAGE_SIZE'), os.sysconf(os.sysconf_names['SC_CLK_TCK'])", COPES),
    works(
        "names",
        "import posix\nresult = [f.__name__ for f in (os.fork, os.sysconf, os.system)], os.fork is posix.fork, os.fork.__doc__",
        COPES,
    ),
    works("no browser", "import webbrowser\nresult = webbrowser.BackgroundBrowser(['nothing-there', '%s']).open('x')", COPES),
    works("a temporary file", "import tempfile\nwith tempfile.TemporaryFile() as f: result = f.write(b'x')", COPES),
    works(
        "signals", "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: os.mkdir('hit'))\nos.kill(os.getpid(), signal.SIGUSR1)", COPES
    ),
]
