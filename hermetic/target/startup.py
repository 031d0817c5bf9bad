"""What runs whenever an interpreter starts, before any program of its own: found by reading, as `site` would find it; nothing of it is run.

`.pth` files with lines of code, `.start` files (PEP 829, from 3.15 on), sitecustomize and usercustomize, and the modules that these name. Where
versions differ in what they take for a line (blanks before it, form feeds in it, a hidden file), what any of them would run is found.
"""

from __future__ import annotations

import ast
import os
import sys

from hermetic_guard.files import read_file

from hermetic.target import packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hermetic.target.interrogate import Interpreter

CODE, ADDS, START, MODULE, UNREADABLE = "code", "adds", "start", "module", "unreadable"
SITE, USER = "sitecustomize", "usercustomize"
"""Kinds: a line of code, a directory for sys.path, an entry point, a module that such a line names, a file that cannot be read; and modules
that `site` imports by their name."""

PTH, START_FILE = ".pth", ".start"
STARTS_SINCE = (3, 15)
LARGEST = 1 << 24
LONGEST = 1 << 16
"""Characters of a line that is parsed."""
IMPORTS = ("import ", "import\t")
MODULES = (".so", ".pyd", ".py", ".pyc")
"""How the names of modules end, in the order in which an interpreter looks for them; packages come first."""


class Entry:
    """Something that runs at start, or is there to.

    kind: see above; path: of the file
    line: its number, 0 for the file as a whole; text: what stands there, or for ADDS the directory
    runs: whether it does in this interpreter; else `why_not`
    """

    __slots__ = ("kind", "line", "path", "text", "why_not")

    def __init__(self, kind: str, path: str, line: int = 0, text: str = "", why_not: str = "") -> None:
        self.kind = kind
        self.path = path
        self.line = line
        self.text = text
        self.why_not = why_not

    @property
    def runs(self) -> bool:
        return not self.why_not


class Sites:
    """The directories in which `site` looks. packages: for .pth and .start files; standard: of the standard library; named: by PYTHONPATH

    user: whether the user's own directory counts
    """

    __slots__ = ("named", "packages", "standard", "user")

    def __init__(self, packages: list[str], standard: list[str], named: list[str], *, user: bool) -> None:
        self.packages = packages
        self.standard = standard
        self.named = named
        self.user = user


def sites(interpreter: str, facts: Interpreter, environ: Mapping[str, str], cwd: str) -> Sites:
    """interpreter: its path, with links, for a virtual environment is known by it"""
    folder = os.path.dirname(os.path.abspath(os.path.join(cwd, interpreter)))
    prefixes = packages.prefixes(folder, facts)
    alone = len(prefixes) == 1
    home = environ.get("PYTHONUSERBASE") or (f"{environ['HOME']}/.local" if environ.get("HOME") else "")
    own = packages.below(home, facts) if home and not alone else []
    first = packages.below(prefixes[0], facts)
    rest = [site for prefix in prefixes[1:] for site in packages.below(prefix, facts)]
    in_venv = os.path.exists(f"{prefixes[0]}/pyvenv.cfg")
    ordered = [*first, *own, *rest] if in_venv else [*own, *first, *rest]
    base = os.path.dirname(os.path.dirname(facts.path))
    named = [os.path.abspath(os.path.join(cwd, entry)) for entry in environ.get("PYTHONPATH", "").split(":") if entry]
    return Sites(_there(ordered), _there(packages.libraries(base, facts)), _there(named), user=not alone)


def _there(folders: Iterable[str]) -> list[str]:
    """Those that are directories, each once though it has several paths."""
    found: dict[str, str] = {}
    for folder in folders:
        if os.path.isdir(folder):
            found.setdefault(os.path.realpath(folder), folder)
    return list(found.values())


def entries(where: Sites, version: tuple[int, int]) -> list[Entry]:
    """All that runs at start, or is there to."""
    found = [entry for site in where.packages for entry in of_site(site, version)]
    added = [entry.text for entry in found if entry.kind == ADDS and entry.runs]
    path = [*where.named, *where.standard, *where.packages, *_there(added)]
    found += _customizing(SITE, path, "")
    found += _customizing(USER, path, "" if where.user else "the user's directory does not count here")
    return [*found, *_modules(found, path, where.standard)]


# Lines.


def of_site(site: str, version: tuple[int, int]) -> Iterator[Entry]:
    """What the .pth and .start files of a directory have in them."""
    there = names(site)
    for name in there:
        if name.endswith((PTH, START_FILE)):
            lines = _lines(f"{site}/{name}")
            if lines is None:
                yield Entry(UNREADABLE, f"{site}/{name}")
            elif name.endswith(PTH):
                replaced = version >= STARTS_SINCE and name.removesuffix(PTH) + START_FILE in there
                yield from _of_pth(site, name, lines, "its .start file stands for it" if replaced else "")
            else:
                old = "" if version >= STARTS_SINCE else "before 3.15 there are no such files"
                yield from (Entry(START, f"{site}/{name}", number, line, old) for number, line in lines)


def _of_pth(site: str, name: str, lines: list[tuple[int, str]], why_not: str) -> Iterator[Entry]:
    for number, line in lines:
        if line.startswith(IMPORTS):
            yield Entry(CODE, f"{site}/{name}", number, line, why_not)
        else:
            place = os.path.abspath(os.path.join(site, line))
            yield Entry(ADDS, f"{site}/{name}", number, place, "" if "\0" not in place and os.path.exists(place) else "it is not there")


def _lines(path: str) -> list[tuple[int, str]] | None:
    """The lines that say something, with their numbers; None where it cannot be read."""
    try:
        content = read_file(path, LARGEST + 1)
    except OSError:
        return None
    if len(content) > LARGEST:
        return None
    lines = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff").splitlines()
    plain = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, line) for number, line in plain if line and not line.startswith("#")]


def names(folder: str) -> list[str]:
    """All of them: one is hidden best among thousands."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


# Modules.


def _customizing(name: str, path: list[str], why_not: str) -> Iterator[Entry]:
    """The first on the path runs."""
    for place in path:
        for file in module_files(place, name):
            yield Entry(name, file, 0, "", why_not)
            why_not = why_not or f"{file} comes first"


def module_files(folder: str, name: str) -> list[str]:
    """The files in a directory that a module of this name can be, in the order in which an interpreter looks for them."""
    return [*_ordered(f"{folder}/{name}", "__init__"), *_ordered(folder, name)]


def _ordered(folder: str, name: str) -> list[str]:
    found = [
        file for file in names(folder) if file.partition(".")[0] == name and file.endswith(MODULES) and os.path.isfile(f"{folder}/{file}")
    ]
    return [f"{folder}/{file}" for file in sorted(found, key=lambda file: (MODULES.index(os.path.splitext(file)[1]), file))]


def _modules(found: list[Entry], path: list[str], standard: list[str]) -> Iterator[Entry]:
    """What lines of code and entry points name, where it is no module of the standard library's."""
    named = dict.fromkeys((name, entry.why_not) for entry in found if entry.kind in (CODE, START) for name in _named(entry))
    seen = set()
    for name, why_not in named:
        for file in _files_of(name, path, standard):
            if (file, why_not) not in seen:
                seen.add((file, why_not))
                yield Entry(MODULE, file, 0, name, why_not)


def imported_files(found: list[Entry], path: list[str]) -> dict[str, list[str]]:
    """The files on a path of the modules that lines name, and what lies beside those in packages -> the files with these lines."""
    made: dict[str, list[str]] = {}
    for entry in found:
        for name in _named(entry) if entry.kind in (CODE, START) else ():
            for file in _files_of(name, path, []):
                folder = os.path.dirname(file)
                beside = [f"{folder}/{other}" for other in names(folder) if other.endswith(MODULES)] if folder not in path else []
                for one in dict.fromkeys([file, *filter(os.path.isfile, beside)]):
                    made.setdefault(one, []).append(entry.path)
    return made


def _named(entry: Entry) -> list[str]:
    if entry.kind == START:
        return [entry.text.partition(":")[0].strip()]
    return imported(entry.text)


def imported(line: str) -> list[str]:
    """The modules that a line of code names where it imports them, plainly or by `__import__`; others it may find in other ways."""
    if len(line) > LONGEST:
        return []
    try:
        nodes = [*ast.walk(ast.parse(line))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__"]
    constants = [call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
    return list(dict.fromkeys([*names, *(name for name in constants if isinstance(name, str))]))


def _files_of(name: str, path: list[str], standard: list[str]) -> list[str]:
    """The files of a module, and of the packages it is in; none for one of the interpreter's own."""
    first, *inner = name.split(".")
    if first in sys.builtin_module_names or not all(part.isidentifier() for part in (first, *inner)):
        return []
    for place in path:
        files = module_files(place, first)[:1]
        if files and place in standard:
            return []
        if files:
            folder = f"{place}/{first}"
            for part in inner:
                files += module_files(folder, part)[:1]
                folder += f"/{part}"
            return files
    return []
