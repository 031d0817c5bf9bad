"""The files around one attempt: where it is, what it must not reach, and what of that is not as it was afterwards."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import stat
from pathlib import Path

from guards.network.programs import SELF_CERTIFIED
from guards.world import OUTSIDE
from launch.staged import make_venv, site_packages

VISITED = 7777
"""The port on which an attempt may try to be reached from outside."""

BEGUN = b"begun\n"
"""What each program says first: an attempt that never ran was not contained."""

PUT = "put = lambda name, text: [(file.write(text), file.close(), os.chmod(name, 0o700)) for file in [open(name, 'w')]]; "
"""Writes a program, and has it closed before it is started."""

CERTIFICATE_NUMBER = "350B2C974C3031A06558A24B0EAEA5CD38245B04"
DIRECTORIES = ("script", "inside", "outside", "home")


class Place:
    """base: an empty directory; tools: gives the path of a compiled program by its name"""

    def __init__(self, base: Path, attempt, python, tools) -> None:
        self.base, self.attempt, self.tools = base, attempt, tools
        self.token = secrets.token_hex(8)
        for name in (*DIRECTORIES, "home/.cache/hermetic", "home/.config/hermetic"):  # the last as after any run
            (base / name).mkdir(parents=True)
        self.python = self._environment(python)
        head = self._head()
        for name, content in attempt.files.items():
            self._file(name, head + content if name.endswith(".py") else content)
        (base / "script/attempt.py").write_text(f"{head}os.write(1, {BEGUN!r})\n{attempt.code}\n")
        self.script = str(base / "script/attempt.py")
        self.before = self._look()

    def _environment(self, python) -> str:
        """The interpreter, or that of a virtual environment around it."""
        self.tops = {"user": site_packages(self.base / "home/.local", python), "packages": site_packages(self.base / "venv", python)}
        if not any(name.startswith("packages/") for name in self.attempt.files):
            return python.path
        return make_venv(self.base / "venv", python)

    def _file(self, name: str, content: str) -> None:
        top, _, rest = name.partition("/")
        path = self.tops.get(top, self.base / top) / rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if content.startswith("#!"):
            path.chmod(0o755)

    def _head(self) -> str:
        """The names that the attempt's sources use, as one line of Python; what they stand for is made when it is asked for."""
        text = "\n".join([self.attempt.code, *self.attempt.files.values(), *self.attempt.options])
        used = [name for name in FACTS if re.search(rf"\b{name}\b", text)]
        facts = "; ".join(f"{name} = {FACTS[name](self)!r}" for name in used)
        return f"import os, sys; PY = sys.executable; {PUT if 'put(' in text else ''}{facts}\n"

    def made(self, name: str, content: str | None = "") -> str:
        """The path of a file, with what leads to it; content: None for none there."""
        path = self.base / name
        path.parent.mkdir(exist_ok=True)
        if content is not None:
            path.write_text(content)
        return str(path)

    def command(self) -> list[str]:
        return [self.python, *self.attempt.options, self.script]

    def variables(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.base / "home"),
            "LANG": "C.UTF-8",
            "MARKER": self.marker,
        }

    @property
    def marker(self) -> str:
        return str(self.base / "outside/marker")

    def effects(self, said: bytes) -> list[str]:
        """What was changed, and whether what was said tells a secret."""
        after = self._look()
        names = sorted(name for name in before_or_after(self.before, after) if not self._is_spared(name))
        found = [f"changed {name}" for name in names]
        if os.path.lexists(self.marker):
            found.append("marker")
        if self.token.encode() in said or CERTIFICATE_NUMBER.encode() in said:
            found.append("secret")
        return found

    def _is_spared(self, name: str) -> bool:
        return name.partition("/")[0] in self.attempt.spared

    def _look(self) -> dict[str, tuple]:
        """Everything below, by path, with all that can be seen of it."""
        found = {top: seen(self.base / top) for top in DIRECTORIES if (self.base / top).exists()}
        for top in found.copy():
            for directory, directories, files in os.walk(self.base / top):
                for name in (*directories, *files):
                    path = Path(directory, name)
                    found[str(path.relative_to(self.base))] = seen(path)
        return found | dict.fromkeys(self._shared(), ())

    def _shared(self) -> list[str]:
        return [f"/dev/shm/{name}" for name in os.listdir("/dev/shm") if self.token in name]

    def remove(self) -> None:
        for path in self._shared():
            os.unlink(path)
        shutil.rmtree(self.base, ignore_errors=True)


def before_or_after(before: dict[str, tuple], after: dict[str, tuple]) -> set[str]:
    """The names whose entries differ."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def seen(path: Path) -> tuple:
    status = os.lstat(path)
    content = b""
    if stat.S_ISREG(status.st_mode):
        content = path.read_bytes()
    elif stat.S_ISLNK(status.st_mode):
        content = os.fsencode(os.readlink(path))
    attributes = [(name, os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False)]
    return status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns, content, attributes


def make_database(place: Place) -> str:
    path = place.made("outside/database")
    with sqlite3.connect(path) as database:
        database.execute("create table secrets (value)")
        database.execute("insert into secrets values (?)", (place.token,))
    database.close()
    return path


def make_log(place: Place) -> str:
    """A database with a write-ahead log, closed, so that the log is not there."""
    path = make_database(place)
    with sqlite3.connect(path) as database:
        database.execute("pragma journal_mode = wal")
    database.close()
    return path


def make_attribute(place: Place) -> str:
    path = place.made("outside/attribute")
    os.setxattr(path, "user.secret", place.token.encode())
    return path


def make_link(name: str, target: str):
    """A symbolic link that somebody has planted in the working directory."""

    def make(place: Place) -> str:
        FACTS["CANARY"](place)
        FACTS["SECRET"](place)
        if not os.path.lexists(place.base / "inside" / name):
            os.symlink(target, place.base / "inside" / name)
        return name

    return make


def make_pointer(place: Place) -> str:
    path = place.base / "outside/pointer"
    path.symlink_to(place.token)
    return str(path)


def tool(name: str):
    return lambda place: place.tools(name)


FACTS = {
    # the network, see guards/world.py
    "HOST": lambda place: OUTSIDE,
    "OUT": lambda place: (OUTSIDE, 80),
    "URL": lambda place: f"http://{OUTSIDE}/",
    "UDP": lambda place: (OUTSIDE, 9),
    "VISITED": lambda place: VISITED,
    "NAME": lambda place: "asked.leak.test",
    "DAEMON": lambda place: str(place.base.parent / "daemon"),
    "DATAGRAMS": lambda place: str(place.base.parent / "datagram"),
    "ABSTRACT": lambda place: "\0hermetic-world",
    # files
    "OUTSIDE": lambda place: str(place.base / "outside"),
    "HOME": lambda place: str(place.base / "home"),
    "EMPTY": lambda place: os.path.dirname(place.made("outside/empty/file", None)),
    "SCRIPTS": lambda place: str(place.base / "script"),
    "CANARY": lambda place: place.made("outside/canary", "canary\n"),
    "SECRET": lambda place: place.made("outside/secret", f"the password is {place.token}\n"),
    "MODULE": lambda place: place.made("outside/spilling.py", f"print({place.token!r})\n"),
    "CREDENTIALS": lambda place: place.made("home/.netrc", f"machine m login l password {place.token}\n"),
    "INPUTRC": lambda place: place.made("outside/inputrc", f"set {place.token} on\n"),
    "CERTIFICATE": lambda place: place.made("outside/certificate", SELF_CERTIFIED),
    "LISTED": lambda place: os.path.dirname(place.made(f"outside/listed-{place.token[:4]}/{place.token}")),
    "DATABASE": make_database,
    "LOGGED": make_log,
    "ATTRIBUTE": make_attribute,
    "POINTER": make_pointer,
    "TO_CANARY": make_link("to_canary", "../outside/canary"),
    "TO_SECRET": make_link("to_secret", "../outside/secret"),
    "TO_OUTSIDE": make_link("to_outside", "../outside"),
    "MARKER": lambda place: place.marker,
    "SHARED": lambda place: place.token,
    # native code
    "LIBRARY": tool("touch.so"),
    "PROGRAM": tool("touch"),
    "VISIT": tool("visit"),
    "FD": lambda place: INHERITED,
}
INHERITED = 57
