"""Reads the option lines of requirements files, which may name indexes and further files."""

from __future__ import annotations

import os
import re

from hermetic_guard.files import read_file

from hermetic.indexes import Said, urls, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGEST = 1 << 22
MOST = 200
"""Files that are read, of those that name each other."""
COMMENT = re.compile(r"(^|\s)#.*")
NAMED = re.compile(r"^[\w.-]+\s*(\[[^\]]*\])?\s*@\s+")
"""What may stand before a path, as uv has it: `name[extra] @ ./path`."""
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


def read(file: str, environ: Mapping[str, str], seen: set[str] | None = None) -> Iterator[Said]:
    """What a file says, and those that it names; nothing where it cannot be read, which the installer has its own words for.

    seen: the files that were read before, which are not read again
    """
    seen = set() if seen is None else seen
    if file in seen or len(seen) == MOST or "://" in file:
        return
    seen.add(file)
    found = Said(file=file)
    further = []
    for line in lines(file, environ):
        for option, value in words.options(split(line)):
            found.take(option, value)
            further += [value] if option in words.FILES else []
            if option in ("", "--editable"):
                found.projects += filter(None, [local(value, bare=bool(option))])
    yield found
    for name in further:
        yield from read(os.path.normpath(os.path.join(os.path.dirname(file), name)), environ, seen)


def local(word: str, *, bare: bool) -> str:
    """A requirement's path, without extras; "" for one that is a name or lies elsewhere. bare: whether a word without `/` may be a path"""
    for url in urls.inside(word):
        return urls.path(url)
    path = NAMED.sub("", word).partition("[")[0]
    return path if "\0" not in path and (bare or "/" in path or path.startswith(".")) else ""


def lines(file: str, environ: Mapping[str, str]) -> Iterator[str]:
    """As they are meant: joined, without comments, with variables."""
    try:
        text = read_file(file, LARGEST).decode("utf-8-sig", "replace")
    except OSError:
        return
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        plain = COMMENT.sub("", line).strip()
        if plain:
            yield VARIABLE.sub(lambda match: environ.get(match[1], match[0]), plain)


def split(line: str) -> list[str]:
    import shlex

    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
