"""Which of pyenv's versions is selected, read from the environment and the files pyenv would read.

A shim of pyenv's starts `pyenv`, a shell program with plugins, which then starts the real thing: none of them may run
before the guards stand. The rules are those of pyenv's libexec (version-file, version-file-read, version-name, latest);
its hooks and plugins are not taken into account.
"""

import os

from hermetic_guard import files

FILE = ".python-version"
UNFINISHED = ("-dev", "-src", "-latest")


def selected(root: str, environ: "dict[str, str]", cwd: str) -> "list[str]":
    """The selected versions, first come first served: names of directories in `root`/versions, or "system".

    One that is not installed is given as it is written.
    """
    names = environ.get("PYENV_VERSION", "").split(":")
    if names == [""]:
        names = _read(_file(root, environ, cwd), root)
    return [_name(root, name) for name in names if name] or ["system"]


def _file(root: str, environ: "dict[str, str]", cwd: str) -> str:
    """The nearest .python-version upwards from PYENV_DIR, then from the working directory, else the global one."""
    for folder in (environ.get("PYENV_DIR"), _absolute(cwd)):
        while folder:
            file = os.path.join(folder, FILE)
            if os.path.isfile(file):
                return file
            above = os.path.dirname(folder)
            folder = above if above != folder else None
    return root + "/version"


def _absolute(cwd: str) -> "str | None":
    try:
        return os.path.abspath(cwd)
    except OSError:
        return None


def _read(file: str, root: str) -> "list[str]":
    """The first word of each line that is no comment; none that leads out of `root`/versions (CVE-2022-35861)."""
    words = [line.split()[0] for line in files.lines_of(file, 65536) if line.split()]
    return [word for word in words if not word.startswith("#") and _inside(root, word)]


def _inside(root: str, name: str) -> bool:
    versions = root + "/versions"
    return os.path.normpath(os.path.join(versions, name)).startswith(versions + "/")


def _name(root: str, name: str) -> str:
    """The installed version that is meant: itself, itself without `python-`, or the latest that it begins."""
    plain = name[len("python-") :] if name.startswith("python-") else name
    for candidate in (name, plain):
        if candidate == "system" or os.path.isdir("%s/versions/%s" % (root, candidate)):
            return candidate
    return latest(root, name) or latest(root, plain) or plain


def latest(root: str, prefix: str) -> "str | None":
    """The latest installed release that `prefix` is the beginning of, as 3.12 is of 3.12.1 and 3.13t of 3.13.1t."""
    installed = files.names_in(root + "/versions")
    if prefix in installed:
        return prefix
    free_threaded = _is_free_threaded(prefix)
    begin = prefix[:-1] if free_threaded else prefix
    found = [name for name in installed if name.startswith((begin + ".", begin + "-")) and _is_release(name)]
    found = [name for name in found if _is_free_threaded(name) == free_threaded]
    return max(found, key=_order) if found else None


def _is_free_threaded(name: str) -> bool:
    return name[-1:] == "t" and name[-2:-1].isdigit()


def _is_release(name: str) -> bool:
    without = name.rstrip("0123456789")
    return not name.endswith(UNFINISHED) and (without == name or not without.endswith(("a", "b", "rc")))


def _order(name: str) -> "tuple[str, list[int]]":
    """Compares family first, then up to three numbers: 3.9.2 before 3.9.18, pypy3.9-7.3.9 before pypy3.9-7.3.16."""
    family, dash, version = name.partition("-")
    fields = name.split(".") if not (dash and family.isalnum()) else [family] + version.split(".")
    return fields[0], [_number(field) for field in fields[1:4]]


def _number(text: str) -> int:
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or 0)
