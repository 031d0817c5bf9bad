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
    refused: what it asks for, and does without
    recipe:  the environment it is installed in; soak: whether it takes its time, see scripts/soak
    """

    command: tuple[str, ...]
    prints: str
    needs: Mapping[str, tuple[str, ...]] = {}
    user: Callable = waits
    pythons: tuple[str, ...] = ("3.8", "3.11", "3.13")
    refused: Set[str] = frozenset()
    recipe: str = "everyday"
    soak: bool = False


LOCALHOST = {"network": ("--allow-localhost",)}
NEW = ("3.11", "3.13")

PROCESSES = "[0, 2, 4, 6]\nsent {'key': 'kept'} 0\n"

ROWS = {
    "pdb": Row(
        ("python", "-m", "pdb", "counting.py"),
        "result = 6",
        user=types(("(Pdb) ", "b 8\n"), ("(Pdb) ", "c\n"), ("(Pdb) ", "p f'result = {result - 4}'\n"), ("(Pdb) ", "q\n")),
    ),
    "coverage": Row(("sh", "-c", "coverage run --branch counting.py && coverage report -m"), "total 10\nName"),
    "debugpy": Row(
        ("python", "-m", "debugpy", "--listen", "127.0.0.1:PORT", "--wait-for-client", "counting.py"), "total 10", LOCALHOST, debugs
    ),
    "pytest-xdist": Row(("pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_sample.py"), "6 passed in"),
    "uvicorn --reload": Row(
        ("uvicorn", "--reload", "--port", "PORT", "asgi_app:app"), "Reloading...", LOCALHOST, served(edits("asgi_app.py"))
    ),
    "gunicorn": Row(("gunicorn", "-b", "127.0.0.1:PORT", "-w", "1", "wsgi_app:app"), "Booting worker", LOCALHOST, served(asks)),
    "flask": Row(
        ("flask", "--app", "flask_app", "run", "--debug", "--port", "PORT"),
        "Restarting with",
        LOCALHOST,
        served(edits("flask_app.py"), signal.SIGINT),
    ),
    "celery": Row(("celery", "-A", "tasks", "worker", "-c", "1", "-l", "INFO"), "succeeded in", user=served(sends_a_task)),
    "multiprocessing fork": Row(("python", "processes.py", "fork"), PROCESSES),
    "multiprocessing spawn": Row(("python", "processes.py", "spawn"), PROCESSES),
    "multiprocessing forkserver": Row(("python", "processes.py", "forkserver"), PROCESSES),
    "concurrent.futures": Row(("python", "futures.py"), "[0, 2, 4, 6]\n[0, 2, 4, 6]\n"),
    "subprocess": Row(("python", "children.py"), "(b'asyncio\\n', None)"),
    "getpass": Row(
        ("python", "-c", "import getpass; print('length', len(getpass.getpass('secret? ')))"), "length 3", user=types(("secret? ", "abc\n"))
    ),
    "files": Row(("python", "files.py"), "5 14 7\n(3,)\nFalse\n"),
    "zoneinfo": Row(
        ("python", "-c", "import datetime, zoneinfo as z; print(datetime.datetime(2024, 7, 1, tzinfo=z.ZoneInfo('Europe/Berlin')))"),
        "2024-07-01 00:00:00+02:00\n",
        pythons=NEW,
    ),
    "curses": Row(("python", "screen.py"), "pressed ('q', True, True)", user=types(("press a key", "q"))),
    "jupyter console": Row(
        ("jupyter", "console", "--no-confirm-exit", "--simple-prompt"),
        "product 42",
        LOCALHOST,
        types(("In [1]: ", "print('product', 6 * 7)\r"), ("product 42", ""), ("In [2]: ", "exit\r")),
        pythons=NEW,
        refused={"socket(AF_UNIX SOCK_DGRAM)"},  # if_nametoindex(3), for libzmq
        recipe="jupyter",
        soak=True,
    ),
    "numpy and pandas": Row(("python", "arrays.py"), "True\n3\n"),
}
