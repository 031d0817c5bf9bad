"""What `--with` asks for: requirements, paths of wheels, source distributions and projects, requirements files.

What the words mean is told by how they look, so that an environment that is there already is found without a parser. Requirements are checked when
there is none; what is to be read from the disk before it is.
"""

from __future__ import annotations

import os
import stat

from hermetic_guard.policy import is_within

from hermetic.digest import digest_of
from hermetic.errors import UsageError, cut, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME, PATH, FILE = "requirement", "path", "requirements file"
ARCHIVES = (".whl", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
PROJECTS = ("pyproject.toml", "setup.py")
BESIDES = frozenset(".git .hg .svn .tox .nox __pycache__ .mypy_cache .pytest_cache .ruff_cache".split())
"""Directories of a project that no build packs; neither does one a virtual environment. `build` and `dist` may be packages."""

MADE = ("lib", "bdist.", "temp.")
"""How those begin that setuptools makes in a project's `build`: it does so for every wheel."""

MARK = "pyvenv.cfg"
BUILT = ".egg-info"
COUNTING = ("policy", "no_policy", "builds", "allow_domain", "allow_address", "allow_localhost", "deny_address")
"""Options that count for the installation as for the command, and so for what comes of it. What a refusal there says would allow it must do so."""
PIECE = 1 << 20
LARGE = 1 << 28
"""Bytes of a file of which it counts when it was changed rather than what is in it: to read one takes half a second, and a sparse one has no end."""


class Word:
    """One value of `--with`.

    given: as it was typed; kind: NAME, PATH or FILE; path: absolute, "" where nothing local is meant; extras: as in `[tests]`
    """

    __slots__ = ("extras", "given", "kind", "path")

    def __init__(self, given: str, kind: str, path: str = "", extras: str = "") -> None:
        self.given = given
        self.kind = kind
        self.path = path
        self.extras = extras

    @property
    def requirement(self) -> str:
        """As an installer takes it."""
        return self.given if self.kind == NAME else self.path + self.extras


def read(given: Sequence[str], cwd: str | None, home: str) -> list[Word]:
    """cwd: None where there is none any more"""
    return [_word(word, cwd, home) for word in given]


def _word(given: str, cwd: str | None, home: str) -> Word:
    if given.startswith("@") or given.endswith(".txt"):
        return Word(given, FILE, _absolute(given.removeprefix("@"), cwd, home))
    plain, bracket, extras = given.partition("[")
    if "://" not in given and (plain[:1] in (".", "~") or "/" in plain or plain.endswith(ARCHIVES)):
        return Word(given, PATH, _absolute(plain, cwd, home), bracket + extras)
    return Word(given, NAME, _local(given) if "://" in given else "")


def _local(requirement: str) -> str:
    """Where a URL in it leads, if that is here."""
    from hermetic.indexes import requirements  # which loads `re`

    return requirements.local(requirement, bare=False)


def _absolute(path: str, cwd: str | None, home: str) -> str:
    expanded = f"{home}{path[1:]}" if path == "~" or path.startswith("~/") else path
    return os.path.normpath(os.path.join(cwd or "/", expanded))


# Whether they can be meant.


def check_local(words: Sequence[Word]) -> None:
    """Before anything is read. Raises UsageError for a word that names nothing here of which an installer could make something."""
    for word in words:
        if word.kind in (PATH, FILE):
            {PATH: _check_path, FILE: _check_file}[word.kind](word)


def check(words: Sequence[Word]) -> None:
    """Raises UsageError for a requirement that an installer could make nothing of."""
    for word in words:
        if word.kind == NAME:
            _check_requirement(word)


def _check_requirement(word: Word) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(word.given)
    except InvalidRequirement as error:
        cause = error.__cause__
        at = getattr(cause, "span", (0, 0))[1]
        why = str(getattr(cause, "message", error)).partition("\n")[0]
        where = f"character {at + 1}" if at < len(word.given) else "its end"
        raise _wrong(word, f"{why[:1].lower()}{why[1:]}, at {where}") from None


def _check_path(word: Word) -> None:
    if os.path.isdir(word.path):
        if not any(os.path.isfile(f"{word.path}/{name}") for name in PROJECTS):
            raise _wrong(word, f"there is no {' or '.join(PROJECTS)} in this directory")
    elif not os.path.isfile(word.path):
        raise _wrong(word, "there is no such file or directory")
    elif not word.path.endswith(ARCHIVES):
        raise _wrong(
            word, f"it is no wheel and no source distribution ({', '.join(ARCHIVES)})", f"for requirements: --with @{cut(word.given)}"
        )


def _check_file(word: Word) -> None:
    from hermetic.indexes.requirements import LARGEST

    if not os.path.isfile(word.path):
        raise _wrong(word, "there is no such file")
    if os.path.getsize(word.path) > LARGEST:
        raise _wrong(word, f"it has more than {LARGEST} bytes, so it is no requirements file")


def _wrong(word: Word, why: str, hint: str | None = None) -> UsageError:
    return UsageError(f"--with {quoted(word.given)}: {why}", hint)


# What is the same again.


def digests(words: Sequence[Word], cwd: str | None, environ: Mapping[str, str]) -> list[str]:
    """Of each word, and of the content of what it names here."""
    return [part for word in words for part in (word.kind, word.requirement, *_contents(word, cwd, environ))]


def _contents(word: Word, cwd: str | None, environ: Mapping[str, str]) -> Iterator[str]:
    if word.kind == FILE:
        for path in _of_requirements(word.path, cwd or "/", environ, set()):
            yield content(path)
    elif word.path:
        yield content(word.path)


def _of_requirements(file: str, cwd: str, environ: Mapping[str, str], seen: set[str]) -> Iterator[str]:
    """A requirements file, and what is local of that which it names."""
    from hermetic.indexes import requirements, words

    seen.add(file)
    yield file
    for line in requirements.lines(file, environ):
        for option, value in words.options(requirements.split(line)):
            path = os.path.normpath(os.path.join(os.path.dirname(file), value))
            if option in words.FILES and path not in seen and len(seen) < requirements.MOST and "://" not in value:
                yield from _of_requirements(path, cwd, environ, seen)
            elif option in ("", "--editable") and (named := requirements.local(value, bare=False)):
                yield os.path.normpath(os.path.join(cwd, named))


def content(path: str) -> str:
    """A digest of a file, or of a project's sources; "" where there is nothing of the kind."""
    if not os.path.isdir(path):
        return _of_file(path)
    found = [f"{file.removeprefix(path)}\0{_of_entry(file)}" for file in _sources(path)]
    return digest_of("\0".join(found).encode("utf-8", "surrogateescape"))


def _sources(path: str) -> Iterator[str]:
    """The files of a project, and the links in it. Links to directories of the project are gone through, as builds do; others may lead anywhere."""
    root, seen = os.path.realpath(path), set()
    for place, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(place)
        kept = [] if real in seen else sorted(name for name in folders if not _is_beside(f"{place}/{name}", path))
        links = [name for name in kept if os.path.islink(f"{place}/{name}")]
        folders[:] = [name for name in kept if name not in links or is_within(os.path.realpath(f"{place}/{name}"), root)]
        yield from (f"{place}/{name}" for name in sorted([*links, *(names if real not in seen else ())]))
        seen.add(real)


def _is_beside(folder: str, project: str) -> bool:
    above, name = os.path.split(folder)
    made = above == f"{project}/build" and name.startswith(MADE)
    return made or name in BESIDES or name.endswith(BUILT) or os.path.isfile(f"{folder}/{MARK}")


def _of_entry(file: str) -> str:
    """Of a link what it says, and the file that it leads to."""
    if not os.path.islink(file):
        return _of_file(file)
    return f"{os.readlink(file)}\0{_of_file(file) if os.path.isfile(file) else ''}"


def _of_file(path: str) -> str:
    """In pieces: wheels can be large. Of what is no regular file (a FIFO, a device) there is none."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            return ""
        if found.st_size > LARGE:
            return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
        return digest_of(b"".join(digest_of(piece).encode() for piece in _pieces(path)))
    except OSError:
        return ""


def _pieces(path: str) -> Iterator[bytes]:
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        left = LARGE
        while left > 0 and (piece := file.read(PIECE)):
            left -= len(piece)
            yield piece
