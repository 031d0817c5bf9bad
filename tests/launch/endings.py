"""Ways in which a program ends, for test_fidelity.py: each in a fork of this process, which goes all the way out. Valid on Python 3.6.

Prints, for each, its status, what it printed and what it complained of.
"""

import os
import sys


def returns():
    print("out")


def exits():
    sys.exit(3)


def exits_with_words():
    sys.exit("words")


def exits_at_once():
    os._exit(5)


def raises():
    raise ValueError("a", "b")


def raises_in_turn():
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("second") from error


def raises_deeper():
    sorted([1, 2], key=lambda value: value / 0)


def recurses():
    sys.setrecursionlimit(80)
    recurses()


def does_not_parse():
    exec(compile("a = = b", "<text>", "exec"))


def imports_what_is_not_there():
    import not_there  # noqa: F401


def imports_a_broken_library():
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        from importlib.machinery import EXTENSION_SUFFIXES

        path = os.path.join(directory, "broken_library" + EXTENSION_SUFFIXES[0])
        with open(path, "w") as file:
            file.write("no ELF")
        os.rename(path, "/tmp/broken_library" + EXTENSION_SUFFIXES[0])
    sys.path.insert(0, "/tmp")
    try:
        import broken_library  # noqa: F401
    finally:
        os.remove("/tmp/broken_library" + EXTENSION_SUFFIXES[0])


def is_interrupted():
    raise KeyboardInterrupt


def is_killed():
    import signal

    os.kill(os.getpid(), signal.SIGTERM)


def fails_in_a_thread():
    import threading

    thread = threading.Thread(target=raises)
    thread.start()
    thread.join()


def fails_in_del():
    class Odd:
        def __del__(self):
            raise ValueError("in __del__")

    Odd()


def fails_at_exit():
    import atexit

    atexit.register(raises)


def fails_in_its_own_hook():
    def hook(kind, value, traceback):
        raise KeyError("in the hook")

    sys.excepthook = hook
    raises()


def has_its_own_hook():
    sys.excepthook = lambda kind, value, traceback: print("mine", kind, value, traceback.tb_next is not None)
    raises()


def fails_to_open():
    open("/nonexistent/file")  # noqa: SIM115


def fails_to_start():
    import subprocess

    subprocess.call(["/nonexistent/program"])


def try_each():
    """Returns in a fork, with the name of what it has to run; never in the process itself."""
    import json
    import tempfile

    seen = {}
    for name in sorted(ENDINGS):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if pid == 0:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                return name
            status = os.waitpid(pid, 0)[1]
            seen[name] = [status] + [read(file) for file in (out, err)]
    print(json.dumps(seen))
    sys.exit()


def read(file):
    file.seek(0)
    return file.read().decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    ENDINGS = [name for name, value in globals().items() if callable(value) and name not in ("try_each", "read")]
    ENDING = globals()[try_each()]
    ENDING()
