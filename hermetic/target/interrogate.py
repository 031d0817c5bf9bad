"""What an interpreter is: its version, the guard compiled for it, and whether the environment way is proved to work there.

The interpreter itself is run, with `-I -S -B`: no site, so nothing of a venv's, of the user's or of the working directory. For it may be any
program, it runs under rules of its own, see launch/confined_query.py. It is asked at its real path, once; the answer is kept in the cache, with
the identity of that file and of the guard's sources.
"""

from __future__ import annotations

import os

from hermetic import kept
from hermetic.digest import Content, digest_of
from hermetic.errors import NotPython, cut
from hermetic.launch import payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermetic.kept import Piece

OLDEST = (3, 6)
GUARDED = ("cpython", "pypy")
NEWEST_EARLY = (3, 15)
"""The versions whose order of start-up is known: warnings before site."""

ISOLATED = ("-I", "-S", "-B", "-X", "no_debug_ranges")
"""The last makes code a tenth smaller, by leaving out the columns of instructions (3.11)."""

MARKER, JIT = "hermetic-facts", "+jit"
LONGEST_HEAD = 4096
"""Bytes of the first line of an answer, or less."""
PROVED, UNPROVED = "proved", "unproved"
LIMITED = "-limited"
"""Ends the names of cache entries of those who could read what an interpreter needs, and nothing else."""


class Interpreter:
    """What is known of one.

    path:    the real path of its binary
    version: (major, minor, micro); implementation: "cpython", "pypy", ...
    magic:   of its bytecode, in hex; compiled: the guard as that bytecode, by the names it is staged under
    jit:     whether it is a CPython that makes machine code by default
    proved:  whether the environment way works
    """

    __slots__ = ("compiled", "implementation", "jit", "magic", "path", "proved", "version")

    def __init__(self, path: str, version: tuple[int, int, int], implementation: str, magic: str, compiled: dict[str, Content]) -> None:
        self.path = path
        self.version = version
        self.implementation = implementation
        self.magic = magic
        self.compiled = compiled
        self.jit = False
        self.proved = False

    @property
    def guardable(self) -> bool:
        """Whether it can carry the guards. What cannot is held by the kernel alone."""
        return self.version[:2] >= OLDEST and self.implementation in GUARDED

    @property
    def name(self) -> str:
        """As `CPython 3.11.7`."""
        shown = {"cpython": "CPython", "pypy": "PyPy"}.get(self.implementation, self.implementation)
        return f"{shown} {'.'.join(map(str, self.version))}"


def interrogate(path: str, cache: str, *, limited: bool = False) -> Interpreter:
    """The facts about the interpreter at `path`, from `cache` (a directory, made if missing; "" for none) or by asking.

    limited: whether the run it is for may not read everything. The answer must be of one that could not, either: code that it compiled may be
    made of anything it has read.
    Raises NotPython if it gives no answer.
    """
    real = os.path.realpath(path)
    key = identity(real)
    entry = f"{cache}/interpreters/{digest_of(os.fsencode(real))}{LIMITED if limited else ''}" if cache else ""
    known = read(entry, real, key) if entry else None
    if known is None:
        known = ask(real, path, limited)
        if entry:
            write(entry, known, key)
    return known


def identity(real: str) -> str:
    """What a cache entry is good for: this very binary, and the guard that was compiled."""
    try:
        found = os.stat(real)
    except OSError as error:
        raise NotPython(f"{cut(real)}: {error.strerror}") from None
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}:{payload.identity()}"


def read(entry: str, real: str, key: str) -> Interpreter | None:
    """A cache entry; None if there is none."""
    found = kept.read(entry, key)
    if found is None or not found[0]:
        return None
    (proved, *digests), answer = found
    facts = parse(answer, real, digests)
    if facts is not None:
        facts.proved = proved == PROVED
    return facts


def write(entry: str, facts: Interpreter, key: str) -> None:
    words = [PROVED if facts.proved else UNPROVED, *(part.digest for part in facts.compiled.values())]
    kept.write(entry, key, words, serialized(facts))


def serialized(facts: Interpreter) -> bytes:
    """As `_interrogate.py` answers."""
    words = [MARKER, *map(str, facts.version), facts.implementation + (JIT if facts.jit else ""), facts.magic]
    words += [f"{name}:{len(part.data)}" for name, part in facts.compiled.items()]
    return " ".join(words).encode() + b"\n" + b"".join(part.data for part in facts.compiled.values())


def parse(answer: bytes | Piece, real: str, digests: Sequence[str] = ()) -> Interpreter | None:
    """What `_interrogate.py` printed; None if it is anything else. digests: of what it compiled, where they are known."""
    head = bytes(answer[:LONGEST_HEAD])
    head = head[: head.find(b"\n") + 1]
    try:
        marker, major, minor, micro, implementation, magic, *words = head.decode("ascii").split()
        version = (int(major), int(minor), int(micro))
        sizes = {name: int(size) for name, size in (word.split(":") for word in words)}
    except ValueError:
        return None
    parts = kept.parts(answer, [len(head), *sizes.values()])
    complete = version[:2] < OLDEST or {*sizes} == {*payload.COMPILED, *payload.PARTS}
    if marker != MARKER or parts is None or not complete:
        return None
    compiled = {name: Content(part, digest) for name, part, digest in zip(sizes, parts[1:], [*digests, *[""] * len(sizes)], strict=False)}
    facts = Interpreter(real, version, implementation.removesuffix(JIT), magic, compiled)
    facts.jit = implementation.endswith(JIT)
    return facts


def ask(real: str, shown: str, limited: bool = False) -> Interpreter:
    """Run the interpreter, and if it can be expected to work, try the environment way."""
    from hermetic.launch import trial

    # 2.7 does not know -I.
    facts = parse(output([real, *ISOLATED], limited), real) or parse(output([real, "-E", "-S", "-B"], limited), real)
    if facts is None:
        hint = "as reading is limited in this run, it could read what interpreters need, and nothing else" if limited else None
        raise NotPython(f"{cut(shown)} does not answer as a Python interpreter", hint)
    known = facts.implementation == "cpython" and facts.version[:2] <= NEWEST_EARLY
    facts.proved = known and facts.guardable and trial.environment_way(facts, limited)
    return facts


def output(command: list[str], limited: bool) -> bytes:
    """What `_interrogate.py` prints there; nothing if it fails. It is handed over as text, for hermetic's own files may be out of reach there."""
    from hermetic.launch import confined_query

    command = [*command, "-c", payload.read("_interrogate.py").decode()]
    answer = confined_query.ask(command, confined_query.loader_variables(), question=payload.compilable(), limited=limited)
    return b"" if answer.code else answer.out
