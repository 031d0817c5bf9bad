"""Which files the distributions of a policy may load, found by reading the target's installed packages before anything runs.

Later it could not be told: metadata that says a file is numpy's is a few lines that anybody can write beside it. So children are given this
list too, and what a run installs by itself is not in it.
"""

from __future__ import annotations

import os

from hermetic_guard.distributions import INFO, LARGEST_RECORD, OPEN_ENDED, RECORD, name_of
from hermetic_guard.files import lines_of, names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hermetic.target.interrogate import Interpreter

LIBRARIES = ("lib", "lib64", "local/lib")
"""The last is Debian's."""

KINDS = ("site-packages", "dist-packages")
EXTENSIONS = (".so", ".pyd", ".dylib")
EGG_INFO = ".egg-info"


def native_files(names: Iterable[str], interpreter: str, facts: Interpreter, environ: Mapping[str, str], cwd: str) -> list[tuple[str, str]]:
    """(name, path) of each file that a distribution may load; a path that ends in a slash stands for all that lies below.

    names: of distributions, normalized; interpreter: its path, with links, for a virtual environment is known by it
    """
    wanted = set(names)
    sites = places(interpreter, facts, environ, cwd) if wanted else []
    found = [(name, path) for site in sites for name, path in in_site(site, wanted)]
    return sorted({(name, way) for name, path in found for way in (path, resolved(path))})


def without_files(names: Iterable[str], found: Iterable[tuple[str, str]]) -> list[str]:
    """Those of `names` that stand for nothing: no file was found, nor are they the interpreter's own."""
    return sorted({*names} - {name for name, _ in found} - {*OPEN_ENDED.values()})


def resolved(path: str) -> str:
    return os.path.realpath(path) + ("/" if path.endswith("/") else "")


# Where packages are.


def places(interpreter: str, facts: Interpreter, environ: Mapping[str, str], cwd: str) -> list[str]:
    """The directories of installed packages, as `site` puts them on sys.path, and PYTHONPATH's."""
    folder = os.path.dirname(os.path.abspath(os.path.join(cwd, interpreter)))
    sites = [site for prefix in prefixes(folder, facts) for site in below(prefix, facts)]
    home = environ.get("PYTHONUSERBASE") or (f"{environ['HOME']}/.local" if environ.get("HOME") else "")
    sites += below(home, facts) if home else []
    sites += [line for site in sites for line in path_lines(site)]
    named = [os.path.abspath(os.path.join(cwd, entry)) for entry in environ.get("PYTHONPATH", "").split(":") if entry]
    return [site for site in dict.fromkeys(sites + named) if os.path.isdir(site)]


def prefixes(folder: str, facts: Interpreter) -> list[str]:
    """folder: of the interpreter, as it was named."""
    base = os.path.dirname(os.path.dirname(facts.path))
    for config in (f"{folder}/pyvenv.cfg", f"{os.path.dirname(folder)}/pyvenv.cfg"):
        settings = dict(setting(line) for line in lines_of(config))
        if "home" in settings:
            return [os.path.dirname(folder), *([base] if settings.get("include-system-site-packages") == "true" else [])]
    return [os.path.dirname(folder), base]


def setting(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip().lower(), value.strip().lower()


def below(prefix: str, facts: Interpreter) -> list[str]:
    """In all layouts there are: the standard one, Fedora's, Debian's, PyPy's older one."""
    return [*(f"{library}/{kind}" for library in libraries(prefix, facts) for kind in KINDS), f"{prefix}/site-packages"]


def libraries(prefix: str, facts: Interpreter) -> list[str]:
    """Where the standard library may be, with packages below."""
    family = "pypy" if facts.implementation == "pypy" else "python"
    major, minor, _ = facts.version
    versions = (f"{family}{major}.{minor}", f"{family}{major}.{minor}t", f"{family}{major}", "python3")
    return [f"{prefix}/{library}/{version}" for library in LIBRARIES for version in versions]


def path_lines(site: str) -> list[str]:
    """The directories that `.pth` files add, as editable installs do; their lines of code are not run."""
    files = [name for name in names_in(site) if name.endswith(".pth")]
    added = [line.rstrip() for name in sorted(files) for line in lines_of(f"{site}/{name}")]
    return [os.path.abspath(os.path.join(site, line)) for line in added if line and not line.startswith(("#", "import ", "import\t"))]


# What is installed there.


def in_site(site: str, wanted: set[str]) -> Iterator[tuple[str, str]]:
    for info in names_in(site):
        if info.endswith((INFO, EGG_INFO)) and name_of(info.removesuffix(INFO).removesuffix(EGG_INFO)) in wanted:
            name = name_of(info.removesuffix(INFO).removesuffix(EGG_INFO))
            yield from ((name, path) for path in listed(site, info))


def listed(site: str, info: str) -> Iterator[str]:
    """The paths of a distribution: of its RECORD, of its project if it is installed from there, of its top-level packages where nothing
    says more, as in Debian's packages.
    """
    record = lines_of(f"{site}/{info}/{RECORD}", LARGEST_RECORD)
    for line in record:
        path = line.rpartition(",")[0].rpartition(",")[0].strip('"')
        if path.endswith(EXTENSIONS):
            yield os.path.abspath(os.path.join(site, path))
    project = editable_project(f"{site}/{info}/direct_url.json")
    if project:
        yield project.rstrip("/") + "/"
    if not record:
        yield from (f"{site}/{package}/" for package in lines_of(f"{site}/{info}/top_level.txt") if package.isidentifier())


def editable_project(file: str) -> str:
    """The directory of a project that is installed as it lies there (PEP 610), "" if it is not."""
    import json
    from urllib.parse import unquote, urlsplit

    try:
        found = json.loads("\n".join(lines_of(file)))
        address = urlsplit(found["url"])
        editable = found["dir_info"]["editable"] is True and address.scheme == "file"
        path = unquote(address.path)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return ""
    return os.path.abspath(path) if editable and "\0" not in path else ""
