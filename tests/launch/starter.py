"""Runs the rows of a table, each in a fork of its own. Valid on Python 3.6.

    starter.py WORLD TABLE     WORLD: where `world.py` has prepared what rows need; TABLE: start_rows or faithful_rows

The error of a row that raised is left in WORLD/out/NAME.error, its result in NAME.result, and what its processes print in NAME.log.
"""

import importlib
import json
import os
import shutil
import signal
import sys

AT_ONCE = 3
PATIENCE_S = 60


def main(world, table):
    helpers = imported()
    rows = importlib.import_module(table)
    with open(world + "/settings.json") as file:
        settings = json.load(file)
    pypy = sys.implementation.name == "pypy"
    running = set()
    for number, row in enumerate(rows.ROWS):
        if not rows.applies(row, sys.version_info[:2], pypy):
            continue
        if len(running) == AT_ONCE:
            running.remove(os.wait()[0])
        sys.stdout.flush()
        child = os.fork()
        if not child:
            run(world, settings, str(number), row.snippet, helpers)
        running.add(child)
    while running:
        running.remove(os.wait()[0])


def imported():
    """The modules that rows use, imported once."""
    names = (
        "asyncio concurrent.futures.process multiprocessing.popen_spawn_posix multiprocessing.popen_forkserver pathlib pty shlex subprocess"
    )
    for name in names.split():
        importlib.import_module(name)
    import ask

    modules = {name: sys.modules[name] for name in "asyncio concurrent multiprocessing os pathlib pty shlex subprocess sys".split()}
    return dict(modules, ask=ask.ask, call=modules["subprocess"].call)


def run(world, settings, name, snippet, helpers):
    """Run one row, in a process group of its own, and leave."""
    signal.alarm(PATIENCE_S)
    here = world + "/rows/" + name
    os.makedirs(here)
    os.chdir(here)
    log = os.open("%s/out/%s.log" % (world, name), os.O_WRONLY | os.O_CREAT, 0o666)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    names = dict(namespace(world, settings, name, here), **helpers)
    try:
        exec(snippet, names)
    except BaseException as error:
        write("%s/out/%s.error" % (world, name), "%s: %s" % (type(error).__name__, error))
    write("%s/out/%s.result" % (world, name), repr(names.get("result")))
    sys.stdout.flush()
    os._exit(0)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def namespace(world, settings, name, here):
    ask_script = world + "/ask.py"
    words = [sys.executable, ask_script, name]
    return {
        "ASK": ask_script,
        "BASE": settings["base"],
        "Bytes": Bytes,
        "CODE": 'import sys; sys.argv = ["-c", "%s"]; __name__ = "__main__"; exec(open("%s").read())' % (name, ask_script),
        "HERE": here,
        "LIBRARY": settings["library"],
        "LINE": " ".join(words),
        "LONG": "x" * 131000,
        "NAME": name,
        "OTHERS": settings["others"],
        "PRELOADED": 'assert "%s" in open("/proc/self/maps").read()\n' % os.path.realpath(settings["library"]),
        "PY": sys.executable,
        "TELL": world + "/tell.py",
        "TOLD": [sys.executable, world + "/tell.py", name],
        "TOOL": world + "/tool",
        "Text": Text,
        "WORDS": words,
        "code": code,
        "copied": copied,
        "customized": customized,
        "fork_exec": fork_exec,
        "forged": forged,
        "led_astray": led_astray,
        "script": lambda path, *lines: script(path, ask_script, *lines),
        "told": told,
    }


class Text(str):
    """Pretends to be `-V` to whoever asks."""

    def __getitem__(self, item):
        return "-V"[item]

    def __eq__(self, other):
        return other == "-V"

    def __hash__(self):
        return hash("-V")

    def startswith(self, *_):
        return False


class Bytes(bytes):
    """Equal to nothing."""

    def __eq__(self, other):
        return False

    def __hash__(self):
        return 4711


def told(call):
    """The error of a call."""
    try:
        return "no error: %r" % (call(),)
    except Exception as error:
        return type(error).__name__, getattr(error, "errno", None), getattr(error, "filename", None), str(error)


def code(*commands):
    """Code for -c that runs commands."""
    return "import subprocess; " + "; ".join("subprocess.call(%r)" % (command,) for command in commands)


def script(path, ask, first, second=""):
    """A script that asks, by itself if its second line is no command."""
    body = "" if second.startswith(("/", "exec(")) else "exec(open(%r).read())" % ask
    with open(path, "w") as file:
        file.write("#!%s\n%s\n%s\n" % (first, second, body))
    os.chmod(path, 0o755)
    return os.path.abspath(path)


def fork_exec(arguments, executables, environment):
    """_posixsubprocess.fork_exec with as many arguments as this version wants."""
    import _posixsubprocess

    error, ours = os.pipe()
    descriptors = [-1] * 6 + [error, ours]
    more = [] if sys.version_info < (3, 9) else [None, None, None, -1]
    more = [-1] + more if sys.version_info >= (3, 11) else more
    last = [None, False] if (3, 11) <= sys.version_info < (3, 14) else [None]
    child = _posixsubprocess.fork_exec(
        arguments, executables, True, (ours,), None, environment, *(descriptors + [False, False] + more + last)
    )
    os.waitpid(child, 0)


def copied(name):
    """A copy of this interpreter."""
    shutil.copy(os.path.realpath(sys.executable), name)
    return os.path.abspath(name)


def customized(ask, name):
    """A directory with a sitecustomize that asks."""
    os.mkdir("custom")
    with open("custom/sitecustomize.py", "w") as file:
        file.write("import sys; sys.path.insert(0, %r); import ask; ask.ask(%r)" % (os.path.dirname(ask), name))
    return os.path.abspath("custom")


def forged(code):
    """A directory for PYTHONPYCACHEPREFIX in which the bytecode of `warnings` does something else first."""
    import importlib.util
    import marshal
    import warnings

    sys.pycache_prefix = os.path.abspath("prefix")
    path = importlib.util.cache_from_source(warnings.__file__)
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8))  # unchecked, by its hash
        file.write(marshal.dumps(compile(preceded(code, warnings.__file__), warnings.__file__, "exec")))
    return sys.pycache_prefix


def led_astray(code):
    """An interpreter whose library is the real one, but for `warnings`, which does something else first."""
    library = os.path.dirname(os.__file__)
    ours = os.path.abspath("other/lib/" + os.path.basename(library))
    os.makedirs(ours)
    for name in os.listdir(library):
        if name != "__pycache__":  # where the bytecode of ours would take the place of theirs
            os.symlink(os.path.join(library, name), os.path.join(ours, name))
    os.remove(ours + "/warnings.py")
    with open(ours + "/warnings.py", "w") as file:
        file.write(preceded(code, library + "/warnings.py"))
    for name in ("bin", "other/bin"):
        os.mkdir(name)
        shutil.copy("/bin/true", name + "/python") if name == "other/bin" else os.symlink(sys.executable, name + "/python")
    with open("pyvenv.cfg", "w") as file:
        file.write("home = %s\n" % os.path.abspath("other/bin"))
    return os.path.abspath("bin/python")


def preceded(code, path):
    with open(path) as file:
        return "exec(%r, {})\n%s" % (code, file.read().replace("from __future__", "# "))


if __name__ == "__main__":
    sys.path[:0] = [sys.argv[1]]
    main(sys.argv[1], sys.argv[2])
