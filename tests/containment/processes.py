"""Starting a process where none may be started: it touches a file that nobody else does."""

from __future__ import annotations

from containment.attempt import BEYOND, Admitted, attempts

AGAIN = (Admitted("With `--allow-run` a program may start itself again", layers=("kernel",)),)
NATIVE = (Admitted("Native code, where `--block-native` does not stand"),)

start = attempts("marker", "--no-subprocess")
other = attempts("marker", "--no-subprocess", "--allow-run=true")
TOUCH = "def touch():\n    open(MARKER, 'w').close()\n"
IN_A_PROCESS = "if __name__ == '__main__':\n    import multiprocessing\n    context = multiprocessing.get_context(%r)\n    %s"

SUBPROCESS = [
    start("call", "import subprocess; subprocess.call(['touch', MARKER])"),
    start("run, with a shell", "import subprocess; subprocess.run('touch ' + MARKER, shell=True)"),
    start("Popen", "import subprocess; subprocess.Popen(['touch', MARKER]).wait()"),
    start("check_output", "import subprocess; subprocess.check_output(['touch', MARKER])"),
    start("getoutput", "import subprocess; subprocess.getoutput('touch ' + MARKER)"),
    start("a subclass of Popen", "import subprocess\nclass Own(subprocess.Popen):\n    def __init__(self, *a): super().__init__(['touch', MARKER])\nOwn().wait()"),
    start("Popen, with open descriptors", "import subprocess; subprocess.Popen(['/usr/bin/touch', MARKER], close_fds=False, env={}).wait()"),
    start("Popen, before the start", "import subprocess; subprocess.Popen(['true'], preexec_fn=lambda: open(MARKER, 'w').close()).wait()"),
    start("Popen, in a thread", "import subprocess, threading; t = threading.Thread(target=subprocess.call, args=(['touch', MARKER],)); t.start(); t.join()"),
    start("Popen, at exit", "import atexit, subprocess; atexit.register(subprocess.call, ['touch', MARKER])"),
    start("Popen, the interpreter", "import subprocess; subprocess.call([PY, '-c', 'open(%r, \"w\")' % MARKER])"),
    start("fork_exec", """
        import _posixsubprocess
        read, write = os.pipe()
        words = [['/usr/bin/touch', MARKER], [b'/usr/bin/touch'], True, (write,), None, None, *[-1] * 6, read, write, False, False]
        users = [None, None, None, -1, None]
        for more in ([None], users, [-1] + users, [-1] + users + [False]):
            try: _posixsubprocess.fork_exec(*words, *more); break
            except TypeError: pass
        os.waitpid(-1, 0)""", cpython=True),
    start("fork_exec, as subprocess knows it", """
        import subprocess
        subprocess._USE_POSIX_SPAWN = subprocess._USE_VFORK = False
        subprocess.Popen(['touch', MARKER], start_new_session=True).wait()"""),
    start("asyncio", """
        import asyncio
        async def main(): await (await asyncio.create_subprocess_exec('touch', MARKER)).wait()
        asyncio.new_event_loop().run_until_complete(main()) if sys.version_info >= (3, 8) else os.system('touch ' + MARKER)"""),
    start("asyncio, a shell", """
        import asyncio
        async def main(): await (await asyncio.create_subprocess_shell('touch ' + MARKER)).wait()
        asyncio.run(main())""", since=(3, 8)),
]  # fmt: skip

OS = [
    start("system", "os.system('touch ' + MARKER)"),
    start("system, by the C module", "import posix; posix.system('touch ' + MARKER)"),
    start("popen", "os.popen('touch ' + MARKER).close()"),
    start("spawnv", "os.spawnv(os.P_WAIT, '/usr/bin/touch', ['touch', MARKER])"),
    start("spawnlp, without waiting", "os.spawnlp(os.P_NOWAIT, 'touch', 'touch', MARKER)"),
    start("posix_spawn", "os.waitpid(os.posix_spawn('/usr/bin/touch', ['touch', MARKER], {}), 0)", since=(3, 8), cpython=True),
    start("posix_spawnp", "os.waitpid(os.posix_spawnp('touch', ['touch', MARKER], os.environ), 0)", since=(3, 8), cpython=True),
    start("posix_spawn, by the C module", "import posix; os.waitpid(posix.posix_spawn('/usr/bin/touch', ['touch', MARKER], {}), 0)", since=(3, 8), cpython=True),
    start("execv", "os.execv('/usr/bin/touch', ['touch', MARKER])"),
    start("execve, without an environment", "os.execve('/usr/bin/touch', ['touch', MARKER], {})"),
    start("execvp", "os.execvp('touch', ['touch', MARKER])"),
    start("execve, by descriptor", "os.execve(os.open('/usr/bin/touch', os.O_RDONLY), ['touch', MARKER], {})"),
    start("execv, of a script", "put('run', '#!/bin/sh\\ntouch ' + MARKER); os.execv('run', ['run'])"),
    start("execve, from memory", """
        fd = os.memfd_create('x', 0)
        os.write(fd, open('/usr/bin/touch', 'rb').read())
        os.execve(fd, ['touch', MARKER], {})""", since=(3, 8)),
    start("fork", "if os.fork(): os.wait()\nelse: open(MARKER, 'w').close()"),
    start("fork, by the C module", "import posix\nif posix.fork(): os.wait()\nelse: open(MARKER, 'w').close()"),
    start("fork, in a thread", "import threading\ndef fork():\n    if os.fork(): os.wait()\n    else: open(MARKER, 'w').close()\nt = threading.Thread(target=fork); t.start(); t.join()"),
    start("forkpty", "pid, fd = os.forkpty()\nif pid: os.waitpid(pid, 0)\nelse: open(MARKER, 'w').close()"),
    start("pty.fork", "import pty\npid, fd = pty.fork()\nif pid: os.waitpid(pid, 0)\nelse: open(MARKER, 'w').close()"),
    start("pty.spawn", "import pty; pty.spawn(['touch', MARKER])"),
    start("a daemon", "if not os.fork():\n    os.setsid()\n    if not os.fork():\n        open(MARKER, 'w').close()\n    os._exit(0)", late=0.2),
]  # fmt: skip

LIBRARY = [
    start("multiprocessing, fork", TOUCH + IN_A_PROCESS % ("fork", "p = context.Process(target=touch); p.start(); p.join()")),
    start("multiprocessing, spawn", TOUCH + IN_A_PROCESS % ("spawn", "p = context.Process(target=touch); p.start(); p.join()")),
    start("multiprocessing, forkserver", TOUCH + IN_A_PROCESS % ("forkserver", "p = context.Process(target=touch); p.start(); p.join()")),
    start("a pool", TOUCH + IN_A_PROCESS % ("fork", "context.Pool(1).apply(touch)")),
    start("an executor", TOUCH + "if __name__ == '__main__':\n    from concurrent.futures import ProcessPoolExecutor as P; P(1).submit(touch).result()"),
    start("spawnv_passfds", "from multiprocessing.util import spawnv_passfds as s; os.waitpid(s(b'/usr/bin/touch', ['touch', MARKER], ()), 0)"),
    start("a browser", "os.environ['BROWSER'] = 'touch %s #%%s'.replace('#', ''); import webbrowser; webbrowser.open(MARKER)"),
    start("pipes", "import warnings; warnings.simplefilter('ignore'); import pipes; t = pipes.Template(); t.append('touch ' + MARKER, '--'); t.open('in', 'w').close()", until=(3, 13)),
    start("mailcap", "import warnings; warnings.simplefilter('ignore'); import mailcap; mailcap.findmatch({'a/b': [{'view': 'x', 'test': 'touch ' + MARKER}]}, 'a/b')", until=(3, 13)),
    start("a pager", "import pydoc; pydoc.pipepager('x', 'touch ' + MARKER) if hasattr(pydoc, 'pipepager') else __import__('_pyrepl.pager').pager.pipe_pager('x', 'touch ' + MARKER)"),
    start("distutils", "import warnings; warnings.simplefilter('ignore'); from distutils.spawn import spawn; spawn(['touch', MARKER])", until=(3, 12)),
    start("a script of the debugger's", "import subprocess; subprocess.call([PY, '-m', 'pdb', '-c', 'c', '-c', 'q', SCRIPTS + '/other.py'], stdin=subprocess.DEVNULL)",
          files={"script/other.py": "open(MARKER, 'w').close()\n"}),
    start("Tcl", "import tkinter; tkinter.Tcl().eval('exec touch ' + MARKER)", probe="import tkinter"),
    start("ctypes, system", "import ctypes; ctypes.CDLL(None).system(b'touch ' + MARKER.encode())", admitted=NATIVE),
    start("ctypes, fork", "import ctypes\nif ctypes.CDLL(None).fork(): os.wait()\nelse: open(MARKER, 'w').close(); os._exit(0)", layers=BEYOND),
    start("ctypes, vfork by its number", "import ctypes\nif ctypes.CDLL(None).syscall(57): os.wait()\nelse: open(MARKER, 'w').close(); os._exit(0)",
          probe="assert os.uname().machine == 'x86_64'", layers=BEYOND),
    start("ctypes, execv", "import ctypes; ctypes.CDLL(None).execlp(b'touch', b'touch', MARKER.encode(), None)", layers=BEYOND),
]  # fmt: skip

ALLOWED = [
    other("another program", "import subprocess; subprocess.call(['touch', MARKER])"),
    other("another program under the name of an allowed one", "import subprocess; subprocess.call(['true', MARKER], executable='/usr/bin/touch')"),
    other("another program by a link", "os.symlink('/usr/bin/touch', 'true'); import subprocess; subprocess.call(['./true', MARKER])"),
    other("another program in front on PATH", "os.symlink('/usr/bin/touch', 'true'); os.environ['PATH'] = '.'; os.execvp('true', ['true', MARKER])"),
    other("a shell for an allowed one", "os.system('true; touch ' + MARKER)"),
    other("an allowed one's environment", "import subprocess; subprocess.call(['true'], env={'LD_PRELOAD': LIBRARY, 'MARKER': MARKER})", layers=("both", "python")),
    other("a script by an allowed one", "put('run', '#!/usr/bin/touch ' + MARKER); import subprocess; subprocess.call(['./run'])"),
    other("the interpreter", "import subprocess; subprocess.call([PY, '-c', 'open(%r, \"w\")' % MARKER])", admitted=AGAIN),
]  # fmt: skip

ATTEMPTS = [*SUBPROCESS, *OS, *LIBRARY, *ALLOWED]
