"""Which directories setuptools makes in a source tree, found by reading; nothing is run, nor imported: PYTHONPATH is not ours here.

A rule of Landlock's is of a directory that exists. A build that may write in a tree but not beside what is there already (trees.py) cannot make
these, and without them no project with an environment in it could be installed, as people have theirs.
"""

import os

from hermetic_guard.files import lines_of

BACKEND = "setuptools"
DECLARED = (("/pyproject.toml", "project"), ("/setup.cfg", "metadata"))
"""Files that may have the name, and in which table."""
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.")


def directories(tree: str) -> "list[str]":
    """Names in a tree; none where another backend builds."""
    backend = value(lines_of(tree + "/pyproject.toml"), "build-system", "build-backend")
    if backend and BACKEND not in backend:
        return []
    name = "" if os.path.isdir(tree + "/src") else component(name_of(tree))  # there it is made inside
    return ["build"] + ([name + ".egg-info"] if name else [])


def name_of(tree: str) -> str:
    """As it is written down; "" where that is nowhere."""
    found = [value(lines_of(tree + file), table, "name") for file, table in DECLARED]
    return next((name for name in found if name), "") or argument("".join(lines_of(tree + "/setup.py")))


def value(lines: "list[str]", table: str, key: str) -> str:
    """A text in TOML, or in what configparser reads."""
    inside = False
    for line in [line.partition("#")[0].strip() for line in lines]:
        if line[:1] == "[":
            inside = line.strip("[] ") == table
        elif inside and line.partition("=")[0].strip() == key:
            return line.partition("=")[2].strip().strip("\"'")
    return ""


def argument(code: str) -> str:
    """Of `setup(name="x")`."""
    code = "".join(code.split())
    for before in "(,":
        quoted = code.partition(before + "name=")[2]
        if quoted[:1] in ("'", '"'):
            return quoted[1:].partition(quoted[0])[0]
    return ""


def component(name: str) -> str:
    """A name as it stands in those of files: safe_name() and filename_component() in setuptools/_normalization.py."""
    words = "".join([char if char in PLAIN else "-" for char in name]).split("-")
    return "_".join([word for word in words if word]).strip(".")
