"""Children that are to be without the guard: by their environment, their options, the way they are started, or by not being Python."""

from __future__ import annotations

from containment.attempt import BEYOND, Admitted, attempts

FOREIGN = (Admitted("*Programs that are not Python*"),)
SHELL = (Admitted("a shell's `python -I` or `env -i python`"),)
CHANGED = (Admitted("a shell that changes PYTHONPATH"),)
RENAMED = (Admitted("*Interpreters that are not called like one*"),)

child = attempts("tcp", "--no-network")
CALL = "CALL = 'import socket; socket.create_connection(%r)' % (OUT,)\nimport subprocess\n"


def starts(name: str, code: str, **more):
    """CALL is what the child shall do."""
    return child(name, CALL + code, **more)


ENVIRONMENTS = [
    starts("plain", "subprocess.call([PY, '-c', CALL])"),
    starts("no environment", "subprocess.call([PY, '-c', CALL], env={})"),
    starts("no environment, with a shell", "subprocess.call(['/bin/sh', '-c', '\"$0\" -c \"$1\"', PY, CALL], env={})"),
    starts("the guard's variables taken out", "[os.environ.pop(name) for name in list(os.environ) if 'HERMETIC' in name or 'PYTHON' in name]\nsubprocess.call([PY, '-c', CALL])"),
    starts("the C environment cleared", "for name in list(os.environ): os.unsetenv(name)\nsubprocess.call([PY, '-c', CALL])"),
    starts("warnings of one's own", "subprocess.call([PY, '-c', CALL], env={'PYTHONWARNINGS': 'ignore'})"),
    starts("a path of one's own", "put('sitecustomize.py', CALL); subprocess.call([PY, '-c', ''], env={'PYTHONPATH': '.'})"),
    starts("encodings of one's own", "os.mkdir('encodings'); put('encodings/__init__.py', 'import _socket; _socket.socket().connect(%r)' % (OUT,))\nsubprocess.call([PY, '-c', CALL], env={'PYTHONPATH': '.'})"),
    starts("a policy of one's own", "os.environ.update(_HERMETIC_POLICY='hermetic-policy 2\\non_violation refuse\\n'); subprocess.call([PY, '-c', CALL])"),
    starts("a run of one's own", "os.environ.update(_HERMETIC='1:%s:1:1:early:%s' % ('0' * 64, os.getcwd())); subprocess.call([PY, '-c', CALL])"),
    starts("a library of one's own", """
import shutil, sysconfig
lib = sysconfig.get_path('stdlib'); own = os.path.join('lib', os.path.basename(lib)); os.makedirs('lib')
os.mkdir(own)
for name in os.listdir(lib): os.symlink(os.path.join(lib, name), os.path.join(own, name))
os.remove(own + '/warnings.py'); put(own + '/warnings.py', CALL)
subprocess.call([PY, '-W', 'ignore', '-c', CALL], env={'PYTHONHOME': os.getcwd()})""", cpython=True),
    starts("bytecode of one's own", "subprocess.call([PY, '-c', CALL], env={'PYTHONPYCACHEPREFIX': os.getcwd()})", since=(3, 8)),
    starts("a startup file", "put('start.py', CALL); subprocess.call([PY, '-i'], env={'PYTHONSTARTUP': 'start.py'}, stdin=subprocess.DEVNULL)", cpython=True),
    starts("a breakpoint", "subprocess.call([PY, '-c', 'breakpoint()'], env={'PYTHONBREAKPOINT': 'breaks.go', 'PYTHONPATH': SCRIPTS})", since=(3, 7),
           files={"script/breaks.py": "import socket\ndef go(*_): socket.create_connection(OUT)\n"}),
]  # fmt: skip

OPTIONS = [
    *[starts(f"with {' '.join(options)}", f"subprocess.call([PY, *{options!r}, '-c', CALL], env={{}})")
      for options in (["-I"], ["-E"], ["-S"], ["-s", "-B"], ["-I", "-S"], ["-ISB"], ["-X", "dev"], ["-W", "ignore"], ["-OO"])],
    starts("with -Ibc", "subprocess.call([PY, '-Ibc', CALL])"),
    starts("with -I, from stdin", "subprocess.run([PY, '-I', '-'], input=CALL.encode())"),
    starts("with nothing, from stdin", "subprocess.run([PY], input=CALL.encode(), env={})"),
    starts("interactive", "subprocess.run([PY, '-I', '-i'], input=CALL.encode(), env={})"),
    starts("with -m", "subprocess.call([PY, '-m', 'calling'], cwd=SCRIPTS, env={})", files={"script/calling.py": "import socket; socket.create_connection(OUT)\n"}),
    starts("a script", "subprocess.call([PY, '-I', SCRIPTS + '/calling.py'], env={})", files={"script/calling.py": "import socket; socket.create_connection(OUT)\n"}),
    starts("an archive", """
import zipfile
with zipfile.ZipFile('app', 'w') as archive: archive.writestr('__main__.py', CALL)
subprocess.call([PY, '-I', 'app'], env={})"""),
    starts("a directory", "os.mkdir('app'); put('app/__main__.py', CALL); subprocess.call([PY, '-I', 'app'], env={})"),
    starts("another argv[0]", "subprocess.call(['not-python', '-I', '-c', CALL], executable=PY, env={})", until=(3, 14)),
]  # fmt: skip

WAYS = [
    starts("posix_spawn, no environment", "os.waitpid(os.posix_spawn(PY, [PY, '-c', CALL], {}), 0)", since=(3, 8), cpython=True),
    starts("execve, no environment", "os.execve(PY, [PY, '-c', CALL], {})"),
    starts("execv, when the environment is cleared", "os.environ.clear(); os.execv(PY, [PY, '-I', '-c', CALL])"),
    starts("execvpe", "os.execvpe(PY, [PY, '-c', CALL], {})"),
    starts("execve, by descriptor", "os.execve(os.open(PY, os.O_RDONLY), [PY, '-I', '-c', CALL], {})"),
    starts("spawnve", "os.spawnve(os.P_WAIT, PY, [PY, '-I', '-c', CALL], {})"),
    starts("system", "os.environ.pop('PYTHONPATH', 0); put('run.py', CALL); os.system(PY + ' run.py')"),
    starts("popen, -I", "put('run.py', CALL); os.popen(PY + ' -I run.py').close()", layers=BEYOND),
    starts("a shell's python -I", "put('run.py', CALL); subprocess.call(['sh', '-c', PY + ' -I run.py'])", admitted=SHELL),
    starts("env -i", "subprocess.call(['env', '-i', PY, '-c', CALL])"),
    starts("a shell's env -i", "put('run.py', CALL); os.system('env -i %s run.py' % PY)", admitted=SHELL),
    starts("a shell in a shell", "put('run.py', CALL); os.system('sh -c \"exec %s run.py\"' % PY)"),
    starts("a shell that unsets", "put('run.py', CALL); os.system('unset PYTHONPATH PYTHONWARNINGS; exec %s run.py' % PY)", admitted=CHANGED),
    starts("nice", "subprocess.call(['nice', PY, '-I', '-c', CALL], env={})", layers=BEYOND),
    starts("setsid", "subprocess.call(['setsid', '-w', PY, '-c', CALL])"),
    starts("timeout", "subprocess.call(['timeout', '9', PY, '-I', '-c', CALL])", layers=BEYOND),
    starts("xargs", "put('run.py', CALL); subprocess.run(['xargs', PY], input=b'run.py')"),
    starts("find", "put('run.py', CALL); subprocess.call(['find', 'run.py', '-exec', PY, '{}', ';'])"),
    starts("perl", "subprocess.call(['perl', '-e', 'exec @ARGV', PY, '-I', '-c', CALL])", layers=BEYOND),
    starts("awk", "put('run.py', CALL); subprocess.call(['awk', 'BEGIN { system(\"%s run.py\") }' % PY])"),
    starts("a script with -E", "put('run', '#!%s -E\\n%s' % (PY, CALL)); subprocess.call(['./run'], env={})"),
    starts("a script by env -S", "put('run', '#!/usr/bin/env -S -i %s -I\\n%s' % (PY, CALL)); subprocess.call(['./run'], env={})"),
    starts("a shell script that is Python's", "put('run', '#!/bin/sh\\n\\'\\'\\'exec\\' \"%s\" -I \"$0\" \"$@\"\\n\\'\\'\\'\\n%s' % (PY, CALL)); subprocess.call(['./run'], env={})"),
    starts("a link to the interpreter", "os.symlink(PY, 'harmless'); subprocess.call(['./harmless', '-I', '-c', CALL], env={})"),
    starts("a copy of the interpreter", """
import shutil
os.makedirs('own/bin'); shutil.copy(os.path.realpath(PY), 'own/bin/harmless'); os.symlink(sys.base_prefix + '/lib', 'own/lib')
subprocess.call(['own/bin/harmless', '-I', '-c', CALL], env={})""", admitted=RENAMED, cpython=True, until=(3, 14)),
    starts("the loader", "loader = next((l.split()[-1] for l in open('/proc/self/maps') if '/ld-linux' in l), None); subprocess.call([loader, os.path.realpath(PY), '-I', '-c', CALL], env={})", admitted=FOREIGN),
    starts("by /proc/self/exe", "subprocess.call(['/proc/self/exe', '-I', '-c', CALL], env={})"),
    starts("asyncio", "import asyncio\nasync def main(): await (await asyncio.create_subprocess_exec(PY, '-I', '-c', CALL, env={})).wait()\nasyncio.run(main())", since=(3, 8)),
    starts("before the start", "subprocess.call(['true'], preexec_fn=lambda: exec(CALL))"),
    starts("multiprocessing, fork", "import multiprocessing as m; p = m.get_context('fork').Process(target=exec, args=(CALL,)); p.start(); p.join()"),
    *[starts(f"multiprocessing, {how}", f"if __name__ == '__main__':\n    import multiprocessing as m; p = m.get_context({how!r}).Process(target=exec, args=(CALL,)); p.start(); p.join()")
      for how in ("spawn", "forkserver")],
    starts("spawnv_passfds", "from multiprocessing.util import spawnv_passfds as s; os.waitpid(s(os.fsencode(PY), [PY, '-I', '-c', CALL], ()), 0)", cpython=True),
    starts("a terminal's", "import pty; pty.spawn([PY, '-I', '-c', CALL])"),
    starts("a daemon", "if not os.fork():\n    os.setsid()\n    if not os.fork(): os.execve(PY, [PY, '-I', '-c', 'import time; time.sleep(.3); ' + CALL], {})\n    os._exit(0)", late=0.8),
    starts("left in the background", "put('run.py', 'import time; time.sleep(.3); ' + CALL); os.system('nohup setsid %s -I run.py >/dev/null 2>&1 &' % PY)", late=0.8),
    starts("another interpreter", "subprocess.call(['/usr/bin/python3', '-I', '-c', CALL], env={})"),
    starts("an environment of its own", "subprocess.call([PY, '-m', 'venv', '--without-pip', 'env']); subprocess.call(['env/bin/python', '-I', '-c', CALL], env={})", only=("3.11",)),
]  # fmt: skip

PROGRAMS = [
    child("curl", "import subprocess; subprocess.call(['curl', '-sm', '1', URL])", admitted=FOREIGN, probe="import shutil; assert shutil.which('curl')"),
    child("bash", "import subprocess; subprocess.call(['bash', '-c', 'echo >/dev/tcp/%s/80' % HOST])", layers=BEYOND),
    child("perl's sockets", "import subprocess; subprocess.call(['perl', '-MIO::Socket::INET', '-e', 'IO::Socket::INET->new(shift)', HOST + ':80'])", layers=BEYOND),
    child("a C program", "import subprocess; subprocess.call([VISIT, HOST, '80'])", layers=BEYOND),
    *[child(f"{name}, where no process may be started", code, flags=("--no-network", "--no-subprocess"))
      for name, code in {
          "curl": "os.system('curl -sm 1 ' + URL)",
          "bash": "import subprocess; subprocess.call(['bash', '-c', 'echo >/dev/tcp/%s/80' % HOST])",
          "a C program": "os.execv(VISIT, [VISIT, HOST, '80'])",
          "an isolated Python": "import subprocess; subprocess.call(['sh', '-c', '\"$0\" -I -c \"$1\"', PY, 'import socket; socket.create_connection(%r)' % (OUT,)])",
      }.items()],
]  # fmt: skip

PLANTED = "import socket; socket.create_connection(OUT)\n"
BEFORE = [
    child("a line in a .pth file", "", files={"packages/a.pth": "import planted\n", "packages/planted.py": PLANTED}),
    child("a line in a .pth file, as found in the wild", "", files={
        "packages/a-nspkg.pth": "import os, sys, base64;exec(base64.b64decode('ZXhlYyhvcGVuKG9zLnBhdGguZGlybmFtZShvcy5nZXRjd2QoKSkgKyAnL3NjcmlwdC9wbGFudGVkLnB5JykucmVhZCgpKQ=='))\n",
        "script/planted.py": PLANTED}),
    child("sitecustomize", "", files={"packages/sitecustomize.py": PLANTED}),
    child("usercustomize", "", files={"user/usercustomize.py": PLANTED}),
    child("a line in a .pth file of the user's", "", files={"user/a.pth": "import planted\n", "user/planted.py": PLANTED}),
    child("a .start file", "", files={"packages/a.start": "planted:go\n", "packages/planted.py": "import socket\ndef go(): socket.create_connection(OUT)\n"}, since=(3, 15)),
    *[child(f"a {name} beside the program", "import socket; socket.create_connection(OUT)", files={f"script/{name}.py": PLANTED.replace("socket", "_socket as s; s.socket().connect(OUT) #")})
      for name in ("sitecustomize", "_hermetic_early", "hermetic_guard", "warnings", "json", "resource")],
    child("a package that is imported", "import planted", files={"packages/planted/__init__.py": PLANTED}),
    child("a package's tests", "import unittest; unittest.main('planted', argv=['x'], exit=False)",
          files={"packages/planted.py": "import unittest, socket\nclass T(unittest.TestCase):\n    def test(self): socket.create_connection(OUT)\n"}),
    child("what an installer runs", """
        import subprocess
        os.mkdir('p')
        put('p/pyproject.toml', '[build-system]\\nrequires = []\\nbuild-backend = "backend"\\nbackend-path = ["."]\\n[project]\\nname = "p"\\nversion = "1"\\n')
        put('p/backend.py', 'import socket; socket.create_connection(%r)' % (OUT,))
        subprocess.call([PY, '-m', 'pip', '--isolated', '-q', 'install', '--no-index', '--no-deps', '--target', 'to', './p'])""",
          only=("3.11",), probe="import pip"),
    child("what an installer runs, without isolation", """
        import subprocess
        os.mkdir('p'); put('p/setup.py', 'import socket; socket.create_connection(%r)' % (OUT,))
        subprocess.call([PY, 'setup.py', 'install'], cwd='p')"""),
]  # fmt: skip

ATTEMPTS = [*ENVIRONMENTS, *OPTIONS, *WAYS, *PROGRAMS, *BEFORE]
