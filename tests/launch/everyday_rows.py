"""Programs that people run every day, and that have to go on working under every guard: one table."""

import signal
from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from launch.everyday_users import asks, debugs, edits, sends_a_task, served, types, waits


class Row(NamedTuple):
    """A program.

    command: as typed in an environment that is active; PORT is a free one
    prints:  what then stands in its output
    needs:   by guard, the options that it cannot do without
    user:    what is done with it meanwhile
    pythons: those that it is run by
    refused: what it may ask for, and does without, by guard
    recipe:  the environment it is installed in; soak: whether it takes its time, see scripts/soak
    """

    command: tuple[str, ...]
    prints: str
    needs: Mapping[str, tuple[str, ...]] = {}
    user: Callable = waits
    pythons: tuple[str, ...] = ("3.8", "3.11", "3.13")
    refused: Mapping[str, Set[str]] = {}
    recipe: str = "everyday"
    soak: bool = False


LOCALHOST = {"network": ("--allow-localhost",)}
LISTENING = {"network": ("--allow-listen=PORT",)}
PROCESSES = {"subprocess": ("--allow-run=python",)}
SERVER = {**LOCALHOST, **PROCESSES}
HERE = {"filesystem": ("--allow-write=.",)}
HERE_AS_WELL = {"filesystem": ()}
"""It needs nothing where one would think so."""
CTYPES = {"native": ("--allow-native=ctypes",)}
PLATFORM = {"subprocess": {"start(/usr/bin/uname)"}}
"""platform.processor() asks a program; so do platform.uname() and all that goes by it, until 3.8."""

NEW = ("3.11", "3.13")

DONE = "[0, 2, 4, 6]\nsent {'key': 'kept'} 0\n"
DEBUGGING = (("(Pdb) ", "b 8\n"), ("(Pdb) ", "c\n"), ("(Pdb) ", "p f'result = {result - 4}'\n"), ("(Pdb) ", "q\n"))
JUPYTER_HERE = ("env", *(f"{name}=." for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")))
DAY = "import datetime, zoneinfo as z; print(datetime.datetime(2024, 7, 1, tzinfo=z.ZoneInfo('Europe/Berlin')))"

ROWS = {
    "pdb": Row(("python", "-m", "pdb", "counting.py"), "result = 6", user=types(*DEBUGGING)),
    "coverage": Row(("coverage", "run", "--branch", "counting.py"), "total 10\n", HERE, refused={"native": {"import(coverage.tracer)"}}),
    "debugpy": Row(
        ("python", "-m", "debugpy", "--listen", "127.0.0.1:PORT", "--wait-for-client", "counting.py"),
        "total 10",
        {**SERVER, "native": ("--allow-native=ctypes", "--allow-native=debugpy")},
        debugs,
        refused=PLATFORM,
    ),
    "pytest-xdist": Row(
        ("pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_sample.py"), "6 passed in", PROCESSES, refused=PLATFORM
    ),
    "uvicorn --reload": Row(
        ("uvicorn", "--reload", "--port", "PORT", "asgi_app:app"), "Reloading...", SERVER, served(edits("asgi_app.py"))
    ),
    "gunicorn": Row(
        ("gunicorn", "-b", "127.0.0.1:PORT", "-w", "1", "wsgi_app:app"),
        "Booting worker",
        SERVER,
        served(asks),
        refused={"filesystem": {"create(~/.gunicorn/gunicorn.ctl)"}},
    ),
    "flask": Row(
        ("flask", "--app", "flask_app", "run", "--debug", "--port", "PORT"),
        "Restarting with",
        {**SERVER, **CTYPES},  # multiprocessing.Value
        served(edits("flask_app.py"), signal.SIGINT),
        refused={"native": {"import(markupsafe._speedups)"}},
    ),
    "flask on all addresses": Row(
        ("flask", "--app", "flask_app", "run", "--host", "0.0.0.0", "--port", "PORT"),
        "Running on all addresses",
        LISTENING,
        served(asks),
        refused={"native": {"import(markupsafe._speedups)"}},
    ),
    "uvicorn on all addresses": Row(
        ("uvicorn", "--host", "0.0.0.0", "--port", "PORT", "asgi_app:app"), "GET / HTTP/1.1", LISTENING, served(asks)
    ),
    "http.server": Row(("python", "-u", "-m", "http.server", "PORT"), "GET / HTTP/1.1", LISTENING, served(asks)),
    "celery": Row(
        ("celery", "-A", "tasks", "worker", "-c", "1", "-l", "INFO"),
        "succeeded in",
        {**PROCESSES, **HERE, **CTYPES},
        served(sends_a_task),
        refused={
            **PLATFORM,
            "native": {"import(wcwidth._wcwidth_c)", "import(psutil._psutil_linux)", "import(backports.zoneinfo._czoneinfo)"},
        },
    ),
    "multiprocessing fork": Row(("python", "processes.py", "fork"), DONE, PROCESSES),
    "multiprocessing spawn": Row(("python", "processes.py", "spawn"), DONE, PROCESSES),
    "multiprocessing forkserver": Row(("python", "processes.py", "forkserver"), DONE, PROCESSES),
    "concurrent.futures": Row(("python", "futures.py"), "[0, 2, 4, 6]\n[0, 2, 4, 6]\n", PROCESSES),
    "subprocess": Row(
        ("python", "children.py"),
        "(b'asyncio\\n', None)",
        {"subprocess": tuple(f"--allow-run={name}" for name in ("python", "sh", "ls", "cat"))},
    ),
    "getpass": Row(
        ("python", "-c", "import getpass; print('length', len(getpass.getpass('secret? ')))"),
        "length 3",
        HERE_AS_WELL,
        user=types(("secret? ", "abc\n")),
    ),
    "files": Row(("python", "files.py"), "5 14 7\n(3,)\nFalse\n", HERE_AS_WELL),
    "zoneinfo": Row(("python", "-c", DAY), "2024-07-01 00:00:00+02:00\n", pythons=NEW),
    "curses": Row(("python", "screen.py"), "pressed ('q', True, True)", user=types(("press a key", "q"))),
    "numpy and pandas": Row(
        ("python", "arrays.py"), "True\n3\n", {"native": tuple(f"--allow-native={name}" for name in ("numpy", "pandas", "ctypes"))}
    ),
    "jupyter console": Row(
        (*JUPYTER_HERE, "jupyter-console", "--no-confirm-exit", "--simple-prompt"),
        "product 42",
        {**SERVER, **HERE, "native": tuple(f"--allow-native={name}" for name in ("pyzmq", "ctypes", "debugpy", "psutil", "tornado"))},
        types(("In [1]: ", "print('product', 6 * 7)\r"), ("product 42", ""), ("In [2]: ", "exit\r"), pause=1),
        pythons=NEW,
        refused={
            **PLATFORM,
            "native": {"import(wcwidth._wcwidth_c)"},
        },
        recipe="jupyter",
        soak=True,
    ),
}
