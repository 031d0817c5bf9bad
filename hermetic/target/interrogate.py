"""What an interpreter is: its version, the guard compiled for it, and whether the environment way is proved to work there.

The interpreter itself is run, with `-I -S -B`: no site, so nothing of a venv's, of the user's or of the working directory. It is asked at its real
path, once; the answer is kept in the cache under the identity of that file and of the guard's sources.
"""

from __future__ import annotations

import os

from hermetic.digest import sha256
from hermetic.errors import HermeticError, NotPython
from hermetic.launch import payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST = (3, 6)
NEWEST_EARLY = (3, 15)
"""The versions whose order of start-up is known: warnings before site."""

TIMEOUT_S = 60


class Interpreter:
    """path: the real path of its binary; version: (major, minor, micro); implementation: "cpython", "pypy", …; magic: of its bytecode, in hex;
    proved: whether the environment way works; compiled: the payload as its own bytecode."""

    __slots__ = ("compiled", "implementation", "magic", "path", "proved", "version")

    def __init__(
        self, path: str, version: tuple[int, int, int], implementation: str, magic: str, proved: bool, compiled: bytes
    ) -> None:
        self.path = path
        self.version = version
        self.implementation = implementation
        self.magic = magic
        self.proved = proved
        self.compiled = compiled

    @property
    def name(self) -> str:
        """As `CPython 3.11.7`."""
        shown = {"cpython": "CPython", "pypy": "PyPy"}.get(self.implementation, self.implementation)
        return f"{shown} {'.'.join(map(str, self.version))}"


def interrogate(path: str, cache: str) -> Interpreter:
    """The facts about the interpreter at `path`, from `cache` (a directory, made if missing) or by asking.

    Raises NotPython if it gives no answer or is older than 3.6.
    """
    real = os.path.realpath(path)
    if not cache:
        return ask(real, path)
    entry = os.path.join(cache, "interpreters", key(real))
    known = read(entry, real)
    if known is None:
        known = ask(real, path)
        write(entry, known)
    return known


def key(real: str) -> str:
    """The name of the cache entry: the identity of the binary and of the guard that was compiled for it."""
    try:
        found = os.stat(real)
    except OSError as error:
        raise NotPython(f"{real}: {error.strerror}") from None
    identity = f"{real}\0{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"
    return sha256(identity.encode("utf-8", "surrogateescape") + payload.sources())


def read(entry: str, real: str) -> Interpreter | None:
    """A cache entry, None if there is none or it is cut off."""
    try:
        with open(entry, "rb") as file:
            content = file.read()
    except OSError:
        return None
    head, _, compiled = content.partition(b"\n")
    words = head.decode("ascii", "replace").split()
    if len(words) != 8 or words[7] != sha256(compiled):
        return None
    return parse(words[:6], compiled, real, proved=words[6] == "proved")


def write(entry: str, facts: Interpreter) -> None:
    """Keep the facts; a home that cannot be written costs a second asking, nothing else."""
    words = ["hermetic-facts", *map(str, facts.version), facts.implementation, facts.magic]
    words += ["proved" if facts.proved else "unproved", sha256(facts.compiled)]
    temporary = f"{entry}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(entry), mode=0o700, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(" ".join(words).encode() + b"\n" + facts.compiled)
        os.replace(temporary, entry)
    except OSError:
        return


def parse(words: list[str], compiled: bytes, real: str, proved: bool) -> Interpreter:
    marker, major, minor, micro, implementation, magic = words
    if marker != "hermetic-facts":
        raise ValueError(marker)
    return Interpreter(real, (int(major), int(minor), int(micro)), implementation, magic, proved, compiled)


def ask(real: str, shown: str) -> Interpreter:
    """Run the interpreter, and if it can be expected to work, try the environment way."""
    import tempfile

    from hermetic.launch import trial

    with tempfile.NamedTemporaryFile() as sources:
        sources.write(payload.sources())
        sources.flush()
        answer = output([real, "-I", "-S", "-B", f"{payload.directory()}/_interrogate.py", sources.name], shown)
    head, _, compiled = answer.partition(b"\n")
    try:
        facts = parse(head.decode("ascii", "replace").split(), compiled, real, proved=False)
    except ValueError:
        raise NotPython(f"{shown} does not answer as a Python interpreter") from None
    if facts.version[:2] < OLDEST:
        raise NotPython(f"{shown} is Python {facts.version[0]}.{facts.version[1]}, the oldest that can be guarded is 3.6")
    known = facts.implementation == "cpython" and facts.version[:2] <= NEWEST_EARLY
    facts.proved = known and trial.environment_way(facts)
    return facts


def output(command: list[str], shown: str) -> bytes:
    """What a command prints, in an environment without any of Python's variables."""
    import subprocess

    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, cwd="/")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotPython(f"{shown} cannot be asked what it is: {error}") from None
    # `python -I` is unknown before 3.4, and prints its usage.
    if done.returncode or not done.stdout:
        raise NotPython(f"{shown} does not answer as a Python interpreter of 3.6 or later")
    return done.stdout


def cache_directory(environ: Mapping[str, str]) -> str:
    """Where hermetic keeps what it learned; "" where there is no home."""
    home = environ.get("XDG_CACHE_HOME") or (environ["HOME"] + "/.cache" if environ.get("HOME") else "")
    if not home.startswith("/"):
        return ""
    return f"{home}/hermetic"


def require_supported(facts: Interpreter) -> None:
    """Raise HermeticError for an interpreter that no way of injection is known for."""
    if facts.implementation not in ("cpython", "pypy"):
        raise HermeticError(f"{facts.name} cannot be guarded, CPython and PyPy can")
