"""The launcher loads nothing from a file once a target runs: that may have put others there, and no rule holds the launcher."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import os, sys
place, held, *argv = sys.argv[1:]
sys.argv[1:] = argv
sys.path[:] = [place, *sys.path, {root!r}, {root!r} + "/bootstrap", *{site!r}]
import encodings
encodings.__path__.insert(0, place + "/encodings")
from hermetic.__main__ import program
from hermetic.launch.later import Later
leave = Later.__exit__
def left(self, *error):
    with open(place + "/unknown", "a") as file:
        file.write("".join(name + "\\n" for name in self.unknown))
    leave(self, *error)
Later.__exit__ = left
if held != "held":
    Later.hold = lambda self, names, own: None
program()
"""
"""The command, with a directory in front of those that its interpreter loads from."""
CHANGES = """
import os, sys
os.makedirs(sys.argv[1] + "/encodings", exist_ok=True)
for name in "select", "_socket", "termios", "encodings/idna", "encodings/ascii":
    with open(sys.argv[1] + "/" + name + ".py", "w") as file:
        file.write("open(%r, 'w').close()\\nraise ImportError\\n" % (sys.argv[1] + "/ran"))
os.execv("/usr/bin/getent", ["getent", "hosts", "localhost.app.test"])
"""


def command(place: Path, *words: str, held: bool = True) -> list[str]:
    site = [path for path in sys.path if path.endswith("site-packages")]
    return [sys.executable, "-I", "-S", "-c", DRIVER.format(root=str(ROOT), site=site), str(place), "held" if held else "", *words]


NAMES = ["--allow-domain=*.app.test"]
"""All that this takes is loaded before the target runs, so there is no control for it."""


@pytest.mark.parametrize(("options", "held"), [([], True), ([], False), (NAMES, True), ([*NAMES, "--allow-localhost"], True)])
def test_a_library_that_the_run_changes(tmp_path: Path, options: list[str], held: bool) -> None:
    """As a user's own, of whoever has his interpreter from pyenv, uv or conda, and root's."""
    target = [sys.executable, "-I", "-S", "-c", CHANGES, str(tmp_path)]
    subprocess.run(command(tmp_path, "--no-network", *options, "--", *target, held=held), capture_output=True, timeout=60)
    assert (tmp_path / "select.py").exists()
    assert (tmp_path / "ran").exists() != held


MOVES = 'ln -s others link && mv -T link installed && exec "$@"'
"""At once, and not first the one and then the other, or the launcher without what it is to have finds nothing, in between."""


@pytest.mark.parametrize("held", [True, False])
def test_others_in_the_place_of_the_directories_of_hermetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    """Above them nothing is read-only where no guard of the filesystem stands, and no guard is in a shell."""
    (tmp_path / "installed").symlink_to("ours")
    for package in (ROOT / "hermetic", ROOT / "bootstrap/hermetic_guard"):
        shutil.copytree(package, tmp_path / "ours" / package.name)
        for file in package.rglob("*.py"):
            other = tmp_path / "others" / package.name / file.relative_to(package)
            other.parent.mkdir(parents=True, exist_ok=True)
            other.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    driver = DRIVER.replace("sys.path, ", "sys.path, place + '/installed', ").format(root=str(ROOT), site=[])
    connects = [sys.executable, "-I", "-S", "-c", "import socket; socket.socket(socket.AF_UNIX).connect('there')"]
    words = [str(tmp_path), "held" if held else "", "--no-network", "--", "sh", "-c", MOVES, "sh", *connects]
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("there")
        done = subprocess.run([sys.executable, "-I", "-S", "-c", driver, *words], capture_output=True, text=True, timeout=60)
    assert (tmp_path / "installed").readlink() == Path("others"), done
    assert (tmp_path / "ran").exists() != held, done.stderr
    assert ("blocked action: " in done.stderr) == held, done.stderr


PYTHON = [sys.executable, "-I", "-S", "-c"]
RUNS = {
    "nothing happens": (["--no-network"], [*PYTHON, "pass"]),
    "a name, allowed": (["--no-network", "--allow-domain=app.test"], ["getent", "hosts", "app.test"]),
    "a name, refused": (["--no-network"], ["getent", "hosts", "app.test"]),
    "a name, in Python": (["--no-network", "--allow-domain=app.test"], [*PYTHON, "import socket; socket.getaddrinfo('app.test', 80)"]),
    "a name that does not print": (["--no-network"], [*PYTHON, "import socket; socket.getaddrinfo('a\\x1b\\n\\u200b.test', 80)"]),
    "names, with localhost": (["--no-network", "--allow-domain=app.test", "--allow-localhost"], ["getent", "hosts", "app.test"]),
    "kill": (["--no-network", "--on-violation=kill"], ["getent", "hosts", "app.test"]),
    "log and trace": (
        ["--no-network", "--trace", "--log=/dev/null"],
        [*PYTHON, "import socket; socket.socket().connect(('192.0.2.1', 80))"],
    ),
    "local sockets": (["--no-network", "--allow-unix=/tmp"], [*PYTHON, "import socket; s = socket.socket(1); s.connect('/tmp/none')"]),
    "a proxy": (["--no-network", "--set-env=http_proxy=http://192.0.2.1:3128"], ["curl", "http://app.test/"]),
    "listening": (["--no-network", "--allow-listen=8000"], [*PYTHON, "import socket; socket.create_server(('', 0))"]),
    "options of sockets": (["--no-network"], [*PYTHON, "import socket; socket.socket().setsockopt(0, 42, b'x')"]),
    "processes": (["--no-subprocess", "--strict"], ["sh", "-c", "/bin/true; (exit 3)"]),
    "programs": (["--no-subprocess", "--allow-run=/bin/true"], ["sh", "-c", "/bin/ls"]),
    "turns": (["--no-network"], [*PYTHON, "import os; os.sched_setaffinity(os.getppid(), [0])"]),
    "files": (["--fs-readonly", "--hide=/var/log", "--tmp=private"], [*PYTHON, "open('/var/log/x')"]),
    "native": (["--block-native"], [*PYTHON, "import ctypes"]),
    "time": (["--no-network", "--timeout=0.5"], ["sleep", "9"]),
    "memory": (["--no-network", "--max-memory=20M", "--best-effort"], [*PYTHON, "bytearray(1 << 26), __import__('time').sleep(5)"]),
    "output": (["--no-network", "--max-output=10"], [*PYTHON, "print('x' * 100)"]),
    "file size": (["--no-network", "--max-file-size=10"], ["sh", "-c", "echo 0123456789 > $TMPDIR/x"]),
    "a profile": (["--profile=llm-code"], [*PYTHON, "open('/etc/passwd')"]),
    "something left": (["--no-network"], ["sh", "-c", "sleep 9 & sleep 9 &"]),
}


@pytest.mark.parametrize("name", RUNS)
def test_all_that_is_loaded_was_read(tmp_path: Path, name: str) -> None:
    options, target = RUNS[name]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command(tmp_path, *options, "--", *target), capture_output=True, text=True, timeout=60, env=environment)
    assert ((tmp_path / "unknown").read_text(), done.stderr.count('Traceback (most recent call last):\n  File "' + str(ROOT))) == ("", 0), (
        done
    )


def test_what_is_not_listed_cannot_be_had(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.append({root!r}); sys.path.append({root!r} + '/bootstrap')\n"
        "from hermetic.launch import run\nfrom hermetic.launch.later import Later\n"
        "with Later() as later:\n"
        "    later.hold(names=False, own=True)\n"
        "    for name in ('hermetic.linux.lookups', '_socket', 'json'):\n"
        "        try: print(bool(__import__(name)))\n"
        "        except ImportError: print(later.unknown)\n"
        "import json; print(bool(json))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program.format(root=str(ROOT))], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["True", "True", "['json']", "True", ""]
