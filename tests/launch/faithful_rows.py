"""The table of what a program started by a guarded Python gets, which is what it would get otherwise. Valid on Python 3.6.

What a snippet leaves in `result`, and what the children tell that it starts with TELL, are compared with those of a run without hermetic. The
namespace is that of start_rows.py, and

    TELL     a script that writes down all it can see (tell.py)     TOLD    [PY, TELL, NAME], its command line
    told     error of a call: its type, errno, filename, text        LONG    a text near the kernel's limit for one argument
"""

from typing import NamedTuple, Tuple

SAMPLE = ((3, 6), (3, 11))
"""Where rows are tried for which the version makes no difference."""


class Row(NamedTuple):
    """since, until: the versions that can do this at all; sampled: whether SAMPLE is enough."""

    name: str
    snippet: str
    since: Tuple[int, int] = (3, 6)
    until: Tuple[int, int] = (3, 99)
    sampled: bool = False


ROWS = [
    Row("plain", "call(TOLD)"),
    Row("empty environment", "call(TOLD, env={})"),
    Row("arguments", "call(TOLD + ['', 'a b', '-c', '--', '*', '\\u00e4\\U0001f600', b'\\xff\\xfe'])"),
    Row("10,000 arguments", "call(TOLD + [str(number) for number in range(10000)])", sampled=True),
    Row("10,000 arguments, -I", "call([PY, '-I', TELL, NAME] + [str(number) for number in range(10000)])", sampled=True),
    Row("an argument near the limit", "call(TOLD + [LONG])", sampled=True),
    Row("an argument beyond the limit", "result = told(lambda: call(TOLD + [LONG * 2]))"),
    Row(
        "PYTHON variables",
        "call(TOLD, env={'PYTHONPATH': 'a::b', 'PYTHONWARNINGS': 'error,ignore::UserWarning', 'PYTHONPYCACHEPREFIX': HERE,"
        " 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONHASHSEED': '5', 'PYTHONUTF8': '1', 'PYTHONNOUSERSITE': '1'})",
    ),
    Row("PYTHON variables that are empty", "call(TOLD, env={'PYTHONPATH': '', 'PYTHONWARNINGS': '', 'PYTHONPYCACHEPREFIX': ''})"),
    Row("an empty PYTHONHOME", "call(TOLD, env={'PYTHONHOME': ''})", since=(3, 8)),
    Row("LD_LIBRARY_PATH", "call([PY, '-c', code(TOLD)], env={'LD_LIBRARY_PATH': HERE, 'LD_AUDIT': ''})", sampled=True),
    Row("PYTHON variables, -S", "call([PY, '-S', TELL, NAME], env={'PYTHONPATH': 'a', 'PYTHONPYCACHEPREFIX': HERE})"),
    Row(
        "PYTHON variables, -I",
        "call([PY, '-I', TELL, NAME], env={'PYTHONPATH': 'a', 'PYTHONWARNINGS': 'error', 'PYTHONPYCACHEPREFIX': HERE})",
    ),
    Row("an environment that is not UTF-8", "call(TOLD, env={b'\\xe4': b'\\xff', 'LANG': 'C', 'NL': 'a\\nb', 'Q': '\\'\"'})"),
    Row("an environment near the limit", "call(TOLD, env={'V%d' % number: 'v' * 60000 for number in range(25)})", sampled=True),
    Row("the C environment", "os.putenv('BY_PUTENV', '1'); os.environ['BOTH'] = '1'; os.unsetenv('BOTH'); call(TOLD)"),
    Row("the C environment, os.execv", "os.putenv('BY_PUTENV', '1'); os.unsetenv('LANG'); os.execv(PY, TOLD)"),
    Row("os.environ replaced", "os.environ = {'A': 'b'}; call(TOLD)", sampled=True),
    Row("-I", "call([PY, '-I', TELL, NAME, 'a'])"),
    Row("-E", "call([PY, '-E', TELL, NAME, 'a'])"),
    Row("-S", "call([PY, '-S', TELL, NAME, 'a'])"),
    Row("-S -E", "call([PY, '-S', '-E', TELL, NAME, 'a'])", sampled=True),
    Row("-s -B -O -bb", "call([PY, '-s', '-B', '-O', '-bb', '-W', 'ignore', '-X', 'dev', TELL, NAME])", sampled=True),
    Row("-I -c", "call([PY, '-I', '-c', 'NAME = %r; exec(open(%r).read())' % (NAME, TELL), 'a', '-b'])"),
    Row("-m", "call([PY, '-m', 'tell', NAME], cwd=os.path.dirname(TELL))", sampled=True),
    Row("-E -m", "call([PY, '-E', '-m', 'tell', NAME], cwd=os.path.dirname(TELL))"),
    Row("-I -", "subprocess.run([PY, '-I', '-', 'a'], input=('NAME = %r; exec(open(%r).read())' % (NAME, TELL)).encode())"),
    Row(
        "options handed on",
        "call([PY, '-I', '-c', \"import subprocess, sys; args = subprocess._args_from_interpreter_flags()\\n\"\n"
        '"subprocess.call([sys.executable] + args + [%r, %r] + args)" % (TELL, NAME)])',
    ),
    Row(
        "options handed on, -S",
        "call([PY, '-S', '-E', '-c', \"import subprocess, sys; args = subprocess._args_from_interpreter_flags()\\n\"\n"
        '"subprocess.call([sys.executable] + args + [%r, %r] + args)" % (TELL, NAME)])',
    ),
    Row("multiprocessing spawn from -I", "call([PY, '-I', os.path.dirname(TELL) + '/spawner.py', NAME])"),
    Row("cwd", "os.mkdir('sub'); call(TOLD, cwd='sub')", sampled=True),
    Row("start_new_session", "call(TOLD, start_new_session=True)", sampled=True),
    Row("process_group", "call(TOLD, process_group=0)", since=(3, 11), sampled=True),
    Row("umask", "call(TOLD, umask=0o27)", since=(3, 9), sampled=True),
    Row("user and groups", "call(TOLD, user=os.getuid(), extra_groups=[os.getgid()])", since=(3, 9), sampled=True),
    Row("pass_fds", "r, w = os.pipe(); call(TOLD, pass_fds=[w])"),
    Row("close_fds=False", "r, w = os.pipe(); os.set_inheritable(w, True); call(TOLD, close_fds=False)"),
    Row("restore_signals=False", "call(TOLD, restore_signals=False)", sampled=True),
    Row("preexec_fn", "call(TOLD, preexec_fn=lambda: [os.umask(0o77), os.setsid(), os.environ.update(IN_CHILD='1'), os.unsetenv('LANG')])"),
    Row(
        "preexec_fn, with an environment",
        "call(TOLD, env={'A': 'b'}, cwd='/', preexec_fn=lambda: os.environ.update(IN_CHILD='1'))",
        sampled=True,
    ),
    Row("preexec_fn that raises", "result = told(lambda: call(TOLD, preexec_fn=lambda: 1 / 0))"),
    Row("posix_spawn inside subprocess", "call(TOLD, close_fds=False, env={'A': 'b', 'PYTHONPATH': 'c'})"),
    Row(
        "os.posix_spawn",
        "child = os.posix_spawn(PY, TOLD, {'A': 'b'}, setsigmask=[10], setpgroup=0, setsigdef=[13],"
        " file_actions=[(os.POSIX_SPAWN_DUP2, 1, 7)]); result = os.waitpid(child, 0)[1]",
        since=(3, 8),
    ),
    Row(
        "os.posix_spawn without an environment",
        "os.putenv('A', 'b'); result = os.waitpid(os.posix_spawn(PY, TOLD, None), 0)[1]",
        since=(3, 13),
    ),
    Row("os.execve", "os.execve(PY, TOLD, {'A': 'b'})"),
    Row("os.system", "os.environ['PYTHONPATH'] = \"it's\"; result = os.system(' '.join(TOLD))"),
    Row("os.system, a shell's own changes", "result = os.system('A=b; export A; cd /; ' + ' '.join(TOLD))", sampled=True),
    Row("os.popen", "result = os.popen(' '.join(TOLD)).close()", sampled=True),
    Row("a script", "call([script('run', PY + ' -E', 'exec(open(%r).read())' % TELL), NAME, 'a'], env={})", sampled=True),
    Row(
        "a script through env",
        "call([script('run', '/usr/bin/env -S A=b %s -I' % PY, 'exec(open(%r).read())' % TELL), NAME, 'a'], env={})",
        sampled=True,
    ),
    Row(
        "a relative script, cwd",
        "os.mkdir('sub'); script('sub/run', PY + ' -I', 'exec(open(%r).read())' % TELL); call(['./run', NAME], cwd='sub')",
        sampled=True,
    ),
    Row("env", "call(['env', '-u', 'LANG', 'A=b'] + TOLD)", sampled=True),
    Row("env prints", "result = sorted(subprocess.check_output(['env']).splitlines())", sampled=True),
    Row("env prints what it gets", "result = subprocess.check_output(['/usr/bin/env'], env={'A': 'b', 'PYTHONPATH': 'c'})", sampled=True),
    Row("from a virtual environment to its base", "call([BASE, TELL, NAME])", sampled=True),
    Row("argv[0]", "call(['other'] + TOLD[1:], executable=PY)", until=(3, 14), sampled=True),
    Row("argv[0] is the base on PATH", "call(['python'] + TOLD[1:], executable=PY, env={'PATH': os.path.dirname(BASE)})", sampled=True),
    Row("argv[0] is the base", "call([BASE, '-I'] + TOLD[1:], executable=PY)", sampled=True),
    Row("argv[0] is the virtual environment", "call([PY, '-I'] + TOLD[1:], executable=BASE)"),
    Row("argv[0] is another version", "call([OTHERS['3.13']] + TOLD[1:], executable=PY)", sampled=True),
    Row("argv[0], -I -i", "call(['python', '-I', '-i'] + TOLD[1:], executable=PY, env={})", until=(3, 14)),
    Row("argv[0], -I", "call(['other', '-I'] + TOLD[1:], executable=PY)", until=(3, 14), sampled=True),
    # exit codes, output, errors
    Row(
        "exit codes",
        "result = [call([PY, option, '-c', 'import os; ' + end]) for option in ('-B', '-I') for end in "
        "('raise SystemExit(3)', '1 / 0', 'os.kill(os.getpid(), 9)')]",
    ),
    Row(
        "exit codes of os.system",
        "result = [os.system(command) for command in ('', 'true', 'exit 3', 'kill -9 $$', 'if', 'nowhere', '# no', b'false')]",
    ),
    Row(
        "output",
        "result = [subprocess.Popen([PY, option, '-c', 'import sys; sys.stderr.write(sys.stdin.read()); sys.stderr.flush(); print(1)'], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE, stderr=subprocess.STDOUT).communicate(b'in') for option in ('-B', '-I')]",
    ),
    Row(
        "answers of the interpreter",
        "result = [subprocess.run([PY] + options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout"
        " for options in (['-V'], ['-IV'], ['-h'], ['-Z'], ['-c'])]",
        sampled=True,
    ),
    Row("no such program", "result = [told(lambda: call([name])) for name in ('nowhere', './nowhere', '/nowhere', '', 'a\\0b')]"),
    Row(
        "no such program, by other ways",
        "result = [told(lambda: os.execv('/nowhere', ['a'])), told(lambda: os.execve('/nowhere', ['a'], {})),"
        " told(lambda: os.execvp('nowhere', ['a'])), told(lambda: os.execvpe('nowhere', ['a'], {})), told(lambda: call(['a'], executable='/nowhere'))]",
    ),
    Row(
        "no such program, os.posix_spawn",
        "result = [told(lambda: spawn('/nowhere', ['a'], {})) for spawn in (os.posix_spawn, os.posix_spawnp)]\n"
        "result.append(told(lambda: os.posix_spawnp('nowhere', ['a'], {})))",
        since=(3, 8),
    ),
    Row(
        "not executable",
        "open('file', 'w').close(); open('empty', 'w').close(); os.chmod('empty', 0o755); os.mkdir('folder')\n"
        "script('lost', '/nowhere/python'); script('lost_env', '/usr/bin/env nowhere')\n"
        "result = [told(lambda: call(['./' + name])) for name in ('file', 'empty', 'folder', 'lost', 'lost_env', 'file/a')]\n"
        "result += [told(lambda: os.execv(name, ['a'])) for name in ('file', 'empty', 'folder', 'lost')]",
    ),
    Row(
        "not executable, os.posix_spawn",
        "open('file', 'w').close(); open('empty', 'w').close(); os.chmod('empty', 0o755)\n"
        "result = [told(lambda: os.posix_spawn(name, ['a'], {})) for name in ('file', 'empty', '.')]",
        since=(3, 8),
    ),
    Row("no such directory", "result = [told(lambda: call(TOLD, cwd=name)) for name in ('/nowhere', 'nowhere', '', 'a\\0b', PY)]"),
    Row(
        "arguments of wrong types",
        "result = [told(call) for call in (lambda: call([1]), lambda: call([PY, 1]), lambda: call([PY], env={'a': 1}),"
        " lambda: call([PY], env={'a=b': 'c'}), lambda: call([PY], env=5), lambda: call([PY, 'a\\0']), lambda: call([PY], env={'a': 'b\\0'}))]",
    ),
    Row(
        "arguments of wrong types, os.exec*",
        "result = [told(call)[0] for call in (lambda: os.execv(PY, []), lambda: os.execv(PY, 'a'), lambda: os.execve(PY, ['a'], None),"
        " lambda: os.execv(PY, ['']), lambda: os.execve(PY, ['a'], {'a=b': 'c'}), lambda: os.execv(5, ['a']), lambda: os.execve(1.5, ['a'], {}),"
        " lambda: os.execv(PY), lambda: os.execv('a\\0', ['a']), lambda: os.execve(999, ['a'], {}), lambda: os.system(5), lambda: os.system('a\\0'))]",
    ),
    Row(
        "subclasses of Popen",
        "result = subprocess.Popen[str].__origin__.__name__ if sys.version_info >= (3, 9) else None\n"
        "Sub = type('Sub', (subprocess.Popen,), {}); child = Sub([PY, '-c', 'print(5)'], stdout=subprocess.PIPE, universal_newlines=True)\n"
        "result = (result, child.communicate(), isinstance(child, subprocess.Popen))",
    ),
    Row(
        "names and places of the functions",
        "result = [(f.__name__, f.__qualname__, f.__module__, f.__doc__, f in os.supports_fd) for f in"
        " (os.execv, os.execve, os.system, os.putenv, os.unsetenv)]",
    ),
]

DIFFERS = {"user and groups": "no capabilities, no new privileges"}
"""What is not as without hermetic, under the kernel's rules, in words of the README."""

PYPY = {"plain", "-I", "-S", "os.execve", "no such program"}
"""What is tried with PyPy."""


def applies(row, version, pypy):
    """Whether a row is for this interpreter."""
    if pypy:
        return row.name in PYPY
    return row.since <= version < row.until and (version in SAMPLE or not row.sampled)
