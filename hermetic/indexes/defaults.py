"""The index that stands where nobody names one, read as data from the installers' own code; nothing of it is run.

pip's code says which that is, and which host the files are at that its pages link to. What is installed in an environment the environment's own
packages may have altered, so pip's code is taken from where the target cannot write: the copy that comes with the interpreter's standard library
(`ensurepip`), or else with that of hermetic's own. A virtual environment has no library of its own, but may be made to look so: where its
interpreter is a copy, not a link, the directories beside it are the environment's, which packages fill. uv has the same default, or it does not
count: its URL must be found in uv's binary.
"""

from __future__ import annotations

import ast
import functools
import os

from hermetic_guard.files import names_in, read_file
from hermetic_guard.policy import is_within_any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Read = dict[str, str]

INDEX, OPTIONS = "pip/_internal/models/index.py", "pip/_internal/cli/cmdoptions.py"
BUNDLED = ("ensurepip/_bundled", "test/wheeldata")
PACKAGES = ("/usr/lib/python3/dist-packages", "/usr/share/python-wheels", "/usr/share/python3-wheels")
"""Where distributions of Linux have pip, and wheels that `ensurepip` takes it from."""

LARGEST = 1 << 20


class Default:
    """url: of the default index; hosts: of an index -> where its files are"""

    __slots__ = ("hosts", "url")

    def __init__(self, url: str, hosts: dict[str, str]) -> None:
        self.url = url
        self.hosts = hosts


@functools.cache
def find(interpreter: str, written: tuple[str, ...] = ()) -> Default | None:
    """The default of pip's for an interpreter, "" for none; None where no copy of pip can be trusted. written: where packages are installed"""
    return next((found for one in copies(interpreter, written) if (found := read(one))), None)


def copies(interpreter: str, written: tuple[str, ...]) -> Iterator[Read]:
    """The texts of INDEX and OPTIONS, of each copy of pip that no run can have written."""
    bundled = [f"{library}/{name}" for library in libraries(interpreter) for name in BUNDLED]
    for folder in (*bundled, *PACKAGES):
        if not _may_be_written(folder, written):
            yield from wheels(folder)
            yield from package(folder)


def _may_be_written(folder: str, written: tuple[str, ...]) -> bool:
    """Whether this user installs packages there. Whose it is counts, for rights are given back as they are taken."""
    try:
        mine = os.stat(folder).st_uid == os.geteuid() or os.access(folder, os.W_OK)
    except OSError:
        return False  # it is not there
    return mine and is_within_any(os.path.realpath(folder), written)


def libraries(interpreter: str) -> list[str]:
    """Directories of standard libraries, the target's first."""
    own = os.path.dirname(os.__file__)
    if not interpreter:
        return [own]
    real = os.path.realpath(interpreter)
    prefix, name = os.path.dirname(os.path.dirname(real)), os.path.basename(real)
    found = [
        f"{prefix}/{lib}/{one}"
        for lib in ("lib", "lib64")
        for one in sorted(names_in(f"{prefix}/{lib}"))
        if one.startswith(("python3", "pypy3"))
    ]
    return [*sorted(found, key=lambda place: os.path.basename(place) != name), own]


def wheels(folder: str) -> Iterator[Read]:
    from zipfile import BadZipFile, ZipFile

    for name in sorted(names_in(folder)):
        if name.startswith("pip-") and name.endswith(".whl"):
            try:
                with ZipFile(f"{folder}/{name}") as wheel:
                    yield {one: wheel.read(one).decode() for one in (INDEX, OPTIONS)}
            except (OSError, KeyError, ValueError, BadZipFile):
                continue


def package(folder: str) -> Iterator[Read]:
    try:
        yield {one: read_file(f"{folder}/{one}", LARGEST).decode() for one in (INDEX, OPTIONS)}
    except (OSError, ValueError):
        return


def read(texts: Read) -> Default | None:
    """What pip's code says: `PackageIndex(url, file_storage_domain)` is given names, and an option's default is of one of them."""
    return _read(texts[INDEX], texts[OPTIONS])


@functools.cache
def _read(index: str, options: str) -> Default | None:
    try:
        indexes = dict(_indexes(ast.parse(index)))
        name = next(_defaults(ast.parse(options), indexes), None)
    except (SyntaxError, ValueError, RecursionError):
        return None
    if name is None:
        return None
    hosts = {url.partition("://")[2].rstrip("/"): host for url, host in indexes.values()}
    return Default(indexes[name][0].rstrip("/") + "/simple", hosts)


def _indexes(tree: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _name(node.value.func) == "PackageIndex":
            given = [*node.value.args, *(keyword.value for keyword in node.value.keywords)]
            texts = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if len(texts) == 2:
                yield _name(node.targets[0]), (texts[0], texts[1])


def _defaults(tree: ast.AST, indexes: Iterable[str]) -> Iterator[str]:
    given = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "default"]
    for value in given:
        if isinstance(value, ast.Attribute) and value.attr == "simple_url" and _name(value.value) in indexes:
            yield _name(value.value)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def has(binary: str, url: str) -> bool:
    """Whether a URL stands in a file."""
    import mmap

    try:
        with open(binary, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(url.encode()) >= 0
    except (OSError, ValueError):
        return False
