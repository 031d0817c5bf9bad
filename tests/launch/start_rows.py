"""The table of children: the ways in which a Python may start another, and whether the Python layer holds it. Valid on Python 3.6.

A snippet finds in its namespace

    PY       this interpreter                   WORDS  [PY, ASK, NAME], the command line of a child that asks for the network
    ASK      a script that asks                 LINE   the same as a line for a shell
    CODE     code for -c that asks              NAME   the row's name, for ASK
    BASE     the interpreter that PY, in a virtual environment, is a link to     HERE   the working directory
    PRELOADED  code that ends the child if LIBRARY, some harmless one, was not loaded
    OTHERS   other interpreters, by name        call   subprocess.call
    code     makes code for -c of commands, each started by subprocess.call
"""

from typing import NamedTuple, Tuple

HELD = "refused"
"""The child runs, and what it asks for is refused."""
STOPPED = "stopped"
"""The child is not started, or ends before any code but the interpreter's own."""

OTHER_PROGRAMS = "programs that are not Python"
OTHER_NAMES = "interpreters that are not called like one"
OTHER_LIBRARIES = "interpreters that the target has put together"
HOLES = (OTHER_PROGRAMS, OTHER_NAMES, OTHER_LIBRARIES)
"""What only the kernel can hold, as the README's section 'What the Python layer cannot stop' calls it."""

SAMPLE = ((3, 6), (3, 11))
"""Where rows are tried that are decided by the guard's own reading, which is the same in every version."""


class Row(NamedTuple):
    """held: HELD, STOPPED or one of HOLES; since, until: the versions that can do this at all; sampled: whether SAMPLE is enough."""

    name: str
    snippet: str
    held: str = HELD
    since: Tuple[int, int] = (3, 6)
    until: Tuple[int, int] = (3, 99)
    sampled: bool = False


ROWS = [
    # subprocess
    Row("plain", "call(WORDS)"),
    Row("empty environment", "call(WORDS, env={})"),
    Row("through a shell", "call(LINE, shell=True)"),
    Row("empty environment through a shell", "call(LINE, shell=True, env={})", sampled=True),
    Row("posix_spawn inside subprocess", "call(WORDS, env={}, close_fds=False)"),
    Row("posix_spawn inside subprocess, -I", "call([PY, '-I', ASK, NAME], close_fds=False)"),
    Row("os.popen", "os.popen(LINE).read()"),
    Row(
        "asyncio",
        "loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop)\n"
        "async def start(): await (await asyncio.create_subprocess_exec(*WORDS, env={})).wait()\n"
        "loop.run_until_complete(start())",
    ),
    Row("executable is not argv[0]", "call(['anything', '-I', ASK, NAME], executable=PY)", until=(3, 14)),
    Row("looked up on PATH", "os.symlink(PY, 'python'); call(['python', '-I', ASK, NAME], env={'PATH': HERE})", sampled=True),
    Row(
        "looked up on PATH, behind a file that is no program",
        "os.mkdir('first'); os.symlink(PY, 'python3')\n"
        "open('first/python3', 'w').close(); os.chmod('first/python3', 0o755)\n"
        "call(['python3', '-I', ASK, NAME], env={'PATH': HERE + '/first:' + HERE})",
        until=(3, 14),
    ),
    Row(
        "relative, with cwd", "os.mkdir('sub'); os.symlink(PY, 'sub/python'); call(['./python', '-I', ASK, NAME], cwd='sub')", sampled=True
    ),
    Row(
        "relative script, with cwd",
        "os.mkdir('sub'); script('sub/run', PY + ' -I'); call(['./run', NAME], cwd='sub', env={})",
        sampled=True,
    ),
    Row(
        "relative, preexec_fn changes the directory",
        "os.mkdir('sub'); os.symlink(PY, 'sub/python')\ncall(['./python', '-I', ASK, NAME], preexec_fn=lambda: os.chdir('sub'))",
        STOPPED,
    ),
    Row("preexec_fn changes the environment", "call(WORDS, preexec_fn=os.environ.clear)"),
    Row("arguments of other types", "call([PY.encode(), pathlib.Path(ASK), Text(NAME)], env={})", sampled=True),
    Row("arguments that answer otherwise when asked", "call([PY, Text('-I'), Text(ASK), NAME])"),
    Row("an environment that answers otherwise when asked", "call(WORDS, env={Bytes(b'PYTHONPATH'): b'nowhere'})"),
    Row("_posixsubprocess", "fork_exec([PY, '-I', ASK, NAME], [PY.encode()], None)"),
    Row("_posixsubprocess, without an environment", "fork_exec(WORDS, [PY.encode()], [])"),
    # what is something else in the child
    Row("a script as standard input", "call(['/dev/stdin', NAME], stdin=open(script('run', PY + ' -I')))", STOPPED),
    Row("an interpreter as standard input", "call([PY, '-I', ASK, NAME], executable='/proc/self/fd/0', stdin=open(PY, 'rb'))", STOPPED),
    Row(
        "a script that a file action opens",
        "opening = os.POSIX_SPAWN_OPEN, 9, script('run', PY + ' -I'), os.O_RDONLY, 0\n"
        "os.waitpid(os.posix_spawn('/proc/self/fd/9', ['run', NAME], {}, file_actions=[opening]), 0)",
        STOPPED,
        since=(3, 8),
    ),
    Row(
        "standard input as a #! line's interpreter",
        "call([script('run', '/dev/stdin -I'), NAME], stdin=open(PY, 'rb'))",
        STOPPED,
        until=(3, 14),
    ),
    Row("standard input through env", "call(['env', '/dev/stdin', NAME], stdin=open(script('run', PY + ' -I')))", STOPPED, sampled=True),
    Row(
        "a directory that a file action opens on PATH, through env in a #! line",
        "os.mkdir('bin'); os.symlink(PY, 'bin/python')\n"
        "path, opening = script('run', '/usr/bin/env -S python -I'), (os.POSIX_SPAWN_OPEN, 9, 'bin', os.O_RDONLY, 0)\n"
        "os.waitpid(os.posix_spawn(path, ['run', NAME], {'PATH': '/dev/fd/9'}, file_actions=[opening]), 0)",
        STOPPED,
        since=(3, 8),
    ),
    Row(
        "another directory by its link",
        "os.mkdir('bin'); os.symlink(PY, 'bin/python'); os.symlink('/bin/true', 'python')\n"
        "call([PY, '-I', ASK, NAME], executable='/proc/self/cwd/python', cwd='bin')",
        STOPPED,
        sampled=True,
    ),
    Row(
        "a descriptor that is passed",
        "fd = os.open(PY, os.O_RDONLY)\ncall([PY, '-I', ASK, NAME], executable='/dev/fd/%d' % fd, pass_fds=[fd])",
    ),
    Row("this interpreter", "call([PY, '-I', ASK, NAME], executable='/proc/self/exe')"),
    Row(
        "os.execv of a script's descriptor by its path",
        "fd = os.open(script('run', PY + ' -I'), os.O_RDONLY); os.set_inheritable(fd, True)\nos.execv('/dev/fd/%d' % fd, ['run', NAME])",
    ),
    # what cannot be read here
    Row(
        "a script that can only be executed",
        "path = script('run', PY + \" -Icimport os;exec(os.environ['CODE'])\"); os.chmod(path, 0o111); call([path], env={'CODE': CODE})",
        STOPPED,
    ),
    Row(
        "a script, out of descriptors",
        "import resource\n"
        "path, taken = script('run', PY + ' -I'), []\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "try:\n"
        "    while len(taken) < 20: taken.append(os.dup(0))\n"
        "except OSError: pass\n"
        "try: os.execv(path, [path, NAME])\n"
        "finally: [os.close(one) for one in taken]",
        STOPPED,
    ),
    Row(
        "a script with a lease on it",
        "import fcntl, signal\n"
        "path = script('run', PY + ' -I'); fd = os.open(path, os.O_RDONLY)\n"
        "signal.signal(signal.SIGIO, lambda *_: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK))\n"
        "fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try: os.execv(path, [path, NAME])\n"
        "    finally: os._exit(0)\n"
        "os.waitpid(child, 0)",
        STOPPED,
    ),
    Row(
        "a script in a directory of a long name",
        "import shutil\n"
        "path = script('run', PY + ' -I')\n"
        "for _ in range(25): os.mkdir('d' * 200); os.chdir('d' * 200)\n"
        "shutil.copy(path, 'run'); call(['./run', NAME], cwd='.')",
        until=(3, 9),
    ),
    Row(
        "a script in a directory of a long name, where the stub makes its path absolute",
        "import shutil\n"
        "path = script('run', PY + ' -I')\n"
        "for _ in range(25): os.mkdir('d' * 200); os.chdir('d' * 200)\n"
        "shutil.copy(path, 'run'); call(['./run', NAME], cwd='.')",
        STOPPED,
        since=(3, 9),
    ),
    # argv[0]
    Row("argv[0] is a script, -I -i", "call([script('run', PY + ' -I'), '-I', '-i', ASK, NAME], executable=PY)", until=(3, 14)),
    Row(
        "argv[0] is beside another library",
        "led_astray(CODE); call([HERE + '/other/bin/x', '-W', 'default', '-c', ''], executable=PY)",
        STOPPED,
    ),
    Row(
        "argv[0] is beside another library, by PATH",
        "led_astray(CODE); call(['python', '-W', 'default', '-c', ''], executable=PY, env={'PATH': HERE + '/other/bin'})",
        STOPPED,
    ),
    Row(
        "argv[0] is beside another library, by the directory",
        "led_astray(CODE); call(['python', '-W', 'default', '-c', ''], executable=PY, env={}, cwd='other')",
        STOPPED,
    ),
    Row(
        "argv[0] is beside a pyvenv.cfg",
        "call([led_astray(CODE), '-W', 'default', '-c', ''], executable=PY)",
        STOPPED,
        since=(3, 11),
        until=(3, 14),
    ),
    Row(
        "PYTHONEXECUTABLE",
        "call([PY, '-I', '-W', 'default', '-c', ''], env={'PYTHONEXECUTABLE': led_astray(CODE)})",
        STOPPED,
        since=(3, 11),
    ),
    Row(
        "__PYVENV_LAUNCHER__ in a #! line",
        "led_astray(CODE)\ncall([script('run', '/usr/bin/env -S __PYVENV_LAUNCHER__=bin/python %s -Wdefault' % PY, 'pass'), NAME])",
        STOPPED,
        since=(3, 11),
        sampled=True,
    ),
    # options and kinds of target
    Row("-I", "call([PY, '-I', ASK, NAME])"),
    Row("-E", "call([PY, '-E', ASK, NAME])"),
    Row("-S", "call([PY, '-S', ASK, NAME])"),
    Row("-s", "call([PY, '-s', ASK, NAME], env={})", sampled=True),
    Row("-Ibc CODE", "call([PY, '-Ibc', CODE])"),
    Row("-I - (standard input)", "subprocess.run([PY, '-I', '-'], input=CODE.encode())"),
    Row("standard input", "subprocess.run([PY], input=CODE.encode(), env={})", sampled=True),
    Row("-E -m", "call([PY, '-E', '-m', 'ask', NAME], cwd=os.path.dirname(ASK))"),
    Row("-W error -I", "call([PY, '-W', 'error', '-X', 'dev', '-I', ASK, NAME])", sampled=True),
    # os
    Row("os.system", "os.system(LINE)"),
    Row("os.system without PYTHONPATH", "os.environ.pop('PYTHONPATH', None); os.system(LINE)", sampled=True),
    Row(
        "os.system with PYTHONPYCACHEPREFIX",
        "os.environ.update(PYTHONPYCACHEPREFIX=forged(CODE), PYTHONWARNINGS='default')\nos.system(LINE)",
        since=(3, 8),
    ),
    Row("PYTHONPYCACHEPREFIX", "call(WORDS, env={'PYTHONPYCACHEPREFIX': forged(CODE), 'PYTHONWARNINGS': 'default'})", since=(3, 8)),
    Row("posix.system", "import posix; posix.system(LINE)", sampled=True),
    Row("os.execv", "os.execv(PY, WORDS)"),
    Row("os.execv after environ.clear()", "os.environ.clear(); os.execv(PY, WORDS)"),
    Row("os.execv after unsetenv()", "[os.unsetenv(name) for name in list(os.environ)]; os.execv(PY, WORDS)"),
    Row("os.execve", "os.execve(PY, WORDS, {})"),
    Row("os.execve -I", "os.execve(PY, [PY, '-I', ASK, NAME], os.environ)"),
    Row("os.execvpe", "os.symlink(PY, 'python'); os.execvpe('python', ['python', '-E', ASK, NAME], {'PATH': HERE})"),
    Row("os.execlp", "os.execlp(PY, PY, '-I', ASK, NAME)"),
    Row("os.execve of a descriptor", "os.execve(os.open(PY, os.O_RDONLY), [PY, '-I', ASK, NAME], {})"),
    Row(
        "os.execve of a script's descriptor",
        "fd = os.open(script('run', PY + ' -I'), os.O_RDONLY); os.set_inheritable(fd, True)\nos.execve(fd, ['run', NAME], {})",
    ),
    Row("posix.execve", "import posix; posix.execve(PY.encode(), WORDS, {})", sampled=True),
    Row("os.posix_spawn", "os.waitpid(os.posix_spawn(PY, WORDS, {}), 0)", since=(3, 8)),
    Row("os.posix_spawn -I", "os.waitpid(os.posix_spawn(PY, [PY, '-I', ASK, NAME], os.environ), 0)", since=(3, 8)),
    Row("os.posix_spawn of a script", "os.waitpid(os.posix_spawn(script('run', PY + ' -E'), ['run', NAME], {}), 0)", since=(3, 8)),
    Row(
        "os.posix_spawnp",
        "os.symlink(PY, 'python'); os.environ['PATH'] = HERE\n"
        "os.waitpid(os.posix_spawnp('python', ['python', '-I', ASK, NAME], {'PATH': HERE}), 0)",
        since=(3, 8),
    ),
    Row("os.spawnv", "os.spawnv(os.P_WAIT, PY, [PY, '-I', ASK, NAME])"),
    Row("os.spawnve", "os.spawnve(os.P_WAIT, PY, WORDS, {})", sampled=True),
    Row("os.spawnlp", "os.spawnlp(os.P_WAIT, PY, PY, '-E', ASK, NAME)"),
    Row("pty.spawn", "import pty; pty.spawn([PY, '-I', ASK, NAME])"),
    # multiprocessing
    Row(
        "multiprocessing fork",
        "process = multiprocessing.get_context('fork').Process(target=ask, args=[NAME]); process.start(); process.join()",
    ),
    Row(
        "multiprocessing spawn",
        "process = multiprocessing.get_context('spawn').Process(target=ask, args=[NAME]); process.start(); process.join()",
    ),
    Row(
        "multiprocessing spawn without an environment",
        "os.environ.clear()\n"
        "process = multiprocessing.get_context('spawn').Process(target=ask, args=[NAME]); process.start(); process.join()",
    ),
    Row(
        "multiprocessing forkserver",
        "process = multiprocessing.get_context('forkserver').Process(target=ask, args=[NAME])\nprocess.start(); process.join()",
    ),
    Row(
        "multiprocessing.util.spawnv_passfds",
        "import multiprocessing.util; os.environ.clear()\n"
        "os.waitpid(multiprocessing.util.spawnv_passfds(PY.encode(), [PY, '-I', ASK, NAME], []), 0)",
    ),
    Row(
        "resource tracker",
        "os.environ['PYTHONPATH'] = customized(ASK, NAME)\n"
        "try: from multiprocessing.resource_tracker import ensure_running, _resource_tracker as tracker\n"
        "except ImportError: from multiprocessing.semaphore_tracker import ensure_running, _semaphore_tracker as tracker\n"
        "ensure_running(); os.close(tracker._fd); os.wait()",
    ),
    Row(
        "concurrent.futures",
        "import concurrent.futures\nwith concurrent.futures.ProcessPoolExecutor(1) as pool: pool.submit(ask, NAME).result()",
    ),
    # other interpreters
    Row("Python 3.8", "call([OTHERS['3.8'], ASK, NAME])"),
    Row("Python 3.13, empty environment", "call([OTHERS['3.13'], ASK, NAME], env={})"),
    Row("Python 3.15, -I", "call([OTHERS['3.15'], '-I', ASK, NAME])"),
    Row("PyPy", "call([OTHERS['pypy3.9'], '-E', ASK, NAME], env={})"),
    Row("Python 2.7", "call([OTHERS['2.7'], ASK, NAME])", STOPPED),
    Row("Python 2.7, empty environment, -E", "call([OTHERS['2.7'], '-E', ASK, NAME], env={})", STOPPED, sampled=True),
    Row("Python 2.7 through a shell", "call(' '.join([OTHERS['2.7'], ASK, NAME]), shell=True)", STOPPED, sampled=True),
    Row("from a virtual environment to its base", "call([BASE, ASK, NAME], env={})", sampled=True),
    Row("from a virtual environment to its base, -I", "call([BASE, '-I', ASK, NAME])"),
    Row("from there to the virtual environment", "call([BASE, '-I', '-c', code(WORDS, [PY, '-I', ASK, NAME])])"),
    Row("a copied interpreter", "call([copied('python'), '-I', ASK, NAME], env={})", until=(3, 14)),
    Row("a copied interpreter under another name", "call([copied('renamed'), ASK, NAME], env={})", until=(3, 14)),
    Row("a copied interpreter under another name, -I", "call([copied('renamed'), '-I', ASK, NAME])", OTHER_NAMES, until=(3, 14)),
    Row(
        "an interpreter whose pyvenv.cfg leads to another library",
        "call([led_astray(CODE), '-W', 'default', '-c', ''])",
        OTHER_LIBRARIES,
        since=(3, 11),
        until=(3, 14),
    ),
    # scripts
    Row("a script with -E", "call([script('run', PY + ' -E'), NAME])", sampled=True),
    Row("a script through env -S, -I", "call([script('run', '/usr/bin/env -S %s -I' % PY), NAME])", sampled=True),
    Row("a script through env -S -i", "call([script('run', '/usr/bin/env -S -i ' + PY), NAME])", sampled=True),
    Row("a script through env -S, PYTHONPATH", "call([script('run', '/usr/bin/env -S PYTHONPATH= ' + PY), NAME])", sampled=True),
    Row(
        "a script through sh",
        "call([script('run', '/bin/sh', \"'''exec' '%s' -I \\\"$0\\\" \\\"$@\\\"\\n' '''\" % PY), NAME], env={})",
        sampled=True,
    ),
    Row("a script that pip made", "call([TOOL, NAME], env={})", sampled=True),
    Row("a shell script through env -S -i", "call([script('run', '/usr/bin/env -S -i /bin/sh', LINE)])", sampled=True),
    # env
    Row("env -i", "call(['env', '-i'] + WORDS)", sampled=True),
    Row("env python -I", "call(['/usr/bin/env', PY, '-I', ASK, NAME], env={})", sampled=True),
    Row("env -u", "call(['env', '-u', 'PYTHONPATH', '--unset=PYTHONWARNINGS', 'A=b'] + WORDS)", sampled=True),
    Row("env -S", "call(['env', '-S', '-i ' + LINE])", sampled=True),
    Row("env -i sh -c", "call(['env', '-i', '/bin/sh', '-c', LINE])", sampled=True),
    Row("env -i env -i", "os.execvp('env', ['env', '-i', '/usr/bin/env', '-i'] + WORDS)", sampled=True),
    # what children do
    Row("grandchild", "call([PY, '-c', code([PY, '-I', ASK, NAME])], env={})", sampled=True),
    Row("grandchild, -I both", "call([PY, '-I', '-c', code([PY, '-I', ASK, NAME])])"),
    Row("three deep", "call([PY, '-I', '-c', code([PY, '-E', '-c', code([PY, '-S', ASK, NAME])])], env={})", sampled=True),
    Row("behind a shell, -I", "call(' '.join(map(shlex.quote, [PY, '-c', code([PY, '-I', ASK, NAME])])), shell=True)", sampled=True),
    Row("PYTHONPATH and PYTHONWARNINGS of its own", "call(WORDS, env={'PYTHONPATH': '/nowhere', 'PYTHONWARNINGS': 'error'})", sampled=True),
    Row("a forged _HERMETIC", "call(WORDS, env=dict(os.environ, _HERMETIC='1::0:0:early:/nowhere', _HERMETIC_POLICY='hermetic-policy 2'))"),
    Row("PYTHONHOME", "call(WORDS, env={'PYTHONHOME': sys.base_prefix + ':' + sys.base_exec_prefix})", STOPPED),
    Row(
        "PYTHONHOME through a shell",
        "call(LINE, shell=True, env={'PYTHONHOME': sys.base_prefix + ':' + sys.base_exec_prefix})",
        STOPPED,
        sampled=True,
    ),
    Row("PYTHONHOME with -E", "call([PY, '-E', ASK, NAME], env={'PYTHONHOME': '/nowhere'})", sampled=True),
    Row(
        "PYTHONHOME in a #! line",
        "call([script('run', '/usr/bin/env -S PYTHONHOME=%s %s' % (sys.base_prefix, PY)), NAME])",
        STOPPED,
        sampled=True,
    ),
    Row("PYTHONPLATLIBDIR", "call(WORDS, env={'PYTHONPLATLIBDIR': sys.platlibdir})", STOPPED, since=(3, 9)),
    Row("LD_PRELOAD", "call([PY, '-c', PRELOADED + CODE], env={'LD_PRELOAD': LIBRARY})", STOPPED),
    Row(
        "LD_PRELOAD, grandchild",
        "call([PY, '-c', code([PY, '-I', '-c', PRELOADED + CODE])], env={'LD_PRELOAD': LIBRARY})",
        STOPPED,
        sampled=True,
    ),
    Row(
        "LD_PRELOAD in a #! line",
        "call([script('run', '/usr/bin/env -S LD_PRELOAD=%s %s -I' % (LIBRARY, PY), PRELOADED), NAME])",
        STOPPED,
        sampled=True,
    ),
    Row("-X pycache_prefix", "call([PY, '-Xpycache_prefix=' + HERE, ASK, NAME])", STOPPED, since=(3, 8)),
    # what another program does
    Row("a shell and -I", "call('%s -I %s %s' % tuple(WORDS), shell=True)", OTHER_PROGRAMS),
    Row("os.system and -E", "os.system('%s -E %s %s' % tuple(WORDS))", OTHER_PROGRAMS, sampled=True),
    Row("a shell and -S", "call('%s -S %s %s' % tuple(WORDS), shell=True)", sampled=True),
    Row("a shell and env -i", "call('env -i ' + LINE, shell=True)", OTHER_PROGRAMS, sampled=True),
    Row("a shell that changes PYTHONPATH", "call('PYTHONPATH=/nowhere ' + LINE, shell=True)", OTHER_PROGRAMS, sampled=True),
    Row("a shell that adds to PYTHONPATH", "call('PYTHONPATH=/nowhere:$PYTHONPATH ' + LINE, shell=True)", sampled=True),
    Row("a shell that changes PYTHONWARNINGS", "call('PYTHONWARNINGS=error ' + LINE, shell=True)", STOPPED),
]

PYPY = {
    "plain": HELD,
    "empty environment": HELD,
    "through a shell": STOPPED,
    "asyncio": HELD,
    "-I": HELD,
    "-Ibc CODE": HELD,
    "-I - (standard input)": HELD,
    "os.system": STOPPED,
    "os.execve": HELD,
    "os.execlp": HELD,
    "os.spawnve": HELD,
    "pty.spawn": HELD,
    "multiprocessing fork": HELD,
    "multiprocessing spawn": HELD,
    "multiprocessing forkserver": HELD,
    "Python 3.8": HELD,
    "Python 2.7": STOPPED,
    "from a virtual environment to its base, -I": HELD,
    "a script with -E": HELD,
    "env -i": HELD,
    "grandchild, -I both": HELD,
    "PYTHONHOME": STOPPED,
    "a shell and -I": OTHER_PROGRAMS,
}
"""What is tried with PyPy. It has to be told by its command line, so behind other programs it ends at once."""


def applies(row, version, pypy):
    """Whether a row is for this interpreter."""
    if pypy:
        return row.name in PYPY
    return row.since <= version < row.until and (version in SAMPLE or not row.sampled)


def expected(row, pypy):
    return PYPY[row.name] if pypy else row.held
